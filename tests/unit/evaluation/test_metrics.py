"""Metrics against values computed by hand, and the laws that hold for any ranks."""

import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fearec_cli.errors import ConfigError
from fearec_cli.evaluation.metrics import (
    METRICS,
    check_k,
    discounted_gains,
    hit_rate,
    mean_average_precision,
    mrr,
    ndcg,
    parse_k,
    parse_metric,
    summarise,
)
from fearec_cli.evaluation.ranks import MISS

RANKS = np.array([1, 2, 5, 6, 100])
some_ranks = st.lists(st.integers(1, 50), min_size=1, max_size=20).map(np.array)


def test_hit_rate_by_hand():
    assert hit_rate(RANKS, 1) == 1 / 5
    assert hit_rate(RANKS, 5) == 3 / 5
    assert hit_rate(RANKS, 10) == 4 / 5


def test_ndcg_by_hand():
    assert ndcg(RANKS, 1) == 1 / 5
    assert ndcg(RANKS, 5) == pytest.approx((1 + 1 / math.log2(3) + 1 / math.log2(6)) / 5, rel=1e-15)


def test_ndcg_is_the_mean_of_each_targets_gain():
    gains = discounted_gains(RANKS, 5)
    assert gains == pytest.approx([1 if rank == 1 else (rank <= 5) / math.log2(rank + 1) for rank in RANKS], rel=1e-15)
    assert gains.mean() == ndcg(RANKS, 5)


def test_mrr_by_hand():
    assert mrr(RANKS, 1) == 1 / 5
    assert mrr(RANKS, 5) == pytest.approx((1 + 1 / 2 + 1 / 5) / 5, rel=1e-15)


def test_map_by_hand():
    # The users' means are (1 + 1/2) / 2, 1/5 and, beyond the list, 0.
    assert mean_average_precision(RANKS, np.array([3, 3, 8, 9, 9]), 5) == pytest.approx((0.75 + 0.2 + 0) / 3, rel=1e-15)
    assert mean_average_precision(RANKS, np.arange(5), 5) == mrr(RANKS, 5)


def test_values_are_not_rounded():
    assert hit_rate(np.array([1, 2, 3]), 1) == 1 / 3


@pytest.mark.parametrize("metric", METRICS.values())
class TestEveryMetric:
    def test_is_one_when_every_target_is_first(self, metric):
        assert metric(np.ones(4, dtype=np.int64), 5) == 1

    def test_is_nothing_when_no_target_is_within(self, metric):
        assert metric(np.array([6, 7]), 5) == 0

    def test_counts_the_last_place_and_not_the_next(self, metric):
        assert metric(np.array([5]), 5) > 0
        assert metric(np.array([6]), 5) == 0

    def test_counts_a_miss_as_nothing_at_any_k(self, metric):
        assert metric(np.array([MISS, 1]), 10**12) == 0.5

    def test_refuses_no_ranks(self, metric):
        with pytest.raises(ValueError, match="no ranks"):
            metric(np.array([], dtype=np.int64), 5)

    def test_refuses_a_rank_below_one(self, metric):
        with pytest.raises(ValueError, match="a rank is 0"):
            metric(np.array([3, 0]), 5)

    def test_refuses_an_empty_list(self, metric):
        with pytest.raises(ValueError, match="k is 0"):
            metric(np.array([3]), 0)


@given(some_ranks, st.integers(1, 49))
def test_bounds_and_order(ranks, k):
    assert 0 <= mrr(ranks, k) <= ndcg(ranks, k) <= hit_rate(ranks, k) <= 1  # 1/r <= 1/log2(r + 1) <= 1
    for metric in METRICS.values():
        assert metric(ranks, k) <= metric(ranks, k + 1)
        assert metric(ranks + 1, k) <= metric(ranks, k)


def test_summary_has_every_metric_at_every_k_in_order():
    summary = summarise(RANKS, (5, 10))
    assert list(summary) == ["HR@5", "NDCG@5", "MRR@5", "HR@10", "NDCG@10", "MRR@10"]
    assert summary["MRR@10"] == mrr(RANKS, 10)


@pytest.mark.parametrize(("text", "expected"), [("HR@1", (hit_rate, 1)), ("MRR@20", (mrr, 20))])
def test_reads_a_metric(text, expected):
    assert parse_metric(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ndcg@10", "did you mean 'NDCG'"),
        ("NDGC@10", "did you mean 'NDCG'"),
        ("recall@10", "there are HR, NDCG, MRR"),
        ("NDCG", "after '@'"),
        ("NDCG@", "after '@'"),
        ("NDCG@0", "after '@'"),
        ("NDCG@-1", "after '@'"),
        ("NDCG@1.5", "after '@'"),
        ("NDCG@²", "after '@'"),
        ("NDCG@" + "9" * 5000, "'NDCG@9{195}[.]{3}': write the length"),
    ],
)
def test_names_what_is_wrong_with_a_metric(text, message):
    with pytest.raises(ConfigError) as error:
        parse_metric(text)
    assert re.search(message, str(error.value))
    assert len(error.value.problems) == 1


def test_names_every_problem_of_a_metric():
    with pytest.raises(ConfigError) as error:
        parse_metric("mmr@ten")
    assert len(error.value.problems) == 2


@pytest.mark.parametrize(
    ("text", "k"), [("1", 1), (" 20 ", 20), ("0", None), ("", None), ("1.5", None), ("²", None), ("9" * 5000, None)]
)
def test_reads_a_length_of_the_list(text, k):
    assert parse_k(text) == k


def test_a_list_is_no_longer_than_the_catalogue():
    check_k(6, 6, "--k")
    with pytest.raises(
        ConfigError, match=r"^training.metric = HR@7: a list of 7 is longer than the catalogue, which has 6"
    ):
        check_k(7, 6, "training.metric = HR@7")
