"""Parquet files: one, several by a pattern, or all of a directory, in the order of their names."""

import glob
import hashlib
from pathlib import Path

import polars as pl

from fearec_adapters._columns import ColumnOptions, choose, time_notes
from fearec_adapters._files import existing_file, source_of
from fearec_adapters._typed import clock_of, typed_columns
from fearec_cli.api import Component, Log, Source, hookimpl
from fearec_cli.errors import DataError


class Parquet:
    """Reads .parquet. Of several files, each must have the columns, and the first decides about the times."""

    def __init__(self, options: ColumnOptions) -> None:
        self._options = options

    def read(self, path: Path | None) -> Log:
        """Read a file, a directory or a pattern such as `logs/*.parquet`.

        Raises:
            DataError: no file, no such column, or a bad row; names file and row.
        """
        files = _files(path)
        frame, notes = read_parquet(files, self._options, adapter="parquet")
        sources = [source_of(file, "parquet") for file in files]
        if len(sources) == 1:
            return Log(frame=frame, source=sources[0], notes=notes)
        # One hash for all, as `sha256sum FILE...` lists them.
        listing = "".join(f"{source.sha256}  {source.location}\n" for source in sources)
        digest = hashlib.sha256(listing.encode(errors="surrogateescape")).hexdigest()
        source = Source(adapter="parquet", location=f"{path.name if path else ''} ({len(files)} files)", sha256=digest)
        return Log(frame=frame, source=source, notes=notes)


def read_parquet(
    files: list[Path], options: ColumnOptions, *, adapter: str, keep: pl.Expr | None = None
) -> tuple[pl.LazyFrame, dict[str, str]]:
    """The rows of files, one after another, and the notes.

    Args:
        files: read in this order.
        options: name the columns.
        adapter: prefix of the options, for messages.
        keep: which rows are read at all, in the log's names; all of them when None.

    Raises:
        DataError: a file is damaged, lacks a column or has a bad row; names file and row.
    """
    clock = None
    columns: dict[str, str] = {}
    tables = []
    for file in files:
        try:
            scan = pl.scan_parquet(file, glob=False)
            columns = choose(scan.collect_schema().names(), options, where=file, adapter=adapter)
            clock = clock or clock_of(scan, columns, options.unit, where=file)
            tables.append(typed_columns(scan, columns, clock, where=file, keep=keep))
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
            reason = " ".join(str(error).split())[:200]
            raise DataError(f"{file}: cannot be read as Parquet ({reason})") from None
    assert clock is not None
    return pl.concat(tables).lazy(), time_notes(columns, clock)


def _files(path: Path | None) -> list[Path]:
    if path is not None and path.is_dir():
        found = sorted(path.rglob("*.parquet"))
        if not found:
            raise DataError(f"{path}: has no .parquet file in it")
        return found
    if path is not None and glob.has_magic(str(path)) and not path.exists():
        found = sorted(Path(name) for name in glob.glob(str(path), recursive=True) if Path(name).is_file())
        if not found:
            raise DataError(f"{path}: no file fits this pattern")
        return found
    file = existing_file(path, "parquet")
    if not isinstance(file, Path):
        raise DataError(f"{path}: is a .zip; unpack it, Parquet is compressed by itself")
    return [file]


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
