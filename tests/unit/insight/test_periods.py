"""Periods: planted ones are found and named, shuffled histories have none."""

import numpy as np
import pytest

from fearec_cli.insight.periods import SIZE, Unit, compare, histogram, name_of, returns

DAY = SIZE["days"]


def log(period: int, users: int = 40, times: int = 12, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Every user comes back to an item of his own after so many days, and takes others in between."""
    random = np.random.default_rng(seed)
    items, offsets, moments = [], [0], []
    for user in range(users):
        events = [(period * turn * DAY, user) for turn in range(times)]
        events += [(int(random.integers(period * times)) * DAY, 100 + int(random.integers(60))) for _ in range(times)]
        events.sort()
        moments += [moment for moment, _ in events]
        items += [item for _, item in events]
        offsets.append(len(items))
    return np.array(items, dtype=np.int32), np.array(offsets), np.array(moments)


@pytest.mark.parametrize(("period", "name"), [(7, "weekly"), (9, "every 9 days"), (30, "monthly")])
def test_a_planted_period_is_found_and_named_and_its_multiples_are_told_from_it(period: int, name: str) -> None:
    found = returns(*log(period), ["days"], permutations=99)["days"]
    assert [name_of("days", peak.lag) for peak in found.periods] == [name]
    assert found.periods[0].p <= 0.01
    assert found.periods[0].returns > 3 * found.periods[0].expected


def test_shuffled_histories_have_no_period() -> None:
    items, offsets, moments = log(7)
    users = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    shuffled = items[np.lexsort((np.random.default_rng(1).random(len(items)), users))]
    assert returns(shuffled, offsets, moments, ["days"], permutations=99)["days"].peaks == []


def test_the_correction_counts_the_lags_that_were_looked_at() -> None:
    random = np.random.default_rng(0)
    false_alarms = 0
    for _ in range(40):
        counts = random.poisson(20, size=(60, 90)).astype(float)
        false_alarms += bool(compare("days", counts[0], counts[1:]).peaks)
    assert false_alarms <= 6  # 40 tests at 5 %: 2 expected


def test_a_histogram_rounds_to_whole_lags_and_weighs() -> None:
    gaps = np.array([DAY, DAY + DAY // 3, 2 * DAY, 0, 1000 * DAY])
    assert histogram(gaps, "days")[:3].tolist() == [2, 1, 0]
    assert histogram(gaps, "days", np.array([0.5, 1, 2, 4, 8]))[:3].tolist() == [1.5, 2, 0]


@pytest.mark.parametrize(
    ("unit", "lag", "name"),
    [("hours", 24, "daily"), ("hours", 1, "hourly"), ("days", 14, "fortnightly"), ("items", 6, "every 6 items")],
)
def test_names(unit: Unit, lag: int, name: str) -> None:
    assert name_of(unit, lag) == name
