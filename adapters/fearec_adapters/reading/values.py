"""Values of files: as messages quote them and name their rows, and as numbers."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import polars as pl

from fearec_cli.errors import DataError

_LONGEST = 100


def shown(value: object) -> str:
    """A value as a message quotes it, at most some 100 characters."""
    text = str(value)
    return repr(text) if len(text) <= _LONGEST else f"{text[:_LONGEST]!r}... ({len(text):,} characters)"


def number_of(value: object) -> float | None:
    """The finite number that a value is or spells; None where it is none."""
    try:
        number = float(str(value))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


@dataclass(frozen=True)
class Batch:
    """Some rows of a source, and how messages name them.

    Attributes:
        raw: the source's columns under the names of `columns.choose`, and "row", which numbers them.
        where: the source.
        names: the source's own name of each column.
        place: names a row, as in "line 3".
        value: what the source has in a row and a column; None or "" for nothing.
    """

    raw: pl.DataFrame
    where: object
    names: Mapping[str, str]
    place: Callable[[int], str]
    value: Callable[[int, str], object]

    def error(self, row: int, problem: str) -> DataError:
        """The error about a row."""
        return DataError(" ".join(f"{self.where}, {self.place(row)}: {problem}".split()))
