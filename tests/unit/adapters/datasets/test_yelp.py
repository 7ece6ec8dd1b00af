"""Yelp's reviews, and their windows."""

import json
import zipfile
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from fearec_adapters.datasets.yelp import Yelp, YelpOptions
from fearec_cli.api import Log
from fearec_cli.errors import DataError

FILE = "yelp_academic_dataset_review.json"
DATES = [
    "2018-12-31 23:59:59",
    "2019-01-01 00:00:00",
    "2019-12-31 00:00:00",
    "2019-12-31 00:00:01",
    "2020-01-01 00:00:00",
]


def review(date: Any, user: str = "u", stars: float = 4.0) -> dict[str, Any]:
    return {"review_id": "r", "user_id": user, "business_id": "-b", "stars": stars, "text": "x\n", "date": date}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / FILE
    path.write_text("".join(json.dumps(review(date, f"u{n}")) + "\n" for n, date in enumerate(DATES)))
    return path


def read(path: Path | None, **options: Any) -> Log:
    return Yelp(YelpOptions(**options)).read(path)


def users(log: Log) -> list[str]:
    return log.frame.collect()["user"].to_list()


def test_everything_and_its_notes(file: Path) -> None:
    log = read(file)
    assert log.frame.collect().rows(named=True)[1] == {
        "user": "u1",
        "item": "-b",
        "timestamp": 1546300800_000_000,
        "rating": 4.0,
    }
    assert users(log) == ["u0", "u1", "u2", "u3", "u4"]
    assert log.notes == {"times": "read as iso (recognised by its form), UTC"}


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        ({"window": "literature-2019"}, ["u1", "u2"]),
        ({"since": "2019-01-01"}, ["u1", "u2", "u3", "u4"]),
        ({"until": "2019-12-31"}, ["u0", "u1"]),
        ({"since": date(2019, 1, 1), "until": datetime(2019, 12, 31, 0, 0, 1)}, ["u1", "u2", "u3"]),
    ],
)
def test_windows_compare_text(file: Path, options: dict[str, Any], kept: list[str]) -> None:
    log = read(file, **options)
    assert users(log) == kept
    assert log.notes["window"].endswith("compared as text")


def test_dates_without_a_time_of_day(file: Path) -> None:
    file.write_text(json.dumps(review("2013-05-07")) + "\n")
    assert read(file).frame.collect()["timestamp"].to_list() == [1367884800_000_000]


def test_the_directory_and_the_archive(file: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "yelp.zip", "w") as archive:
        archive.write(file, f"Yelp JSON/{FILE}")
        archive.writestr("Yelp JSON/yelp_academic_dataset_user.json", "{}")
    assert users(read(tmp_path)) == users(read(tmp_path / "yelp.zip")) == users(read(file))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (review(None), r"line 6: the timestamp \(column 'date'\) is missing"),
        (review("1969-12-31 00:00:00"), r"line 6: the timestamp .* is before 1970"),
        (review("2018-01-01", user=""), r"line 6: the user .* is missing"),
    ],
)
def test_a_bad_line_is_named(file: Path, line: dict[str, Any], message: str) -> None:
    with file.open("a") as more:
        more.write(json.dumps(line) + "\n")
    with pytest.raises(DataError, match=message):
        read(file).frame.collect()


def test_a_window_with_nothing_in_it(file: Path) -> None:
    with pytest.raises(DataError, match="has no interaction of those"):
        read(file, since="2021-01-01")


def test_a_window_is_given_one_way(file: Path) -> None:
    with pytest.raises(DataError, match=r"yelp\.window=literature-2019 sets since and until"):
        read(file, window="literature-2019", since="2019-01-01")
    with pytest.raises(ValidationError):
        YelpOptions(since="1 May 2019")


def test_without_a_file_it_says_where_to_get_it_and_why() -> None:
    with pytest.raises(DataError, match=r"forbids to pass the data on; get it from https://www\.yelp\.com/dataset"):
        read(None)
