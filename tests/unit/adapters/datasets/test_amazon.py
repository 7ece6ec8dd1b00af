"""Amazon's reviews in the exact form of each release; the Hub is tested in tests/hub."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from fearec_adapters.datasets.amazon import COMPONENTS, Amazon, AmazonOptions
from fearec_adapters.datasets.amazon_categories import CATEGORIES
from fearec_cli.api import Log
from fearec_cli.errors import DataError

# A line of reviews_Beauty_5.json.gz, and the same as a Python literal; an ISBN with leading zeros; a text that only a
# literal can have.
REVIEW = {
    "reviewerID": "A1YJEY40YUW4SE",
    "asin": "7806397051",
    "reviewerName": "Andrea",
    "helpful": [3, 4],
    "reviewText": "Very oily and creamy. 3/4\u00bd",
    "overall": 1.0,
    "unixReviewTime": 1391040000,
    "reviewTime": "01 30, 2014",
}
OLDER = {**REVIEW, "reviewerID": "A60XNB876KYML", "asin": "0132793040", "overall": 3, "unixReviewTime": 1397779200}
ROWS_2014 = [
    ("A1YJEY40YUW4SE", "7806397051", 1.0, 1391040000_000),
    ("A60XNB876KYML", "0132793040", 3.0, 1397779200_000),
]
JSON_2014 = f"{json.dumps(REVIEW)}\n\n{json.dumps(OLDER)}\n".encode()
LITERALS_2014 = f"{REVIEW!r}\n{OLDER!r}\n".replace("Very", r"\dVery").encode()
CSV_2014 = b"A1YJEY40YUW4SE,7806397051,1.0,1391040000\nA60XNB876KYML,0132793040,3.0,1397779200\n"
CSV_2018 = b"7806397051,A1YJEY40YUW4SE,1.0,1391040000\n0132793040,A60XNB876KYML,3.0,1397779200\n"

NEW_REVIEW = {
    "rating": 5.0,
    "title": "Nice",
    "asin": "B00YQ6X8EO",
    "parent_asin": "B00YQ6X8EA",
    "user_id": "AGKHLEW2SOWHNMFQIJGBECAF7INQ",
    "timestamp": 1588687728923,
    "verified_purchase": True,
}
JSON_2023 = json.dumps(NEW_REVIEW).encode() + b"\n"
CSV_2023 = b"user_id,parent_asin,rating,timestamp\nAGKHLEW2SOWHNMFQIJGBECAF7INQ,B00YQ6X8EA,5.0,1588687728923\n"
ROWS_2023 = [("AGKHLEW2SOWHNMFQIJGBECAF7INQ", "B00YQ6X8EA", 5.0, 1588687728923)]


def read(path: Path | None, category: str = "beauty", **options: Any) -> Log:
    return Amazon(AmazonOptions(**options), category=category).read(path)


def rows_of(log: Log) -> list[tuple[Any, ...]]:
    rows = log.frame.select("user", "item", "rating", "timestamp").collect().rows()
    return [(user, item, rating, time // 1000) for user, item, rating, time in rows]


@pytest.mark.parametrize(
    ("year", "name", "content", "expected"),
    [
        (2014, "reviews_Beauty_5.json", JSON_2014, ROWS_2014),
        (2014, "reviews_Beauty.json", LITERALS_2014, ROWS_2014),
        (2014, "ratings_Beauty.csv", CSV_2014, ROWS_2014),
        (2018, "All_Beauty_5.json", JSON_2014, ROWS_2014),
        (2018, "All_Beauty.csv", CSV_2018, ROWS_2014),
        (2023, "All_Beauty.jsonl", JSON_2023, ROWS_2023),
        (2023, "All_Beauty.csv", CSV_2023, ROWS_2023),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_each_layout(tmp_path: Path, year: int, name: str, content: bytes, expected: list[Any], packed: bool) -> None:
    file = tmp_path / (f"{name}.gz" if packed else name)
    file.write_bytes(gzip.compress(content) if packed else content)
    log = read(file, year=year)
    assert rows_of(log) == expected
    assert log.notes["times"] == f"read as {'ms' if year == 2023 else 's'} (recognised by magnitude), UTC"
    assert (log.source.adapter, log.source.location, log.k_core) == ("amazon-beauty", file.name, 5)


@pytest.mark.parametrize(("year", "content"), [(2014, CSV_2018), (2018, CSV_2014)])
def test_the_order_of_columns_is_reported_by_the_ids_not_by_the_year(tmp_path: Path, year: int, content: bytes) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(content)
    log = read(file, year=year)
    assert rows_of(log) == ROWS_2014
    order = "item, user" if content is CSV_2018 else "user, item"
    assert log.notes["columns"] == f"{order}, rating, time (recognised by the form of the ids)"


def test_the_order_of_columns_may_be_given(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(b"x,y,1.0,1391040000\n")
    with pytest.raises(DataError, match=r"which of the first two .*'x', 'y'.*amazon-beauty\.columns=user-item"):
        read(file, year=2014)
    log = read(file, year=2014, columns="item-user")
    assert rows_of(log) == [("y", "x", 1.0, 1391040000_000)]
    assert log.notes["columns"] == "item, user, rating, time (given)"


@pytest.mark.parametrize(
    ("year", "content", "message"),
    [
        (2023, JSON_2014, r"no column 'user_id'; .*a file of 2014 or 2018: add --set amazon-beauty\.year=2014"),
        (2014, JSON_2023, r"no column 'reviewerID'; .*a file of 2023: add --set amazon-beauty\.year=2023"),
        (2014, CSV_2023, r"line 1: is a header, and ratings files of 2014 and 2018 have none"),
        (2023, CSV_2014, r"no column 'user_id'; its columns are: A1YJEY40YUW4SE, 7806397051"),
        (2014, b"a,b\n", r"line 1: has 2 fields, and a ratings file of 2014 has four"),
        (2014, JSON_2014 + b"{\n", r"line 4: '{', not one JSON object"),
        (2014, b"", r"is empty"),
        (2023, JSON_2023 + JSON_2023.replace(b"728923", b"728"), r"line 2: .* is in s by its magnitude, and the first"),
        (
            2014,
            CSV_2014.replace(b"1397779200", b"1397779200000"),
            r"line 2: .* is in ms by its magnitude, and the first",
        ),
        (2023, JSON_2023.replace(b'"B00YQ6X8EA"', b"null"), r"line 1: the item \(column 'parent_asin'\) is missing"),
        (2023, JSON_2023.replace(b'"B00YQ6X8EA"', b'{"a": 1}'), r"line 1: the item \(key 'parent_asin'\) is a dict"),
    ],
)
def test_a_bad_file_is_named(tmp_path: Path, year: int, content: bytes, message: str) -> None:
    file = tmp_path / "a"
    file.write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        read(file, year=year).frame.collect()
    assert str(file) in str(caught.value)


@pytest.mark.parametrize(
    ("category", "options", "message"),
    [
        ("beauty", {"year": 2014}, r"not on the Hub; fetch https://snap.*/reviews_Beauty_5\.json\.gz and name it by"),
        ("beauty", {"year": 2018}, r"not on the Hub; fetch All_Beauty_5\.json\.gz from https://nijianmo"),
        ("appliances", {}, r"no 5-core file of Appliances; .*--set amazon-appliances\.cut=0core .* or every review"),
        ("handmade-products", {"year": 2014}, r"the release of 2014 has no such category; it is in that of 2023"),
        ("apps-for-android", {}, r"the release of 2023 has no such category; it is in that of 2014"),
    ],
)
def test_what_cannot_be_had_is_an_error_without_a_request(category: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        read(None, category, **options)


@pytest.mark.parametrize("option", [{"cut": "raw"}, {"revision": "main"}])
def test_options_of_the_hub_do_not_go_with_a_file(tmp_path: Path, option: dict[str, str]) -> None:
    with pytest.raises(DataError, match=r"chooses a file of the Hub; leave it or --from out"):
        read(tmp_path / "a", **option)


def test_every_category_of_2023_and_its_core() -> None:
    names = {component.name for component in COMPONENTS}
    assert names >= {"amazon-beauty", "amazon-sports", "amazon-toys", "amazon-clothing", "amazon-all-beauty"}
    of_2023 = [category for category in CATEGORIES.values() if category.in_2023]
    # 33 categories and Unknown, of which 28 have a 5-core file.
    assert len(of_2023) == len({category.in_2023 for category in of_2023}) == 34
    assert sum(category.core for category in of_2023) == 28
