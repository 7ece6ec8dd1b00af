"""One JSON object a line (jsonlines.org), or one Python literal a line, as Steam's reviews are published."""

import functools
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from fearec_adapters.reading.columns import ColumnOptions, choose, column_notes
from fearec_adapters.reading.json_lines import batches, clock_of, first_keys, objects
from fearec_adapters.reading.many import existing_files, files_note, source_of_files
from fearec_cli.api import Component, Log, lazy_log


class JsonLines:
    """Reads .jsonl and .json, packed as .gz or .zip or not packed."""

    def __init__(self, options: ColumnOptions) -> None:
        self._options = options

    def read(self, path: Path | None) -> Log:
        """Read a file, a directory or a pattern such as `logs/*.jsonl`.

        Raises:
            DataError: no file, or no such key in one's first object; and when it is read, a bad line; names file,
                line and value.
        """
        files = existing_files(path, "jsonl", (".jsonl", ".json", ".ndjson"))
        columns = [choose(first_keys(file), self._options, where=f"{file}, line 1", adapter="jsonl") for file in files]
        clock = clock_of(functools.partial(objects, files[0]), columns[0], self._options.unit, file=files[0])

        def read() -> Iterator[pl.DataFrame]:
            for file, keys in zip(files, columns, strict=True):
                yield from batches(objects(file), keys, clock, file=file)

        source = source_of_files(files, path, "jsonl")
        return Log(
            frame=lazy_log(columns[0], read),
            source=source,
            notes={**files_note(files), **column_notes(columns[0], clock)},
        )


COMPONENT = Component(
    name="jsonl",
    options=ColumnOptions,
    build=JsonLines,
    summary="One JSON object or Python literal a line: .jsonl, .json, a pattern, a directory; also .gz, .zip.",
    source="a local file; jsonlines.org, and Steam's reviews (cseweb.ucsd.edu/~jmcauley/datasets.html)",
)
