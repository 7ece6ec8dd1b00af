"""Parquet files: one, several by a pattern, or all of a directory, in the order of their names."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import polars as pl

from fearec_adapters._columns import ColumnOptions, choose, column_notes
from fearec_adapters._many import existing_files, source_of_files
from fearec_adapters._times import Clock
from fearec_adapters._typed import check_types, clock_of, typed_columns
from fearec_cli.api import Component, Log, hookimpl, lazy_log
from fearec_cli.errors import DataError

# Rows that are turned into a log's columns together.
_BATCH = 2**20
_FAULTS = (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError)


class Parquet:
    """Reads .parquet. Of several files, each must have the columns, and the first decides about the times."""

    def __init__(self, options: ColumnOptions) -> None:
        self._options = options

    def read(self, path: Path | None) -> Log:
        """Read a file, a directory or a pattern such as `logs/*.parquet`.

        Raises:
            DataError: no file, or no such column; and when it is read, a bad row; names file and row.
        """
        files = []
        for file in existing_files(path, "parquet", (".parquet",)):
            if not isinstance(file, Path):
                raise DataError(f"{path}: is a .zip; unpack it, Parquet is compressed by itself")
            files.append(file)
        frame, notes = read_parquet(files, self._options, adapter="parquet")
        return Log(frame=frame, source=source_of_files(files, path, "parquet"), notes=notes)


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
            scan = pl.scan_parquet(file, glob=False)
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
        scan = pl.scan_parquet(file, glob=False).select(wanted)
        for batch in scan.collect_batches(chunk_size=_BATCH, maintain_order=True):
            yield typed_columns(batch, columns, clock, where=file, before=before, keep=keep)
            before += len(batch)
    except _FAULTS as error:
        raise _damaged(file, error) from None


def _damaged(file: Path, error: BaseException) -> DataError:
    reason = " ".join(str(error).split())[:200]
    return DataError(f"{file}: cannot be read as Parquet ({reason})")


@hookimpl
def fearec_adapters() -> list[Component]:
    """Parquet files."""
    return [
        Component(
            name="parquet",
            options=ColumnOptions,
            build=Parquet,
            summary="Parquet: a file, a pattern of files in quotes, or a directory.",
            source="a local file or files; parquet.apache.org",
        )
    ]
