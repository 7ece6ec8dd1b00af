"""RecBole's interaction files."""

import gzip
from pathlib import Path
from typing import Any

import pytest

from fearec_adapters.formats.recbole import RecBole, RecBoleOptions
from fearec_cli.errors import DataError

HEAD = "user_id:token\titem_id:token\trating:float\ttimestamp:float\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "a.inter"


def rows_of(file: Path, content: str, **options: Any) -> list[dict[str, Any]]:
    file.write_text(content, encoding="utf-8")
    return RecBole(RecBoleOptions(**options)).read(file).frame.collect().rows(named=True)


def test_default_columns(file: Path) -> None:
    # As float32 this time would be 881250944.
    assert rows_of(file, HEAD + '007\t"x\t3\t881250949.0\n') == [
        {"user": "007", "item": '"x', "timestamp": 881250949_000_000, "rating": 3.0}
    ]


def test_times_and_ratings_may_be_absent(file: Path) -> None:
    assert rows_of(file, "item_id:token\tuser_id:token\na\tu\n") == [{"user": "u", "item": "a"}]


def test_columns_by_option(file: Path) -> None:
    content = "user_id:token\tbusiness_id:token\tstars:float\tdate:float\nu\ta\t5.0\t1.5\n"
    assert rows_of(file, content, item="business_id", rating="stars", time="date") == [
        {"user": "u", "item": "a", "timestamp": 1_500_000, "rating": 5.0}
    ]


def test_an_empty_name_leaves_a_column_unread(file: Path) -> None:
    assert rows_of(file, HEAD + "u\ta\t3\tnever\n", time="", rating="") == [{"user": "u", "item": "a"}]


def test_gzip_reads_alike(tmp_path: Path) -> None:
    file = tmp_path / "a.inter.gz"
    file.write_bytes(gzip.compress((HEAD + "u\ta\t3\t1\n").encode()))
    log = RecBole(RecBoleOptions()).read(file)
    assert log.frame.collect().height == 1
    assert (log.source.adapter, log.source.location, log.k_core) == ("recbole", "a.inter.gz", 5)
    assert log.notes["times"].startswith("read as s (recognised by magnitude), UTC; all before 1973")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"item": "movie"},
            r"no column 'movie' \(recbole\.item\); its columns are: user_id, item_id, rating, timestamp",
        ),
        ({"time": "date"}, r"no column 'date' \(recbole\.time\)"),
    ],
)
def test_a_column_that_was_asked_for_must_be_there(file: Path, options: dict[str, str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        rows_of(file, HEAD + "u\ta\t3\t1\n", **options)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("u\ta\t3\tx", r"line 3: the timestamp \(column 'timestamp:float'\) 'x' is not a number"),
        ("u\ta\t3\t-5", r"line 3: the timestamp .* '-5' is negative"),
        ("u\ta\tinf\t5", r"line 3: the rating .* 'inf' is not a number"),
        ("u\t\t3\t5", r"line 3: the item .* is missing"),
        ("u\ta\t3\t5\t6", r"line 3: has 5 fields"),
    ],
)
def test_a_bad_row_is_named(file: Path, row: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        rows_of(file, HEAD + 'u\t"b\t3\t1\n' + row + "\n")
