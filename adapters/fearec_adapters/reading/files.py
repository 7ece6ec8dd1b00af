"""Local files: found, hashed, unpacked, and searched for the line that an error is on.

A file may stand by itself, in the unpacked directory of a download, or in the .zip as it was downloaded.
"""

import bz2
import codecs
import gzip
import hashlib
import io
import itertools
import os
import stat
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TypeVar, cast

from fearec_cli.api import Source
from fearec_cli.errors import DataError

File = Path | zipfile.Path
"""A file, or a member of a .zip; as text it names both the archive and the member."""

_GZIP = b"\x1f\x8b"
# Bytes at the beginning of files that are not text: what the file is, and what to do.
_HEAD = 512
_FOREIGN = {
    b"PK\x03\x04": "is a zip file; name it .zip",
    b"\xfd7zXZ\x00": "is packed by xz; unpack it",
    b"\x28\xb5\x2f\xfd": "is packed by zstd; unpack it",
    b"7z\xbc\xaf\x27\x1c": "is a 7z archive; unpack it",
    b"PAR1": "is a Parquet file; `fearec prepare parquet` reads it",
    b"SQLite format 3": "is a SQLite database; export the table as csv",
}
# Bytes of a line that are read at once: none is held without a bound.
_LONGEST_LINE = 2**24
_AnyFile = TypeVar("_AnyFile", bound=File)

# What zipfile raises for a damaged, an encrypted and an unknown kind of member.
_ZIP_ERRORS = (zipfile.BadZipFile, RuntimeError, NotImplementedError, zlib.error, EOFError, ValueError)


def existing_file(path: Path | None, adapter: str, names: Sequence[str] = ()) -> File:
    """What `--from` names, if it is a file, or a .zip or directory with the file in it.

    Args:
        path: what the user named.
        adapter: for the message.
        names: what the file is called in its download; without any, a .zip must hold one file alone, and a
            directory is refused.

    Raises:
        DataError: nothing is named, no file is there, or several could be meant.
    """
    if path is None:
        raise DataError(f"{adapter}: reads a file; name it: `fearec prepare {adapter} --from FILE`")
    try:
        if path.is_dir():
            if not names:
                raise DataError(f"{path}: is a directory; name the file in it")
            return _only(path, sorted(file for name in names for file in _below(path, name)), names)
        if not path.exists():
            raise DataError(f"{path}: no such file")
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read: {error}") from None
    if not stat.S_ISREG(mode):
        kind = "a pipe" if stat.S_ISFIFO(mode) else "a device" if stat.S_ISCHR(mode) else "not a regular file"
        raise DataError(f"{path}: is {kind}; a log is read more than once, so write it to a file first")
    return _member(path, names) if path.suffix == ".zip" else path


def source_of(file: File, adapter: str) -> Source:
    """The record of a file: its name (its folder says nothing on another machine) and its bytes' SHA-256."""
    digest = hashlib.sha256()
    with _reading(file) as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return Source(adapter=adapter, location=location_of(file), sha256=digest.hexdigest())


def location_of(file: File) -> str:
    """A file's name without its folder; for a member, the archive's name and the path in it."""
    name = file.name if isinstance(file, Path) else f"{Path(str(file.root.filename)).name}/{file.at}"
    # A name that is not UTF-8 is recorded with a replacement character.
    return os.fsencode(name).decode("utf-8", "replace")


def text_lines(file: File) -> Iterator[tuple[int, str]]:
    """The lines of a UTF-8 text with their numbers, blank ones left out; never the whole file in memory.

    Raises:
        DataError: it cannot be read, is cut short or damaged, or is not UTF-8.
    """
    with unpacked(file) as stream:
        for number in itertools.count(1):
            line = stream.readline(_LONGEST_LINE + 1)
            if not line:
                return
            if len(line) > _LONGEST_LINE:
                raise DataError(f"{file}, line {number}: is longer than {_LONGEST_LINE:,} bytes; is this a text file?")
            try:
                text = line.removeprefix(codecs.BOM_UTF8 if number == 1 else b"").decode().strip()
            except UnicodeDecodeError:
                raise not_utf8(file, number) from None
            if text:
                yield number, text


def _below(directory: Path, name: str) -> list[Path]:
    """Files of this name in a directory, or in the folder that an archive was unpacked to in it."""
    return [file for file in (directory / name, *directory.glob(f"*/{name}")) if file.is_file()]


def _member(path: Path, names: Sequence[str]) -> zipfile.Path:
    try:
        archive = zipfile.ZipFile(path)
    except (*_ZIP_ERRORS, OSError) as error:
        raise DataError(f"{path}: is not a complete zip file: {error}; fetch it again") from None
    # macOS adds hidden companions to every file.
    plain = [name for name in archive.namelist() if not name.endswith("/") and not name.startswith("__MACOSX/")]
    fitting = [name for name in plain if not names or name.rpartition("/")[2] in names]
    return _only(path, [zipfile.Path(archive, name) for name in sorted(fitting)], names)


def _only(place: Path, files: Sequence[_AnyFile], names: Sequence[str]) -> _AnyFile:
    wanted = " or ".join(names) or "file"
    if not files:
        raise DataError(f"{place}: has no {wanted} in it")
    if len(files) > 1:
        found = ", ".join(location_of(file) if not isinstance(file, Path) else str(file) for file in files[:5])
        raise DataError(f"{place}: holds several files that could be meant ({found}); unpack it and name the one")
    return files[0]


@contextmanager
def _reading(file: File) -> Iterator[IO[bytes]]:
    """The bytes of a file; every fault in the opening or in the reading becomes a `DataError`."""
    try:
        with file.open("rb") as stream:
            yield stream
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{file}: is not a complete gzip file: {error}; fetch it again") from None
    except (*_ZIP_ERRORS, OSError) as error:
        raise DataError(f"{file}: cannot be read: {getattr(error, 'strerror', None) or error}") from None


@contextmanager
def unpacked(file: File) -> Iterator[IO[bytes]]:
    """The bytes of a file, unpacked if it is gzip or bzip2, whatever its name; every fault becomes a `DataError`."""
    with _reading(file) as raw:
        stream = io.BufferedReader(cast("io.RawIOBase", raw))
        head = stream.peek(_HEAD)[:_HEAD]
        if head.startswith(_GZIP) or file.suffix == ".gz":
            stream = io.BufferedReader(cast("io.RawIOBase", gzip.GzipFile(fileobj=stream)))
        elif head.startswith(b"BZh"):
            stream = io.BufferedReader(cast("io.RawIOBase", bz2.BZ2File(stream)))
        head = stream.peek(_HEAD)[:_HEAD]
        if head[257:262] == b"ustar":
            raise DataError(f"{file}: is a tar archive; unpack it (tar -xf) and name the file in it")
        if what := next((what for magic, what in _FOREIGN.items() if head.startswith(magic)), ""):
            raise DataError(f"{file}: {what}")
        yield stream


def not_utf8(file: File, line: int) -> DataError:
    """What is wrong with a line that cannot be decoded."""
    return DataError(
        f"{file}, line {line}: is not UTF-8 text; convert the file to UTF-8 (iconv -f latin1 -t utf-8 FILE)"
    )
