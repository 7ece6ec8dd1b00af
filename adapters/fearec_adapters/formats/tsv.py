"""Tab-separated tables, where a quotation mark is a character like any other (IANA text/tab-separated-values)."""

from pathlib import Path

from fearec_adapters.reading.columns import TableOptions
from fearec_adapters.reading.delimited import read_table
from fearec_cli.api import Component, Log


class Tsv:
    """Reads .tsv, .tsv.gz and .zip. For fields in quotes there is `csv` with its option `separator`."""

    def __init__(self, options: TableOptions) -> None:
        self._options = options

    def read(self, path: Path | None) -> Log:
        """Read a file, a directory or a pattern such as `logs/*.tsv`.

        Raises:
            DataError: no file, or no such column; and when it is read, a bad row; names file, line and value.
        """
        return read_table(path, self._options, adapter="tsv", separator="\t", quoted=False)


COMPONENT = Component(
    name="tsv",
    options=TableOptions,
    build=Tsv,
    summary="A table with tabs and without quotes: .tsv, a pattern of files or a directory; also .gz, .zip.",
    source="a local file; IANA text/tab-separated-values",
)
