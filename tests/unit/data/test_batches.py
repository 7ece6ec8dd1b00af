"""Padding and sampling against brute force."""

from collections import Counter

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fearec_cli.data.batches import gather_histories
from support import tiny

sides = st.sampled_from(["right", "left"])
sequences = st.lists(st.lists(st.integers(1, 9), min_size=3, max_size=12), min_size=1, max_size=6)


def padded(history, n, padding):
    history = list(history)[-n:]
    zeros = [0] * (n - len(history))
    return history + zeros if padding == "right" else zeros + history


def pairs(data):
    """Every (history, next item) of the training part: all but the last two items of each user."""
    found = []
    for sequence in data:
        train = sequence[:-2]
        found += [(tuple(train[:end]), train[end]) for end in range(1, len(train))]
    return found


@given(st.lists(st.integers(1, 99), min_size=1, max_size=30), st.integers(1, 12), sides, st.data())
def test_histories_are_the_last_items_before_their_ends(items, n, padding, data):
    bounds = st.tuples(st.integers(0, len(items)), st.integers(0, len(items))).map(sorted)
    chosen = data.draw(st.lists(bounds, min_size=1, max_size=8))
    starts, ends = torch.tensor(chosen).unbind(1)
    ids, lengths = gather_histories(torch.tensor(items), starts, ends, n, padding)
    assert ids.tolist() == [padded(items[start:end], n, padding) for start, end in chosen]
    assert lengths.tolist() == [min(end - start, n) for start, end in chosen]


@given(sequences, st.integers(1, 8), sides)
def test_the_prefixes_are_every_history_and_next_item_of_the_training_part(data, n, padding):
    prefixes = tiny.training_prefixes(data, n, padding)
    expected = pairs(data)
    assert len(prefixes) == len(expected)
    if expected:
        batch = prefixes.batch(torch.arange(len(prefixes)))
        assert batch.ids.tolist() == [padded(history, n, padding) for history, _ in expected]
        assert batch.lengths.tolist() == [min(len(history), n) for history, _ in expected]
        assert (batch.targets + 1).tolist() == [target for _, target in expected]


def test_held_out_items_are_in_no_batch():
    prefixes = tiny.training_prefixes([[1, 2, 3, 8, 9], [4, 5, 6, 7, 8, 9]], 10)
    batch = prefixes.batch(torch.arange(len(prefixes)))
    assert not {8, 9} & set(batch.ids.flatten().tolist())
    assert not {8, 9} & set((batch.targets + 1).tolist())


@given(sequences, st.integers(1, 50), st.integers(0, 2**32))
def test_an_epoch_covers_every_prefix_once(data, batch_size, seed):
    prefixes = tiny.training_prefixes(data, 5)
    batches = list(prefixes.epoch(batch_size, torch.Generator().manual_seed(seed)))
    assert sorted(index for batch in batches for index in batch.tolist()) == list(range(len(prefixes)))
    assert all(len(batch) == batch_size for batch in batches[:-1])


def test_an_epoch_is_shuffled_by_its_generator():
    prefixes = tiny.training_prefixes([list(range(1, 40))], 5)
    generator = torch.Generator().manual_seed(0)
    orders = [torch.cat(list(prefixes.epoch(8, generator))).tolist() for _ in range(2)]
    again = torch.cat(list(prefixes.epoch(8, torch.Generator().manual_seed(0)))).tolist()
    assert orders[0] == again
    assert orders[0] != orders[1]
    assert orders[0] != sorted(orders[0])


@given(sequences, st.integers(0, 2**32))
def test_a_semantic_positive_has_the_same_target_and_is_another_prefix(data, seed):
    prefixes = tiny.training_prefixes(data, 5)
    if not len(prefixes):
        return
    targets = [target for _, target in pairs(data)]
    chosen = torch.arange(len(prefixes)).repeat(5)
    found = prefixes.semantic_positives(chosen, torch.Generator().manual_seed(seed))
    for prefix, positive in zip(chosen.tolist(), found.tolist(), strict=True):
        assert targets[positive] == targets[prefix]
        assert (positive == prefix) is (targets.count(targets[prefix]) == 1)


@pytest.mark.parametrize("prefix", range(6))
def test_semantic_positives_are_uniform_over_the_others(prefix):
    """Chi-square with 4 degrees of freedom lies below 18.5 in 999 of 1000 draws; the seed is fixed."""
    prefixes = tiny.training_prefixes([[user, 7, 8, 9] for user in range(1, 7)], 5)
    draws = 5000
    found = prefixes.semantic_positives(torch.full((draws,), prefix), torch.Generator().manual_seed(0))
    counts = Counter(found.tolist())
    assert set(counts) == set(range(6)) - {prefix}
    expected = draws / 5
    assert sum((count - expected) ** 2 / expected for count in counts.values()) < 18.5


def test_semantic_draws_follow_their_generator():
    prefixes = tiny.training_prefixes([[user, 7, 8, 9] for user in range(1, 7)] * 10, 5)
    chosen = torch.arange(60)
    found = [prefixes.semantic_positives(chosen, torch.Generator().manual_seed(seed)) for seed in (0, 0, 1)]
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])
