"""Parquet files to a log's columns: ids cast to text, times read by their type or their unit."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import polars as pl

from fearec_adapters.reading.columns import ColumnOptions, check_id, choose, column_notes, first_time, log_columns
from fearec_adapters.reading.times import Clock, TimeUnit
from fearec_cli.api import lazy_log
from fearec_cli.errors import DataError

# Rows that are turned into a log's columns together.
_BATCH = 2**20
_FAULTS = (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError)


def read_parquet(
    files: Sequence[Path], options: ColumnOptions, *, adapter: str, keep: pl.Expr | None = None
) -> tuple[pl.LazyFrame, dict[str, str]]:
    """The rows of files, one after another, and the notes.

    Args:
        files: read in this order.
        options: name the columns.
        adapter: prefix of the options, for messages.
        keep: which rows are read at all, in the log's names; all of them when None.

    Raises:
        DataError: a file is damaged, lacks a column or has one of a wrong type; and when the frame is read, a bad
            row; names file and row.
    """
    clock: Clock | None = None
    chosen: list[Mapping[str, str]] = []
    for file in files:
        try:
            scan = pl.scan_parquet(file.absolute(), glob=False)
            columns = choose(scan.collect_schema().names(), options, where=file, adapter=adapter)
            clock = clock or clock_of(scan, columns, options.unit, where=file)
            check_types(scan, columns, clock, where=file)
        except _FAULTS as error:
            raise _damaged(file, error) from None
        chosen.append(columns)
    assert clock is not None

    def batches(clock: Clock = clock) -> Iterator[pl.DataFrame]:
        for file, columns in zip(files, chosen, strict=True):
            yield from _batches(file, columns, clock, keep)

    return lazy_log(chosen[0], batches), column_notes(chosen[0], clock)


def _batches(file: Path, columns: Mapping[str, str], clock: Clock, keep: pl.Expr | None) -> Iterator[pl.DataFrame]:
    wanted = [pl.col(name).alias(column) for column, name in columns.items()]
    before = 0
    try:
        scan = pl.scan_parquet(file.absolute(), glob=False).select(wanted)
        for batch in scan.collect_batches(chunk_size=_BATCH, maintain_order=True):
            yield typed_columns(batch, columns, clock, where=file, before=before, keep=keep)
            before += len(batch)
    except _FAULTS as error:
        raise _damaged(file, error) from None


def _damaged(file: Path, error: BaseException) -> DataError:
    reason = " ".join(str(error).split())[:200]
    return DataError(f"{file}: cannot be read as Parquet ({reason})")


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
        raise DataError(f"{where}: the timestamp (column {name!r}) is of type {dtype}, which is not a time")
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
