"""Times to microseconds since 1970 UTC: how they are written is given, or recognised and noted.

Numbers show their unit by magnitude: below 10^11 they are seconds (10^11 s is the year 5138, and 10^11 ms was in March
1973), then each factor of 1000 is the next unit. Numbers that are all below 10^8 (March 1973) are counts (slots,
serial numbers, ranks) rather than times, which a note says; 20100116 and its like are dates. Text without a
zone is UTC, because the machine that reads a file must not change the data.
"""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal
from zoneinfo import available_timezones

import polars as pl
from pydantic import field_validator, model_validator

from fearec_adapters.reading.time_forms import TIME_OF_DAY, Form, date_digits, iso, problem_of, recognise
from fearec_adapters.reading.values import number_of, shown
from fearec_cli.api import Field, Options
from fearec_cli.errors import DataError

TimeUnit = Literal["auto", "s", "ms", "us", "ns", "iso", "order"]
"""The type of an adapter's option `unit`."""
_Unit = Literal["s", "ms", "us", "ns", "order", "text", "typed"]

# Microseconds in a unit, as numerator and denominator: whole times stay exact.
_MICROSECONDS = {"s": (1_000_000, 1), "ms": (1_000, 1), "us": (1, 1), "ns": (1, 1_000), "order": (1_000_000, 1)}
# The least number that is recognised as this unit.
_LEAST: Mapping[_Unit, float] = {"s": 0, "ms": 1e11, "us": 1e14, "ns": 1e17}
_COUNTS_BELOW = 1e8
# Counts are kept to a millionth, so that fractions order too; those of two columns are joined in 63 bits.
_LARGEST_COUNT = 2**63 / 1e6
_LARGEST_OF_TWO = 2**31
_DAY = 86_400 * 1_000_000
# Times of a log that show how all of them are written.
SAMPLE = 1000
MISSING = ("", "NA", "N/A", "NaN", "nan", "NaT", "null", "NULL", "Null", "None", "\\N")
"""What a column of times has where there is none."""


class TimeOptions(Options):
    """How times are written."""

    unit: TimeUnit = Field(
        "auto",
        description="times count seconds, ms, us or ns since 1970, are ISO 8601 text, or counts that only order the "
        "rows; auto: recognised",
    )
    time_format: str = Field(
        "", max_length=100, description="strptime format of the times, as in '%d.%m.%Y %H:%M'; recognised when empty"
    )
    time_zone: str = Field(
        "", max_length=60, description="zone of times that name none, as in Europe/Berlin; UTC when empty"
    )

    @field_validator("time_format")
    @classmethod
    def _usable(cls, pattern: str) -> str:
        if pattern and (problem := problem_of(pattern)):
            raise ValueError(f"cannot be read by: {problem}")
        return pattern

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, zone: str) -> str:
        if zone and zone not in available_timezones():
            raise ValueError("is not a zone of the tz database; write UTC or Europe/Berlin")
        return "" if zone == "UTC" else zone

    @model_validator(mode="after")
    def _one_way(self) -> "TimeOptions":
        if self.time_format and self.unit != "auto":
            raise ValueError("unit and time_format say the same in two ways; give one of them")
        return self


@dataclass(frozen=True)
class Clock:
    """How the times of one log are read.

    Attributes:
        unit: what they are written in; "text" has a form, "typed" a column of a type of time.
        forms: of text: the one that reads the times; none or several where it is not known, so that the first row
            is an error.
        recognised: the unit was not given, so every time must fit it.
        negative: times before 1970 are taken.
        small: all of the first times are too small for times of the clock, and are rather counts.
        zone: where typed times are local that have none; UTC when empty.
        second: of two columns, the second is joined to the first before it is read, or orders equal times.
        adapter: prefix of the options, for messages.
    """

    unit: _Unit
    forms: tuple[Form, ...] = ()
    recognised: bool = False
    negative: bool = False
    small: bool = False
    zone: str = ""
    second: Literal["", "joined", "order"] = ""
    adapter: str = "NAME"

    @classmethod
    def of(cls, options: TimeOptions, sample: pl.DataFrame, adapter: str) -> "Clock":
        """The clock of a log.

        Args:
            options: what the user asked for.
            sample: first rows of the log, with "timestamp", and "second" where a second column is named; they decide
                about what is not asked for.
            adapter: prefix of the options, for messages.
        """
        second: Literal["", "joined", "order"] = ""
        if "second" in sample:
            joined = bool(options.time_format) or _is_time_of_day(sample["second"])
            second = "joined" if joined else "order"
        clock = cls("s", second=second, adapter=adapter)
        if options.time_format:
            return replace(clock, unit="text", forms=(Form.of(options.time_format, options.time_zone),))
        if options.unit == "iso":
            return replace(clock, unit="text", forms=(iso(options.time_zone),))
        typed = sample.schema["timestamp"].is_temporal() and second != "joined"
        if options.unit != "auto":
            if typed:
                raise DataError(f"{adapter}.unit: the times have a type of their own and need no unit; leave it out")
            return replace(clock, unit=options.unit)
        if typed:
            return replace(clock, unit="typed", zone=options.time_zone)
        times = sample.select(time=clock.written())["time"]
        found = clock._recognised(times.filter(~is_missing(times)).head(SAMPLE), options.time_zone)
        if options.time_zone and found.unit != "text":
            raise DataError(f"{adapter}.time_zone: is of times that are text, and these are numbers; leave it out")
        return found

    def _recognised(self, sample: pl.Series, zone: str) -> "Clock":
        clock = replace(self, recognised=True)
        numbers = sample.cast(pl.String).str.strip_chars().cast(pl.Float64, strict=False)
        if not len(sample) or numbers.head(1).is_finite().any():
            if len(sample) and (form := date_digits(sample, zone)):
                return replace(clock, unit="text", forms=(form,))
            small = bool(len(sample)) and bool((numbers.abs() < _COUNTS_BELOW).all())
            return replace(clock, unit=_unit_of(numbers), small=small)
        return replace(clock, unit="text", forms=tuple(recognise(sample.cast(pl.String), zone)))

    @property
    def columns(self) -> tuple[str, ...]:
        """Those of a `fearec_cli.api.Log` that come of the times."""
        if self.unit == "order":
            return ("order",)
        return ("timestamp", "order") if self.second == "order" else ("timestamp",)

    @property
    def note(self) -> str:
        """What was decided, for the notes of the log."""
        after = ", then by the second column" if self.second == "order" else ""
        if self.unit == "typed":
            return f"read by the column's own type, {self.zone or 'UTC'}{after}"
        if self.unit == "order":
            return f"counts that order the rows, not times of a clock{after}"
        if self.unit != "text":
            hint = f"; all before 1973: if they are counts, add --set {self.adapter}.unit=order" if self.small else ""
            return f"read as {self.unit}{' (recognised by magnitude)' if self.recognised else ''}, UTC{after}{hint}"
        names = " or ".join(form.name for form in self.forms) or "text"
        zone = self.forms[0].zone if self.forms else ""
        return f"read as {names}{' (recognised by its form)' if self.recognised else ''}, {zone or 'UTC'}{after}"

    def written(self) -> pl.Expr:
        """The times of "timestamp", and of "second" where that is joined, as they are to be read."""
        if self.second != "joined":
            return pl.col("timestamp")
        # Where the date is an ISO moment at midnight, its day counts.
        date = pl.col("timestamp").cast(pl.String).str.strip_chars().str.replace(r"[T ]00:00(:00(\.0+)?)?$", "")
        return date + " " + pl.col("second").cast(pl.String).str.strip_chars()

    def read(self, schema: Mapping[str, pl.DataType]) -> dict[str, pl.Expr]:
        """Int64 for each of `columns`, of "timestamp" and "second"; null where a value is not such a time."""
        dtype = pl.String() if self.second == "joined" else schema["timestamp"]
        if self.unit == "order":
            if self.second != "order":
                return {"order": self._number(self.written(), dtype)}
            first, second = (_whole(pl.col(name), schema[name]) for name in ("timestamp", "second"))
            return {"order": first * _LARGEST_OF_TWO + second}
        times = {"timestamp": self._moment(self.written(), dtype)}
        if self.second == "order":
            count = replace(self, unit="order", recognised=False)
            times["order"] = count._number(pl.col("second"), schema["second"])
        return times

    def _moment(self, column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
        latest = time.time() * 1e6 + _DAY
        if self.unit == "typed":
            value = column if isinstance(dtype, pl.Datetime) else column.cast(pl.Datetime("us"))
            if self.zone and not getattr(dtype, "time_zone", None):
                value = value.dt.replace_time_zone(self.zone, ambiguous="earliest", non_existent="null")
            result = value.dt.epoch("us")
        elif self.unit == "text":
            result = self.forms[0].microseconds(column) if len(self.forms) == 1 else pl.lit(None, pl.Int64)
        else:
            result = self._number(column, dtype, latest)
        early = pl.lit(True) if self.negative else result >= 0
        return pl.when(early, result <= latest).then(result)

    def _number(self, column: pl.Expr, dtype: pl.DataType, latest: float = math.inf) -> pl.Expr:
        multiply, divide = _MICROSECONDS[self.unit]
        text = column.str.strip_chars() if dtype == pl.String else column
        exact = text.cast(pl.Float64, strict=False)
        number = exact * multiply / divide
        whole = text.cast(pl.Int64, strict=False) if not dtype.is_float() else pl.lit(None, pl.Int64)
        if self.unit == "order":
            sane = pl.when(exact.abs() < _LARGEST_COUNT)
        else:
            sane = pl.when(number.abs() <= latest, exact.abs() >= (_LEAST[self.unit] if self.recognised else 0))
        return sane.then(pl.coalesce(whole * multiply // divide, number.round().cast(pl.Int64, strict=False)))

    def fault(self, value: object) -> str:
        """Why this value, for which `read` gives null, is not a time of the log."""
        if self.unit == "typed":
            return f"{shown(value)} is before 1970 or in the future"
        if self.unit == "text":
            return self._fault_of_text(value)
        number = number_of(value)
        if number is None:
            return f"{shown(value)} is not a number"
        if self.unit == "order":
            return f"{shown(value)} is not a count{' below 2^31' if self.second else ''}"
        if number < 0 and not self.negative:
            return f"{shown(value)} is negative"
        if self.recognised and (other := _unit_of(pl.Series([number]))) != self.unit:
            return (
                f"{shown(value)} is in {other} by its magnitude, and the first time of the file in {self.unit}; "
                f"bring them to one unit, or give {self.adapter}.unit if the magnitude misleads"
            )
        multiply, divide = _MICROSECONDS[self.unit]
        year = math.floor(1970 + number * multiply / divide / (365.2425 * _DAY))
        return (
            f"{shown(value)} is in the future (year {year} if the unit is {self.unit!r}); is it another unit, or a "
            f"date ({self.adapter}.time_format)? This machine's clock says {_today()}"
        )

    def _fault_of_text(self, value: object) -> str:
        set_ = f"--set '{self.adapter}.time_format="
        if not self.forms:
            return f"{shown(value)} is in no form that is recognised; describe it, as in {set_}%d.%m.%Y %H:%M'"
        if len(self.forms) > 1:
            choices = " or ".join(f"{set_}{form.name}'" for form in self.forms[:3])
            return f"{shown(value)} can be read in more than one way; say which by {choices}"
        form = self.forms[0]
        moment = pl.DataFrame({"time": [str(value)]}).select(form.microseconds(pl.col("time"))).item()
        if moment is not None:
            return (
                f"{shown(value)} is {'before 1970' if moment < 0 else f'later than today ({_today()} by this clock)'}"
            )
        name = "an ISO 8601 time" if form.name == "iso" else f"a time of the form {form.name}"
        rest = ", as the first times of the file are" if self.recognised else ""
        return f"{shown(value)} is not {name}{rest}"


def is_missing(column: pl.Series) -> pl.Series:
    """Bool: nothing stands there, or a word for it."""
    text = column.cast(pl.String, strict=False).str.strip_chars()
    return text.is_null() | text.is_in(MISSING)


def _is_time_of_day(column: pl.Series) -> bool:
    if column.dtype == pl.Time:
        return True
    there = column.filter(~is_missing(column))
    return there.dtype == pl.String and len(there) > 0 and bool(there.str.contains(TIME_OF_DAY).all())


def _whole(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    number = (column.str.strip_chars() if dtype == pl.String else column).cast(pl.Float64, strict=False)
    return pl.when(number.is_between(0, _LARGEST_OF_TWO - 1), number == number.floor()).then(number.cast(pl.Int64))


def _unit_of(numbers: pl.Series) -> _Unit:
    """The unit that the first number shows."""
    finite = numbers.filter(numbers.is_finite())
    if not len(finite):
        return "s"
    return [unit for unit, least in _LEAST.items() if abs(finite[0]) >= least][-1]


def _today() -> str:
    return f"{datetime.now(UTC):%Y-%m-%d}"
