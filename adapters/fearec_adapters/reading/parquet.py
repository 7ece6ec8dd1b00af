"""Parquet files to a log's columns: ids cast to text, times read by their type or their unit."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import polars as pl

from fearec_adapters.reading.columns import ColumnOptions, choose
from fearec_adapters.reading.rows import Rows, check_id
from fearec_adapters.reading.times import SAMPLE
from fearec_adapters.reading.values import Batch
from fearec_cli.api import Tally
from fearec_cli.errors import DataError

# Rows that are turned into a log's columns together.
_BATCH = 2**20
_FAULTS = (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError)


def read_parquet(
    files: Sequence[Path], options: ColumnOptions, *, adapter: str, keep: pl.Expr | None = None
) -> tuple[pl.LazyFrame, dict[str, str], Tally]:
    """The rows of files, one after another, the notes, and what counts rows that are left out.

    Args:
        files: read in this order.
        options: name the columns.
        adapter: prefix of the options, for messages.
        keep: which rows are read at all, in the log's names; all of them when None.

    Raises:
        DataError: a file is damaged, lacks a column or has one of a wrong type; and when the frame is read, a bad
            row; names file and row.
    """
    rows: Rows | None = None
    chosen: list[Mapping[str, str]] = []
    for file in files:
        try:
            scan = pl.scan_parquet(file.absolute(), glob=False)
            columns = choose(scan.collect_schema().names(), options, where=file, adapter=adapter)
            rows = rows or Rows.of(options, _sample(scan, columns, where=file), adapter)
            check_types(scan, columns, rows, where=file)
        except _FAULTS as error:
            raise _damaged(file, error) from None
        chosen.append(columns)
    assert rows is not None

    def batches(rows: Rows = rows) -> Iterator[pl.DataFrame]:
        for file, columns in zip(files, chosen, strict=True):
            yield from _batches(file, columns, rows, keep)

    return rows.frame(chosen[0], batches), rows.notes(chosen[0]), rows.tally


def _sample(scan: pl.LazyFrame, columns: Mapping[str, str], *, where: object) -> pl.DataFrame:
    """First rows that have a time."""
    wanted = {key: name for key, name in columns.items() if key in ("timestamp", "second")}
    for name in wanted.values():
        dtype = scan.collect_schema()[name]
        if not (dtype.is_numeric() or dtype.is_temporal() or dtype == pl.String):
            raise DataError(f"{where}: the timestamp (column {name!r}) is of type {dtype}, which is not a time")
    named = scan.select(**{key: pl.col(name) for key, name in wanted.items()})
    return named.drop_nulls().head(SAMPLE).collect()


def _batches(file: Path, columns: Mapping[str, str], rows: Rows, keep: pl.Expr | None) -> Iterator[pl.DataFrame]:
    wanted = [pl.col(name).alias(column) for column, name in columns.items()]
    before = 0
    try:
        scan = pl.scan_parquet(file.absolute(), glob=False).select(wanted)
        for batch in scan.collect_batches(chunk_size=_BATCH, maintain_order=True):
            yield typed_columns(batch, columns, rows, where=file, before=before, keep=keep)
            before += len(batch)
    except _FAULTS as error:
        raise _damaged(file, error) from None


def _damaged(file: Path, error: BaseException) -> DataError:
    reason = " ".join(str(error).split())[:200]
    return DataError(f"{file}: cannot be read as Parquet ({reason})")


def check_types(frame: pl.LazyFrame, columns: Mapping[str, str], rows: Rows, *, where: object) -> None:
    """Check that columns have types that they can be read by.

    Args:
        frame: the source.
        columns: the source's column for each that is read.
        rows: how rows are read.
        where: the source, for messages.

    Raises:
        DataError: a column is of a wrong type.
    """
    schema = frame.collect_schema()
    for column, name in columns.items():
        if column in ("user", "item"):
            check_id(schema[name], column, name, where=where)
    typed = rows.clock is not None and rows.clock.unit == "typed"
    joined = rows.clock is not None and rows.clock.second == "joined"
    if "timestamp" in columns and not joined and schema[columns["timestamp"]].is_temporal() != typed:
        raise DataError(f"{where}: the timestamp (column {columns['timestamp']!r}) is of another type than before")


def typed_columns(
    batch: pl.DataFrame,
    columns: Mapping[str, str],
    rows: Rows,
    *,
    where: object,
    before: int,
    keep: pl.Expr | None = None,
) -> pl.DataFrame:
    """The columns of a `fearec_cli.api.Log`.

    Args:
        batch: rows of the source, under the log's names.
        columns: the source's column for each of them.
        rows: how rows are read.
        where: the source, for messages.
        before: how many rows of the source come before these.
        keep: which rows are read at all, in the log's names; all of them when None.

    Raises:
        DataError: an id is missing, a time or a rating is none; names the row.
    """
    raw = batch.with_row_index("row")
    return rows.table(
        Batch(
            raw if keep is None else raw.filter(keep),
            where,
            columns,
            place=lambda row: f"row {before + row + 1}",
            value=lambda row, column: batch[column][row],
        )
    )
