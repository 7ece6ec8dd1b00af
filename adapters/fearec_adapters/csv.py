"""Comma-separated tables, and whatever else has one interaction a line and a separator of one character."""

from pathlib import Path

from fearec_adapters._columns import Table, TimeUnit
from fearec_adapters._files import existing_file, source_of
from fearec_cli.api import Component, Field, Log, Options, hookimpl
from fearec_cli.errors import DataError

_COLUMN = "name, or number from 1"


class CsvOptions(Options):
    """Where the columns are. A number is a position, a text is a name in the first line."""

    user: int | str = Field("user", description=f"column of the user ({_COLUMN})")
    item: int | str = Field("item", description=f"column of the item ({_COLUMN})")
    time: int | str = Field(
        "timestamp", description=f'column of the time ({_COLUMN}); "" if the lines of a user are oldest first'
    )
    rating: int | str = Field("", description=f'column of the rating ({_COLUMN}); "" if there is none')
    unit: TimeUnit = Field("s", description="times count seconds, ms, us or ns since 1970, or are ISO 8601 text")
    separator: str = Field(",", min_length=1, max_length=1, description="character between fields")
    header: bool = Field(True, description="the first line names the columns")


class Csv:
    """Reads .csv and .csv.gz, as RFC 4180 has it: quotes, CRLF and a byte-order mark are understood."""

    def __init__(self, options: CsvOptions) -> None:
        self._options = options

    def read(self, path: Path | None) -> Log:
        """Read a file.

        Raises:
            DataError: no file, no such column, or a bad row; names file, line and value.
        """
        options = self._options
        file = existing_file(path, "csv")
        table = Table.open(file, separator=options.separator, header=options.header, quoted=True)
        wanted = {
            "user": ("user", options.user),
            "item": ("item", options.item),
            "timestamp": ("time", options.time),
            "rating": ("rating", options.rating),
        }
        columns = {
            column: self._find(table, option, value)
            for column, (option, value) in wanted.items()
            if column in ("user", "item") or value != ""
        }
        notes = {"times": f"read as {options.unit}, UTC"} if "timestamp" in columns else {"times": "none"}
        return Log(frame=table.log_frame(columns, options.unit), source=source_of(file, "csv"), notes=notes)

    def _find(self, table: Table, option: str, value: int | str) -> str:
        names = table.columns
        if isinstance(value, int):
            if not 1 <= value <= len(names):
                raise DataError(f"{table.path}: csv.{option} = {value}, and the columns go from 1 to {len(names)}")
            return names[value - 1]
        if not table.header:
            raise DataError(
                f"{table.path}: csv.{option} = {value!r}, and without a header columns have no names: "
                f"give its number from 1 to {len(names)}, as in --set csv.{option}=1"
            )
        if value not in names:
            raise DataError(
                f"{table.path}: has no column {value!r} (csv.{option}); its columns are: {', '.join(names)}; "
                f"choose by --set csv.{option}=NAME"
            )
        return value


@hookimpl
def fearec_adapters() -> list[Component]:
    """Comma-separated tables."""
    return [
        Component(
            name="csv",
            options=CsvOptions,
            build=Csv,
            summary="A table with one interaction a line: .csv, .tsv, with or without .gz.",
            source="a local file; RFC 4180",
        )
    ]
