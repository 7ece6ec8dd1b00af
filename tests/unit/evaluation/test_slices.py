"""Kinds of targets."""

import numpy as np

from fearec_cli.evaluation.slices import slices
from support import tiny

SEQUENCES = [[1, 2, 3], [1, 2, 3, 4], [1, 1, 5, 2, 1], [2, 1, 3, 4, 5, 6]]


def found(**more):
    data = tiny.prepared(SEQUENCES, 6, **more)
    return slices(data, data.split.test, np.array([False, False, True, False]))


def test_targets_by_what_they_are():
    # Targets 3, 4, 1 and 6 after 2, 3, 4 and 5 items; training is 1, 1 2, 1 1 5, 2 1 3 4.
    parts = [(each.by, each.name, each.rows.tolist()) for each in found()]
    assert parts == [
        ("target", "new", [0, 1, 3]),
        ("target", "repeated", [2]),
        ("history", "history of 2 to 3", [0, 1]),
        ("history", "history of 4", [2]),
        ("history", "history of 5", [3]),
        ("popularity", "item bought 0 to 1", [0, 1, 3]),
        ("popularity", "item bought 5", [2]),
    ]
    for by in ("target", "history", "popularity"):
        rows = np.concatenate([each.rows for each in found() if each.by == by])
        assert sorted(rows.tolist()) == [0, 1, 2, 3]


def test_the_time_of_the_period():
    day = 86_400_000_000
    times = [*range(3), *range(4), *range(5), *range(6)]
    parts = [(each.name, each.rows.tolist()) for each in found(times=[day * at for at in times]) if each.by == "time"]
    assert [name for name, _ in parts] == ["1970-01-03 to 1970-01-04", "1970-01-05", "1970-01-06"]
    assert [rows for _, rows in parts] == [[0, 1], [2], [3]]


def test_what_never_repeats_has_no_slice_of_repeats():
    data = tiny.prepared([[1, 2, 3]] * 3)
    names = [each.name for each in slices(data, data.split.test, np.zeros(3, dtype=np.bool_))]
    assert names == ["new", "history of 2", "item bought 0"]
