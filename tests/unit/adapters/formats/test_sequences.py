"""One user a line."""

import gzip
from pathlib import Path

import pytest

from fearec_adapters.files.file import TextOptions
from fearec_adapters.formats.sequences import Sequences
from fearec_cli.errors import DataError


def read(path: Path) -> list[tuple[str, str]]:
    log = Sequences(TextOptions()).read(path)
    assert log.k_core == 0
    return log.frame.collect().rows()


def test_rows_are_in_the_order_of_the_file_and_ids_are_text(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_bytes(b"\xef\xbb\xbf007 1 01 1\r\n\r\nNA\tx  y \n\n")
    assert read(file) == [("007", "1"), ("007", "01"), ("007", "1"), ("NA", "x"), ("NA", "y")]


def test_gzip_reads_alike_and_the_source_is_recorded(tmp_path: Path) -> None:
    plain, packed = tmp_path / "a.txt", tmp_path / "a.txt.gz"
    plain.write_text("1 2 3\n")
    packed.write_bytes(gzip.compress(b"1 2 3\n"))
    assert read(packed) == read(plain) == [("1", "2"), ("1", "3")]
    source = Sequences(TextOptions()).read(plain).source
    assert (source.adapter, source.location) == ("sequences", "a.txt")
    # sha256sum of "1 2 3\n"
    assert source.sha256 == "1def07dbe06eeb097aafec8a40329937cd20c93a83634b8221ea2b41a894310c"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"1 2 3\n4\n", r"a\.txt, line 2: user '4' has no items"),
        (b"1 2 3\n\n4 5\n1 6\n", r"a\.txt, line 4: user '1' has a line already, line 1"),
        (b"", r"a\.txt: is empty"),
        (b" \n\n", r"a\.txt: is empty"),
        (b"1 2\n2 \xff\n", r"a\.txt, line 2: is not UTF-8"),
    ],
)
def test_a_bad_file_is_named_with_its_line(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "a.txt"
    file.write_bytes(content)
    with pytest.raises(DataError, match=message):
        read(file)


def test_what_is_no_file_is_named(tmp_path: Path) -> None:
    adapter = Sequences(TextOptions())
    with pytest.raises(DataError, match=r"sequences: reads a file; name it: `fearec prepare sequences --from FILE`"):
        adapter.read(None)
    with pytest.raises(DataError, match="no such file"):
        adapter.read(tmp_path / "none.txt")
    with pytest.raises(DataError, match="is a directory"):
        adapter.read(tmp_path)


@pytest.mark.parametrize("content", [gzip.compress(b"1 2 3\n" * 99, mtime=0)[:-12], b"no gzip"])
def test_a_damaged_archive_is_named(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "a.txt.gz"
    file.write_bytes(content)
    with pytest.raises(DataError, match=r"a\.txt\.gz: is not a complete gzip file"):
        read(file)
