"""The counts of a data set and of the parts of its split, by hand."""

from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest

from fearec_cli.data.interactions import Interactions
from fearec_cli.data.split_rules import GlobalTime, LeaveOneOut
from fearec_cli.data.splits import ColdTargets, Split
from fearec_cli.data.statistics import HeldOutCounts, Statistics, TrainCounts

DAY = 86_400 * 10**6


def interactions(*users: list[tuple[int, int]]) -> Interactions:
    """Each user a list of (item, day)."""
    rows = [row for user in users for row in user]
    return Interactions(
        items=np.array([item for item, _ in rows], dtype=np.int32),
        offsets=np.cumsum([0, *map(len, users)]),
        timestamps=np.array([day * DAY for _, day in rows]),
        raw_users=pl.Series([f"u{user}" for user in range(len(users))]),
        raw_items=pl.Series([f"i{item}" for item in range(1, max(item for item, _ in rows) + 1)]),
    )


def test_leave_one_out() -> None:
    data = interactions([(1, 1), (2, 2), (3, 3), (4, 9)], [(1, 2), (2, 4), (3, 5)])
    counts = Statistics.of(data, Split.of(data, LeaveOneOut()))
    assert counts == Statistics(
        users=2,
        items=4,
        interactions=7,
        pairs=7,
        first="1970-01-02T00:00:00Z",
        last="1970-01-10T00:00:00Z",
        train=TrainCounts(
            interactions=3, users=2, first="1970-01-02T00:00:00Z", last="1970-01-03T00:00:00Z", prefixes=1
        ),
        # Item 3 is a validation target and item 4 a test target; training holds items 1 and 2 alone.
        valid=HeldOutCounts(
            interactions=2,
            users=2,
            first="1970-01-04T00:00:00Z",
            last="1970-01-05T00:00:00Z",
            targets=2,
            cold=ColdTargets(users=0, items=1, dropped=0),
        ),
        test=HeldOutCounts(
            interactions=2,
            users=2,
            first="1970-01-06T00:00:00Z",
            last="1970-01-10T00:00:00Z",
            targets=2,
            cold=ColdTargets(users=0, items=2, dropped=0),
        ),
    )
    assert counts.mean_length == 3.5
    assert counts.sparsity == 1 - 7 / 8


@pytest.mark.parametrize("block", [1, 3, 100])
def test_sparsity_counts_a_pair_once(monkeypatch, block) -> None:
    monkeypatch.setattr("fearec_cli.data.statistics._BLOCK", block)
    data = interactions([(1, 1), (2, 2), (1, 3), (1, 4)], [(1, 1), (1, 2), (1, 3)], [(3, 1), (2, 2), (3, 3)])
    counts = Statistics.of(data, Split.of(data, LeaveOneOut()))
    assert (counts.interactions, counts.pairs) == (10, 5)
    assert counts.sparsity == 1 - 5 / 9


def test_counts_of_before_have_no_sparsity() -> None:
    data = interactions([(1, 1), (2, 2), (1, 3), (1, 4)])
    counts = Statistics.of(data, Split.of(data, LeaveOneOut())).model_copy(update={"pairs": None})
    assert counts.sparsity is None


def test_global_time() -> None:
    # Training is days 1 to 3, validation days 4 and 5, testing from day 6 on.
    data = interactions([(1, 1), (2, 3), (1, 4), (3, 5), (2, 7)], [(2, 4), (1, 5)], [(1, 2)])
    rule = GlobalTime(
        valid_from=datetime(1970, 1, 5, tzinfo=UTC),
        test_from=datetime(1970, 1, 7, tzinfo=UTC),
        target="all",
        cold="drop",
    )
    counts = Statistics.of(data, Split.of(data, rule))
    assert (counts.train.interactions, counts.train.users, counts.train.prefixes) == (3, 2, 1)
    assert (counts.train.first, counts.train.last) == ("1970-01-02T00:00:00Z", "1970-01-04T00:00:00Z")
    assert (counts.valid.interactions, counts.valid.users) == (4, 2)
    # Of the first user's two targets item 3 is cold; the second user is.
    assert counts.valid.targets == 1
    assert counts.valid.cold == ColdTargets(users=2, items=1, dropped=3)
    assert (counts.test.interactions, counts.test.targets, counts.test.first) == (1, 1, "1970-01-08T00:00:00Z")


def test_a_part_without_interactions_has_no_period() -> None:
    data = interactions([(1, 1), (2, 2)])
    rule = GlobalTime(
        valid_from=datetime(1971, 1, 1, tzinfo=UTC),
        test_from=datetime(1972, 1, 1, tzinfo=UTC),
        target="last",
        cold="drop",
    )
    counts = Statistics.of(data, Split.of(data, rule))
    assert (counts.test.interactions, counts.test.users, counts.test.first, counts.test.last) == (0, 0, None, None)
