"""RecBole's atomic files: tab-separated, each column named with its type in the first line."""

from pathlib import Path

from fearec_adapters.reading.columns import OPTION, named, time_notes
from fearec_adapters.reading.delimited import Table
from fearec_adapters.reading.files import existing_file, source_of
from fearec_adapters.reading.times import UNIT, TimeUnit
from fearec_cli.api import Component, Field, Log, Options
from fearec_cli.errors import DataError


class RecBoleOptions(Options):
    """Column names, without their types."""

    user: str = Field("user_id", min_length=1, description="column of the user")
    item: str = Field("item_id", min_length=1, description="column of the item")
    time: str = Field("timestamp", description='column of the time; "" to leave it unread')
    rating: str = Field("rating", description='column of the rating; "" to leave it unread')
    unit: TimeUnit = Field("auto", description=UNIT)


class RecBole:
    """Reads .inter, .inter.gz and .zip."""

    def __init__(self, options: RecBoleOptions) -> None:
        self._options = options

    def read(self, path: Path | None) -> Log:
        """Read a file. A column that the user named must be there; times and ratings otherwise need not.

        Raises:
            DataError: no file, no such column, or a bad row; names file, line and value.
        """
        file = existing_file(path, "recbole")
        # Tokens are not quoted: a quotation mark is a character like any other.
        table = Table.open(file, separator="\t", header=True, quoted=False)
        if len(table.columns) == 1 and table.columns[0].count(":") > 1:
            raise DataError(f"{file}: its first line has no tab; RecBole separates fields by tabs (field_separator)")
        names = [column.partition(":")[0] for column in table.columns]
        columns = {}
        for column, option in OPTION.items():
            name = getattr(self._options, option)
            must = column in ("user", "item") or (name and option in self._options.model_fields_set)
            if must or name in names:
                named(names, name, where=file, option=f"recbole.{option}")
                columns[column] = table.columns[names.index(name)]
                kind = columns[column].partition(":")[2]
                if column in ("user", "item") and kind.endswith("_seq"):
                    raise DataError(f"{file}: {name} is of type {kind}; an id is a token")
        frame, clock = table.log_frame(columns, self._options.unit)
        return Log(frame=frame, source=source_of(file, "recbole"), notes=time_notes(columns, clock))


COMPONENT = Component(
    name="recbole",
    options=RecBoleOptions,
    build=RecBole,
    summary="An interaction file of RecBole (.inter), with or without .gz.",
    source="a local file; RecBole, atomic files",
)
