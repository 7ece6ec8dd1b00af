"""One JSON object a line (jsonlines.org), or one Python literal a line, as Steam's reviews are published."""

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from fearec_adapters.files.finding import find_files
from fearec_adapters.reading.columns import TextColumnOptions, choose
from fearec_adapters.reading.json_lines import batches, first_keys, objects, sample
from fearec_adapters.reading.rows import Rows
from fearec_cli.api import Component, Log


class JsonLines:
    """Reads .jsonl and .json, packed as .gz or .zip or not packed."""

    def __init__(self, options: TextColumnOptions) -> None:
        self._options = options

    def read(self, path: Path | None) -> Log:
        """Read a file, a directory or a pattern such as `logs/*.jsonl`.

        Raises:
            DataError: no file, or no such key in one's first object; and when it is read, a bad line; names file,
                line and value.
        """
        options = self._options
        found = find_files(path, "jsonl", (".jsonl", ".json", ".ndjson"), encoding=options.encoding)
        files = found.files
        columns = [choose(first_keys(file), options, where=f"{file}, line 1", adapter="jsonl") for file in files]
        rows = Rows.of(options, sample(objects(files[0]), columns[0], file=files[0]), "jsonl")

        def read() -> Iterator[pl.DataFrame]:
            for file, keys in zip(files, columns, strict=True):
                yield from batches(objects(file), keys, rows, file=file)

        return Log(
            frame=rows.frame(columns[0], read),
            source=found.source(),
            notes={**found.notes, **rows.notes(columns[0])},
            tally=rows.tally,
        )


COMPONENT = Component(
    name="jsonl",
    options=TextColumnOptions,
    build=JsonLines,
    summary="One JSON object or Python literal a line: .jsonl, .json, a pattern, a directory; also .gz, .zip.",
    source="a local file; jsonlines.org, and Steam's reviews (cseweb.ucsd.edu/~jmcauley/datasets.html)",
)
