"""Parquet: one file or many, and columns of every type."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from fearec_adapters.formats.parquet import Parquet
from fearec_adapters.reading.columns import ColumnOptions
from fearec_cli.api import Log
from fearec_cli.errors import DataError

MOMENT = datetime(2020, 1, 2, 3, 4, 5, 678901)
MICROSECONDS = 1_577_934_245_678_901


def read(path: Path, **options: Any) -> Log:
    return Parquet(ColumnOptions(**options)).read(path)


def log_of(tmp_path: Path, **columns: Any) -> Log:
    file = tmp_path / "a.parquet"
    frame = {"user": ["u"], "item": ["a"], "timestamp": [1], **columns}
    pl.DataFrame(frame).write_parquet(file)
    return read(file, rating="rating" if "rating" in columns else "")


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        (["007"], "007"),
        ([7], "7"),
        ([2**63], str(2**63)),
        ([b"1193"], "1193"),
        (pl.Series(["x"], dtype=pl.Categorical), "x"),
    ],
)
def test_ids_become_text(tmp_path: Path, ids: Any, expected: str) -> None:
    assert log_of(tmp_path, item=ids).frame.collect()["item"].to_list() == [expected]


@pytest.mark.parametrize(
    ("times", "expected", "note"),
    [
        ([1_500_000_000], 1_500_000_000_000_000, "read as s (recognised by magnitude), UTC"),
        ([1_500_000_000.5], 1_500_000_000_500_000, "read as s (recognised by magnitude), UTC"),
        ([1_500_000_000_123], 1_500_000_000_123_000, "read as ms (recognised by magnitude), UTC"),
        ([1_500_000_000_123_456], 1_500_000_000_123_456, "read as us (recognised by magnitude), UTC"),
        ([1_500_000_000_123_456_789], 1_500_000_000_123_456, "read as ns (recognised by magnitude), UTC"),
        (["2020-01-02 03:04:05.678901"], MICROSECONDS, "read as iso (recognised by its form), UTC"),
        ([MOMENT], MICROSECONDS, "read by the column's own type, UTC"),
        ([MOMENT.replace(tzinfo=UTC)], MICROSECONDS, "read by the column's own type, UTC"),
        (pl.Series([MOMENT], dtype=pl.Datetime("ns")), MICROSECONDS, "read by the column's own type, UTC"),
        ([date(1970, 1, 2)], 86_400_000_000, "read by the column's own type, UTC"),
    ],
)
def test_times_of_every_type(tmp_path: Path, times: Any, expected: int, note: str) -> None:
    log = log_of(tmp_path, timestamp=times)
    assert log.frame.collect()["timestamp"].to_list() == [expected]
    assert log.notes == {"columns": "user = user, item = item, timestamp = timestamp", "times": note}


def test_ratings(tmp_path: Path) -> None:
    assert log_of(tmp_path, rating=[4]).frame.collect()["rating"].to_list() == [4.0]


def test_a_directory_and_a_pattern_are_read_by_name(tmp_path: Path) -> None:
    place = tmp_path / "logs"
    for name, item in (("b", "2"), ("a", "1"), ("in/c", "3")):
        (place / name).parent.mkdir(exist_ok=True, parents=True)
        pl.DataFrame({"user": ["u"], "item": [item]}).write_parquet(place / f"{name}.parquet")
    whole = read(place, time="")
    assert whole.frame.collect()["item"].to_list() == ["1", "2", "3"]
    assert whole.source.location == "logs (3 files)"
    some = read(place / "*.parquet", time="")
    assert some.frame.collect()["item"].to_list() == ["1", "2"]
    assert some.source.location == "*.parquet (2 files)"
    assert some.source.sha256 != whole.source.sha256 == read(place, time="").source.sha256
    assert some.notes == {
        "files": "2: a.parquet, b.parquet",
        "columns": "user = user, item = item",
        "times": "none",
    }


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"user": [None]}, r"row 1: the user \(column 'user'\) is missing"),
        ({"item": [1.5]}, r"row 1: the item \(column 'item'\) '1.5' is not a whole number"),
        ({"timestamp": [None]}, r"the timestamp \(column 'timestamp'\) is of type Null, which is not a time"),
        ({"timestamp": [True]}, r"is of type Boolean, which is not a time"),
        ({"timestamp": [datetime(1960, 1, 1)]}, r"row 1: .*'1960-01-01 00:00:00' is before 1970 or in the future"),
        ({"user": ["u"] * 2, "item": ["a"] * 2, "timestamp": [1, -1]}, r"row 2: .*'-1' is negative"),
        ({"user": ["u"] * 2, "item": ["a"] * 2, "timestamp": [10**9, 10**12]}, r"row 2: .* is in ms by its magnitude"),
        ({"rating": [float("nan")]}, r"row 1: the rating \(column 'rating'\) is missing"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, columns: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        log_of(tmp_path, **columns).frame.collect()


def test_a_unit_for_times_that_have_a_type_is_refused(tmp_path: Path) -> None:
    log_of(tmp_path, timestamp=[MOMENT])
    with pytest.raises(DataError, match="need no unit; leave it out"):
        read(tmp_path / "a.parquet", unit="ms")


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (".", r"is a directory with no \.parquet file in it"),
        ("*.parquet", "no file fits this pattern"),
        ("x.parquet", "no such file"),
        ("bad.parquet", "cannot be read as Parquet"),
    ],
)
def test_what_is_no_parquet_is_named(tmp_path: Path, path: str, message: str) -> None:
    if path.startswith("bad"):
        (tmp_path / path).write_bytes(b"PAR1 and no more")
    with pytest.raises(DataError, match=message):
        read(tmp_path / path)
