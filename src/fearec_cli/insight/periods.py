"""Periods in a log: which gaps between returns to an item are more frequent than chance would have them.

The statistic of a lag is how often a user comes back to an item after that time. Chance is the same log with the
items of each history shuffled over its moments: who is active when stays as it is, and only the order of the items
is lost. Each lag's count is standardised by the mean and deviation of the shuffles, and compared with the largest
standardised count of each shuffle over all lags (Westfall and Young 1993, single-step maxT): the probability is
corrected for the number of lags looked at.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

Unit = Literal["hours", "days", "items"]

# Size of a unit: microseconds, or items.
SIZE: dict[Unit, int] = {"hours": 3_600_000_000, "days": 86_400_000_000, "items": 1}
# The longest lag that is looked at, in its unit.
LONGEST: dict[Unit, int] = {"hours": 72, "days": 92, "items": 50}
# Names of familiar periods: the unit, and the lags that go by the name.
_NAMED: dict[str, tuple[Unit, int, int]] = {
    "daily": ("hours", 23, 25),
    "weekly": ("days", 7, 7),
    "fortnightly": ("days", 14, 14),
    "monthly": ("days", 29, 31),
    "quarterly": ("days", 90, 92),
}
SIGNIFICANT = 0.05


class Peak(NamedTuple):
    """A lag that returns prefer.

    Attributes:
        lag: in the histogram's unit.
        returns: how many come after it.
        expected: by chance.
        p: probability of a lag that stands out as much by chance, corrected for the number of lags.
        multiple_of: the lag of a stronger peak that this one repeats; 0 where it stands for itself.
    """

    lag: int
    returns: float
    expected: float
    p: float
    multiple_of: int = 0


@dataclass(frozen=True)
class LagHistogram:
    """How often each lag was seen, and by chance.

    Attributes:
        unit: of the lags.
        counts: [L] of the lags 1 to L.
        expected: [L] means over the shuffles.
        p: [L] corrected probabilities.
        permutations: how many shuffles.
    """

    unit: Unit
    counts: npt.NDArray[np.float64]
    expected: npt.NDArray[np.float64]
    p: npt.NDArray[np.float64]
    permutations: int

    @property
    def peaks(self) -> list[Peak]:
        """The most frequent lag of each run of significant ones, the largest excess over chance first."""
        found: list[Peak] = []
        for run in _runs(self.p < SIGNIFICANT):
            lag = run[np.argmax(self.counts[run] - self.expected[run])]
            found.append(Peak(int(lag) + 1, float(self.counts[lag]), float(self.expected[lag]), float(self.p[lag])))
        ordered: list[Peak] = []
        for peak in sorted(found, key=lambda peak: peak.expected - peak.returns):
            base = next((known.lag for known in ordered if known.lag > 1 and peak.lag % known.lag == 0), 0)
            ordered.append(peak._replace(multiple_of=base))
        return ordered

    @property
    def periods(self) -> list[Peak]:
        """The peaks that stand for themselves: a weekly habit also makes peaks at 14 and 21 days."""
        return [peak for peak in self.peaks if not peak.multiple_of]


def name_of(unit: Unit, lag: int) -> str:
    """What a period is called.

    >>> name_of("days", 7), name_of("hours", 24), name_of("days", 9)
    ('weekly', 'daily', 'every 9 days')
    """
    for name, (of, low, high) in _NAMED.items():
        if of == unit and low <= lag <= high:
            return name
    return f"every {lag} {unit}" if lag > 1 else {"hours": "hourly", "days": "daily", "items": "every item"}[unit]


def lag_name(of: str, unit: Unit, lag: int) -> str:
    """What a lag of a histogram is called: a period, or, of delays in items, a distance.

    >>> lag_name("returns", "days", 7), lag_name("delays", "items", 1)
    ('weekly', '1 item back')
    """
    if of == "delays" and unit == "items":
        return f"{lag} {'item' if lag == 1 else 'items'} back"
    return name_of(unit, lag)


def compare(unit: Unit, counts: npt.NDArray[np.float64], shuffled: npt.NDArray[np.float64]) -> LagHistogram:
    """Counts of each lag beside those of shuffles.

    Args:
        unit: of the lags.
        counts: [L] observed.
        shuffled: [R, L] of R shuffles.
    """
    mean, deviation = shuffled.mean(0), shuffled.std(0)
    # A lag that shuffles hardly ever have deviates by a count or so, not by nothing.
    scale = np.maximum(deviation, np.sqrt(np.maximum(mean, 1.0)))
    largest = ((shuffled - mean) / scale).max(1)
    observed = (counts - mean) / scale
    above = (largest[:, None] >= observed).sum(0)
    return LagHistogram(unit, counts, mean, (1 + above) / (1 + len(shuffled)), len(shuffled))


def returns(
    items: npt.NDArray[np.int32],
    offsets: npt.NDArray[np.int64],
    timestamps: npt.NDArray[np.int64],
    units: Sequence[Unit],
    *,
    permutations: int = 199,
    seed: int = 0,
) -> dict[Unit, LagHistogram]:
    """The lags after which users come back to an item, beside shuffled histories.

    Args:
        items: [T] user after user, oldest first.
        offsets: [U + 1] user u is `items[offsets[u]:offsets[u + 1]]`.
        timestamps: [T] microseconds.
        units: lags are rounded to whole ones; the shuffles are the same for each.
        permutations: shuffles.
        seed: of the shuffles.
    """
    users = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    # A user who has every item once returns to none, in any order of them.
    again = _returning(users, items)
    users, items, timestamps = users[again], items[again], timestamps[again]
    random = np.random.default_rng(seed)
    gaps = _return_gaps(users, items, timestamps)
    shuffled: dict[Unit, list[npt.NDArray[np.float64]]] = {unit: [] for unit in units}
    for _ in range(permutations):
        # Users come in order, so a random number below 1 shuffles within each alone.
        by_chance = _return_gaps(users, items[np.argsort(users + random.random(len(users)))], timestamps)
        for unit in units:
            shuffled[unit].append(histogram(by_chance, unit))
    return {unit: compare(unit, histogram(gaps, unit), np.stack(shuffled[unit])) for unit in units}


def histogram(
    gaps: npt.NDArray[np.int64], unit: Unit, weights: npt.NDArray[np.float64] | None = None
) -> npt.NDArray[np.float64]:
    """[L] how often each whole lag from 1 to the longest occurs.

    Args:
        gaps: microseconds, or items.
        unit: of the lags.
        weights: of each gap; 1 unless given.
    """
    lags = np.rint(gaps / SIZE[unit]).astype(np.int64)
    inside = (lags >= 1) & (lags <= LONGEST[unit])
    weights = None if weights is None else weights[inside]
    return np.bincount(lags[inside], weights, minlength=LONGEST[unit] + 1)[1:].astype(np.float64)


def _returning(users: npt.NDArray[np.int64], items: npt.NDArray[np.int32]) -> npt.NDArray[np.bool_]:
    """[T] True at the interactions of users who have some item more than once."""
    order = np.lexsort((items, users))
    user, item = users[order], items[order]
    mask: npt.NDArray[np.bool_] = np.isin(users, user[1:][(user[1:] == user[:-1]) & (item[1:] == item[:-1])])
    return mask


def _return_gaps(
    users: npt.NDArray[np.int64], items: npt.NDArray[np.int32], timestamps: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Microseconds from each interaction to the same user's next one with the same item, where there is one."""
    pair = users * (int(items.max(initial=0)) + 1) + items
    order = np.argsort(pair, kind="stable")  # moments of a pair stay in order
    again = np.diff(pair[order]) == 0
    gaps: npt.NDArray[np.int64] = np.diff(timestamps[order])[again]
    return gaps


def _runs(mask: npt.NDArray[np.bool_]) -> Iterator[npt.NDArray[np.int64]]:
    """Indices of each stretch of True."""
    at = np.flatnonzero(mask)
    if len(at):
        yield from np.split(at, np.flatnonzero(np.diff(at) > 1) + 1)
