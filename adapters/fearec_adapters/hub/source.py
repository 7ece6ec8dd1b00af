"""Any data set of the Hugging Face Hub: `fearec prepare hub:OWNER/NAME/path/file.csv --set hub.user=...`."""

import functools
from pathlib import Path

from fearec_adapters.files.file import File
from fearec_adapters.hub.download import fetch
from fearec_adapters.hub.table import HubTable
from fearec_adapters.objects.parsing import objects
from fearec_adapters.objects.table import frame, names_of, sample
from fearec_adapters.reading.columns import ColumnOptions, choose
from fearec_adapters.reading.parquet import read_parquet
from fearec_adapters.reading.rows import Rows
from fearec_cli.api import Component, Field, Log
from fearec_cli.errors import DataError

_HOW = "fearec prepare hub:OWNER/NAME/path/file.csv"
_LINES = (".jsonl", ".json", ".ndjson")


class HubOptions(ColumnOptions):
    """Which file, and its columns."""

    location: str = Field("", description="OWNER/NAME/path/file; what comes after `hub:` on the command line")
    revision: str = Field("main", min_length=1, description="branch, tag or commit of the repository")


class Hub:
    """Reads one file of a repository: .csv, .jsonl or .json (one object a line), each also as .gz, or .parquet."""

    def __init__(self, options: HubOptions) -> None:
        self._options = options

    def read(self, path: Path | None) -> Log:
        """Fetch and read the file.

        Raises:
            DataError: it cannot be had, has no such column, or a bad row; names file, line and value.
        """
        if path is not None:
            raise DataError(f"{path}: the source hub reads no local file; use csv, jsonl or parquet")
        repository, name = self._location()
        kinds = [suffix for suffix in Path(name).suffixes if suffix != ".gz"]
        kind = kinds[-1] if kinds else ""
        if kind not in (".csv", ".parquet", *_LINES):
            raise DataError(f"hub:{repository}/{name}: is not a .csv, .jsonl, .json or .parquet; only those are read")
        fetched = fetch(repository, name, self._options.revision)
        file, options = fetched.file, self._options
        if kind == ".parquet":
            table, notes, tally = read_parquet([file], options, adapter="hub")
            return Log(frame=table, source=fetched.source("hub"), notes={**notes, **fetched.notes}, tally=tally)
        if kind == ".csv":
            hub_table = HubTable(file)
            columns = choose(hub_table.columns, options, where=file, adapter="hub")
            rows = Rows.of(options, hub_table.sample(columns), "hub")
            table = hub_table.frame(columns, rows)
        else:
            text = File(file, "hub")
            columns = choose(names_of(text), options, where=file, adapter="hub")
            rows = Rows.of(options, sample(objects(text), columns, file=text), "hub")
            table = frame(functools.partial(objects, text), columns, rows, file=text)
        notes = {**rows.notes(columns), **fetched.notes}
        return Log(frame=table, source=fetched.source("hub"), notes=notes, tally=rows.tally)

    def _location(self) -> tuple[str, str]:
        """Repository, and path in it."""
        parts = self._options.location.removeprefix("datasets/").split("/")
        if len(parts) < 3 or not all(part.strip(".") for part in parts):
            raise DataError(f"hub:{self._options.location}: names no file of a repository; write {_HOW}")
        return "/".join(parts[:2]), "/".join(parts[2:])


COMPONENT = Component(
    name="hub",
    options=HubOptions,
    build=Hub,
    summary=f"Any file of a Hugging Face data set: `{_HOW}`.",
    source="huggingface.co/datasets",
)
