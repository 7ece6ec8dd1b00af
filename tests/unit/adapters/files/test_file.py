"""Files that are not what they should be: the same for every adapter that reads one."""

import gzip
import zipfile
from pathlib import Path

import pytest

from fearec_adapters.formats.csv import Csv, CsvOptions
from fearec_adapters.formats.jsonl import JsonLines
from fearec_adapters.reading.columns import TextColumnOptions
from fearec_cli.api import Log
from fearec_cli.errors import DataError

CONTENT = b"user,item,timestamp\nu,a,1\n"


def read(path: Path | None) -> Log:
    return Csv(CsvOptions()).read(path)


def test_an_archive_with_one_file_is_read(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.mkdir("in")
        archive.writestr("in/b.csv", CONTENT)
    log = read(tmp_path / "a.zip")
    assert log.frame.collect().height == 1
    assert log.source.location == "a.zip/in/b.csv"


def test_a_gzip_in_an_archive_is_unpacked(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("b.jsonl.gz", gzip.compress(b'{"user": "u", "item": "a", "timestamp": 1}\n'))
    assert JsonLines(TextColumnOptions()).read(tmp_path / "a.zip").frame.collect().height == 1


def test_an_archive_with_several_files_is_not_guessed_at(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("b.csv", CONTENT)
        archive.writestr("c.csv", CONTENT)
    with pytest.raises(DataError, match=r"a\.zip: holds several files .*\(a\.zip/b\.csv, a\.zip/c\.csv\); unpack it"):
        read(tmp_path / "a.zip")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.zip", b"PK and no more", r"a\.zip: is not a complete zip file"),
        (
            "a.csv.gz",
            gzip.compress(CONTENT * 100, mtime=0)[:-12],
            r"a\.csv\.gz: is not a complete gzip file: .*; fetch it again",
        ),
        ("a.csv.gz", CONTENT, r"a\.csv\.gz: is not a complete gzip file"),
        ("a.csv", CONTENT + "u,caf\u00e9,2\n".encode("latin-1"), r"a\.csv, line 3: is not UTF-8 text"),
        ("a.csv", b"<!DOCTYPE html>\n<html>", r"a\.csv: is a web page \(HTML\), not a table"),
        ("a.csv", b" \n\n", r"a\.csv: is empty"),
        ("a.csv", b"user,item,user,timestamp\nu,a,v,1\n", r"a\.csv: has 2 columns 'user'; rename all but one"),
    ],
)
def test_a_bad_file_is_named(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        read(tmp_path / name).frame.collect()


def test_a_truncated_gzip_of_lines_is_named(tmp_path: Path) -> None:
    packed = gzip.compress(b'{"user": "u", "item": "a", "timestamp": 1}\n' * 1000)
    (tmp_path / "a.jsonl.gz").write_bytes(packed[:-20])
    with pytest.raises(DataError, match=r"a\.jsonl\.gz: is not a complete gzip file"):
        JsonLines(TextColumnOptions()).read(tmp_path / "a.jsonl.gz").frame.collect()


def test_an_encrypted_archive_is_named(tmp_path: Path) -> None:
    file = tmp_path / "a.zip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("b.csv", CONTENT)
    data = bytearray(file.read_bytes())
    # The first of the flags, in the header of the file and in that of the directory.
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    file.write_bytes(data)
    with pytest.raises(DataError, match=r"a\.zip/b\.csv: cannot be read: .*encrypted"):
        read(file)


def test_a_doubled_column_that_nobody_asks_for_is_no_fault(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"x,user,x,item,timestamp\n1,u,2,a,3\n")
    assert read(tmp_path / "a.csv").frame.collect().rows() == [("u", "a", 3_000_000)]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (None, "csv: reads a file; name it"),
        (".", r"is a directory with no \.csv file in it; name the file"),
        ("x", "no such file"),
    ],
)
def test_no_file(tmp_path: Path, path: str | None, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read(None if path is None else tmp_path / path)
