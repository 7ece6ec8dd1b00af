"""Popularity of all time and of late."""

import numpy as np
import pytest

from fearec_cli.evaluation.baselines.popularity import all_time, places, recent, training_rows
from support import tiny

DAY = 86_400_000_000


def test_counts_the_training_part_alone():
    data = tiny.prepared([[1, 2, 3, 4, 5], [2, 2, 6], [6, 1, 3, 1]], 6)
    assert training_rows(data).tolist() == [0, 1, 2, 5, 8, 9]
    assert all_time(data).tolist() == [2, 2, 1, 0, 0, 1]


def test_equal_counts_stand_behind_each_other():
    assert places(np.array([0, 0, 7, 3, 7])).tolist() == [5, 5, 2, 3, 2]


def test_without_times_nothing_is_recent():
    assert recent(tiny.prepared([[1, 2, 3]])) is None


def test_validation_chooses_the_window():
    # Item 1 was bought most, long ago; item 2 in the last days, and the validation targets are 2.
    sequences = [[1] * 6 + [3, 2, 3], [1] * 6 + [2, 2, 3], [1] * 6 + [2, 2, 3]]
    times = [*range(6), 94, 100, 101, *range(6), 95, 100, 101, *range(6), 96, 100, 101]
    data = tiny.prepared(sequences, 30, times=[DAY * time for time in times])
    found = recent(data)
    assert found.counts[:3].tolist() == [0, 2, 1]  # the longest window whose list begins with item 2
    assert found.days == 48
    # Were item 1 what comes next, a longer window than any tried would be best: the longest is taken.
    again = tiny.prepared([[1] * 6 + [2, 1, 3]] * 3, 30, times=[DAY * time for time in times])
    assert recent(again).days == pytest.approx(48)


def test_all_interactions_at_once_are_all_recent():
    data = tiny.prepared([[1, 2, 3, 4], [2, 3, 4, 1]], 5, times=[7] * 8)
    assert recent(data).counts.tolist() == [1, 2, 1, 0, 0]
    assert recent(data).days == 0
