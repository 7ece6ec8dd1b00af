"""A text in blocks of whole records: never all of it in memory, and every block knows its lines."""

import codecs
import csv
import io
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace

from fearec_adapters.files.file import LONGEST_LINE, File
from fearec_cli.errors import DataError

# Bytes that are read together.
_BLOCK = 2**24


@dataclass(frozen=True)
class Block:
    """Some records of a delimited text.

    Attributes:
        data: their UTF-8 text; begins with a record and ends with one.
        line: number of its first line in the file, from 1.
        separator: between fields.
        quoted: fields may stand in double quotes.
    """

    data: bytes
    line: int
    separator: str
    quoted: bool

    def record(self, number: int) -> tuple[int, list[str]]:
        """Line on which record `number` (from 0, blank lines counted) ends, and its fields.

        By Python's csv module: slow, and only for naming what is wrong. Polars reads the table and knows rows;
        a reader of the message knows lines, and a quoted field may span several.
        """
        return next(itertools.islice(self._records(), number, None))

    def first_longer_than(self, width: int) -> tuple[int, list[str]] | None:
        """Line and fields of the first record with too many fields."""
        return next((record for record in self._records() if len(record[1]) > width), None)

    def first_line_of(self, fields: int) -> int | None:
        """The first line with more fields than this, those in quotes counted too; only lines so long are looked at."""
        start, end = 0, len(self.data)
        while end - start >= fields:
            last = self.data.rfind(b"\n", start, start + fields)
            if last < 0:
                last = self.data.find(b"\n", start)
                last = end if last < 0 else last
                if self.data.count(self.separator.encode(), start, last) >= fields:
                    return self.line + self.data.count(b"\n", 0, start)
            start = last + 1
        return None

    def first_odd_line(self) -> int | None:
        """The first line with a quotation mark that has no partner, as far as a line by itself can tell."""
        lines = enumerate(self.data.split(b"\n"), start=self.line)
        return next((number for number, line in lines if line.count(b'"') % 2), None)

    def head(self) -> list[list[str]]:
        """The fields of the first record; several records where Python sees some, by another kind of line break."""
        end = first_end(self.data, quoted=self.quoted) or len(self.data)
        return [fields for _, fields in replace(self, data=self.data[:end])._records()]

    def after_first(self) -> "Block":
        """All but the first record."""
        end = first_end(self.data, quoted=self.quoted) or len(self.data)
        filled = self.data[end:].lstrip(b"\r\n")
        lines = self.data.count(b"\n", 0, len(self.data) - len(filled))
        return replace(self, data=filled, line=self.line + lines)

    def _records(self) -> Iterator[tuple[int, list[str]]]:
        csv.field_size_limit(2**31 - 1)
        text = io.StringIO(self.data.decode(), newline="")
        if self.quoted:
            reader = csv.reader(text, delimiter=self.separator)
        else:
            reader = csv.reader(text, delimiter=self.separator, quoting=csv.QUOTE_NONE)
        return ((self.line + reader.line_num - 1, fields) for fields in reader)


def read_blocks(file: File, separator: str, *, quoted: bool) -> Iterator[Block]:
    """The records of a file, unpacked if its name ends in .gz, without a byte-order mark.

    Blank lines before the first record of a block are passed over: polars counts those after it only.

    Raises:
        DataError: the file cannot be read, is cut short or damaged, or is not UTF-8, or a quoted field does not
            end; names file and line.
    """
    line = 1
    with file.open() as stream:
        rest = stream.read(len(codecs.BOM_UTF8)).removeprefix(codecs.BOM_UTF8)
        while True:
            read = stream.read(_BLOCK)
            data = rest + read
            end = last_end(data, quoted=quoted) if read else len(data)
            if not end and len(data) > LONGEST_LINE:
                in_quotes = quoted and b'"' in data
                raise DataError(f"{file}, line {line}: {_endless(quoted=in_quotes)}")
            records, rest = data[:end], data[end:]
            _check_utf8(file, records, line)
            filled = records.lstrip(b"\r\n")
            blank = records.count(b"\n", 0, len(records) - len(filled))
            if filled:
                yield Block(filled, line + blank, separator, quoted)
            line += records.count(b"\n")
            if not read:
                return


def first_end(data: bytes, *, quoted: bool) -> int:
    """Where the first record ends, after its line break; 0 if it does not."""
    end = data.find(b"\n") + 1
    if not quoted:
        return end
    start = 0
    odd = False
    while end:
        odd ^= data.count(b'"', start, end) % 2 == 1
        if not odd:
            break
        start, end = end, data.find(b"\n", end) + 1
    return end


def last_end(data: bytes, *, quoted: bool) -> int:
    """Where the last whole record ends, after its line break; 0 if none does. A record begins at 0."""
    end = data.rfind(b"\n") + 1
    if not quoted:
        return end
    odd = data.count(b'"', 0, end) % 2 == 1
    while end and odd:
        previous = data.rfind(b"\n", 0, end - 1) + 1
        odd ^= data.count(b'"', previous, end) % 2 == 1
        end = previous
    return end


def _check_utf8(file: File, data: bytes, line: int) -> None:
    if data.isascii():
        return
    try:
        data.decode()
    except UnicodeDecodeError as error:
        raise file.not_text(line + data.count(b"\n", 0, error.start)) from None


def _endless(*, quoted: bool) -> str:
    longest = f"{LONGEST_LINE:,} bytes"
    if quoted:
        return f"a field in quotes does not end within {longest}"
    return f"is longer than {longest}; is this a text file?"
