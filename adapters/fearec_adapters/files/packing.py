"""How a file is packed, by its first bytes, whatever its name says."""

import bz2
import gzip
import lzma
from typing import IO, Literal, cast

Packing = Literal["", "gzip", "bzip2", "xz", "zip"]

_PACKED: dict[bytes, Packing] = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
    b"PK\x03\x04": "zip",
    b"PK\x05\x06": "zip",
}
# What is not text and is not unpacked here: what it is, and what to do.
_FOREIGN = {
    b"\x28\xb5\x2f\xfd": "is packed by zstd; unpack it (zstd -d)",
    b"7z\xbc\xaf\x27\x1c": "is a 7z archive; unpack it",
    b"Rar!": "is a rar archive; unpack it",
    b"\x04\x22\x4d\x18": "is packed by lz4; unpack it",
    b"PAR1": "is a Parquet file; `fearec prepare parquet` reads those",
    b"ARROW1\x00": "is an Arrow file; convert it to Parquet",
    b"\x89HDF": "is an HDF5 file; convert it to csv or Parquet",
    b"SQLite format 3": "is a SQLite database; export the table as csv",
    b"%PDF": "is a PDF document",
    b"\xd0\xcf\x11\xe0": "is a document of Microsoft Office; save the sheet as csv",
}
# Where a tar archive says that it is one.
_TAR_AT = 257
HEAD = 512
"""Bytes that show what a file is."""


def packing_of(head: bytes) -> Packing:
    """How a file is packed that begins with these bytes; "" if it is not."""
    if head.startswith(b"BZh") and head[4:10] != b"1AY&SY":
        return ""
    return next((packing for magic, packing in _PACKED.items() if head.startswith(magic)), "")


def foreign(head: bytes, adapter: str, *, utf8: bool) -> str:
    """What a file is that begins with these bytes, if it is not text, and what to do; empty otherwise.

    Args:
        head: the first `HEAD` bytes, unpacked.
        adapter: prefix of the options, for the advice.
        utf8: it is to be read as UTF-8.
    """
    if utf8 and head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return f"is UTF-16 text; add --set {adapter}.encoding=utf-16"
    if head[_TAR_AT : _TAR_AT + 5] == b"ustar":
        return "is a tar archive; unpack it (tar -xf) and name the file in it"
    return next((what for magic, what in _FOREIGN.items() if head.startswith(magic)), "")


def unpacking(stream: IO[bytes], packing: Packing) -> IO[bytes]:
    """The unpacked bytes of a stream."""
    if packing == "gzip":
        return cast("IO[bytes]", gzip.GzipFile(fileobj=stream))
    if packing == "bzip2":
        return cast("IO[bytes]", bz2.BZ2File(stream))
    if packing == "xz":
        return cast("IO[bytes]", lzma.LZMAFile(stream))
    return stream
