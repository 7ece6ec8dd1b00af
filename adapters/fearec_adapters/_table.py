"""Delimited text: a header or none, quotes or none, and the line of whatever is wrong with a row."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import polars as pl

from fearec_adapters._columns import TableOptions, choose, first_time, log_columns, time_notes
from fearec_adapters._files import File, Records, existing_file, source_of, text_bytes
from fearec_adapters._times import Clock, TimeUnit
from fearec_cli.api import Log
from fearec_cli.errors import DataError


def read_table(path: Path | None, options: TableOptions, *, adapter: str, separator: str, quoted: bool) -> Log:
    """The log of a table whose columns the user names.

    Raises:
        DataError: no file, no such column, or a bad row; names file, line and value.
    """
    file = existing_file(path, adapter)
    table = Table.open(file, separator=separator, header=options.header, quoted=quoted)
    columns = choose(table.columns, options, where=file, adapter=adapter, header=options.header)
    frame, clock = table.log_frame(columns, options.unit)
    return Log(frame=frame, source=source_of(file, adapter), notes=time_notes(columns, clock))


@dataclass(frozen=True)
class Table:
    """A delimited file, opened but for its header not read.

    Attributes:
        file: for messages.
        data: its bytes, unpacked.
        separator: one character.
        header: the first line names the columns.
        quoted: fields may stand in double quotes.
    """

    file: File
    data: bytes
    separator: str
    header: bool
    quoted: bool

    @classmethod
    def open(cls, file: File, *, separator: str, header: bool, quoted: bool) -> "Table":
        """Read and unpack a file.

        Raises:
            DataError: it cannot be read, is empty, is not UTF-8, or is a web page.
        """
        # Polars counts the blank lines after the first record, and passes over those before it.
        data = text_bytes(file).lstrip(b"\r\n")
        if data[:100].lstrip().lower().startswith((b"<!doctype html", b"<html")):
            raise DataError(f"{file}: is a web page (HTML), not a table; remove it and fetch it again")
        return cls(file, data, separator, header, quoted)

    @cached_property
    def columns(self) -> list[str]:
        """The columns' names as they stand in the file; `column_1` and so on without a header."""
        first = self._records().at(0)[1]
        return first if self.header else [f"column_{number}" for number in range(1, len(first) + 1)]

    def log_frame(self, columns: Mapping[str, str], unit: TimeUnit | Clock) -> tuple[pl.LazyFrame, Clock]:
        """The columns of a `fearec_cli.api.Log`, and how times were read; blank lines are passed over.

        Args:
            columns: for "user", "item" and, if wanted, "timestamp" and "rating", the file's column.
            unit: what the times are written in, or how they are read.

        Raises:
            DataError: a row has too many fields, a missing id, a time or a rating that is none; names
                file, line and value.
        """
        positions = {column: self.columns.index(name) for column, name in columns.items()}

        def value(row: int, column: str) -> str:
            fields = self._records().at(row + self.header)[1]
            return fields[positions[column]] if positions[column] < len(fields) else ""

        try:
            # Polars renames doubled columns: position tells them apart.
            names = self._scan().collect_schema().names()
            if len(names) != len(self.columns):
                raise pl.exceptions.ComputeError("the first line is damaged")
            raw = (
                self._scan()
                .with_row_index("row")
                .filter(~pl.all_horizontal(pl.exclude("row").is_null()))
                .select("row", *(pl.col(names[position]).alias(column) for column, position in positions.items()))
            )
            clock = unit if isinstance(unit, Clock) else Clock.of(unit, first_time(raw))
            table = log_columns(
                raw,
                clock,
                where=self.file,
                names=columns,
                place=lambda row: f"line {self._records().at(row + self.header)[0]}",
                value=value,
            )
        except pl.exceptions.PolarsError as error:
            raise self._unreadable(error) from None
        return table.lazy(), clock

    def _scan(self) -> pl.LazyFrame:
        return pl.scan_csv(
            io.BytesIO(self.data),
            separator=self.separator,
            has_header=self.header,
            quote_char='"' if self.quoted else None,
            infer_schema=False,
        )

    def _unreadable(self, error: Exception) -> DataError:
        width = len(self.columns)
        if found := self._records().first_longer_than(width):
            line, fields = found
            hint = f"; is {self.separator!r} the separator, and are fields that contain it in double quotes?"
            return DataError(
                f"{self.file}, line {line}: has {len(fields)} fields, and the first line {width}"
                f"{hint if self.quoted else ''}"
            )
        return DataError(
            f"{self.file}: cannot be read as a table ({str(error).splitlines()[0]}); "
            f"look for a quotation mark without its partner"
        )

    def _records(self) -> Records:
        return Records(self.data, self.separator, quoted=self.quoted)
