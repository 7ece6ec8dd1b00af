"""Local files: found, hashed, unpacked, and searched for the line that an error is on."""

import codecs
import csv
import gzip
import hashlib
import io
import itertools
import zlib
from pathlib import Path

from fearec_cli.api import Source
from fearec_cli.errors import DataError


def existing_file(path: Path | None, adapter: str) -> Path:
    """What `--from` names, if it is a file.

    Raises:
        DataError: nothing is named, or no file is there.
    """
    if path is None:
        raise DataError(f"{adapter}: reads a file; name it: `fearec prepare {adapter} --from FILE`")
    if path.is_dir():
        raise DataError(f"{path}: is a directory; name the file in it")
    if not path.exists():
        raise DataError(f"{path}: no such file")
    return path


def source_of(path: Path, adapter: str) -> Source:
    """The record of a file: its name (its folder says nothing on another machine) and its bytes' SHA-256."""
    try:
        with path.open("rb") as file:
            return Source(adapter=adapter, location=path.name, sha256=hashlib.file_digest(file, "sha256").hexdigest())
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from None


def text_bytes(path: Path) -> bytes:
    """The UTF-8 text of a file, unpacked if its name ends in .gz, without a byte-order mark.

    Raises:
        DataError: it cannot be read, is cut short or damaged, is empty, or is not UTF-8.
    """
    try:
        data = path.read_bytes()
        if path.suffix == ".gz":
            data = gzip.decompress(data)
        data = data.removeprefix(codecs.BOM_UTF8)
        data.decode()
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{path}: is no whole gzip file: {error}; fetch it again") from None
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DataError(f"{path}, line {line}: is not UTF-8 text; convert the file to UTF-8") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from None
    if not data.strip():
        raise DataError(f"{path}: is empty")
    return data


class Records:
    """The records of a table as Python's csv module sees them: slow, and only for naming what is wrong.

    Polars reads the table and knows rows; a reader of the message knows lines, and a quoted field may
    span several.
    """

    def __init__(self, data: bytes, separator: str, *, quoted: bool) -> None:
        text = io.StringIO(data.decode(), newline="")
        if quoted:
            self._reader = csv.reader(text, delimiter=separator)
        else:
            self._reader = csv.reader(text, delimiter=separator, quoting=csv.QUOTE_NONE)

    def at(self, number: int) -> tuple[int, list[str]]:
        """Line on which record `number` (from 0, blank lines counted) ends, and its fields."""
        fields = next(itertools.islice(self._reader, number, None))
        return self._reader.line_num, fields

    def first_longer_than(self, width: int) -> tuple[int, list[str]] | None:
        """Line and fields of the first record with too many fields."""
        return next(((self._reader.line_num, fields) for fields in self._reader if len(fields) > width), None)
