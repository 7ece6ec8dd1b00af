"""The options that name columns, and the columns that they name."""

from collections.abc import Mapping, Sequence
from typing import Any

from fearec_adapters.files.file import TextOptions
from fearec_adapters.reading.conditions import read_all
from fearec_adapters.reading.times import TimeOptions
from fearec_cli.api import Field, Options, RowOptions
from fearec_cli.errors import DataError

OPTION = {"user": "user", "item": "item", "timestamp": "time", "rating": "rating"}
"""Columns of a log, and the option that names each."""
_TIME = (
    'column of the time; "" if the {} of a user are oldest first; [DATE, TIME] or [DAY, SLOT] if two columns give it'
)
_WHOLE = "ids such as 5.0 are the whole numbers that they equal"


class NamedColumns(Options):
    """Names of the columns, for sources whose columns always have names."""

    user: str = Field("user", min_length=1, description="column of the user")
    item: str = Field("item", min_length=1, description="column of the item")
    time: str | tuple[str, str] = Field("timestamp", description=_TIME.format("rows"))
    rating: str = Field("", description='column of the rating; "" if there is none')
    whole_ids: bool = Field(False, description=_WHOLE)


class ColumnOptions(RowOptions, TimeOptions, NamedColumns):
    """Columns that always have names, and how they are read."""


class TextColumnOptions(RowOptions, TextOptions, TimeOptions, NamedColumns):
    """The same, in a text."""


class NumberedColumns(Options):
    """Where the columns of a table are. A number is a position, a text is a name in the first line."""

    user: int | str = Field("user", description="column of the user (name, or number from 1)")
    item: int | str = Field("item", description="column of the item (name, or number from 1)")
    time: int | str | tuple[int | str, int | str] = Field("timestamp", description=_TIME.format("lines"))
    rating: int | str = Field("", description='column of the rating; "" if there is none')
    header: bool = Field(True, description="the first line names the columns")
    whole_ids: bool = Field(False, description=_WHOLE)


class TableOptions(RowOptions, TextOptions, TimeOptions, NumberedColumns):
    """Where the columns of a table are, and how they are read."""


def choose(
    names: Sequence[str], options: Options, *, where: object, adapter: str, header: bool = True
) -> dict[str, str]:
    """The source's column for each that is read: of a log, "second" (of the time), and "where 0" and so on.

    Args:
        names: the source's columns.
        options: has user, item, time and rating, each a name, a number from 1, or "" for none; and `where`.
        where: the source, for messages.
        adapter: prefix of the options, for messages.
        header: whether the names are the source's own; without, columns go by number.

    Raises:
        DataError: there is no such column, or two; says which there are.
    """

    def column(value: int | str, label: str) -> str:
        if isinstance(value, int):
            if not 1 <= value <= len(names):
                raise DataError(f"{where}: {label} = {value}, and the columns go from 1 to {len(names)}")
            return names[value - 1]
        if not header:
            raise DataError(
                f"{where}: {label} = {value!r}, and without a header columns have no names: "
                f"give its number from 1 to {len(names)}, as in --set {label}=1"
            )
        return named(names, value, where=where, option=label)

    found = {}
    for key, option in OPTION.items():
        value: Any = getattr(options, option)
        label = f"{adapter}.{option}"
        if isinstance(value, tuple):
            found[key], found["second"] = (column(each, label) for each in value)
        elif value != "" or key in ("user", "item"):
            found[key] = column(value, label)
    for place, condition in enumerate(read_all(getattr(options, "where", ()), adapter)):
        name = condition.column
        is_number = not header and name.isascii() and name.isdigit()
        found[f"where {place}"] = column(int(name) if is_number else name, f"{adapter}.where")
    return found


def named(names: Sequence[str], name: str, *, where: object, option: str = "", hint: str = "") -> str:
    """The column of this name.

    Args:
        names: the source's columns.
        name: the wanted one.
        where: the source, for messages.
        option: what the user can name another one by.
        hint: end of the message otherwise.

    Raises:
        DataError: there is none, or more than one.
    """
    padded = [other for other in names if other.strip() == name]
    if name not in names and len(padded) == 1:
        # "user, item": the blank after the comma is not part of the name.
        return padded[0]
    if name not in names:
        there = ", ".join(names[:30])
        shown = f"{there[:1000]}, ..." if len(there) > 1000 or len(names) > 30 else there
        label, hint = (f" ({option})", f"; choose by --set {option}=NAME") if option else ("", hint)
        message = f"{where}: has no column {name!r}{label}; its columns are: {shown}{hint}"
        raise DataError(" ".join(message.split()))
    if names.count(name) > 1:
        raise DataError(f"{where}: has {names.count(name)} columns {name!r}; rename all but one")
    return name


def all_named(names: Sequence[str], wanted: Mapping[str, str], *, where: object, hint: str = "") -> dict[str, str]:
    """The source's column for each of a log's, of a published layout.

    Raises:
        DataError: there is none, or more than one.
    """
    return {column: named(names, name, where=where, hint=hint) for column, name in wanted.items()}
