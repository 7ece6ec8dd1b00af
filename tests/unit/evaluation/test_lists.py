"""What is recommended, beside the formulas pair by pair."""

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats
from scipy.spatial import distance

from fearec_cli.data.batches import InteractionTable
from fearec_cli.evaluation import intervals as draws
from fearec_cli.evaluation import lists as module
from fearec_cli.evaluation.baselines.popularity import all_time
from fearec_cli.evaluation.intervals import intervals
from fearec_cli.evaluation.lists import describe, list_metrics
from support import tiny

# Training has item 1 three times, 2 twice, 3 and 4 once, 5 never.
DATA = tiny.prepared([[1, 2, 3, 5, 4], [1, 2, 4, 3], [1, 4, 2]], 5)


def test_by_hand() -> None:
    # Counts 3 2 1 0 0 of the training parts 1 2 3, 1 2 and 1; the head is one item of five.
    vectors = torch.tensor([[1.0, 0.0], [0.0, 2.0], [3.0, 3.0], [-1.0, 0.0], [1.0, 1.0]])
    found = describe(torch.tensor([[0, 1], [0, 3]]), DATA, vectors, np.arange(2))
    assert found.k == 2
    assert found.coverage == 3 / 5
    assert found.popularity_rank == (1 + 2 + 1 + 5) / 4
    assert found.head == 2 / 4
    # Shares 3/6, 2/6 and, as of one, 1/6.
    assert found.novelty == pytest.approx((1 + math.log2(3) + 1 + math.log2(6)) / 4)
    assert found.diversity == pytest.approx((1 + 2) / 2)  # at right angles, and opposite


@given(hnp.arrays(np.float32, (6, 3), elements=st.floats(-2, 2, width=16)), st.integers(1, 6), st.integers(0, 99))
@settings(max_examples=50, deadline=None)
def test_diversity_is_that_of_every_pair(vectors, k, seed) -> None:
    random = np.random.default_rng(seed)
    lists = np.stack([random.permutation(6)[:k] for _ in range(4)])
    lists[0, random.integers(0, k + 1) :] = -1  # a list may be shorter
    norms = np.linalg.norm(vectors, axis=1)
    unit = vectors / np.where(norms > 1e-12, norms, 1)[:, None]
    expected = []
    for own in lists:
        pairs = list(itertools.combinations(own[own >= 0], 2))
        expected.append(np.mean([1 - unit[one] @ unit[other] for one, other in pairs]) if pairs else 0)
    data = tiny.prepared([[1, 2, 3, 4, 5, 6]], 6)
    if not (norms > 1e-12).all():  # a vector of zeros is like nothing, not even itself
        return
    some = [len(own[own >= 0]) > 0 for own in lists]
    if any(some):  # a list that holds nothing counts for none
        found = describe(torch.tensor(lists), data, torch.tensor(vectors), np.arange(4)).diversity
        assert found == pytest.approx(np.mean(np.array(expected)[some]), abs=1e-5)


def test_a_shorter_list_weighs_as_much_as_a_longer_one_and_an_empty_one_nothing() -> None:
    # Places of the items: 1, 2, 3, 5, 5.
    lists = torch.tensor([[0, 1], [2, -1], [-1, -1]])
    found = describe(lists, DATA, torch.eye(5), np.arange(3))
    assert found.popularity_rank == ((1 + 2) / 2 + 3) / 2
    assert found.head == (1 / 2 + 0) / 2
    assert found.diversity == pytest.approx((1 + 0) / 2)
    assert found.coverage == 3 / 5


def test_agrees_with_scipy_on_random_lists() -> None:
    random = np.random.default_rng(5)
    sequences = [random.integers(1, 31, 8).tolist() for _ in range(40)]
    data, vectors = tiny.prepared(sequences, 30), random.normal(size=(30, 6)).astype(np.float32)
    lists = np.stack([random.permutation(30)[:5] for _ in range(60)])
    found = describe(torch.tensor(lists), data, torch.tensor(vectors), np.arange(60))
    counts = np.bincount([item for own in sequences for item in own[:-2]], minlength=31)[1:]
    assert found.popularity_rank == pytest.approx(stats.rankdata(-counts, method="max")[lists].mean())
    assert found.diversity == pytest.approx(np.mean([distance.pdist(vectors[own], "cosine").mean() for own in lists]))
    surprise = stats.entropy(np.eye(30), np.maximum(counts, 1)[:, None] / counts.sum(), base=2)
    # scipy normalises the shares, which sum to more than 1 where items that training never met count as met once.
    surprise -= np.log2(np.maximum(counts, 1).sum() / counts.sum())
    assert found.novelty == pytest.approx(surprise[lists].mean())


def test_intervals_are_those_of_the_means_by_list() -> None:
    random = np.random.default_rng(6)
    sequences = [random.integers(1, 31, 8).tolist() for _ in range(40)]
    data, vectors = tiny.prepared(sequences, 30), torch.tensor(random.normal(size=(30, 6)))
    lists = torch.tensor(np.stack([random.permutation(30)[:5] for _ in range(60)]))
    users = np.repeat(np.arange(30), 2)
    found = describe(lists, data, vectors, users)
    novelty = -np.log2(np.maximum(all_time(data), 1) / all_time(data).sum())
    per_list = novelty[lists].mean(1)
    assert found.intervals["novelty"] == pytest.approx(intervals(lambda rows: per_list[rows, None], users)[0])
    for name in ("popularity_rank", "head", "novelty", "diversity"):
        low, high = found.intervals[name]
        assert low < getattr(found, name) < high


def test_the_interval_of_the_coverage_is_the_resamples_about_the_number(monkeypatch: pytest.MonkeyPatch) -> None:
    # 400 users with one item each of 1,000, so that the number of different ones is known to scatter.
    random = np.random.default_rng(7)
    lists = torch.tensor(random.integers(0, 1000, (400, 1)))
    data = tiny.prepared([[1, 2, 3]], 1000)
    vectors = torch.ones(1000, 2)
    found = describe(lists, data, vectors, np.arange(400))
    low, high = found.intervals["coverage"]
    assert low < found.coverage < high
    drawn = [len(np.unique(lists[random.integers(0, 400, 400)])) / 1000 for _ in range(2000)]
    assert high - low == pytest.approx(3.92 * np.std(drawn), rel=0.1)
    # Blocks of users change the draws, and not what comes of them.
    monkeypatch.setattr(draws, "_USERS", 60)
    in_blocks = describe(lists, data, vectors, np.arange(400)).intervals["coverage"]
    assert in_blocks == pytest.approx((low, high), abs=0.2 * (high - low))
    # Where everybody gets the same, no draw differs.
    same = describe(torch.zeros(400, 1, dtype=torch.int64), data, vectors, np.arange(400))
    assert same.intervals["coverage"] == (0.001, 0.001)


class Fixed:
    """Scores items 5, 4, 3, 2, 1 in this order, but of three histories the first has item 1 before all."""

    max_length, padding = 3, "right"

    def represent(self, ids, lengths):
        return torch.ones(len(ids), 1)

    def item_table(self):
        return torch.arange(1.0, 6.0)[:, None]

    def added_scores(self, ids, lengths):
        raise AssertionError("the scores have it")

    def scores(self, ids, lengths):
        scores = self.represent(ids, lengths) @ self.item_table().T
        scores[0, 0] += 9.0 if len(ids) == 3 else 0.0
        return scores


def test_the_lists_are_the_best_items_under_each_protocol(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[list[int]]] = []

    def keep(lists, *others):
        seen.append(lists.tolist())
        return describe(lists, *others)

    monkeypatch.setattr(module, "describe", keep)
    table = InteractionTable.load(DATA, torch.device("cpu"))
    found = list_metrics(Fixed(), DATA, table, DATA.split.test, 2)
    # The histories are 1 2 3 5, 1 2 4 and 1 4; the first has 9 added for item 1.
    assert seen[0] == [[0, 4], [4, 3], [4, 3]]
    assert seen[1] == [[3, -1], [4, 2], [4, 2]]
    assert found["unmasked"].coverage == 3 / 5


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    sequences = [np.random.default_rng(user).integers(1, 21, 5).tolist() for user in range(25)]
    data = tiny.prepared(sequences, 20)
    table, encoder = InteractionTable.load(data, torch.device("cpu")), tiny.encoder(tiny.config(preset="sasrec"), 20)
    whole = list_metrics(encoder, data, table, data.split.test, 5)
    monkeypatch.setattr(module, "_SCORES", 60)
    assert list_metrics(encoder, data, table, data.split.test, 5)["unmasked"].coverage == whole["unmasked"].coverage
