"""One JSON object a line (jsonlines.org), or one Python literal a line, as Steam's reviews are published."""

from pathlib import Path

from fearec_adapters._columns import ColumnOptions, choose, time_notes
from fearec_adapters._files import existing_file, source_of
from fearec_adapters._lines import log_frame, objects, with_first
from fearec_cli.api import Component, Log, hookimpl


class JsonLines:
    """Reads .jsonl and .json, packed as .gz or .zip or not packed."""

    def __init__(self, options: ColumnOptions) -> None:
        self._options = options

    def read(self, path: Path | None) -> Log:
        """Read a file.

        Raises:
            DataError: no file, no such key in its first object, or a bad line; names file, line and value.
        """
        file = existing_file(path, "jsonl")
        first, items = with_first(objects(file))
        columns = choose([str(key) for key in first], self._options, where=f"{file}, line 1", adapter="jsonl")
        frame, clock = log_frame(items, columns, self._options.unit, file=file)
        return Log(frame=frame, source=source_of(file, "jsonl"), notes=time_notes(columns, clock))


@hookimpl
def fearec_adapters() -> list[Component]:
    """Objects, one a line."""
    return [
        Component(
            name="jsonl",
            options=ColumnOptions,
            build=JsonLines,
            summary="One JSON object or Python literal a line: .jsonl, .json, with or without .gz, .zip.",
            source="a local file; jsonlines.org, and Steam's reviews (cseweb.ucsd.edu/~jmcauley/datasets.html)",
        )
    ]
