"""Times written as text: the forms that are recognised, and forms that the user describes.

A form is a pattern of strptime (docs.python.org/3/library/datetime.html#format-codes). Where day and month cannot be
distinguished (01/02/2010), nothing is guessed: values such as 16/01/2010 decide, or the user does.
"""

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

_CLOCKS = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S%.f", " %I:%M %p", " %I:%M:%S %p")
_WITH_TIME_OF_DAY = ("%Y/%m/%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%d %b %Y", "%d-%b-%Y")
ISO = (
    "%Y-%m-%d %H:%M:%S%.f%#z",
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%d %H:%M%#z",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%d",
)
"""A column may mix these. A `T` before the time of day and a `Z`, ` UTC` or ` GMT` after it are understood."""
RECOGNISED: Sequence[str] = (
    *("".join(parts) for parts in itertools.product(_WITH_TIME_OF_DAY, _CLOCKS)),
    "%a %b %d %H:%M:%S %z %Y",  # Twitter, Foursquare, Goodreads
    "%a %b %d %H:%M:%S %Y",  # ctime
    "%a, %d %b %Y %H:%M:%S %z",  # RFC 2822
    "%d/%b/%Y:%H:%M:%S %z",  # web servers
    "%d %b %Y, %H:%M",  # Last.fm
    "%b %d, %Y",
    "%b %d, %Y %I:%M:%S %p",
    "%B %d, %Y",
    "%d %B %Y",
    "%m %d, %Y",  # reviewTime of Amazon
    "%Y-%m-%d %I:%M:%S %p",
    "%Y%m%d %H:%M",
    "%Y%m%d %H:%M:%S",
    "%Y%m%dT%H%M%S",
)
"""Forms that are recognised where all of the first times fit only one of them."""
# Integers that are dates, and the digits that they must have: 20100116 counts no seconds since 1970.
_DIGITS = {
    r"(19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])": "%Y%m%d",
    r"(19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])([01]\d|2[0-3])[0-5]\d": "%Y%m%d%H%M",
    r"(19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])([01]\d|2[0-3])[0-5]\d[0-5]\d": "%Y%m%d%H%M%S",
}
TIME_OF_DAY = r"^\s*\d{1,2}:\d\d(:\d\d(\.\d+)?)?(\s?[AaPp][Mm])?\s*$"
"""What a column with only the time of day looks like."""
# Minutes are needed by the parser; what is written to the hour begins at it.
_TO_THE_HOUR = re.compile(r"%[HI](?!.*%M)")
_ZONE = r"\s*(UTC|GMT|Z|utc|gmt|z)$"


@dataclass(frozen=True)
class Form:
    """How text is read as time.

    Attributes:
        patterns: of strptime as polars has it; the first one that fits a value reads it.
        name: for the user.
        zone: where times are local that name no zone, as in "Europe/Berlin"; UTC when empty.
    """

    patterns: tuple[str, ...]
    name: str
    zone: str = ""

    @classmethod
    def of(cls, pattern: str, zone: str = "") -> "Form":
        """A form from a pattern of Python's strptime."""
        # Python has the point outside of %f, polars inside.
        polars = pattern.replace(".%f", "%.f").replace("%Z", "%z")
        return cls((polars,), pattern, zone)

    def microseconds(self, column: pl.Expr) -> pl.Expr:
        """Int64 microseconds since 1970 UTC, null where a value is not of this form."""
        text = column.cast(pl.String).str.strip_chars()
        if self.patterns == ISO:
            text = text.str.replace(r"^(\d{4}-\d\d?-\d\d?)[Tt]", "$1 ").str.replace(_ZONE, "+00:00")
        return pl.coalesce([self._parsed(text, pattern) for pattern in self.patterns])

    def _parsed(self, text: pl.Expr, pattern: str) -> pl.Expr:
        if _TO_THE_HOUR.search(pattern):
            text, pattern = text + " 00", f"{pattern} %M"
        if "z" in pattern:
            if self.patterns != ISO:
                # A zone's name is not understood but for these, and must not be passed over.
                text = text.str.replace(r"\b(UTC|GMT|Z|utc|gmt)\b", "+0000")
            return text.str.to_datetime(pattern, time_unit="us", strict=False).dt.epoch("us")
        # Where a pattern names no zone, UTC after the time changes nothing.
        if self.patterns != ISO:
            text = text.str.replace(r"\s+(UTC|GMT)$", "")
        moment = text.str.to_datetime(pattern, time_unit="us", strict=False)
        if self.zone:
            moment = moment.dt.replace_time_zone(self.zone, ambiguous="earliest", non_existent="null")
        return moment.dt.epoch("us")


def iso(zone: str = "") -> Form:
    """ISO 8601 in its usual forms."""
    return Form(ISO, "iso", zone)


def date_digits(numbers: pl.Series, zone: str = "") -> Form | None:
    """The form of numbers that are written dates, such as 20100116, if all of them are."""
    text = numbers.cast(pl.String).str.strip_chars()
    for digits, pattern in _DIGITS.items():
        if text.str.contains(f"^{digits}$").all() and _fits(text, form := Form.of(pattern, zone)):
            return form
    return None


def recognise(sample: pl.Series, zone: str = "") -> list[Form]:
    """The forms that the first times of a column fit: none, the one they have, or several possible ones.

    Args:
        sample: the first times, text, blank ones left out.
        zone: where times are local that name no zone.
    """
    # A bad value among the first is named with its line: then the very first one decides.
    return _fitting(sample, zone) or _fitting(sample.head(1), zone)


def _fitting(sample: pl.Series, zone: str) -> list[Form]:
    if _fits(sample, iso(zone)):
        return [iso(zone)]
    found: dict[tuple[int, ...], Form] = {}
    for pattern in RECOGNISED:
        form = Form.of(pattern, zone)
        if _fits(sample, form):
            # Forms that read the same times are one; the last of them, the most general, is taken.
            found[tuple(_times(sample, form))] = form
    return list(found.values())


def problem_of(pattern: str) -> str:
    """Why a user's pattern cannot be used; empty if it can."""
    if not re.search(r"%[YyDFs]", pattern):
        return "it has no year (%Y)"
    try:
        pl.select(Form.of(pattern).microseconds(pl.lit("2010"))).item()
    except pl.exceptions.PolarsError as error:
        return str(error).splitlines()[0]
    return ""


def _fits(sample: pl.Series, form: Form) -> bool:
    times = _times(sample, form)
    # A year of two digits is read as one of the first century.
    return times.null_count() == 0 and bool((times >= 0).all())


def _times(sample: pl.Series, form: Form) -> pl.Series:
    return pl.DataFrame({"time": sample}).select(form.microseconds(pl.col("time")))["time"]
