"""Delimited text: a header or none, quotes or none, and the line of whatever is wrong with a row."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import polars as pl

from fearec_adapters.files.file import File
from fearec_adapters.files.finding import find_files
from fearec_adapters.reading.blocks import Block, read_blocks
from fearec_adapters.reading.columns import TableOptions, choose
from fearec_adapters.reading.rows import Rows
from fearec_adapters.reading.values import Batch
from fearec_cli.api import Log
from fearec_cli.errors import DataError

# A few bytes of text may be as many fields, and each of them takes hundreds when they are parsed.
_MOST_COLUMNS = 10_000
_MOST_FIELDS = 1_000_000


def read_table(path: Path | None, options: TableOptions, *, adapter: str, separator: str, quoted: bool) -> Log:
    """The log of a table, or of several, whose columns the user names.

    Raises:
        DataError: no file, or no such column in one; and when it is read, a bad row; names file, line and value.
    """
    found = find_files(path, adapter, (f".{adapter}",), encoding=options.encoding)
    tables = [Table.open(file, separator=separator, header=options.header, quoted=quoted) for file in found.files]
    columns = [
        choose(table.columns, options, where=table.file, adapter=adapter, header=options.header) for table in tables
    ]
    rows = Rows.of(options, tables[0].sample(columns[0]), adapter)

    def batches() -> Iterator[pl.DataFrame]:
        for table, names in zip(tables, columns, strict=True):
            yield from table.batches(names, rows)

    return Log(
        frame=rows.frame(columns[0], batches),
        source=found.source(),
        notes={**found.notes, **rows.notes(columns[0])},
        tally=rows.tally,
    )


@dataclass(frozen=True)
class Table:
    """A delimited file, of which only the first record is read yet.

    Attributes:
        file: the file.
        first: the fields of its first record.
        separator: one character.
        header: the first line names the columns.
        quoted: fields may stand in double quotes.
        double: what separates the fields in the file, where that is more than one character; `separator` is
            put in its place.
    """

    file: File
    first: Sequence[str]
    separator: str
    header: bool
    quoted: bool
    double: bytes = b""

    @classmethod
    def open(cls, file: File, *, separator: str, header: bool, quoted: bool, double: bytes = b"") -> "Table":
        """Look at the beginning of a file.

        Raises:
            DataError: it cannot be read, is empty, is not UTF-8, or is a web page.
        """
        first = next(_blocks(file, separator, quoted, double), None)
        if first is None or not first.data.strip():
            raise DataError(f"{file}: is empty")
        if first.data[:100].lstrip().lower().startswith((b"<!doctype html", b"<html")):
            raise DataError(f"{file}: is a web page (HTML), not a table; remove it and fetch it again")
        head = first.head()
        if header and len(head) > 1:
            raise DataError(f"{file}, line {first.line}: its line breaks are of different kinds; save it with one kind")
        if len(head[0]) > _MOST_COLUMNS:
            raise DataError(
                f"{file}, line {first.line}: has {len(head[0]):,} fields, and a table at most {_MOST_COLUMNS:,} columns"
            )
        return cls(file, head[0], separator, header, quoted, double)

    @cached_property
    def columns(self) -> list[str]:
        """The columns' names as they stand in the file; `column_1` and so on without a header."""
        return list(self.first) if self.header else [f"column_{number}" for number in range(1, len(self.first) + 1)]

    def sample(self, columns: Mapping[str, str]) -> pl.DataFrame:
        """The first rows, as text under the log's names: they show how times are written.

        Raises:
            DataError: they cannot be read; names file and line.
        """
        block = next(self._blocks(), None)
        if block is None:
            return pl.DataFrame(schema=dict.fromkeys(columns, pl.String))
        return self._parse(block, columns).drop("row")

    def frame(self, columns: Mapping[str, str], rows: Rows) -> pl.LazyFrame:
        """The columns of a `fearec_cli.api.Log`; blank lines are passed over.

        The frame reads the file anew whenever it is collected, and then raises a DataError that names file, line and
        value for a row with too many fields, a missing id, or a time or a rating that is none.

        Args:
            columns: the file's column for each that is read.
            rows: how rows are read.
        """
        return rows.frame(columns, lambda: self.batches(columns, rows))

    def batches(self, columns: Mapping[str, str], rows: Rows) -> Iterator[pl.DataFrame]:
        """The columns of a `fearec_cli.api.Log`, some rows at a time; as in `frame`."""
        for block in self._blocks():
            yield self._read(block, columns, rows)

    def _blocks(self) -> Iterator[Block]:
        """The rows of the file, without the header."""
        for number, block in enumerate(_blocks(self.file, self.separator, self.quoted, self.double)):
            rows = block if number or not self.header else block.after_first()
            if rows.data:
                yield rows

    def _read(self, block: Block, columns: Mapping[str, str], reader: Rows) -> pl.DataFrame:
        def value(row: int, column: str) -> str:
            fields, position = block.record(row)[1], self.columns.index(columns[column])
            return fields[position] if position < len(fields) else ""

        def place(row: int) -> str:
            return f"line {block.record(row)[0]}"

        return reader.table(Batch(self._parse(block, columns), self.file, columns, place, value))

    def _parse(self, block: Block, columns: Mapping[str, str]) -> pl.DataFrame:
        """The wanted columns as text, under the log's names, and "row", the number of the record in the block."""
        # By position, for a header may have a name twice.
        names = [str(position) for position in range(len(self.columns))]
        wanted = {column: str(self.columns.index(name)) for column, name in columns.items()}
        try:
            table = pl.read_csv(
                block.data,
                separator=self.separator,
                has_header=False,
                quote_char='"' if self.quoted else None,
                schema=dict.fromkeys(names, pl.String),
                missing_columns="insert",
            )
        except pl.exceptions.PolarsError as error:
            raise self._unreadable(block, error) from None
        return (
            table.with_row_index("row")
            .filter(~pl.all_horizontal(pl.exclude("row").is_null()))
            .select("row", **{column: pl.col(name) for column, name in wanted.items()})
        )

    def _unreadable(self, block: Block, error: Exception) -> DataError:
        width = len(self.columns)
        if found := block.first_longer_than(width):
            line, fields = found
            hint = f"; is {self.separator!r} the separator, and are fields that contain it in double quotes?"
            return DataError(
                f"{self.file}, line {line}: has {len(fields)} fields, and the first line {width}"
                f"{hint if self.quoted else ''}"
            )
        line = (block.first_odd_line() if self.quoted else None) or block.line
        return DataError(
            f"{self.file}, line {line} or later: cannot be read as a table ({str(error).splitlines()[0]}); "
            f"look for a quotation mark without its partner"
        )


def _blocks(file: File, separator: str, quoted: bool, double: bytes) -> Iterator[Block]:
    for block in read_blocks(file, separator, quoted=quoted):
        found = replace(block, data=block.data.replace(double, separator.encode())) if double else block
        if line := found.first_line_of(_MOST_FIELDS):
            raise DataError(f"{file}, line {line}: has more than {_MOST_FIELDS:,} fields")
        yield found
