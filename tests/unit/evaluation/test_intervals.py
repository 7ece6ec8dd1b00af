"""Intervals beside scipy's bootstrap and the normal approximation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from fearec_cli.evaluation import intervals as module
from fearec_cli.evaluation.intervals import Interval, intervals, metric_intervals
from fearec_cli.evaluation.metrics import summarise
from fearec_cli.evaluation.ranks import MISS


def test_agrees_with_scipys_percentile_bootstrap():
    values = np.random.default_rng(1).gamma(2, size=400)
    (found,) = intervals(lambda rows: values[rows, None], np.arange(400), resamples=8000)
    expected = stats.bootstrap(
        (values,), np.mean, method="percentile", n_resamples=8000, rng=np.random.default_rng(2)
    ).confidence_interval
    width = expected.high - expected.low
    assert found.low == pytest.approx(expected.low, abs=0.03 * width)
    assert found.high == pytest.approx(expected.high, abs=0.03 * width)


def test_targets_of_a_user_are_drawn_together():
    # Each user's four targets are alike: a mean over 1,200 targets is as uncertain as one over 300 users.
    random = np.random.default_rng(3)
    hits = (random.random(300) < 0.3).astype(float)
    users, values = np.repeat(np.arange(300), 4), np.repeat(hits, 4)
    (together,) = intervals(lambda rows: values[rows, None], users, resamples=4000)
    half = stats.norm.ppf(0.975) * hits.std() / np.sqrt(300)
    assert together.low == pytest.approx(hits.mean() - half, abs=0.1 * half)
    assert together.high == pytest.approx(hits.mean() + half, abs=0.1 * half)
    (apart,) = intervals(lambda rows: values[rows, None], np.arange(1200), resamples=4000)
    assert apart.high - apart.low == pytest.approx((together.high - together.low) / 2, rel=0.1)


def test_where_users_count_the_same_the_many_targets_of_one_do_not(monkeypatch):
    # Half of the users have ten hits each, the other half one miss: 10 of 11 targets, and half of the users.
    monkeypatch.setattr(module, "_USERS", 30)
    users = np.repeat(np.arange(200), np.where(np.arange(200) % 2 == 0, 10, 1))
    hit = np.where(users % 2 == 0, 1, MISS)
    found = metric_intervals({"any": hit}, users, (1,))["any"]
    assert found["MRR@1"].low > 0.85
    assert found["MAP@1"].low == pytest.approx(0.5 - 1.96 * 0.5 / np.sqrt(200), abs=0.015)
    assert found["MAP@1"].high == pytest.approx(0.5 + 1.96 * 0.5 / np.sqrt(200), abs=0.015)


def test_users_of_many_blocks_are_drawn_as_of_one(monkeypatch):
    random = np.random.default_rng(4)
    users = np.repeat(np.arange(500), random.integers(1, 5, 500))
    values = random.random((len(users), 3)) * users[:, None] / 500
    whole = intervals(lambda rows: values[rows], users, resamples=2000)
    monkeypatch.setattr(module, "_USERS", 60)
    parts = intervals(lambda rows: values[rows], users, resamples=2000)
    for one, other in zip(whole, parts, strict=True):
        assert one == pytest.approx(other, abs=0.08 * (one.high - one.low))


@given(
    st.lists(st.tuples(st.integers(1, 4), st.one_of(st.integers(1, 30), st.just(MISS))), min_size=1, max_size=30),
    st.integers(0, 3),
)
@settings(max_examples=50, deadline=None)
def test_every_metric_has_an_interval_within_its_bounds(pairs, seed):
    users, ranks = (np.array(column) for column in zip(*sorted(pairs), strict=True))
    found = metric_intervals({"any": ranks}, users, (1, 10), seed=seed)["any"]
    several = len(set(users.tolist())) < len(users)
    names = [f"{name}@{k}" for k in (1, 10) for name in ("HR", "NDCG", "MRR", *(["MAP"] if several else []))]
    assert list(found) == names
    assert set(summarise(ranks, (1, 10))) <= set(names)
    for low, high in found.values():
        assert 0 <= low <= high <= 1
    assert metric_intervals({"any": ranks}, users, (1, 10), seed=seed)["any"] == found


def test_a_single_user_leaves_nothing_to_draw():
    assert metric_intervals({"one": np.array([1, 3])}, np.array([5, 5]), (2,))["one"]["HR@2"] == Interval(0.5, 0.5)


def test_the_share_of_intervals_that_hold_the_truth():
    held = 0
    for seed in range(200):
        hits = (np.random.default_rng(seed).random(150) < 0.2).astype(float)[:, None]
        (found,) = intervals(lambda rows, hits=hits: hits[rows], np.arange(150), resamples=300, seed=seed)
        held += found.low <= 0.2 <= found.high
    assert 0.90 <= held / 200 <= 0.985  # .95 less what the percentile method lacks, ± three deviations


def test_no_targets_have_no_interval():
    with pytest.raises(ValueError, match="no targets"):
        metric_intervals({"none": np.array([], dtype=np.int64)}, np.array([], dtype=np.int64), (1,))
