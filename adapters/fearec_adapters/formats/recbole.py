"""RecBole's atomic files: tab-separated, each column named with its type in the first line."""

from pathlib import Path

from fearec_adapters.files.finding import find_file
from fearec_adapters.reading.columns import OPTION, TextColumnOptions, choose
from fearec_adapters.reading.delimited import Table
from fearec_adapters.reading.rows import Rows
from fearec_cli.api import Component, Field, Log
from fearec_cli.errors import DataError


class RecBoleOptions(TextColumnOptions):
    """Column names, without their types."""

    user: str = Field("user_id", min_length=1, description="column of the user")
    item: str = Field("item_id", min_length=1, description="column of the item")
    rating: str = Field("rating", description='column of the rating; "" to leave it unread')


class RecBole:
    """Reads .inter, .inter.gz and .zip."""

    def __init__(self, options: RecBoleOptions) -> None:
        self._options = options

    def read(self, path: Path | None) -> Log:
        """Read a file. A column that the user named must be there; times and ratings otherwise need not.

        Raises:
            DataError: no file, no such column, or a bad row; names file, line and value.
        """
        options = self._options
        file = find_file(path, "recbole", encoding=options.encoding)
        # Tokens are not quoted: a quotation mark is a character like any other.
        table = Table.open(file, separator="\t", header=True, quoted=False)
        if len(table.columns) == 1 and table.columns[0].count(":") > 1:
            raise DataError(f"{file}: its first line has no tab; RecBole separates fields by tabs (field_separator)")
        names = [column.partition(":")[0] for column in table.columns]
        # What is there by default need not be there.
        absent = {
            option: ""
            for option in ("time", "rating")
            if option not in options.model_fields_set and getattr(options, option) not in names
        }
        chosen = choose(names, options.model_copy(update=absent), where=file, adapter="recbole")
        columns = {column: table.columns[names.index(name)] for column, name in chosen.items()}
        for column in ("user", "item"):
            kind = columns[column].partition(":")[2]
            if kind.endswith("_seq"):
                raise DataError(f"{file}: {getattr(options, OPTION[column])} is of type {kind}; an id is a token")
        rows = Rows.of(options, table.sample(columns), "recbole")
        frame = table.frame(columns, rows)
        return Log(frame=frame, source=file.source(), notes=rows.time_notes(), tally=rows.tally)


COMPONENT = Component(
    name="recbole",
    options=RecBoleOptions,
    build=RecBole,
    summary="An interaction file of RecBole (.inter), with or without .gz.",
    source="a local file; RecBole, atomic files",
)
