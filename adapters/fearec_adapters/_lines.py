"""One object a line: JSON, or a Python literal as older Amazon and Steam files have it; a line at a time.

Numbers are kept as the text that stands in the file, so that an id is that text whatever its type, and no
digit of a long one is lost. Literals are read by `ast.literal_eval`, which evaluates nothing.
"""

import ast
import json
import warnings
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice
from typing import Any

import polars as pl

from fearec_adapters._columns import first_time, log_columns
from fearec_adapters._files import File, text_lines
from fearec_adapters._times import Clock, TimeUnit
from fearec_cli.errors import DataError

Object = tuple[int, dict[str, Any]]
"""Number of a line and what it holds."""

# Lines that are turned into columns at a time: only ids, times and ratings stay in memory.
_CHUNK = 65_536
_decode = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str).decode


def objects(file: File) -> Iterator[Object]:
    """The objects of a file, in its order; blank lines are passed over.

    Raises:
        DataError: the file is empty or cannot be read, or a line is no object; names file and line.
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


def with_first(items: Iterator[Object]) -> tuple[dict[str, Any], Iterator[Object]]:
    """The first object of a file that has one, and all of them."""
    first = next(items)
    return first[1], chain([first], items)


def log_frame(
    items: Iterable[Object], columns: Mapping[str, str], unit: TimeUnit, *, file: File
) -> tuple[pl.LazyFrame, Clock]:
    """The columns of a `fearec_cli.api.Log` from objects, and how times were read.

    Args:
        items: the objects with their lines.
        columns: for "user", "item" and, if wanted, "timestamp" and "rating", the key.
        unit: what the times are written in.
        file: for messages.

    Raises:
        DataError: there is none, an id is missing, a time or a rating is none; names file, line and value.
    """
    rest = iter(items)
    clock: Clock | None = None
    tables: list[pl.DataFrame] = []
    while chunk := list(islice(rest, _CHUNK)):
        values = {
            column: [_text(found.get(key), file, number, column, key) for number, found in chunk]
            for column, key in columns.items()
        }
        schema = {"row": pl.Int64, **dict.fromkeys(columns, pl.String)}
        raw = pl.DataFrame({"row": [number for number, _ in chunk], **values}, schema=schema)
        clock = clock or Clock.of(unit, first_time(raw.lazy()))
        lines = {number: place for place, (number, _) in enumerate(chunk)}
        table = log_columns(
            raw.lazy(),
            clock,
            where=file,
            names=columns,
            place=lambda row: f"line {row}",
            value=lambda row, column, values=values, lines=lines: values[column][lines[row]],  # type: ignore[misc]
        )
        tables.append(table)
    if clock is None:
        raise DataError(f"{file}: no line is in the window that was asked for")
    return pl.concat(tables).lazy(), clock


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
