"""`--where`: which rows of a table are read, by the values of one of its columns.

    COLUMN = VALUE      COLUMN != VALUE         COLUMN in VALUE,VALUE,...       COLUMN not in VALUE,VALUE,...
    COLUMN < NUMBER     COLUMN <= NUMBER        COLUMN > NUMBER                 COLUMN >= NUMBER

A value is the text in the file; one that is a number also equals other ways to write it (5 and 5.0). A name
or value with a comma, a blank at its ends or an operator in it goes in double quotes, which are doubled within them.
An empty field equals no value, and is neither less nor more than a number.
"""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from fearec_adapters.reading.values import number_of, shown
from fearec_cli.errors import DataError

_GRAMMAR = re.compile(
    r"""\s*(?P<column>"(?:[^"]|"")+"|[^"\s].*?)
        (?:\s*(?P<sign>!=|<=|>=|=|<|>)\s*|\s+(?P<word>not\s+in|in)\s+)
        (?P<values>.*?)\s*""",
    re.VERBOSE | re.DOTALL,
)
_HELP = "write COLUMN = VALUE, != VALUE, < NUMBER, <=, >, >=, in VALUE,VALUE or not in VALUE,VALUE"


@dataclass(frozen=True)
class Condition:
    """One condition.

    Attributes:
        text: as messages show it.
        column: name in the source.
        operator: "=", "!=", "<", "<=", ">", ">=", "in" or "not in".
        values: to compare with; one, but for "in" and "not in".
    """

    text: str
    column: str
    operator: str
    values: tuple[str, ...]

    @classmethod
    def read(cls, text: str, option: str) -> "Condition":
        """A condition as the user wrote it.

        Args:
            text: as in "event in view,buy".
            option: that it is the value of, for messages.

        Raises:
            DataError: it is not in the grammar.
        """
        match = _GRAMMAR.fullmatch(text)
        if match is None:
            raise DataError(f"{option}: {shown(text)} is not a condition; {_HELP}")
        operator = match["sign"] or " ".join(match["word"].split())
        several = operator in ("in", "not in")
        values = _values(match["values"], several=several)
        if values is None:
            raise DataError(f"{option}: {shown(text)}: the values after {operator!r} cannot be read; {_HELP}")
        if operator[0] in "<>" and number_of(values[0]) is None:
            raise DataError(f"{option}: {shown(text)}: {operator!r} compares numbers, and {shown(values[0])} is none")
        return cls(" ".join(text.split()), _unquoted(match["column"].strip()), operator, values)

    def holds(self, key: str, dtype: pl.DataType) -> pl.Expr:
        """Bool: whether the condition holds, for a column; null where a number is needed and the value is none."""
        text = pl.col(key).cast(pl.String, strict=False)
        text = text.str.strip_chars() if dtype == pl.String else text
        number = text.cast(pl.Float64, strict=False)
        if self.operator[0] in "<>":
            bound = float(self.values[0])
            compared = {"<": number < bound, "<=": number <= bound, ">": number > bound, ">=": number >= bound}
            return pl.when(text.is_null() | (text == "")).then(False).otherwise(compared[self.operator])
        numbers = [value for value in map(number_of, self.values) if value is not None]
        same = text.is_in(self.values)
        if numbers:
            same = same | number.is_in(numbers).fill_null(False)
        same = same.fill_null(False)
        return ~same if self.operator in ("!=", "not in") else same


def _values(text: str, *, several: bool) -> tuple[str, ...] | None:
    if not several:
        return (_unquoted(text),) if text else None
    try:
        found = next(csv.reader([text], skipinitialspace=True, strict=True), [])
    except csv.Error:
        return None
    values = tuple(value.strip() for value in found)
    return values if values and all(values) else None


def _unquoted(text: str) -> str:
    quoted = len(text) > 1 and text.startswith('"') and text.endswith('"')
    return text[1:-1].replace('""', '"') if quoted else text


def read_all(texts: Sequence[str], adapter: str) -> list[Condition]:
    """The conditions of an adapter's option `where`.

    Raises:
        DataError: one is not in the grammar.
    """
    return [Condition.read(text, f"{adapter}.where") for text in texts]
