"""Any bytes given to any adapter end in a log that can be collected, or in one error that names the file."""

import gzip
import io
import zipfile

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fearec_cli.errors import DataError
from fearec_cli.registry import Registered, load_adapters

# Those that read no file, and all of a family but one.
_UNREAD = ("demo", "hub")
READERS = [
    entry
    for entry in load_adapters().of_kind("adapter")
    if entry.package == "fearec"
    and entry.name not in _UNREAD
    and (not entry.name.startswith("amazon-") or entry.name == "amazon-beauty")
]


def _parquet() -> bytes:
    buffer = io.BytesIO()
    pl.DataFrame({"user": ["u", "v"], "item": ["a", "b"], "timestamp": [1, 2]}).write_parquet(buffer)
    return buffer.getvalue()


def _archive(name: str, content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, content)
    return buffer.getvalue()


_RATINGS = b"userId,movieId,rating,timestamp\n1,17,4.0,944249077\n1,25,1.5,944250228\n"
_DOTS = b"1::1193::5::978300760\n1::661::3::978302109\n"
# What each reads, to be cut, doubled and soiled.
SEEDS = {
    "csv": b'user,item,timestamp\nu,a,1\n"v",b,2\n',
    "tsv": b"user\titem\ttimestamp\nu\ta\t1\nv\tb\t2\n",
    "recbole": b"user_id:token\titem_id:token\trating:float\ttimestamp:float\nu\ta\t3\t1\n",
    "amazon-beauty": b"user_id,parent_asin,rating,timestamp\nAGKHLEW2SOWHNMFQI,B00YQ6X8EA,5.0,1588687728923\n",
    "lastfm": b"userID\tartistID\ttagID\ttimestamp\n2\t52\t13\t1238536800000\n2\t52\t14\t1238536700000\n",
    "movielens-100k": b"196\t242\t3\t881250949\n186\t302\t3\t891717742\n",
    "movielens-1m": _DOTS,
    "movielens-10m": _DOTS,
    "movielens-20m": _RATINGS,
    "movielens-25m": _RATINGS,
    "movielens-32m": _RATINGS,
    "movielens-latest-small": _RATINGS,
    "jsonl": b'{"user": "u", "item": "a", "timestamp": 1}\n{"user": "v", "item": "a", "timestamp": 2}\n',
    "yelp": b'{"user_id": "u", "business_id": "b", "stars": 4.0, "date": "2018-07-07 22:09:11"}\n',
    "sequences": b"1 2 3\n4 5 6\n",
    "pairs": b"1 2\n1 3\n",
    "parquet": _parquet(),
}
NAMES = ("u.data", "ratings.dat", "ratings.csv", "review.json", "user_taggedartists-timestamps.dat", "other")
DIRT = [
    b"",
    b"\x00",
    b"\xff",
    b'"',
    b"'",
    b"\n",
    b"\r",
    b",",
    b"\t",
    b"::",
    b"\\",
    b"{",
    b"[",
    b"9" * 30,
    b"-",
    b"nan",
    b"\xef\xbb\xbf",
]


@st.composite
def soiled(draw: st.DrawFn, seed: bytes) -> bytes:
    """What an adapter reads, with pieces taken out and others put in."""
    content = draw(st.just(seed) | st.sampled_from(sorted(SEEDS.values()))) * draw(st.integers(1, 2))
    for _ in range(draw(st.integers(0, 3))):
        start = draw(st.integers(0, len(content)))
        end = min(len(content), start + draw(st.integers(0, 6)))
        content = content[:start] + draw(st.sampled_from(DIRT) | st.binary(max_size=4)) + content[end:]
    return content


@st.composite
def files(draw: st.DrawFn, seed: bytes) -> tuple[str, bytes]:
    """Name and content of a file, packed as its name says or otherwise."""
    content = draw(soiled(seed) | st.binary(max_size=300))
    name, packing = draw(st.sampled_from(NAMES)), draw(st.sampled_from(["", "", ".gz", ".zip"]))
    if packing and not draw(st.integers(0, 9)):
        return f"{name}{packing}", content
    if packing == ".gz":
        content = gzip.compress(content)
    elif packing == ".zip":
        content = _archive(name, content)
    return f"{name}{packing}", content


@pytest.mark.parametrize("entry", READERS, ids=lambda entry: entry.name)
@given(data=st.data())
@settings(max_examples=60)
def test_any_bytes_end_well(entry: Registered, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    name, content = data.draw(files(SEEDS[entry.name]))
    file = tmp_path_factory.mktemp("fuzz") / name
    file.write_bytes(content)
    adapter = entry.component.build(entry.component.options())
    problem = None
    try:
        frame = adapter.read(file).frame.collect()
    except DataError as error:
        problem = str(error)
    if problem is None:
        assert {"user", "item"} <= set(frame.columns)
        assert not any(frame.null_count().row(0))
    else:
        assert str(file) in problem
        assert "\n" not in problem
