"""Any bytes given to any adapter end in a prepared data set, or in one error that names the file."""

import gzip
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fearec_adapters.hub import source as hub_source
from fearec_adapters.hub.download import HubFile
from fearec_cli.components.registry import load_adapters
from fearec_cli.data.prepared import open_prepared
from fearec_cli.data.preparing.pipeline import prepare_source
from fearec_cli.errors import DataError

# Two users with five items each, who are long enough for a split.
ROWS = [(user, item, 5 - item, 1_500_000_000 + item) for user in (1, 2) for item in range(1, 6)]


def _lines(form: Callable[[int, int, int, int], str], header: str = "") -> bytes:
    """A line for each row."""
    return "".join(f"{line}\n" for line in ([header] if header else []) + [form(*row) for row in ROWS]).encode()


def _objects(user: str, item: str, rating: str, time: str) -> bytes:
    return _lines(lambda u, i, r, t: json.dumps({user: f"A{u:09}", item: f"B{i:09}", rating: float(r), time: t}))


def _parquet() -> bytes:
    buffer = io.BytesIO()
    frame = pl.DataFrame(ROWS, schema=["user", "item", "rating", "timestamp"], orient="row")
    frame.with_columns(pl.col("user", "item").cast(pl.String)).write_parquet(buffer)
    return buffer.getvalue()


def _archive(name: str, content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, content)
    return buffer.getvalue()


_TABS = _lines(lambda u, i, r, t: f"{u}\t{i}\t{r}\t{t}")
_DOTS = _lines(lambda u, i, r, t: f"{u}::{i}::{r}::{t}")
_RATINGS = _lines(lambda u, i, r, t: f"{u},{i},{r},{t}", "userId,movieId,rating,timestamp")
_CSV = _lines(lambda u, i, _, t: f'"{u}",{i},{t}', "user,item,timestamp")
_JSON = _lines(lambda u, i, _, t: json.dumps({"user": str(u), "item": i, "timestamp": t}))
_AMAZON = _objects("reviewerID", "asin", "overall", "unixReviewTime")
# What each reads, to be cut, doubled and soiled; an option of the adapter stands after its name, and of the hub the
# kind of file.
SEEDS = {
    "csv": _CSV,
    "tsv": _lines(lambda u, i, _, t: f"{u}\t{i}\t{t}", "user\titem\ttimestamp"),
    "recbole": _lines(
        lambda u, i, r, t: f"{u}\t{i}\t{r}\t{t}", "user_id:token\titem_id:token\trating:float\ttimestamp:float"
    ),
    "amazon-beauty": _lines(lambda u, i, r, t: f"A{u:09},B{i:09},{r}.0,{t}000", "user_id,parent_asin,rating,timestamp"),
    "amazon-beauty amazon.year=2014": _AMAZON,
    "amazon-toys amazon.year=2014": _lines(lambda u, i, r, t: f"A{u:09},B0{i:08},{r}.0,{t}"),
    "amazon-toys amazon.year=2018": _lines(lambda u, i, r, t: f"B0{i:08},A{u:09},{r}.0,{t}"),
    "lastfm": _lines(lambda u, i, r, t: f"{u}\t{i}\t{r}\t{t}000", "userID\tartistID\ttagID\ttimestamp"),
    "movielens-100k": _TABS,
    "movielens-1m": _DOTS,
    "movielens-10m": _DOTS,
    "movielens-20m": _RATINGS,
    "movielens-25m": _RATINGS,
    "movielens-32m": _RATINGS,
    "movielens-latest-small": _RATINGS,
    "jsonl": _JSON,
    "yelp": _objects("user_id", "business_id", "stars", "date").replace(b"1500000000", b'"2018-07-07 22:09:11"'),
    "sequences": b"1 2 3 4 5\n2 3 4 5 6\n",
    "pairs": _lines(lambda u, i, _, __: f"{u} {i}"),
    "netflix": b"".join(b"%d:\n" % item + b"1,3,2018-07-0%d\n2,4,2018-07-0%d\n" % (item, item) for item in range(1, 6)),
    "mind": _lines(lambda u, i, _, __: f"{i}\tU{u}\t7/{i}/2018 8:24:30 PM\tN{i} N9\tN{i}-1 N{i + 1}-0"),
    "mind mind.history=true": _lines(lambda u, i, _, __: f"{i}\tU{u}\t7/{i}/2018 8:24:30 PM\tN{i} N9\tN{i}-1 N8-0"),
    "parquet": _parquet(),
    "hub .csv": _CSV,
    "hub .jsonl": _JSON,
    "hub .parquet": _parquet(),
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
    others = draw(st.sampled_from(sorted(SEEDS.values())))
    content = (seed if draw(st.integers(0, 3)) else others) * draw(st.integers(1, 2))
    for _ in range(draw(st.integers(0, 3))):
        start = draw(st.integers(0, len(content)))
        end = min(len(content), start + draw(st.integers(0, 6)))
        content = content[:start] + draw(st.sampled_from(DIRT) | st.binary(max_size=4)) + content[end:]
    return content


@st.composite
def files(draw: st.DrawFn, seed: bytes) -> tuple[str, bytes]:
    """Name and content of a file, packed as its name says or otherwise."""
    content = draw(soiled(seed) if draw(st.integers(0, 5)) else st.binary(max_size=300))
    name, packing = draw(st.sampled_from(NAMES)), draw(st.sampled_from(["", "", ".gz", ".zip"]))
    if packing and not draw(st.integers(0, 9)):
        return f"{name}{packing}", content
    if packing == ".gz":
        content = gzip.compress(content)
    elif packing == ".zip":
        content = _archive(name, content)
    return f"{name}{packing}", content


def test_every_adapter_is_tried() -> None:
    tried = {name.partition(" ")[0] for name in SEEDS}
    # The demo reads nothing, and all of Amazon's categories are read alike.
    assert {entry.name for entry in load_adapters() if entry.package == "fearec"} - tried == {"demo"} | {
        entry.name for entry in load_adapters() if entry.name.startswith("amazon-") and entry.name not in tried
    }


@pytest.fixture(scope="module")
def fetched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Path]]:
    """The Hub gives the file that stands last in this list."""
    import datasets

    there: list[Path] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path_factory.mktemp("cache"))
        patch.setattr(hub_source, "fetch", lambda *_: HubFile("a/b", there[-1].name, "c" * 40, there[-1]))
        yield there


def outcome(name: str, file: Path, out: Path) -> str:
    """The error that preparing a file ends in; empty if it ends well."""
    source, *assignments = name.split()
    path: Path | None = file
    if source == "hub":
        source, assignments, path = f"hub:a/b/file{assignments[0]}", [], None
    try:
        prepare_source(source, path=path, out=out, assignments=assignments, settings={"k_core": 0})
    except DataError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("name", SEEDS)
def test_what_is_not_soiled_is_prepared(name: str, tmp_path: Path, fetched: list[Path]) -> None:
    file = tmp_path / ("log.parquet" if name.endswith("parquet") else "log")
    file.write_bytes(SEEDS[name])
    fetched.append(file)
    assert outcome(name, file, tmp_path / "out") == ""
    assert open_prepared(tmp_path / "out").n_users == 2


@pytest.mark.parametrize("name", SEEDS)
@given(data=st.data())
@settings(max_examples=40)
def test_any_bytes_end_well(
    name: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory, fetched: list[Path]
) -> None:
    called, content = data.draw(files(SEEDS[name]))
    place = tmp_path_factory.mktemp("fuzz")
    file = place / called
    file.write_bytes(content)
    fetched.append(file)
    problem = outcome(name, file, place / "out")
    if problem:
        assert file.name in problem or re.search(r"a/b/file\.\w+", problem), problem
        assert "\n" not in problem
        assert [entry.name for entry in place.iterdir()] == [file.name]
    else:
        assert open_prepared(place / "out").n_users > 0
