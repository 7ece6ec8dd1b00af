"""One object a line: JSON, or a Python literal as older Amazon and Steam files have it; a line at a time.

Numbers are kept as the text in the file, so that an id is that text whatever its type, and no
digit of a long one is lost. Literals are read by `ast.literal_eval`, which evaluates nothing.
"""

import ast
import json
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain, islice
from typing import Any

import polars as pl

from fearec_adapters.files.file import File
from fearec_adapters.reading.rows import Rows
from fearec_adapters.reading.times import SAMPLE
from fearec_adapters.reading.values import Batch
from fearec_cli.errors import DataError

Object = tuple[int, dict[str, Any]]
"""Number of a line and what it holds."""

# Lines that are turned into columns at a time: only ids, times and ratings stay in memory.
_CHUNK = 65_536
_LONGEST_LITERAL = 2**20
_decode = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str).decode


def objects(file: File) -> Iterator[Object]:
    """The objects of a file, in its order; blank lines are passed over.

    Raises:
        DataError: the file is empty or cannot be read, or a line is not an object; names file and line.
    """
    lines = file.lines()
    first = next(lines, None)
    if first is None:
        raise DataError(f"{file}: is empty")
    for number, text in chain([first], lines):
        found = _parse(text)
        if not isinstance(found, dict):
            what = "is a web page (HTML)" if text.lower().startswith(("<!doctype html", "<html")) else f"{text[:40]!r}"
            raise DataError(f"{file}, line {number}: {what}, not one JSON object; each line must hold one")
        yield number, found


def first_keys(file: File) -> list[str]:
    """The keys of the first object of a file.

    Raises:
        DataError: the file is empty or cannot be read, or its first line is no object.
    """
    return [str(key) for key in next(objects(file))[1]]


def sample(items: Iterable[Object], columns: Mapping[str, str], *, file: File) -> pl.DataFrame:
    """The first rows, as text under the log's names: they show how times are written.

    Raises:
        DataError: there is no object, or a value is of no kind.
    """
    first = list(islice(items, SAMPLE))
    if not first:
        raise DataError(f"{file}: no line is in the window that was asked for")
    # A bad value is named when the frame is read: here it says nothing about the others.
    values = {key: [_printable(_text(found.get(name))) for _, found in first] for key, name in columns.items()}
    return pl.DataFrame(values, schema=dict.fromkeys(columns, pl.String))


def frame(items: Callable[[], Iterable[Object]], columns: Mapping[str, str], rows: Rows, *, file: File) -> pl.LazyFrame:
    """The columns of a `fearec_cli.api.Log` from objects.

    The frame reads the file anew whenever it is collected, and then raises a DataError that names file, line and
    value for an id that is missing, or a time or a rating that is none.

    Args:
        items: begins to read the objects, with their lines.
        columns: the key for each column that is read.
        rows: how rows are read.
        file: for messages.
    """
    return rows.frame(columns, lambda: batches(items(), columns, rows, file=file))


def batches(items: Iterable[Object], columns: Mapping[str, str], rows: Rows, *, file: File) -> Iterator[pl.DataFrame]:
    """The columns of a `fearec_cli.api.Log`, some rows at a time; as in `frame`."""
    rest = iter(items)
    schema = {"row": pl.Int64, **dict.fromkeys(columns, pl.String)}
    while chunk := list(islice(rest, _CHUNK)):
        values = {
            column: [_checked(found.get(key), file, number, column, key) for number, found in chunk]
            for column, key in columns.items()
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


def _parse(text: str) -> Any:
    try:
        return _decode(text)
    except (ValueError, RecursionError):
        pass
    if len(text) > _LONGEST_LITERAL:
        # Python's parser takes a hundred times the memory of the text.
        return None
    try:
        with warnings.catch_warnings():
            # Reviews have backslashes that are no escapes, of which Python warns.
            warnings.simplefilter("ignore")
            return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return None


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
