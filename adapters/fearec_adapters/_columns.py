"""Delimited text to a log's columns: named columns picked, times and ratings read, every bad row named.

Everything is read as text first, so that an id is what stands in the file: 007 keeps its zeros, and NA
and null are ids like any other.
"""

import io
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import polars as pl

from fearec_adapters._files import Records, text_bytes
from fearec_cli.errors import DataError

TimeUnit = Literal["s", "ms", "us", "ns", "iso"]

# Microseconds in a unit, as numerator and denominator: whole times stay exact.
_MICROSECONDS = {"s": (1_000_000, 1), "ms": (1_000, 1), "us": (1, 1), "ns": (1, 1_000)}
# 10^11 s is the year 5138: above, the unit is wrong, for today in milliseconds is 1.7 * 10^12.
_LATEST = 10**17
_ISO_FORMATS = ("%Y-%m-%d %H:%M:%S%.f%#z", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%d")


@dataclass(frozen=True)
class Table:
    """A delimited file, opened but for its header not read.

    Attributes:
        path: for messages.
        data: its bytes, unpacked.
        separator: one character.
        header: the first line names the columns.
        quoted: fields may stand in double quotes.
    """

    path: Path
    data: bytes
    separator: str
    header: bool
    quoted: bool

    @classmethod
    def open(cls, path: Path, *, separator: str, header: bool, quoted: bool) -> "Table":
        """Read and unpack a file.

        Raises:
            DataError: it cannot be read, is empty or is not UTF-8.
        """
        # Polars counts the blank lines after the first record, and passes over those before it.
        data = text_bytes(path).lstrip(b"\r\n")
        return cls(path, data, separator, header, quoted)

    @cached_property
    def columns(self) -> list[str]:
        """The columns' names as they stand in the file; `column_1` and so on without a header."""
        return self._scan().collect_schema().names()

    def log_frame(self, columns: Mapping[str, str], unit: TimeUnit) -> pl.LazyFrame:
        """The columns of a `fearec_cli.api.Log`; blank lines carry nothing and are passed over.

        Args:
            columns: for "user", "item" and, if wanted, "timestamp" and "rating", the file's column.
            unit: what the times are written in.

        Raises:
            DataError: a row has too many fields, a missing id, a time or a rating that is none; names
                file, line and value.
        """
        read = {
            "user": lambda text: text.replace("", None),
            "item": lambda text: text.replace("", None),
            "timestamp": lambda text: _microseconds(text, unit),
            "rating": _finite,
        }
        parsed = [read[name](pl.col(column)).alias(name) for name, column in columns.items()]
        frame = (
            self._scan()
            .with_row_index("row")
            .filter(~pl.all_horizontal(pl.exclude("row").is_null()))
            .select("row", *parsed)
        )
        try:
            table = frame.collect()
        except pl.exceptions.PolarsError as error:
            raise self._unreadable(error) from None
        bad = table.filter(pl.any_horizontal(pl.all().is_null())).head(1)
        if not bad.is_empty():
            raise self._bad_row(bad.row(0, named=True), columns, unit)
        return table.drop("row").lazy()

    def _scan(self) -> pl.LazyFrame:
        return pl.scan_csv(
            io.BytesIO(self.data),
            separator=self.separator,
            has_header=self.header,
            quote_char='"' if self.quoted else None,
            infer_schema=False,
        )

    def _bad_row(self, row: Mapping[str, Any], columns: Mapping[str, str], unit: TimeUnit) -> DataError:
        line, fields = self._records().at(row["row"] + self.header)
        name = next(name for name in columns if row[name] is None)
        position = self.columns.index(columns[name])
        value = fields[position] if position < len(fields) else ""
        if not value.strip():
            fault = "is missing"
        elif name == "rating":
            fault = f"{value!r} is no number"
        else:
            fault = f"{value!r} {_time_fault(value, unit)}"
        return DataError(f"{self.path}, line {line}: the {name} (column {columns[name]!r}) {fault}")

    def _unreadable(self, error: Exception) -> DataError:
        width = len(self.columns)
        if found := self._records().first_longer_than(width):
            line, fields = found
            return DataError(
                f"{self.path}, line {line}: has {len(fields)} fields, and the first line {width}; "
                f"is {self.separator!r} the separator, and are fields that contain it in double quotes?"
            )
        return DataError(
            f"{self.path}: cannot be read as a table ({str(error).splitlines()[0]}); "
            f"look for a quotation mark without its partner"
        )

    def _records(self) -> Records:
        return Records(self.data, self.separator, quoted=self.quoted)


def _finite(text: pl.Expr) -> pl.Expr:
    number = text.str.strip_chars().cast(pl.Float64, strict=False)
    return pl.when(number.is_finite()).then(number)


def _microseconds(text: pl.Expr, unit: TimeUnit) -> pl.Expr:
    """Int64 microseconds since 1970 UTC, null where the text is no such time."""
    if unit == "iso":
        # Without a zone it is UTC: the machine that reads the file must not change the data.
        spaced = text.str.strip_chars().str.replace(r"^(\d{4}-\d\d-\d\d)[Tt]", "$1 ")
        times = [spaced.str.to_datetime(form, time_unit="us", strict=False).dt.epoch("us") for form in _ISO_FORMATS]
        time = pl.coalesce(times)
        return pl.when(time >= 0).then(time)
    multiply, divide = _MICROSECONDS[unit]
    number = _finite(text) * multiply / divide
    whole = text.str.strip_chars().cast(pl.Int64, strict=False) * multiply // divide
    return pl.when(number.is_between(0, _LATEST)).then(pl.coalesce(whole, number.round().cast(pl.Int64, strict=False)))


def _time_fault(value: str, unit: TimeUnit) -> str:
    if unit == "iso":
        return "is no ISO 8601 time since 1970"
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        return "is no number"
    if number < 0:
        return "is negative"
    return f"is after the year 5000 if the unit is {unit!r}; choose the unit that it is in"
