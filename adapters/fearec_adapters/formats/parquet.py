"""Parquet files: one, several by a pattern, or all of a directory, in the order of their names."""

from pathlib import Path

from fearec_adapters.files.finding import find_files
from fearec_adapters.reading.columns import ColumnOptions
from fearec_adapters.reading.parquet import read_parquet
from fearec_cli.api import Component, Log
from fearec_cli.errors import DataError


class Parquet:
    """Reads .parquet. Of several files, each must have the columns, and the first decides about the times."""

    def __init__(self, options: ColumnOptions) -> None:
        self._options = options

    def read(self, path: Path | None) -> Log:
        """Read a file, a directory or a pattern such as `logs/*.parquet`.

        Raises:
            DataError: no file, or no such column; and when it is read, a bad row; names file and row.
        """
        found = find_files(path, "parquet", (".parquet",))
        if any(file.member for file in found.files):
            raise DataError(f"{path}: is a .zip; unpack it, Parquet is compressed by itself")
        files = [file.path for file in found.files]
        frame, notes, tally = read_parquet(files, self._options, adapter="parquet")
        return Log(frame=frame, source=found.source(), notes={**found.notes, **notes}, tally=tally)


COMPONENT = Component(
    name="parquet",
    options=ColumnOptions,
    build=Parquet,
    summary="Parquet: a file, a pattern of files in quotes, or a directory.",
    source="a local file or files; parquet.apache.org",
)
