"""TOML and JSON of other people's files: bounded in size, depth and digits, with one kind of error."""

import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

LARGEST = 2**20
DEEPEST = 20
_DIGITS = re.compile(r"[0-9]{400,}")
# Begins where a part of a key does: from anywhere in a long part the search would take quadratic time.
_DEEP_KEY = re.compile(rf"(?<![^.=\n])(?:[^.=\n]+\.){{{DEEPEST}}}")


class ParseError(ValueError):
    """A text that is not what it should be, or is larger or deeper than any of ours."""


def parse_toml(text: str, largest: int = LARGEST) -> dict[str, Any]:
    """The table that a TOML text holds.

    Raises:
        ParseError: it is not TOML, or exceeds a bound.
    """
    _check_size(text, largest)
    if _DEEP_KEY.search(text) or text.count("[") > 10_000:
        raise ParseError(f"keys or lists are nested deeper than {DEEPEST}")
    try:
        return tomllib.loads(text.removeprefix("\ufeff"))
    except (ValueError, RecursionError) as error:
        raise ParseError(_reason(error)) from error


def parse_json(text: str, largest: int = LARGEST) -> Any:
    """The value that a JSON text holds.

    Raises:
        ParseError: it is not JSON, or exceeds a bound.
    """
    _check_size(text, largest)
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ParseError(_reason(error)) from error


def read_bounded(file: Path, largest: int = LARGEST) -> str:
    """The text of a regular file of at most so many bytes.

    Raises:
        ParseError: it is larger, not a regular file, or not UTF-8.
        OSError: it cannot be read.
    """
    if file.exists() and not file.is_file():
        raise ParseError("is not a regular file")
    with file.open("rb") as stream:
        content = stream.read(largest + 1)
    if len(content) > largest:
        raise ParseError(f"is larger than {largest:,} bytes")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ParseError(f"is not UTF-8: {error}") from error


def full_names(table: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """The values of a table and of the tables in it, by their full names.

    >>> full_names({"loss": "ce", "model": {"dim": 64}})
    {'loss': 'ce', 'model.dim': 64}
    """
    found: dict[str, Any] = {}
    for name, value in table.items():
        if isinstance(value, Mapping):
            found |= full_names(value, f"{prefix}{name}.")
        else:
            found[prefix + name] = value
    return found


def first_fault(error: ValidationError) -> str:
    """The first thing that is wrong with a file of ours, after where it is."""
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"


def _check_size(text: str, largest: int) -> None:
    if len(text) > largest:
        raise ParseError(f"is longer than {largest:,} characters")
    if _DIGITS.search(text):
        raise ParseError("has a number of more than 400 digits")


def _reason(error: Exception) -> str:
    return "it is nested too deeply" if isinstance(error, RecursionError) else " ".join(str(error).split())
