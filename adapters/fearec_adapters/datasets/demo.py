"""A generated log with known rhythms: to try the toolkit, and to check that `inspect` finds what is there.

Each user has two habits, by default a weekly one (items of one category, about every 7 days) and a monthly
one (about every 30 days), short bursts of interest in one topic (a few items within a day, each leading to
the next), a taste that drifts slowly from topic to topic, and now and then something random. The periods are
recorded in the log's notes.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
import polars as pl
from pydantic import field_validator

from fearec_cli.api import Component, Field, Log, Options, Source
from fearec_cli.errors import DataError

_HOUR = 3600
_DAY = 24 * _HOUR
_START = 1_704_067_200  # 2024-01-01T00:00:00Z, seconds
_WEEKS = (16, 25)

_HABIT_NAMES = {7: "weekly", 30: "monthly"}
# Categories of the first and of the second habit, and items in each.
_HABITS = ((8, 5), (6, 5))
# Days between occurrences, number of topics, items in each.
_BURST = (14, 20, 14)

Days = Annotated[int, Field(ge=2, le=60)]


class DemoOptions(Options):
    """How much is generated."""

    users: int = Field(600, ge=3, le=100_000, description="number of users")
    seed: int = Field(0, ge=0, lt=2**63, description="another seed gives another log of the same kind")
    periods: tuple[Days, Days] = Field((7, 30), description="days between the occurrences of each habit, 2 to 60")

    @field_validator("periods")
    @classmethod
    def _different(cls, periods: tuple[int, int]) -> tuple[int, int]:
        if periods[0] == periods[1]:
            raise ValueError("must be two different numbers of days, as in [5, 20]")
        return periods


class _Dice:
    """Whole random numbers that are the same on every machine and with every version of NumPy.

    NumPy keeps the bits of PCG64 stable, but not what `Generator` makes of them (NEP 19); and no decision here depends
    on floating point.
    """

    def __init__(self, seed: int) -> None:
        self._bits = np.random.PCG64(seed)

    def below(self, n: int) -> int:
        """0 to n - 1, evenly: the remainder of 64 bits, whose bias is below n / 2^64."""
        return int(self._bits.random_raw()) % n

    def between(self, low: int, high: int) -> int:
        """`low` to `high`, the latter left out, evenly."""
        return low + self.below(high - low)

    def low(self, n: int) -> int:
        """0 to n - 1, small numbers somewhat more often: it makes some items popular."""
        return min(self.below(n), self.below(n))

    def chance(self, percent: int) -> bool:
        """True in so many cases of a hundred."""
        return self.below(100) < percent


Event = tuple[int, str]
"""Seconds since 1970 and an item."""


def _habit_name(period: int) -> str:
    """What the habit is called, and its items begin with."""
    return _HABIT_NAMES.get(period, f"every{period}days")


def _habit(dice: _Dice, period: int, categories: int, size: int, days: int) -> Iterator[Event]:
    """One category again and again; mostly the favourite in it."""
    kind = _habit_name(period)
    category, favourite = dice.low(categories), dice.below(size)
    day = dice.below(period)
    hour = dice.between(7, 21)
    while day < days:
        item = favourite if dice.chance(70) else dice.below(size)
        # The jitter is around the beat and does not add up: the period stays exact.
        yield day * _DAY + hour * _HOUR + dice.between(-6, 7) * _HOUR, f"{kind}{category}-{item}"
        day += period


def _bursts(dice: _Dice, days: int) -> Iterator[Event]:
    """Every other week three or so items of the topic of the day, along the topic's order of items."""
    period, topics, size = _BURST
    topic, item = dice.low(topics), dice.below(size)
    for day in range(dice.below(period), days, period):
        if dice.chance(25):
            topic = (topic + 1) % topics
            item = dice.below(size)
        second = (day + dice.below(2)) * _DAY + dice.between(8, 12) * _HOUR
        for _ in range(dice.between(2, 5)):
            yield second, f"topic{topic:02}-{item:02}"
            second += dice.between(600, 2 * _HOUR)
            item = (item + 1) % size if dice.chance(80) else dice.low(size)


def _noise(dice: _Dice, days: int) -> Iterator[Event]:
    """Now and then anything of any topic."""
    _, topics, size = _BURST
    for _ in range(dice.below(6)):
        yield dice.below(days * _DAY), f"topic{dice.low(topics):02}-{dice.low(size):02}"


def _events(dice: _Dice, periods: tuple[int, int]) -> list[Event]:
    """One user's events, oldest first. It ends at any event, so that the last one may be of any sort."""
    days = dice.between(*_WEEKS) * 7
    habits = [
        event
        for period, (categories, size) in zip(periods, _HABITS, strict=True)
        for event in _habit(dice, period, categories, size, days)
    ]
    events = sorted([*habits, *_bursts(dice, days), *_noise(dice, days)])
    return events[: len(events) - dice.below(8)]


class Demo:
    """Generates the log; the same options give the same log everywhere."""

    def __init__(self, options: DemoOptions) -> None:
        self._options = options

    def read(self, path: Path | None) -> Log:
        """Generate.

        Raises:
            DataError: a path is given.
        """
        if path is not None:
            raise DataError(f"{path}: the demo is generated and reads no file; leave --from out, or use another source")
        dice = _Dice(self._options.seed)
        rows = [
            (f"user{user:03}", item, (_START + second) * 1_000_000)
            for user in range(1, self._options.users + 1)
            for second, item in _events(dice, self._options.periods)
        ]
        schema = {"user": pl.String, "item": pl.String, "timestamp": pl.Int64}
        frame = pl.DataFrame(rows, schema=schema, orient="row").sort("timestamp", maintain_order=True)
        return Log(
            frame=frame.lazy(),
            source=Source(adapter="demo", location="generated", revision=f"seed {self._options.seed}"),
            notes={
                "planted": [
                    *(
                        {"what": f"{name} habit", "days": period, "items": f"{name}*"}
                        for period in self._options.periods
                        for name in [_habit_name(period)]
                    ),
                    {"what": "burst of interest", "days": _BURST[0], "items": "topic*"},
                ]
            },
            k_core=0,
        )


COMPONENT = Component(
    name="demo",
    options=DemoOptions,
    build=Demo,
    summary="A small generated log with planted habits, weekly and monthly by default; needs no file.",
    source="generated by fearec",
)
