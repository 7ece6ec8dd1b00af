"""Comma-separated tables: dialects, columns, times, and every way a row can be bad."""

import csv
import gzip
import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fearec_adapters.formats.csv import Csv, CsvOptions
from fearec_cli.api import Log
from fearec_cli.errors import DataError

HEAD = b"user,item,timestamp\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "a.csv"


def log_of(file: Path, content: bytes, **options: Any) -> Log:
    file.write_bytes(content)
    return Csv(CsvOptions(**options)).read(file)


def rows_of(file: Path, content: bytes, **options: Any) -> list[tuple[Any, ...]]:
    return log_of(file, content, **options).frame.collect().rows()


def test_ids_are_what_stands_in_the_file(file: Path) -> None:
    content = HEAD + b'007,NA,1\nnull,"a, ""b""",2\nnan,None,3\n'
    assert rows_of(file, content) == [
        ("007", "NA", 1_000_000),
        ("null", 'a, "b"', 2_000_000),
        ("nan", "None", 3_000_000),
    ]


def test_byte_order_mark_crlf_and_blank_lines(file: Path) -> None:
    content = b"\xef\xbb\xbf\r\n" + (HEAD + b"u,a,1\n\nu,b,2\n\n\n").replace(b"\n", b"\r\n")
    assert rows_of(file, content) == [("u", "a", 1_000_000), ("u", "b", 2_000_000)]


def test_gzip_reads_alike(tmp_path: Path) -> None:
    assert rows_of(tmp_path / "a.csv.gz", gzip.compress(HEAD + b"u,a,1\n")) == [("u", "a", 1_000_000)]


def test_columns_by_name_and_number(file: Path) -> None:
    content = b"when;what;who;stars\n5;a;u;4.5\n"
    options = {"separator": ";", "user": "who", "item": 2, "time": "when", "rating": "stars"}
    log = log_of(file, content, **options)
    assert log.frame.collect().rows(named=True) == [{"user": "u", "item": "a", "timestamp": 5_000_000, "rating": 4.5}]
    assert log.k_core == 5


def test_without_header_the_first_line_is_an_interaction(file: Path) -> None:
    rows = rows_of(file, b"u\ta\nu\tb\n", header=False, separator="\t", user=1, item=2, time="")
    assert rows == [("u", "a"), ("u", "b")]


@pytest.mark.parametrize(
    ("unit", "text", "microseconds"),
    [
        ("s", "881250949", 881250949_000_000),
        ("s", " 881250949.5 ", 881250949_500_000),
        ("s", "8.8125e8", 881250000_000_000),
        ("ms", "1628643414042", 1628643414_042_000),
        ("us", "1628643414042123", 1628643414_042_123),
        ("ns", "1628643414042123999", 1628643414_042_123),
        ("iso", "1970-01-02", 86_400_000_000),
        ("iso", "1970-01-01 00:01", 60_000_000),
        ("iso", "1970-01-01 00:00:01.5", 1_500_000),
        ("iso", "1970-01-01T00:00:01Z", 1_000_000),
        ("iso", "1970-01-01T02:00:01+02:00", 1_000_000),
    ],
)
def test_times_become_microseconds(file: Path, unit: str, text: str, microseconds: int) -> None:
    log = log_of(file, HEAD + f"u,a,{text}\n".encode(), unit=unit)
    assert log.frame.collect()["timestamp"].to_list() == [microseconds]
    assert log.notes["times"] == f"read as {unit}, UTC"


@pytest.mark.parametrize(
    ("unit", "text", "fault"),
    [
        ("s", "soon", "'soon' is not a number"),
        ("s", "nan", "is missing"),
        ("s", "", "is missing"),
        ("s", "-1", "'-1' is negative"),
        ("s", "1628643414042", "is in the future (year 53579 if the unit is 's')"),
        ("s", "99999999999999999999", "is in the future"),
        ("iso", "2014-13-01", "is not an ISO 8601 time"),
        ("iso", "1969-12-31", "is before 1970"),
    ],
)
def test_a_bad_time_is_named_with_its_line(file: Path, unit: str, text: str, fault: str) -> None:
    good = "2014-01-01" if unit == "iso" else "5"
    # A quoted field over two lines and a blank line: rows are not lines.
    content = HEAD + f'"u\nv",a,{good}\n\nu,b,{text}\n'.encode()
    with pytest.raises(DataError, match=r"a\.csv, line 5: the timestamp \(column 'timestamp'\) .*") as caught:
        rows_of(file, content, unit=unit)
    assert fault in str(caught.value)


@pytest.mark.parametrize("user", ["", '""'])
def test_a_missing_id_is_named(file: Path, user: str) -> None:
    with pytest.raises(DataError, match=r"line 2: the user \(column 'user'\) is missing"):
        rows_of(file, HEAD + f"{user},a,1\n".encode())


def test_a_bad_rating_is_named(file: Path) -> None:
    with pytest.raises(DataError, match=r"line 2: the rating \(column 'stars'\) 'good' is not a number"):
        rows_of(file, b"user,item,stars\nu,a,good\n", time="", rating="stars")


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        (HEAD + b"u,a,1\nu,a,1,x\n", {}, r"line 3: has 4 fields, and the first line 3; is ',' the separator"),
        (HEAD + b"u,a,1\nu,a\n", {}, r"line 3: the timestamp .* is missing"),
        (HEAD + b"u,\xff,1\n", {}, r"line 2: is not UTF-8"),
        (b"", {}, r"is empty"),
        (
            b"a,b,c\n",
            {},
            r"no column 'user' \(csv\.user\); its columns are: a, b, c; choose by --set csv\.user=NAME",
        ),
        (HEAD, {"time": "date"}, r"no column 'date' \(csv\.time\)"),
        (HEAD, {"user": 4}, r"csv\.user = 4, and the columns go from 1 to 3"),
        (HEAD, {"user": 0}, r"csv\.user = 0, and the columns go from 1 to 3"),
        (b"u,a,1\n", {"header": False}, r"without a header columns have no names.*--set csv\.user=1"),
        (HEAD + b'"u,a,1\n', {}, r"cannot be read as a table"),
    ],
)
def test_a_bad_file_is_named(file: Path, content: bytes, options: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        rows_of(file, content, **options)
    assert "\n" not in str(caught.value)
    assert str(file) in str(caught.value)


# Polars takes a carriage return inside quotes for what it is, but Python's writer does not quote NUL.
Ids = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=6)


@given(rows=st.lists(st.tuples(Ids, Ids, st.integers(0, 10**9)), min_size=1, max_size=6))
def test_what_python_writes_is_read_back(
    rows: list[tuple[str, str, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL)
    writer.writerow(["user", "item", "timestamp"])
    writer.writerows(rows)
    file = tmp_path_factory.mktemp("csv") / "a.csv"
    found = rows_of(file, text.getvalue().encode())
    assert found == [(user, item, time * 1_000_000) for user, item, time in rows]
