"""One interaction a line."""

from pathlib import Path

import pytest

from fearec_adapters.files.file import TextOptions
from fearec_adapters.formats.pairs import Pairs
from fearec_cli.errors import DataError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "Beauty.txt"


def test_rows_are_in_the_order_of_the_file_and_ids_are_text(file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbf1 007\r\n\r\n1 2\r\n2\tNA\n")
    log = Pairs(TextOptions()).read(file)
    assert log.frame.collect().rows() == [("1", "007"), ("1", "2"), ("2", "NA")]
    assert log.k_core == 0


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"1 2\n\n1\n", r"Beauty\.txt, line 3: has 1 fields, and a line is: user item$"),
        (b"1 2\n1 2 3\n", r"line 2: has 3 fields, .*`sequences` reads one user a line"),
        (b"", r"Beauty\.txt: is empty"),
    ],
)
def test_a_bad_file_is_named(file: Path, content: bytes, message: str) -> None:
    file.write_bytes(content)
    with pytest.raises(DataError, match=message):
        Pairs(TextOptions()).read(file).frame.collect()
