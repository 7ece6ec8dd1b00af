"""The four generic formats alike: what they hold, many files at once, and what is wrong with them."""

import csv
import gzip
import json
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from fearec_cli.api import Log
from fearec_cli.components.registry import load_adapters
from fearec_cli.data.preparing.steps import prepare
from fearec_cli.data.settings import Settings
from fearec_cli.errors import DataError

Row = tuple[Any, Any, Any]
NAMES = ("user", "item", "timestamp")


def as_csv(path: Path, rows: Sequence[Row]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([NAMES, *rows])


def as_tsv(path: Path, rows: Sequence[Row]) -> None:
    lines = ["\t".join("" if field is None else str(field) for field in row) + "\n" for row in [NAMES, *rows]]
    path.write_text("".join(lines), encoding="utf-8")


def as_jsonl(path: Path, rows: Sequence[Row]) -> None:
    path.write_text("".join(json.dumps(dict(zip(NAMES, row, strict=True))) + "\n" for row in rows))


def as_parquet(path: Path, rows: Sequence[Row]) -> None:
    schema = {"user": pl.String, "item": pl.String, "timestamp": pl.Int64}
    pl.DataFrame(rows, schema=schema, orient="row").write_parquet(path)


WRITERS: dict[str, Callable[[Path, Sequence[Row]], None]] = {
    "csv": as_csv,
    "tsv": as_tsv,
    "jsonl": as_jsonl,
    "parquet": as_parquet,
}
TEXTS = ("csv", "tsv", "jsonl")


def read(kind: str, path: Path) -> Log:
    component = load_adapters().get("adapter", kind).component
    return component.build(component.options()).read(path)


def log_of(kind: str, place: Path, rows: Sequence[Row]) -> Log:
    path = place / f"log.{kind}"
    WRITERS[kind](path, rows)
    return read(kind, path)


def test_strange_ids_are_the_same_in_every_format(tmp_path: Path) -> None:
    ids = ["007", "NA", "null", "a, b", 'q"q', "\U0001f600", "caf\u00e9", "'", "\\n", " pad "]
    rows = [(user, item, 10**9 + time) for user in ids for time, item in enumerate(ids)]
    prints = {prepare(log_of(kind, tmp_path, rows), Settings()).fingerprint() for kind in WRITERS}
    assert len(prints) == 1
    frame = log_of("csv", tmp_path, rows).frame.collect()
    assert frame["user"].unique(maintain_order=True).to_list() == ids


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_ids_with_line_breaks(tmp_path: Path, kind: str) -> None:
    rows = [("a\nb", "c\r\nd", 1), ("\n", "e", 2)]
    assert log_of(kind, tmp_path, rows).frame.select("user", "item").collect().rows() == [row[:2] for row in rows]


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([(None, "a", 1)], r"the user .* is missing"),
        ([("u", "", 1)], r"the item .* is missing"),
        ([("u", "a", None)], r"the timestamp .* is missing"),
        ([("u", "a", -1)], r"the timestamp .* '-1' is negative"),
        ([("u", "a", 4_102_444_800)], r"the timestamp .* '4102444800' is in the future \(year 2100 if the unit is 's'"),
        ([("u", "a", 1_500_000_000_000)], r"the timestamp .* is in ms by its magnitude, and the first .* in s"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, kind: str, rows: list[Row], message: str) -> None:
    place = {"csv": "line 4", "tsv": "line 4", "jsonl": "line 3", "parquet": "row 3"}[kind]
    good = [("u", "a", 1_500_000_000), ("u", "b", 1_500_000_001)]
    with pytest.raises(DataError, match=rf"log\.{kind}, {place}: {message}") as caught:
        log_of(kind, tmp_path, [*good, *rows, *good]).frame.collect()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", WRITERS)
def test_several_files_are_one_log_in_the_order_of_their_names(tmp_path: Path, kind: str) -> None:
    place = tmp_path / "logs"
    for name, item in (("b", "2"), ("a", "1"), ("in/c", "3")):
        path = place / f"{name}.{kind}"
        path.parent.mkdir(exist_ok=True, parents=True)
        WRITERS[kind](path, [("u", item, 5)])
    (place / "README").write_text("is none")
    whole, some = read(kind, place), read(kind, place / f"*.{kind}")
    assert whole.frame.collect()["item"].to_list() == ["1", "2", "3"]
    assert whole.source.location == "logs (3 files)"
    assert some.frame.collect()["item"].to_list() == ["1", "2"]
    assert some.source.location == f"*.{kind} (2 files)"
    assert some.source.sha256 != whole.source.sha256 == read(kind, place).source.sha256
    # The first file decides how all times are read.
    WRITERS[kind](place / f"z.{kind}", [("u", "a", 1_500_000_000_000)])
    with pytest.raises(DataError, match=rf"z\.{kind}, .* is in ms by its magnitude"):
        read(kind, place).frame.collect()


@pytest.mark.parametrize("kind", WRITERS)
def test_a_file_without_the_columns_is_named_among_several(tmp_path: Path, kind: str) -> None:
    WRITERS[kind](tmp_path / f"a.{kind}", [("u", "a", 1)])
    log_of(kind, tmp_path, [("u", "a", 1)])
    (tmp_path / f"log.{kind}").rename(tmp_path / f"b.{kind}")
    if kind == "parquet":
        pl.DataFrame({"who": ["u"]}).write_parquet(tmp_path / "c.parquet")
    else:
        (tmp_path / f"c.{kind}").write_text('{"who": "u"}\n' if kind == "jsonl" else "who\nu\n")
    with pytest.raises(DataError, match=rf"c\.{kind}.*: has no column 'user' \({kind}\.user\); its columns are: who"):
        read(kind, tmp_path)


@pytest.mark.parametrize("kind", WRITERS)
def test_no_file_in_a_directory_and_none_that_fits(tmp_path: Path, kind: str) -> None:
    with pytest.raises(DataError, match=rf"is a directory with no \.{kind}.* file in it"):
        read(kind, tmp_path)
    with pytest.raises(DataError, match=r"no file fits this pattern"):
        read(kind, tmp_path / f"*.{kind}")


@pytest.mark.parametrize("kind", TEXTS)
def test_byte_order_mark_crlf_gzip_and_zip(tmp_path: Path, kind: str) -> None:
    expected = log_of(kind, tmp_path, [("u", "a", 1), ("v", "b", 2)]).frame.collect()
    plain = (tmp_path / f"log.{kind}").read_bytes().replace(b"\r\n", b"\n")
    content = b"\xef\xbb\xbf" + plain.replace(b"\n", b"\r\n")
    (tmp_path / f"b.{kind}").write_bytes(content)
    (tmp_path / f"c.{kind}.gz").write_bytes(gzip.compress(content))
    with zipfile.ZipFile(tmp_path / "d.zip", "w") as archive:
        archive.writestr(f"d.{kind}", content)
    for name in (f"b.{kind}", f"c.{kind}.gz", "d.zip"):
        assert read(kind, tmp_path / name).frame.collect().equals(expected)


@pytest.mark.parametrize("kind", TEXTS)
def test_latin_1_truncated_gzip_and_several_in_a_zip(tmp_path: Path, kind: str) -> None:
    log_of(kind, tmp_path, [("u", "a", 1)] * 200)
    content = (tmp_path / f"log.{kind}").read_bytes()
    (tmp_path / f"b.{kind}").write_bytes(content + b"caf\xe9\n")
    with pytest.raises(DataError, match=rf"b\.{kind}, line 20[12]: is not UTF-8 text"):
        read(kind, tmp_path / f"b.{kind}").frame.collect()
    (tmp_path / f"c.{kind}.gz").write_bytes(gzip.compress(content)[:-9])
    with pytest.raises(DataError, match=rf"c\.{kind}\.gz: is not a complete gzip file: .*; fetch it again"):
        read(kind, tmp_path / f"c.{kind}.gz").frame.collect()
    with zipfile.ZipFile(tmp_path / "d.zip", "w") as archive:
        archive.writestr("one", content)
        archive.writestr("two", content)
    with pytest.raises(DataError, match=r"d\.zip: holds several files that could be meant \(d\.zip/one, d\.zip/two\)"):
        read(kind, tmp_path / "d.zip")


def test_a_parquet_file_that_is_cut_short_or_in_a_zip(tmp_path: Path) -> None:
    log_of("parquet", tmp_path, [("u", "a", 1)])
    content = (tmp_path / "log.parquet").read_bytes()
    (tmp_path / "cut.parquet").write_bytes(content[:-20])
    with pytest.raises(DataError, match=r"cut\.parquet: cannot be read as Parquet"):
        read("parquet", tmp_path / "cut.parquet")
    with zipfile.ZipFile(tmp_path / "d.zip", "w") as archive:
        archive.writestr("log.parquet", content)
    with pytest.raises(DataError, match=r"d\.zip: is a \.zip; unpack it"):
        read("parquet", tmp_path / "d.zip")


def test_damage_in_the_middle_of_a_parquet_file_is_met_when_it_is_read(tmp_path: Path) -> None:
    rows = [(f"u{n}", f"i{n}", n) for n in range(5000)]
    log_of("parquet", tmp_path, rows)
    path = tmp_path / "log.parquet"
    content = bytearray(path.read_bytes())
    content[20:2000] = bytes(1980)
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"log\.parquet: cannot be read as Parquet"):
        read("parquet", path).frame.collect()


@pytest.mark.slow
def test_a_user_with_a_million_events(tmp_path: Path) -> None:
    size = 1_000_000
    times = np.random.default_rng(0).integers(10**9, 16 * 10**8, size)
    path = tmp_path / "log.parquet"
    frame = pl.DataFrame({"user": ["crawler"], "item": ["x"]}).select(pl.all().repeat_by(size).explode())
    frame.with_columns(item=pl.format("i{}", pl.int_range(size) % 1000), timestamp=pl.Series(times)).write_parquet(path)
    result = prepare(read("parquet", path), Settings())
    assert result.raw_users.to_list() == ["crawler"]
    assert result.offsets.tolist() == [0, size]
    assert result.timestamps is not None
    np.testing.assert_array_equal(result.timestamps, np.sort(times) * 1_000_000)
    order = np.argsort(times, kind="stable")
    assert [result.raw_items[int(item) - 1] for item in result.items[:50]] == [f"i{n % 1000}" for n in order[:50]]
