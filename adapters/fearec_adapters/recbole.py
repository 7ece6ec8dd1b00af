"""RecBole's atomic files: tab-separated, each column named with its type in the first line."""

from pathlib import Path

from fearec_adapters._columns import Table
from fearec_adapters._files import existing_file, source_of
from fearec_cli.api import Component, Field, Log, Options, hookimpl
from fearec_cli.errors import DataError


class RecBoleOptions(Options):
    """Column names, without their types."""

    user: str = Field("user_id", min_length=1, description="column of the user")
    item: str = Field("item_id", min_length=1, description="column of the item")
    time: str = Field("timestamp", description='column of the time in seconds since 1970; "" to leave it unread')
    rating: str = Field("rating", description='column of the rating; "" to leave it unread')


class RecBole:
    """Reads .inter and .inter.gz."""

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
        by_name = {name.partition(":")[0]: name for name in table.columns}
        wanted = {"user": "user", "item": "item", "timestamp": "time", "rating": "rating"}
        columns = {}
        for column, option in wanted.items():
            name = getattr(self._options, option)
            if name in by_name:
                columns[column] = by_name[name]
            elif column in ("user", "item") or (name and option in self._options.model_fields_set):
                raise DataError(
                    f"{file}: has no column {name!r} (recbole.{option}); its columns are: "
                    f"{', '.join(by_name)}; choose by --set recbole.{option}=NAME"
                )
        notes = {"times": "read as s, UTC" if "timestamp" in columns else "none"}
        return Log(frame=table.log_frame(columns, "s"), source=source_of(file, "recbole"), notes=notes)


@hookimpl
def fearec_adapters() -> list[Component]:
    """RecBole's atomic files."""
    return [
        Component(
            name="recbole",
            options=RecBoleOptions,
            build=RecBole,
            summary="An interaction file of RecBole (.inter), with or without .gz.",
            source="a local file; RecBole, atomic files",
        )
    ]
