"""A file whose text is read: its bytes hashed, unpacked and decoded; errors name the file and what is wrong with it."""

import codecs
import gzip
import hashlib
import io
import itertools
import lzma
import os
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from pydantic import field_validator

from fearec_adapters.files.packing import HEAD, foreign, packing_of, unpacking
from fearec_adapters.reading.values import shown
from fearec_cli.api import Field, Options, Source
from fearec_cli.errors import DataError

# What zipfile raises for a damaged, an encrypted and an unknown kind of member.
ZIP_ERRORS = (zipfile.BadZipFile, RuntimeError, NotImplementedError, zlib.error, EOFError, ValueError)
_PACKED_BADLY = (EOFError, gzip.BadGzipFile, zlib.error, lzma.LZMAError)
_BLOCK = 2**20
LONGEST_LINE = 2**24
"""Bytes of a line that are held at once: none is held without a bound."""
_UTF8 = "utf-8"
_ADVICE = "a log is read more than once, so write it to a file first"
_KINDS = {
    stat.S_ISDIR: "a directory; name the file in it",
    stat.S_ISFIFO: f"a pipe; {_ADVICE}",
    stat.S_ISCHR: f"a device; {_ADVICE}",
    stat.S_ISBLK: f"a device; {_ADVICE}",
    stat.S_ISSOCK: f"a socket; {_ADVICE}",
}


class TextOptions(Options):
    """How the bytes of a text are read."""

    encoding: str = Field(_UTF8, max_length=40, description="of the text, as in latin-1, utf-16 or gb18030")

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, name: str) -> str:
        try:
            codec = codecs.lookup(name)
            "a".encode(codec.name)  # refuses codecs that turn bytes into bytes
        except (LookupError, ValueError):
            raise ValueError(f"{shown(name)} is not an encoding that Python knows; write utf-8 or latin-1") from None
        return codec.name


@dataclass(frozen=True)
class File:
    """A regular file, or a member of a .zip; as text it is named as the user would find it.

    Attributes:
        path: of the file, or of the archive.
        adapter: that reads it; prefix of the options in messages.
        member: path in the archive; empty for a file by itself.
        encoding: of its text.
    """

    path: Path
    adapter: str
    member: str = ""
    encoding: str = _UTF8

    @classmethod
    def of(cls, path: Path, adapter: str, *, encoding: str = _UTF8) -> "File":
        """The file of this path.

        Raises:
            DataError: it is not there, is not a regular file, or cannot be looked at; says which.
        """
        try:
            mode = path.stat().st_mode
        except FileNotFoundError:
            hint = f" (standard input is not read: {_ADVICE})" if str(path) == "-" else ""
            raise DataError(f"{path}: no such file{hint}") from None
        except (OSError, ValueError) as error:
            raise DataError(f"{path}: cannot be read: {_reason(error)}") from None
        if not stat.S_ISREG(mode):
            kind = next((kind for is_kind, kind in _KINDS.items() if is_kind(mode)), "not a regular file")
            raise DataError(f"{path}: is {kind}")
        return cls(path, adapter, encoding=encoding)

    def __str__(self) -> str:
        return str(self.path / self.member) if self.member else str(self.path)

    @property
    def location(self) -> str:
        """Its name without its folder, which says nothing on another machine; of a member also the path in the .zip."""
        name = self.path.name + (f"/{self.member}" if self.member else "")
        # A name that is not UTF-8 is recorded with a replacement character.
        return os.fsencode(name).decode("utf-8", "replace")

    def source(self) -> Source:
        """The record of where rows came from: the name, and the SHA-256 of the bytes, of a member unpacked.

        Raises:
            DataError: it cannot be read.
        """
        digest = hashlib.sha256()
        with self.raw() as stream:
            while block := stream.read(_BLOCK):
                digest.update(block)
        return Source(adapter=self.adapter, location=self.location, sha256=digest.hexdigest())

    @contextmanager
    def raw(self) -> Iterator[IO[bytes]]:
        """The bytes of the file.

        Raises:
            DataError: it cannot be read, or is cut short or damaged; also what the block raises about it.
        """
        try:
            if self.member:
                with zipfile.ZipFile(self.path) as archive, archive.open(self.member) as member:
                    yield member
            else:
                with self.path.open("rb") as stream:
                    yield stream
        except _PACKED_BADLY as error:
            kind = {".bz2": "bzip2", ".xz": "xz"}.get(self.path.suffix, "gzip")
            raise DataError(f"{self}: is not a complete {kind} file: {error}; fetch it again") from None
        except (*ZIP_ERRORS, OSError, KeyError) as error:
            raise DataError(f"{self}: cannot be read: {_reason(error)}") from None

    @contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """The text as UTF-8 bytes, unpacked if it is gzip, bzip2 or xz, whatever its name.

        Raises:
            DataError: it cannot be read, is cut short or damaged, or is not text; also what the block raises about it.
                Where the encoding is UTF-8, bytes that are not are left to who reads them: `not_text`.
        """
        with self.raw() as raw:
            stream = io.BufferedReader(cast("io.RawIOBase", raw))
            packing = packing_of(stream.peek(HEAD)) or ("gzip" if self.path.suffix == ".gz" and not self.member else "")
            if packing == "zip":
                raise DataError(f"{self}: is a zip file; name it .zip")
            stream = io.BufferedReader(cast("io.RawIOBase", unpacking(cast("IO[bytes]", stream), packing)))
            if what := foreign(stream.peek(HEAD)[:HEAD], self.adapter, utf8=self.encoding == _UTF8):
                raise DataError(f"{self}: {what}")
            yield stream if self.encoding == _UTF8 else io.BufferedReader(_Recoded(stream, self))

    def lines(self, longest: int = 0) -> Iterator[tuple[int, str]]:
        """The lines of the text with their numbers, blank ones left out; never the whole file in memory.

        Raises:
            DataError: the file cannot be read, is cut short or damaged, is not text, or has a line of more bytes than
                `longest` (16 MiB unless given).
        """
        longest = longest or LONGEST_LINE
        with self.open() as stream:
            for number in itertools.count(1):
                line = stream.readline(longest + 1)
                if not line:
                    return
                if len(line) > longest:
                    raise DataError(f"{self}, line {number}: is longer than {longest:,} bytes; is this a text file?")
                try:
                    text = line.removeprefix(codecs.BOM_UTF8 if number == 1 else b"").decode().strip()
                except UnicodeDecodeError:
                    raise self.not_text(number) from None
                if text:
                    yield number, text

    def not_text(self, line: int) -> DataError:
        """What is wrong with a line that cannot be decoded."""
        name, option = self.encoding, f"--set {self.adapter}.encoding"
        if name != _UTF8:
            return DataError(f"{self}, line {line}: is not {name} text; give the file's own encoding by {option}")
        return DataError(f"{self}, line {line}: is not UTF-8 text; give its encoding, as in {option}=latin-1")


class _Recoded(io.RawIOBase):
    """Text of another encoding as UTF-8."""

    def __init__(self, stream: IO[bytes], file: File) -> None:
        self._stream = stream
        self._file = file
        self._decoder = codecs.getincrementaldecoder(file.encoding)()
        self._rest = b""
        self._line = 1

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "bytearray | memoryview") -> int:  # type: ignore[override]
        while not self._rest:
            block = self._stream.read(_BLOCK)
            try:
                text = self._decoder.decode(block, final=not block)
                self._rest = text.encode()
            except UnicodeError as error:
                before = error.object[: error.start] if isinstance(error, UnicodeDecodeError) else b""
                # Of the bytes before the fault, which this codec can read, the line breaks.
                seen = before.decode(self._file.encoding, "ignore").count("\n") if before else 0
                raise self._file.not_text(self._line + seen) from None
            self._line += text.count("\n")
            if not block and not self._rest:
                return 0
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size


def _reason(error: BaseException) -> str:
    return getattr(error, "strerror", None) or str(error)
