"""Last.fm of HetRec 2011."""

from pathlib import Path

import pytest

from fearec_adapters.datasets.lastfm import FILE, LastFm
from fearec_cli.api import Log, Options
from fearec_cli.errors import DataError

HEAD = b"userID\tartistID\ttagID\ttimestamp\r\n"


def read(path: Path, content: bytes) -> Log:
    (path / FILE).write_bytes(content)
    return LastFm(Options()).read(path)


def test_a_pair_is_kept_once_with_its_earliest_time(tmp_path: Path) -> None:
    content = HEAD + (
        b"2\t52\t13\t1238536800000\r\n"
        b"2\t52\t15\t1238536800000\r\n"
        b"2\t63\t13\t1238536800000\r\n"
        b"2\t52\t18\t1238450400000\r\n"
        b"3\t52\t18\t-428720400000\r\n"
    )
    log = read(tmp_path, content)
    assert log.frame.collect().rows() == [
        ("2", "63", 1238536800000_000),
        ("2", "52", 1238450400000_000),
        ("3", "52", -428720400000_000),
    ]
    assert log.notes == {
        "times": "read as ms, UTC",
        "repeated pairs in the source": "2 of 5 lines dropped, earliest kept",
        "times before 1970": "1",
    }
    assert log.k_core == 5


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"userID\tartistID\tweight\n2\t51\t13883\n", rf"no column 'timestamp'; .*the file of this data set is {FILE}"),
        (HEAD + b"2\t52\t13\tx\r\n", r"line 2: the timestamp .* 'x' is not a number"),
    ],
)
def test_a_bad_file_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read(tmp_path, content)
