"""Times of any unit to microseconds since 1970 UTC: the unit given, or recognised and said so.

Numbers tell their unit by magnitude: below 10^11 they are seconds (10^11 s is the year 5138, and 10^11 ms
was in March 1973), then each factor of 1000 is the next unit. Text is ISO 8601, a date alone or with a time
of day; without a zone it is UTC, for the machine that reads a file must not change the data.
"""

import math
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import polars as pl

from fearec_adapters.reading.messages import shown

TimeUnit = Literal["auto", "s", "ms", "us", "ns", "iso"]
"""The type of an adapter's option `unit`."""
UNIT = "times count seconds, ms, us or ns since 1970, or are ISO 8601 text; auto: recognised by magnitude"

# Microseconds in a unit, as numerator and denominator: whole times stay exact.
_MICROSECONDS = {"s": (1_000_000, 1), "ms": (1_000, 1), "us": (1, 1), "ns": (1, 1_000)}
# The least number that is recognised as this unit.
_LEAST: Mapping[str, float] = {"s": 0, "ms": 1e11, "us": 1e14, "ns": 1e17}
_ISO_FORMATS = ("%Y-%m-%d %H:%M:%S%.f%#z", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%d")
# Forms that cannot be taken for another one: the month has a name, or the year comes first.
_OTHER_FORMS = (
    "%a %b %d %H:%M:%S %z %Y",  # Twitter, Foursquare, Goodreads
    "%a %b %d %H:%M:%S %Y",
    "%a, %d %b %Y %H:%M:%S %z",
    "%d/%b/%Y:%H:%M:%S %z",
    "%d %b %Y, %H:%M",
    "%d %b %Y %H:%M:%S",
    "%d %b %Y",
    "%b %d, %Y",
    "%B %d, %Y",
)
# A number such as 20100116 is a date, not a count of seconds of 1970.
_DATE = re.compile(r"(19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])")
_DAY = 86_400 * 1_000_000


@dataclass(frozen=True)
class Clock:
    """How the times of one log are read.

    Attributes:
        unit: what they are written in.
        recognised: the unit was not given, so every time must be of its magnitude.
        negative: times before 1970 are taken, not refused.
    """

    unit: Literal["s", "ms", "us", "ns", "iso", "date", "typed"]
    recognised: bool = False
    negative: bool = False

    @classmethod
    def of(cls, unit: TimeUnit, first: object) -> "Clock":
        """The clock of a log.

        Args:
            unit: what the user asked for.
            first: a time of the log, text or number, which decides if that is "auto".
        """
        if unit != "auto":
            return cls(unit)
        number = _number(first)
        if number is None:
            return cls("iso", recognised=True)
        if _DATE.fullmatch(str(first).strip()):
            return cls("date", recognised=True)
        fitting = [name for name in ("s", "ms", "us", "ns") if abs(number) >= _LEAST[name]]
        return cls(fitting[-1], recognised=True)  # type: ignore[arg-type]

    @property
    def note(self) -> str:
        """What was decided, for whoever reads the results."""
        if self.unit == "typed":
            return "read by the column's own type, UTC"
        if self.unit == "date":
            return "read as dates such as 20100116 (recognised by their form), UTC"
        how = ("recognised by its form" if self.unit == "iso" else "recognised by magnitude") if self.recognised else ""
        return f"read as {self.unit}{f' ({how})' if how else ''}, UTC"

    def microseconds(self, column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
        """Int64 microseconds since 1970 UTC, null where the value is not such a time."""
        latest = time.time() * 1e6 + _DAY
        if self.unit == "typed":
            value = column.cast(pl.Datetime("us")) if dtype == pl.Date else column
            result = value.dt.epoch("us")
        elif self.unit == "iso":
            text = column.cast(pl.String).str.strip_chars()
            spaced = (
                text.str.replace(r"^(\d{4})/(\d\d?)/(\d\d?)", "$1-$2-$3")
                .str.replace(r"^(\d{4}-\d\d-\d\d)[Tt]", "$1 ")
                .str.replace(r"(\d)\s*(UTC|GMT)$", "$1 +00:00")
            )
            times = [
                spaced.str.to_datetime(form, time_unit="us", strict=False).dt.epoch("us")
                for form in (*_ISO_FORMATS, *_OTHER_FORMS)
            ]
            result = pl.coalesce(times)
        elif self.unit == "date":
            text = column.cast(pl.String).str.strip_chars()
            written = pl.when(text.str.contains(f"^{_DATE.pattern}$")).then(text)
            result = written.str.to_datetime("%Y%m%d", time_unit="us", strict=False).dt.epoch("us")
        else:
            multiply, divide = _MICROSECONDS[self.unit]
            text = column.str.strip_chars() if dtype == pl.String else column
            exact = text.cast(pl.Float64, strict=False)
            number = exact * multiply / divide
            whole = text.cast(pl.Int64, strict=False) if not dtype.is_float() else pl.lit(None, pl.Int64)
            least = _LEAST[self.unit] if self.recognised else 0
            sane = pl.when(number.abs() <= latest, exact.abs() >= least)
            result = sane.then(pl.coalesce(whole * multiply // divide, number.round().cast(pl.Int64, strict=False)))
        early = pl.lit(True) if self.negative else result >= 0
        return pl.when(early, result <= latest).then(result)

    def fault(self, value: object) -> str:
        """Why this value, for which `microseconds` gives null, is not a time of the log."""
        if self.unit == "typed":
            return f"{shown(value)} is before 1970 or in the future"
        if self.unit == "iso":
            today = datetime.now(UTC).date()
            return (
                f"{shown(value)} is not a time between 1970 and today ({today} by this clock) in a form that is "
                f"read: ISO 8601, 2010/01/16 17:17, or with the name of the month (16 Jan 2010); convert the column"
            )
        if self.unit == "date":
            return f"{shown(value)} is not a date such as 20100116, as the first time of the file is"
        number = _number(value)
        if number is None:
            return f"{shown(value)} is not a number"
        if number < 0 and not self.negative:
            return f"{shown(value)} is negative"
        if self.recognised and (other := Clock.of("auto", value).unit) != self.unit:
            return (
                f"{shown(value)} is in {other} by its magnitude, and the first time of the file in {self.unit}; "
                f"bring them to one unit, or give the option unit if the magnitude misleads"
            )
        multiply, divide = _MICROSECONDS[self.unit]
        year = math.floor(1970 + number * multiply / divide / (365.2425 * _DAY))
        return f"{shown(value)} is in the future (year {year} if the unit is {self.unit!r}); is it another unit?"


def _number(value: object) -> float | None:
    try:
        number = float(str(value))
    except ValueError:
        return None
    return number if math.isfinite(number) else None
