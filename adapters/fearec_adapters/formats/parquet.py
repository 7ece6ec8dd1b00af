"""Parquet files: one, several by a pattern, or all of a directory, in the order of their names."""

from pathlib import Path

from fearec_adapters.reading.columns import ColumnOptions
from fearec_adapters.reading.many import existing_files, files_note, source_of_files
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
        files = []
        for file in existing_files(path, "parquet", (".parquet",)):
            if not isinstance(file, Path):
                raise DataError(f"{path}: is a .zip; unpack it, Parquet is compressed by itself")
            files.append(file)
        frame, notes = read_parquet(files, self._options, adapter="parquet")
        return Log(frame=frame, source=source_of_files(files, path, "parquet"), notes={**files_note(files), **notes})


COMPONENT = Component(
    name="parquet",
    options=ColumnOptions,
    build=Parquet,
    summary="Parquet: a file, a pattern of files in quotes, or a directory.",
    source="a local file or files; parquet.apache.org",
)
