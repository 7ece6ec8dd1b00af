"""One object a line: JSON, or a Python literal as older Amazon and Steam files have it; a line at a time.

Numbers are kept as the text that stands in the file, so that an id is that text whatever its type, and no
digit of a long one is lost. Literals are read by `ast.literal_eval`, which evaluates nothing.
"""

import ast
import json
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain, islice
from typing import Any

import polars as pl

from fearec_adapters.reading.columns import log_columns
from fearec_adapters.reading.files import File, text_lines
from fearec_adapters.reading.times import Clock, TimeUnit
from fearec_cli.api import lazy_log
from fearec_cli.errors import DataError

Object = tuple[int, dict[str, Any]]
"""Number of a line and what it holds."""

# Lines that are turned into columns at a time: only ids, times and ratings stay in memory.
_CHUNK = 65_536
_decode = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str).decode


def objects(file: File) -> Iterator[Object]:
    """The objects of a file, in its order; blank lines are passed over.

    Raises:
        DataError: the file is empty or cannot be read, or a line is not an object; names file and line.
    """
    lines = text_lines(file)
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


def log_frame(
    items: Callable[[], Iterable[Object]], columns: Mapping[str, str], unit: TimeUnit, *, file: File
) -> tuple[pl.LazyFrame, Clock]:
    """The columns of a `fearec_cli.api.Log` from objects, and how times were read.

    The frame reads the file anew whenever it is collected, and then raises a DataError that names file, line and
    value for an id that is missing, or a time or a rating that is none.

    Args:
        items: begins to read the objects, with their lines.
        columns: for "user", "item" and, if wanted, "timestamp" and "rating", the key.
        unit: what the times are written in.
        file: for messages.

    Raises:
        DataError: there is no object, or the first one's time is of no kind.
    """
    clock = clock_of(items, columns, unit, file=file)
    return lazy_log(columns, lambda: batches(items(), columns, clock, file=file)), clock


def clock_of(items: Callable[[], Iterable[Object]], columns: Mapping[str, str], unit: TimeUnit, *, file: File) -> Clock:
    """How times are read, as the first of them decides if the unit does not; as in `log_frame`.

    Raises:
        DataError: there is no object, or the first one's time is of no kind.
    """
    first = next(iter(items()), None)
    if first is None:
        raise DataError(f"{file}: no line is in the window that was asked for")
    if "timestamp" not in columns:
        return Clock.of(unit, "")
    number, found = first
    key = columns["timestamp"]
    return Clock.of(unit, _text(found.get(key), file, number, "timestamp", key) or "")


def batches(items: Iterable[Object], columns: Mapping[str, str], clock: Clock, *, file: File) -> Iterator[pl.DataFrame]:
    """The columns of a `fearec_cli.api.Log`, some rows at a time; as in `log_frame`."""
    rest = iter(items)
    schema = {"row": pl.Int64, **dict.fromkeys(columns, pl.String)}
    while chunk := list(islice(rest, _CHUNK)):
        values = {
            column: [_text(found.get(key), file, number, column, key) for number, found in chunk]
            for column, key in columns.items()
        }
        raw = pl.DataFrame({"row": [number for number, _ in chunk], **values}, schema=schema)
        lines = {number: place for place, (number, _) in enumerate(chunk)}
        yield log_columns(
            raw,
            clock,
            where=file,
            names=columns,
            place=lambda row: f"line {row}",
            value=lambda row, column, values=values, lines=lines: values[column][lines[row]],  # type: ignore[misc]
        )


def _parse(text: str) -> Any:
    try:
        return _decode(text)
    except (ValueError, RecursionError):
        pass
    try:
        with warnings.catch_warnings():
            # Reviews have backslashes that are no escapes, of which Python warns.
            warnings.simplefilter("ignore")
            return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return None


def _text(value: Any, file: File, line: int, column: str, key: str) -> str | None:
    """A text or number as text, None where nothing stands."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        kind = type(value).__name__
        raise DataError(f"{file}, line {line}: the {column} (key {key!r}) is a {kind}, not a text or a number")
    text = str(value)
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise DataError(f"{file}, line {line}: the {column} (key {key!r}) has half a character in it") from None
    return text
