"""Rows as a source has them to rows of a log: chosen, read, counted where they are left out, every bad one named.

Ids are text and stay as they are in the file: 007 keeps its zeros, and NA and null are ids like any other.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import polars as pl

from fearec_adapters.reading.columns import ColumnOptions, TableOptions, TextColumnOptions
from fearec_adapters.reading.conditions import Condition, read_all
from fearec_adapters.reading.times import MISSING, Clock
from fearec_adapters.reading.values import Batch, shown
from fearec_cli.api import Tally, lazy_log
from fearec_cli.errors import DataError

_TIMES = ("timestamp", "second")
# Rows that a note names.
_NAMED = 3


@dataclass(frozen=True)
class Rows:
    """How the rows of one log are read.

    Attributes:
        clock: reads the times; None where there are none.
        conditions: under which a row is read at all; their columns are "where 0" and so on.
        skip_incomplete: rows in which a value is missing are left out and counted.
        whole_ids: ids such as 5.0 become 5.
        tally: counts what is left out.
    """

    clock: Clock | None
    conditions: Sequence[Condition] = ()
    skip_incomplete: bool = False
    whole_ids: bool = False
    tally: Tally = field(default_factory=Tally)

    @classmethod
    def of(
        cls, options: ColumnOptions | TextColumnOptions | TableOptions, sample: pl.DataFrame, adapter: str
    ) -> "Rows":
        """How the rows of a log are read that the user describes.

        Args:
            options: of the adapter.
            sample: first rows of the log, which show how times are written.
            adapter: prefix of the options, for messages.

        Raises:
            DataError: a condition is not in the grammar, or options and times do not go together.
        """
        clock = Clock.of(options, sample, adapter) if "timestamp" in sample else None
        conditions = read_all(options.where, adapter)
        return cls(clock, conditions, options.skip_incomplete, options.whole_ids)

    def columns(self, names: Mapping[str, str]) -> list[str]:
        """Those of a `fearec_cli.api.Log` that come of the columns that are read."""
        times = self.clock.columns if self.clock else ()
        return ["user", "item", *times, *(["rating"] if "rating" in names else [])]

    def frame(self, names: Mapping[str, str], batches: Callable[[], Iterator[pl.DataFrame]]) -> pl.LazyFrame:
        """The frame of a log; what it counts begins anew whenever it is read."""

        def begin() -> Iterator[pl.DataFrame]:
            self.tally.begin()
            return batches()

        return lazy_log(self.columns(names), begin)

    def notes(self, names: Mapping[str, str]) -> dict[str, str]:
        """Which columns were chosen, and how times are read, for `fearec_cli.api.Log.notes`."""
        chosen = {column: name for column, name in names.items() if not column.startswith("where")}
        if "second" in chosen:
            chosen["timestamp"] += f" and {chosen.pop('second')}"
        return {"columns": ", ".join(f"{column} = {name}" for column, name in chosen.items()), **self.time_notes()}

    def time_notes(self) -> dict[str, str]:
        """How times are read, for `fearec_cli.api.Log.notes`."""
        return {"times": self.clock.note if self.clock else "none"}

    def table(self, batch: Batch) -> pl.DataFrame:
        """The columns of a `fearec_cli.api.Log`, of some rows.

        Raises:
            DataError: a value is missing, a time or a rating cannot be read, or a condition cannot be applied; names
                file, line and value.
        """
        batch = self._chosen(batch)
        table = batch.raw.select("row", **self._parsed(batch))
        if not table.null_count().sum_horizontal().item():
            return table.drop("row")
        if self.skip_incomplete:
            table = table.filter(self._complete(batch))
        bad = table.filter(pl.any_horizontal(pl.all().is_null())).head(1)
        if len(bad):
            column, found = self._culprit(bad.row(0, named=True), batch)
            problem = f"the {column} (column {batch.names[column]!r}) {self._fault(column, found)}"
            raise batch.error(bad["row"][0], problem)
        return table.drop("row")

    def _chosen(self, batch: Batch) -> Batch:
        raw = batch.raw
        for number, condition in enumerate(self.conditions):
            key = f"where {number}"
            holds = raw.select(condition.holds(key, raw.schema[key])).to_series()
            if holds.null_count():
                row = raw.filter(holds.is_null())["row"][0]
                problem = f"column {batch.names[key]!r} has {shown(batch.value(row, key))}, which is not a number"
                raise batch.error(row, f"{problem}; --where {condition.text!r} compares numbers")
            step = f"where {condition.text}"
            self.tally.left_out[step] = self.tally.left_out.get(step, 0) + int((~holds).sum())
            raw = raw.filter(holds)
        return replace(batch, raw=raw)

    def _parsed(self, batch: Batch) -> dict[str, pl.Expr]:
        parsed, schema = {}, batch.raw.schema
        for column in ("user", "item"):
            dtype = schema[column]
            check_id(dtype, column, batch.names[column], where=batch.where)
            parsed[column] = self._id(pl.col(column), dtype)
        if self.clock:
            parsed |= self.clock.read(schema)
        if "rating" in schema:
            parsed["rating"] = _finite(pl.col("rating"), schema["rating"])
        return parsed

    def _id(self, column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
        if dtype.is_float():
            # What integers become as soon as one is missing.
            whole = (column == column.floor()) & (column.abs() <= 2**53)
            return pl.when(whole).then(column.cast(pl.Int64, strict=False)).cast(pl.String)
        text = column.cast(pl.String, strict=False).replace("", None)
        return text.str.replace(r"^(-?\d+)\.0+$", "$1") if self.whole_ids else text

    def _complete(self, batch: Batch) -> pl.Series:
        """Bool: rows in which no value is missing; the others are counted."""
        raw = batch.raw
        columns = [column for column in ("user", "item", *_TIMES, "rating") if column in raw.columns]
        missing = raw.select(**{column: is_nothing(column, raw.schema[column]) for column in columns})
        complete = missing.select(~pl.any_horizontal(pl.all())).to_series()
        before = self.tally.left_out.get("complete", 0)
        self.tally.left_out["complete"] = before + int((~complete).sum())
        out = missing.with_columns(raw["row"]).filter(~complete).head(max(0, _NAMED - before))
        for row in out.iter_rows(named=True):
            column = next(column for column in columns if row[column]).replace("second", "timestamp")
            # The folder says nothing on another machine.
            named = f"{str(batch.where).rpartition('/')[2]}, {batch.place(row['row'])} (no {column})"
            notes = self.tally.notes
            notes["incomplete"] = f"{notes['incomplete']}; {named}" if "incomplete" in notes else f"left out: {named}"
        return complete

    def _culprit(self, row: Mapping[str, Any], batch: Batch) -> tuple[str, object]:
        """Which of the source's columns makes this row a bad one, and its value."""
        number = row["row"]
        null = next(column for column in row if row[column] is None)
        if null not in ("timestamp", "order"):
            return null, batch.value(number, null)
        found = {column: batch.value(number, column) for column in _TIMES if column in batch.names}
        missing = next((column for column, each in found.items() if _is_nothing(each, column)), "")
        if missing or "second" not in found:
            column = missing or "timestamp"
            return column, found[column]
        if self.clock and self.clock.second == "joined":
            return "timestamp", f"{found['timestamp']} {found['second']}"
        return ("second", found["second"]) if null == "order" else ("timestamp", found["timestamp"])

    def _fault(self, column: str, found: object) -> str:
        if _is_nothing(found, column):
            return "is missing; --skip-incomplete leaves such rows out and counts them"
        if column == "timestamp" and self.clock:
            return self.clock.fault(found)
        if column == "second":
            return f"{shown(found)} is neither a time of day nor a number"
        if column == "rating":
            return f"{shown(found)} is not a number"
        return f"{shown(found)} is not {'a whole number' if isinstance(found, float) else 'text'}"


def check_id(dtype: pl.DataType, column: str, name: str, *, where: object) -> None:
    """Check that a column's values can be written in one way only.

    Raises:
        DataError: it is of such a type.
    """
    if dtype.is_nested() or dtype.is_temporal() or dtype == pl.Boolean:
        raise DataError(f"{where}: the {column} (column {name!r}) is of type {dtype}, and ids are text or numbers")


def is_nothing(column: str, dtype: pl.DataType) -> pl.Expr:
    """Bool: a column of a source has no value, or of a time a word for none."""
    if dtype.is_float():
        return pl.col(column).is_null() | pl.col(column).is_nan()
    text = pl.col(column).cast(pl.String, strict=False).str.strip_chars()
    return text.is_null() | text.is_in(MISSING if column in _TIMES else ("",))


def _is_nothing(value: object, column: str) -> bool:
    text = "" if value is None or value != value else str(value).strip()
    return text in MISSING if column in _TIMES else not text


def _finite(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    number = (column.str.strip_chars() if dtype == pl.String else column).cast(pl.Float64, strict=False)
    return pl.when(number.is_finite()).then(number)
