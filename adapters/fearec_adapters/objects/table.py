"""Objects to the columns of a log: only ids, times and ratings stay in memory, some rows at a time."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

import polars as pl

from fearec_adapters.files.file import File
from fearec_adapters.objects import nested
from fearec_adapters.objects.parsing import Object, objects
from fearec_adapters.reading.rows import Rows
from fearec_adapters.reading.times import SAMPLE
from fearec_adapters.reading.values import Batch
from fearec_cli.errors import DataError

# Rows that are turned into columns at a time, and characters that they have at most.
_CHUNK = 65_536
_LARGEST = 2**24
# Objects whose keys name the columns: the first may lack some, or have an empty list.
_FIRST = 100

_Row = tuple[int, list[Any]]
"""Number of the object's line, and the values."""


def names_of(file: File) -> list[str]:
    """The names of the columns, by the first objects of a file; of nested ones with points, as in "product.id".

    Raises:
        DataError: the file is empty or cannot be read, or one of these is no object.
    """
    first = islice(objects(file), _FIRST)
    return list(dict.fromkeys(name for _, found in first for name in nested.names(found)))


def sample(items: Iterable[Object], columns: Mapping[str, str], *, file: File) -> pl.DataFrame:
    """The first rows, as text under the log's names: they show how times are written.

    Raises:
        DataError: there is no object, or a value is of no kind.
    """
    first = list(islice(_rows(items, columns, file), SAMPLE))
    if not first:
        raise DataError(f"{file}: has no interaction of those that are asked for")
    # A bad value is named when the frame is read: here it says nothing about the others.
    texts = [[_printable(_text(value)) for value in row] for _, row in first]
    values = dict(zip(columns, map(list, zip(*texts, strict=True)), strict=True))
    return pl.DataFrame(values, schema=dict.fromkeys(columns, pl.String))


def frame(items: Callable[[], Iterable[Object]], columns: Mapping[str, str], rows: Rows, *, file: File) -> pl.LazyFrame:
    """The columns of a `fearec_cli.api.Log` from objects.

    The frame reads the file anew whenever it is collected, and then raises a DataError that names file, line and
    value for an id that is missing, or a time or a rating that is none.

    Args:
        items: begins to read the objects, with their lines.
        columns: the name for each column that is read.
        rows: how rows are read.
        file: for messages.
    """
    return rows.frame(columns, lambda: batches(items(), columns, rows, file=file))


def batches(items: Iterable[Object], columns: Mapping[str, str], rows: Rows, *, file: File) -> Iterator[pl.DataFrame]:
    """The columns of a `fearec_cli.api.Log`, some rows at a time; as in `frame`."""
    schema = {"row": pl.Int64, **dict.fromkeys(columns, pl.String)}
    for chunk in _chunks(_rows(items, columns, file)):
        values = {
            column: [_checked(row[place], file, number, column, name) for number, row in chunk]
            for place, (column, name) in enumerate(columns.items())
        }
        # By place in the chunk, for the value that a message shows.
        raw = pl.DataFrame({"row": range(len(chunk)), **values}, schema=schema)
        yield rows.table(
            Batch(
                raw,
                file,
                columns,
                place=lambda row, chunk=chunk: f"line {chunk[row][0]}",  # type: ignore[misc]
                value=lambda row, column, values=values: values[column][row],  # type: ignore[misc]
            )
        )


def _rows(items: Iterable[Object], columns: Mapping[str, str], file: File) -> Iterator[_Row]:
    for number, found in items:
        for row in nested.rows(found, columns, f"{file}, line {number}"):
            yield number, row


def _chunks(rows: Iterable[_Row]) -> Iterator[list[_Row]]:
    chunk: list[_Row] = []
    size = 0
    for row in rows:
        chunk.append(row)
        size += sum(len(value) for value in row[1] if type(value) is str)
        if len(chunk) == _CHUNK or size > _LARGEST:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _text(value: Any) -> str | None:
    """A text or number as text, None for anything else."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict) and len(value) == 1:
        # MongoDB's exports: {"$date": ...}, {"$oid": ...}, {"$numberLong": ...}.
        ((key, inner),) = value.items()
        return _text(inner) if str(key).startswith("$") else None
    return str(value) if isinstance(value, str | int | float) else None


def _printable(text: str | None) -> str | None:
    return text if text is None or text.isascii() else text.encode(errors="replace").decode()


def _checked(value: Any, file: File, line: int, column: str, key: str) -> str | None:
    """The same; something else is an error."""
    if value is None:
        return None
    text = _text(value)
    if text is None or (isinstance(value, bool) and not column.startswith("where")):
        kind = type(value).__name__
        raise DataError(f"{file}, line {line}: the {column} (key {key!r}) is a {kind}, not a text or a number")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise DataError(f"{file}, line {line}: the {column} (key {key!r}) has half a character in it") from None
    return text
