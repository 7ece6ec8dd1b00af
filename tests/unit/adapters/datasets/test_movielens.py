"""MovieLens in the exact form of each release."""

import zipfile
from pathlib import Path
from typing import Any

import pytest

from fearec_adapters.datasets.movielens import MovieLens
from fearec_cli.api import Log, Options
from fearec_cli.errors import DataError

# First lines of the real files.
U_DATA = b"196\t242\t3\t881250949\n186\t302\t3\t891717742\n"
RATINGS_DAT = b"1::1193::5::978300760\r\n1::661::3::978302109\r\n2::1193::4.5::978298413\r\n"
RATINGS_CSV = b"userId,movieId,rating,timestamp\n1,17,4.0,944249077\n1,25,1.5,944250228\n"

Row = tuple[str, str, float, int]
U_DATA_ROWS = [("196", "242", 3.0, 881250949), ("186", "302", 3.0, 891717742)]
RATINGS_DAT_ROWS = [("1", "1193", 5.0, 978300760), ("1", "661", 3.0, 978302109), ("2", "1193", 4.5, 978298413)]
RATINGS_CSV_ROWS = [("1", "17", 4.0, 944249077), ("1", "25", 1.5, 944250228)]


def read(release: str, path: Path | None) -> Log:
    return MovieLens(Options(), release=release).read(path)


def rows_of(log: Log) -> list[tuple[Any, ...]]:
    rows = log.frame.select("user", "item", "rating", "timestamp").collect().rows()
    return [(user, item, rating, time // 1_000_000) for user, item, rating, time in rows]


@pytest.mark.parametrize(
    ("release", "name", "content", "expected"),
    [
        ("100k", "u.data", U_DATA, U_DATA_ROWS),
        ("1m", "ratings.dat", RATINGS_DAT, RATINGS_DAT_ROWS),
        ("10m", "ratings.dat", RATINGS_DAT, RATINGS_DAT_ROWS),
        ("20m", "ratings.csv", RATINGS_CSV, RATINGS_CSV_ROWS),
        ("25m", "ratings.csv", RATINGS_CSV, RATINGS_CSV_ROWS),
        ("32m", "ratings.csv", RATINGS_CSV, RATINGS_CSV_ROWS),
        ("latest-small", "ratings.csv", RATINGS_CSV, RATINGS_CSV_ROWS),
    ],
)
def test_the_file_its_directory_the_one_above_and_the_archive_read_alike(
    tmp_path: Path, release: str, name: str, content: bytes, expected: list[Row]
) -> None:
    folder = tmp_path / f"ml-{release}"
    folder.mkdir()
    (folder / name).write_bytes(content)
    archive = tmp_path / "ml.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr(f"ml-{release}/README.txt", "x")
        packed.writestr(f"ml-{release}/{name}", content)
        packed.writestr(f"__MACOSX/ml-{release}/{name}", b"\x00")
    logs = [read(release, path) for path in (folder / name, folder, tmp_path, archive)]
    assert [rows_of(log) for log in logs] == [expected] * 4
    assert len({log.source.sha256 for log in logs}) == 1
    assert [log.source.location for log in logs] == [name, name, name, f"ml.zip/ml-{release}/{name}"]
    assert logs[0].source.adapter == f"movielens-{release}"
    assert logs[0].notes == {"times": "read as s, UTC"}


@pytest.mark.parametrize(
    ("release", "reason"),
    [("1m", "README forbids to pass the data on"), ("latest-small", "has no copy on the Hub that is known")],
)
def test_without_a_file_it_says_where_to_get_it_and_why(release: str, reason: str) -> None:
    with pytest.raises(DataError, match=rf"{reason}.*ml-{release}\.zip from https://grouplens\.org.*--from"):
        read(release, None)


@pytest.mark.parametrize(
    ("release", "name", "content", "message"),
    [
        ("1m", "ratings.dat", b"1::2::3::4\n1::2::3\n", r"line 2: the timestamp .* is missing"),
        ("1m", "ratings.dat", b"1::2::3::4\n1::2::3::4::5\n", r"line 2: has 5 fields"),
        ("1m", "ratings.dat", RATINGS_CSV, r"line 1: has 1 fields, and ratings\.dat of MovieLens 1m has four"),
        ("100k", "u.data", b"1\t2\tx\t4\n", r"line 1: the rating .* 'x' is not a number"),
        ("20m", "ratings.csv", b"a,b\n1,2\n", r"no column 'userId'; its columns are: a, b; the file of this data set"),
        ("20m", "ratings.csv", b"", r"ratings\.csv: is empty"),
        ("20m", "movies.csv", RATINGS_CSV, r"has no ratings\.csv in it"),
    ],
)
def test_a_bad_file_is_named(tmp_path: Path, release: str, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        read(release, tmp_path).frame.collect()


def test_two_candidates_are_named(tmp_path: Path) -> None:
    for folder in ("ml-20m", "ml-25m"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "ratings.csv").write_bytes(RATINGS_CSV)
    with pytest.raises(DataError, match=r"holds several files .*ml-20m/ratings\.csv, .*ml-25m/ratings\.csv"):
        read("20m", tmp_path)
