"""Columns as a source has them to a log's columns: chosen by name, read, every bad row named.

Ids come as text and stay what stands in the file: 007 keeps its zeros, and NA and null are ids like any
other.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import polars as pl

from fearec_adapters.reading.messages import shown
from fearec_adapters.reading.times import UNIT, Clock, TimeUnit
from fearec_cli.api import Field, Options
from fearec_cli.errors import DataError

OPTION = {"user": "user", "item": "item", "timestamp": "time", "rating": "rating"}
"""Columns of a log, and the option that names each."""


class ColumnOptions(Options):
    """Names of the columns, for sources whose columns always have names."""

    user: str = Field("user", min_length=1, description="column of the user")
    item: str = Field("item", min_length=1, description="column of the item")
    time: str = Field("timestamp", description='column of the time; "" if the rows of a user are oldest first')
    rating: str = Field("", description='column of the rating; "" if there is none')
    unit: TimeUnit = Field("auto", description=UNIT)


class TableOptions(Options):
    """Where the columns of a table are. A number is a position, a text is a name in the first line."""

    user: int | str = Field("user", description="column of the user (name, or number from 1)")
    item: int | str = Field("item", description="column of the item (name, or number from 1)")
    time: int | str = Field("timestamp", description='column of the time; "" if the lines of a user are oldest first')
    rating: int | str = Field("", description='column of the rating; "" if there is none')
    unit: TimeUnit = Field("auto", description=UNIT)
    header: bool = Field(True, description="the first line names the columns")


def choose(
    names: Sequence[str], options: Options, *, where: object, adapter: str, header: bool = True
) -> dict[str, str]:
    """For each wanted column of a log, the source's column.

    Args:
        names: the source's columns.
        options: has user, item, time and rating, each a name, a number from 1, or "" for none.
        where: the source, for messages.
        adapter: prefix of the options, for messages.
        header: whether the names are the source's own; without, columns go by number.

    Raises:
        DataError: there is no such column, or two; says which there are.
    """
    found = {}
    for column, option in OPTION.items():
        value = getattr(options, option)
        label = f"{adapter}.{option}"
        if value == "" and column not in ("user", "item"):
            continue
        if isinstance(value, int):
            if not 1 <= value <= len(names):
                raise DataError(f"{where}: {label} = {value}, and the columns go from 1 to {len(names)}")
            found[column] = names[value - 1]
        elif not header:
            raise DataError(
                f"{where}: {label} = {value!r}, and without a header columns have no names: "
                f"give its number from 1 to {len(names)}, as in --set {label}=1"
            )
        else:
            found[column] = named(names, value, where=where, option=label)
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


def first_time(raw: pl.LazyFrame) -> object:
    """The first time of a frame that has one, which decides about the unit of all; "" where none has."""
    if "timestamp" not in raw.collect_schema():
        return ""
    column = pl.col("timestamp")
    there = column.is_not_null() & (column.cast(pl.String) != "")
    found = raw.filter(there).select("timestamp").head(1).collect()["timestamp"]
    return found[0] if len(found) else ""


def time_notes(columns: Mapping[str, str], clock: Clock) -> dict[str, str]:
    """The note on how times were read, for `fearec_cli.api.Log.notes`."""
    return {"times": clock.note if "timestamp" in columns else "none"}


def column_notes(columns: Mapping[str, str], clock: Clock) -> dict[str, str]:
    """The notes on which columns were chosen, and how times were read."""
    return {
        "columns": ", ".join(f"{column} = {name}" for column, name in columns.items()),
        **time_notes(columns, clock),
    }


def log_columns(
    raw: pl.DataFrame,
    clock: Clock,
    *,
    where: object,
    names: Mapping[str, str],
    place: Callable[[int], str],
    value: Callable[[int, str], object],
) -> pl.DataFrame:
    """The columns of a `fearec_cli.api.Log`, of some rows.

    Args:
        raw: the source's columns under the log's names, and "row", which numbers them.
        clock: how times are read.
        where: the source, for messages.
        names: of the log's columns in the source, for messages.
        place: says where a row is, as in "line 3".
        value: what stands in the source in a row and a column of the log; None or "" where nothing.

    Raises:
        DataError: an id is missing, a time or a rating is none; names file, line and value.
    """
    schema = raw.schema
    parsed = []
    for column, name in names.items():
        dtype = schema[column]
        if column == "timestamp":
            parsed.append(clock.microseconds(pl.col(column), dtype).alias(column))
        elif column == "rating":
            parsed.append(_finite(pl.col(column), dtype).alias(column))
        else:
            check_id(dtype, column, name, where=where)
            parsed.append(pl.col(column).cast(pl.String, strict=False).replace("", None).alias(column))
    table = raw.select("row", *parsed)
    if not table.null_count().sum_horizontal().item():
        return table.drop("row")
    bad = table.filter(pl.any_horizontal(pl.all().is_null())).head(1)
    row: Mapping[str, Any] = bad.row(0, named=True)
    column = next(column for column in names if row[column] is None)
    found = value(row["row"], column)
    if found is None or not str(found).strip():
        fault = "is missing"
    elif column == "timestamp":
        fault = clock.fault(found)
    else:
        fault = f"{shown(found)} is not a number" if column == "rating" else f"{shown(found)} is not text"
    message = f"{where}, {place(row['row'])}: the {column} (column {names[column]!r}) {fault}"
    raise DataError(" ".join(message.split()))


def check_id(dtype: pl.DataType, column: str, name: str, *, where: object) -> None:
    """Refuse a column whose values could be written in more ways than one.

    Raises:
        DataError: it is of such a type.
    """
    if dtype.is_nested() or dtype.is_float() or dtype.is_temporal() or dtype == pl.Boolean:
        raise DataError(f"{where}: the {column} (column {name!r}) is of type {dtype}, and ids are text or numbers")


def _finite(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    number = (column.str.strip_chars() if dtype == pl.String else column).cast(pl.Float64, strict=False)
    return pl.when(number.is_finite()).then(number)
