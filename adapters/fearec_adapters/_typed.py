"""Typed columns (Parquet, Arrow) to a log's columns: ids cast to text, times read by their type or their unit."""

from collections.abc import Mapping

import polars as pl

from fearec_adapters._columns import check_id, first_time, log_columns
from fearec_adapters._times import Clock, TimeUnit
from fearec_cli.errors import DataError


def clock_of(frame: pl.LazyFrame, columns: Mapping[str, str], unit: TimeUnit, *, where: object) -> Clock:
    """How the times of a frame are read: by the column's type if it is one of time, by the unit otherwise.

    Raises:
        DataError: a unit is given for times that have a type.
    """
    if "timestamp" not in columns:
        return Clock.of(unit, "")
    name = columns["timestamp"]
    dtype = frame.collect_schema()[name]
    if isinstance(dtype, pl.Datetime | pl.Date):
        if unit != "auto":
            raise DataError(f"{where}: the column {name!r} is of type {dtype}, and needs no unit; leave the option out")
        return Clock("typed")
    if not (dtype.is_numeric() or dtype == pl.String):
        raise DataError(f"{where}: the timestamp (column {name!r}) is of type {dtype}, which is no time")
    return Clock.of(unit, first_time(frame.select(timestamp=pl.col(name))))


def check_types(frame: pl.LazyFrame, columns: Mapping[str, str], clock: Clock, *, where: object) -> None:
    """Refuse columns that cannot be what they are wanted for.

    Args:
        frame: the source.
        columns: for "user", "item" and, if wanted, "timestamp" and "rating", the source's column.
        clock: how times are read.
        where: the source, for messages.

    Raises:
        DataError: a column is of a wrong type.
    """
    schema = frame.collect_schema()
    for column, name in columns.items():
        if column in ("user", "item"):
            check_id(schema[name], column, name, where=where)
    if "timestamp" in columns and (schema[columns["timestamp"]].is_temporal() != (clock.unit == "typed")):
        raise DataError(f"{where}: the timestamp (column {columns['timestamp']!r}) is of another type than before")


def typed_columns(
    batch: pl.DataFrame,
    columns: Mapping[str, str],
    clock: Clock,
    *,
    where: object,
    before: int,
    keep: pl.Expr | None = None,
) -> pl.DataFrame:
    """The columns of a `fearec_cli.api.Log`.

    Args:
        batch: rows of the source, under the log's names.
        columns: the source's column for each of them.
        clock: how times are read.
        where: the source, for messages.
        before: how many rows of the source come before these.
        keep: which rows are read at all, in the log's names; all of them when None.

    Raises:
        DataError: an id is missing, a time or a rating is none; names the row.
    """
    raw = batch.with_row_index("row")
    return log_columns(
        raw if keep is None else raw.filter(keep),
        clock,
        where=where,
        names=columns,
        place=lambda row: f"row {before + row + 1}",
        value=lambda row, column: batch[column][row],
    )
