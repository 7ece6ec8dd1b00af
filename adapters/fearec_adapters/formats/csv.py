"""Comma-separated tables, and other tables with one interaction a line and a separator of one character."""

from pathlib import Path

from fearec_adapters.reading.columns import TableOptions
from fearec_adapters.reading.delimited import read_table
from fearec_cli.api import Component, Field, Log


class CsvOptions(TableOptions):
    """Where the columns are, and what is between them."""

    separator: str = Field(
        ",",
        min_length=1,
        max_length=1,
        pattern=r"[\x01-\x7f]",
        json_schema_extra={
            "form": "one ASCII character; for tabs use the source tsv, for '::' csv.separator=: and columns 1, 3, 5, 7"
        },
        description="between fields",
    )


class Csv:
    """Reads .csv, .csv.gz and .zip, as RFC 4180 defines it: quotes, CRLF and a byte-order mark are understood."""

    def __init__(self, options: CsvOptions) -> None:
        self._options = options

    def read(self, path: Path | None) -> Log:
        """Read a file, a directory or a pattern such as `logs/*.csv`.

        Raises:
            DataError: no file, or no such column; and when it is read, a bad row; names file, line and value.
        """
        return read_table(path, self._options, adapter="csv", separator=self._options.separator, quoted=True)


COMPONENT = Component(
    name="csv",
    options=CsvOptions,
    build=Csv,
    summary="A table with one interaction a line: .csv, a pattern of files or a directory; also .gz, .zip.",
    source="a local file; RFC 4180",
)
