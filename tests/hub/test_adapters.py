"""Every adapter that reads from the Hub, each kind of file, by the real clients in one process of their own."""

import io
import json
from typing import Any

import polars as pl
import pytest

from support.hub_client import environment, read_sources
from support.hub_server import HubServer, Repository

AMAZON = "McAuley-Lab/Amazon-Reviews-2023"
MOVIELENS = "omrastogi/movielen"
REVISION = "a4e106171ad2f8d559bcc0b25af9aefb1fc93bbe"

AMAZON_CSV = b"""user_id,parent_asin,rating,timestamp
AGKASBHYZPGTEPO6LWZPVJWB2BVA,0006GBITXC,3.0,1452647382000
NA,null,4.5,1452647383000
"""
AMAZON_JSON = {
    "user_id": "AGKASBHYZ",
    "parent_asin": "0006GBITXC",
    "asin": "B1",
    "rating": 1.0,
    "timestamp": 1452647382000,
}
REVIEWS = pl.DataFrame(
    {
        "user_id": ["u", "v"],
        "business_id": ["-b", "-c"],
        "stars": [4.0, 2.0],
        "date": ["2019-12-31 00:00:00", "2020-01-01 00:00:00"],
    }
)


def parquet(frame: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    return buffer.getvalue()


REPOSITORIES = {
    AMAZON: Repository.of(
        {
            "benchmark/5core/rating_only/Beauty_and_Personal_Care.csv": AMAZON_CSV,
            "benchmark/0core/rating_only/Appliances.csv": AMAZON_CSV,
            "raw/review_categories/Toys_and_Games.jsonl": json.dumps(AMAZON_JSON).encode(),
        }
    ),
    MOVIELENS: Repository(
        {REVISION: {"ratings.csv": b"userId,movieId,rating,timestamp\n1,17,4.0,944249077\n"}}, {"main": "0" * 40}
    ),
    "a/b": Repository.of(
        {
            "yelp.parquet": parquet(REVIEWS),
            "typed.parquet": parquet(REVIEWS.with_columns(pl.col("date").str.to_datetime())),
            "x.jsonl": b'{"user": "u", "item": 7, "timestamp": "2020-01-01"}\n',
            "long.csv": b"user,item,timestamp\nu,a,1\nu,b,2,c\n",
            "first-long.csv": b"user,item,timestamp\nu,a,b,1\n",
            "bad.csv": b'user,item,timestamp\n"u\nv",a,1\n\nu,b,soon\n',
            "doubled.csv": b"x,user,x,item,timestamp\n1,u,2,a,3\n",
            "quoted.csv": '\ufeffuser,item,timestamp\r\n"a, ""b""\nc",\U0001f600,1\r\n\r\n'.encode(),
            "mac.csv": b"user,item,timestamp\ru,a,1\r",
            "longer.csv": b"user,item,timestamp\nu,a,1\nu,b,2,,c\n",
            "indented.csv": b'\tuser,item,timestamp\n"",a,1\n',
            "empty.csv": b"",
        }
    ),
}
HUB = {name: {"location": f"a/b/{name}"} for name in REPOSITORIES["a/b"].commits[REPOSITORIES["a/b"].branches["main"]]}

TIME = 1452647382000_000
GIVES = {
    "amazon": (
        "amazon-beauty",
        {},
        [["AGKASBHYZPGTEPO6LWZPVJWB2BVA", "0006GBITXC", TIME, 3.0], ["NA", "null", TIME + 10**6, 4.5]],
    ),
    "amazon 0core": (
        "amazon-appliances",
        {"cut": "0core"},
        [["AGKASBHYZPGTEPO6LWZPVJWB2BVA", "0006GBITXC", TIME, 3.0], ["NA", "null", TIME + 10**6, 4.5]],
    ),
    "amazon raw": ("amazon-toys", {"cut": "raw"}, [["AGKASBHYZ", "0006GBITXC", TIME, 1.0]]),
    "movielens": ("movielens-32m", {}, [["1", "17", 944249077_000_000, 4.0]]),
    "yelp": (
        "yelp",
        {"repo": "a/b", "path": "yelp.parquet", "window": "literature-2019"},
        [["u", "-b", 1577750400_000_000, 4.0]],
    ),
    "yelp typed": (
        "yelp",
        {"repo": "a/b", "path": "typed.parquet", "until": "2019-12-31 00:00:00"},
        [["u", "-b", 1577750400_000_000, 4.0]],
    ),
    "jsonl": ("hub", HUB["x.jsonl"], [["u", "7", 1577836800_000_000]]),
    "quoted": ("hub", HUB["quoted.csv"], [['a, "b"\nc', "\U0001f600", 1_000_000]]),
    "doubled": ("hub", HUB["doubled.csv"], [["u", "a", 3_000_000]]),
}
SAYS = {
    "amazon without core": ("amazon-appliances", {}, "has no 5-core file of Appliances"),
    "too many fields": ("hub", HUB["long.csv"], "long.csv, line 3: has 4 fields, and the first line 3"),
    "too many fields at once": ("hub", HUB["first-long.csv"], "line 2: has 4 fields, and the first line 3"),
    "bad time": ("hub", HUB["bad.csv"], "bad.csv, line 5: the timestamp (column 'timestamp') 'soon' is not a number"),
    "ends of line of old": ("hub", HUB["mac.csv"], "mac.csv"),
    "far too many fields": ("hub", HUB["longer.csv"], "longer.csv, line 3: has 5 fields, and the first line 3"),
    "indented": ("hub", HUB["indented.csv"], "line 2: the user (column '\\tuser') is missing"),
    "empty": ("hub", HUB["empty.csv"], "empty.csv: is empty"),
    "column": ("hub", {**HUB["x.jsonl"], "user": "who"}, "has no column 'who' (hub.user); its columns are: user, item"),
    "no file": ("hub", {"location": "a/b"}, "hub:a/b: names no file of a repository; write fearec prepare hub:OWNER"),
    "kind": ("hub", {"location": "a/b/c.txt"}, "is not a .csv, .jsonl, .json or .parquet"),
}  # fmt: skip


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What each source gave, or said."""
    sources = {name: (adapter, options) for name, (adapter, options, _) in {**GIVES, **SAYS}.items()}
    with HubServer(REPOSITORIES) as server:
        return read_sources(sources, environment(server.url, tmp_path_factory.mktemp("home")))


@pytest.mark.parametrize("name", GIVES)
def test_rows(read: dict[str, Any], name: str) -> None:
    assert read[name]["rows"] == GIVES[name][2], read[name]


@pytest.mark.parametrize("name", SAYS)
def test_errors(read: dict[str, Any], name: str) -> None:
    assert SAYS[name][2] in read[name]["error"]
    assert "\n" not in read[name]["error"]


def test_the_source_is_recorded(read: dict[str, Any]) -> None:
    assert read["movielens"]["revision"] == REVISION
    path = "benchmark/5core/rating_only/Beauty_and_Personal_Care.csv"
    assert read["amazon"]["location"] == f"huggingface.co/datasets/{AMAZON}/{path}"
    assert read["amazon"]["revision"] == REPOSITORIES[AMAZON].branches["main"]


def test_comma_separated_files_are_read_by_datasets_alone(read: dict[str, Any]) -> None:
    assert not any(read[name]["helped"] for name in GIVES)
