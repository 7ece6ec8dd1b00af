"""Ranks of the baselines beside their definition, item by item."""

import itertools
from collections import Counter
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fearec_cli.data.split_rules import GlobalTime
from fearec_cli.evaluation.baselines import neighbours, ranking
from fearec_cli.evaluation.baselines.ranking import baselines, rank_baselines
from fearec_cli.evaluation.ranks import MISS
from support import tiny

N_ITEMS = 8
SEQUENCES = st.lists(st.lists(st.integers(1, N_ITEMS), min_size=3, max_size=12), min_size=1, max_size=8)


def scores_by_definition(name, data, history):
    """(score, popularity) of every item after a history: compared one after the other."""
    parts = [data.items[start:end].tolist() for start, end in zip(*data.split.bounds("train"), strict=True)]
    popular = Counter(item for part in parts for item in part)
    if name == "popularity":
        return [(0, popular[item]) for item in range(1, N_ITEMS + 1)]
    if name == "last-item":
        after = Counter(pair for part in parts for pair in itertools.pairwise(part))
        return [(after[history[-1], item], popular[item]) for item in range(1, N_ITEMS + 1)]
    pairs = Counter(
        pair
        for part in parts
        for at, one in enumerate(part)
        for other in part[at + 1 : at + 1 + neighbours.REACH]
        for pair in ((one, other), (other, one))
    )

    # In float32: sums that are equal but for the order of their terms are equal.
    def score(item):
        return np.float32(
            sum(pairs[one, item] / np.sqrt(popular[one] * popular[item]) for one in history if pairs[one, item])
        )

    return [(score(item), popular[item]) for item in range(1, N_ITEMS + 1)]


@pytest.mark.parametrize("name", ["popularity", "last-item", "item-knn"])
@given(SEQUENCES)
@settings(max_examples=60, deadline=None)
def test_a_rank_is_one_plus_the_items_that_are_no_worse(name, sequences):
    data = tiny.prepared(sequences, N_ITEMS)
    held_out = data.split.test
    found = rank_baselines(baselines(data), data, held_out)[name].ranks
    for index, (start, target) in enumerate(zip(held_out.starts, held_out.targets, strict=True)):
        history = data.items[start:target].tolist()
        scores = scores_by_definition(name, data, history[-neighbours.REACH :])
        own = data.items[target]
        others = [item for item in range(1, N_ITEMS + 1) if item != own]
        no_worse = [item for item in others if scores[item - 1] >= scores[own - 1]]
        assert found["unmasked"][index] == 1 + len(no_worse)
        unseen = [item for item in no_worse if item not in history]
        assert found["seen-masked"][index] == (MISS if own in history else 1 + len(unseen))


def test_blocks_change_nothing(monkeypatch):
    random = np.random.default_rng(0)
    data = tiny.prepared([random.integers(1, 30, 12).tolist() for _ in range(40)], 30)
    whole = rank_baselines(baselines(data), data, data.split.test)
    monkeypatch.setattr(ranking, "_SEEN", 30)
    monkeypatch.setattr(neighbours, "_PAIRS", 100)
    parts = rank_baselines(baselines(data), data, data.split.test)
    for name, evaluation in whole.items():
        for protocol, ranks in evaluation.ranks.items():
            assert parts[name].ranks[protocol].tolist() == ranks.tolist()


def test_only_the_training_part_is_counted():
    moment = datetime(1970, 1, 1, tzinfo=UTC)
    rule = GlobalTime(
        valid_from=moment + timedelta(microseconds=3),
        test_from=moment + timedelta(microseconds=5),
        target="all",
        cold="count",
    )
    data = tiny.prepared([[1, 2, 3, 4, 1], [3, 3, 2]], 6, rule=rule, times=[0, 1, 3, 5, 6, 1, 2, 5])
    found = baselines(data)
    assert found["popularity"].popularity.tolist() == [1, 1, 2, 0, 0, 0]
    following = found["last-item"].neighbours
    assert following.offsets.tolist() == [0, 1, 1, 2, 2, 2, 2]
    assert following.items.tolist() == [1, 2]  # 1 is followed by 2, and 3 by 3
    assert [len(each.held_out) for each in rank_baselines(found, data, data.split.test).values()] == [3] * 4


def test_a_neighbour_is_as_close_as_the_histories_they_share():
    data = tiny.prepared([[1, 2, 5, 5], [1, 3, 5, 5], [1, 2, 5, 5]], 5)
    found = neighbours.companions(data)
    rows = np.repeat(np.arange(5), np.diff(found.offsets))
    pairs = {(int(row), int(item)): score for row, item, score in zip(rows, found.items, found.scores, strict=True)}
    # 1 was bought three times, 2 twice and 3 once; 1 and 2 share two histories, 1 and 3 one.
    assert pairs == {
        (0, 1): pytest.approx(2 / np.sqrt(6)),
        (1, 0): pytest.approx(2 / np.sqrt(6)),
        (0, 2): pytest.approx(1 / np.sqrt(3)),
        (2, 0): pytest.approx(1 / np.sqrt(3)),
    }


def test_no_more_neighbours_are_kept_than_the_nearest(monkeypatch):
    monkeypatch.setattr(neighbours, "NEAREST", 2)
    random = np.random.default_rng(0)
    data = tiny.prepared([random.integers(1, 20, 15).tolist() for _ in range(30)], 20)
    few = neighbours.companions(data)
    assert np.diff(few.offsets).max() == 2
    monkeypatch.setattr(neighbours, "NEAREST", 20)
    every = neighbours.companions(data)
    for item in range(20):
        own = slice(few.offsets[item], few.offsets[item + 1])
        whole = slice(every.offsets[item], every.offsets[item + 1])
        assert sorted(few.scores[own]) == sorted(every.scores[whole])[-2:]


def test_nobody_has_no_ranks():
    moment = datetime(1970, 1, 1, tzinfo=UTC)
    rule = GlobalTime(
        valid_from=moment + timedelta(microseconds=9),
        test_from=moment + timedelta(microseconds=10),
        target="last",
        cold="drop",
    )
    data = tiny.prepared([[1, 2, 3]], 3, rule=rule, times=[1, 2, 3])
    for evaluation in rank_baselines(baselines(data), data, data.split.test).values():
        assert evaluation.ranks["unmasked"].tolist() == []
