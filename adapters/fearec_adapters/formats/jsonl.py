"""JSON objects, one a line (jsonlines.org) or in an array; or one Python literal a line, as Steam's reviews have it.

A column's name may reach into objects and lists (`product.id`, `events.time`): `fearec_adapters.objects.nested`.
"""

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from fearec_adapters.files.finding import find_files
from fearec_adapters.objects.parsing import objects
from fearec_adapters.objects.table import batches, names_of, sample
from fearec_adapters.reading.columns import TextColumnOptions, choose
from fearec_adapters.reading.rows import Rows
from fearec_cli.api import Component, Log


class JsonLines:
    """Reads .jsonl and .json, packed as .gz or .zip or not packed."""

    def __init__(self, options: TextColumnOptions) -> None:
        self._options = options

    def read(self, path: Path | None) -> Log:
        """Read a file, a directory or a pattern such as `logs/*.jsonl`.

        Raises:
            DataError: no file, or no such key in one's first objects; and when it is read, a bad line; names file,
                line and value.
        """
        options = self._options
        found = find_files(path, "jsonl", (".jsonl", ".json", ".ndjson"), encoding=options.encoding)
        files = found.files
        columns = [choose(names_of(file), options, where=file, adapter="jsonl") for file in files]
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
    summary="JSON objects, one a line or in an array, nested ones by dotted names: .jsonl, .json; also .gz, .zip.",
    source="a local file; jsonlines.org, and Steam's reviews (cseweb.ucsd.edu/~jmcauley/datasets.html)",
)
