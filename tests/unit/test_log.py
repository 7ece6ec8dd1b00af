"""The lazy frame of a log: columns, rows and filters reach the reader, and nothing more is read."""

from collections.abc import Iterator

import polars as pl
import pytest

from fearec_cli.api import lazy_log
from fearec_cli.errors import DataError


def batches(read: list[int], bad: int = 9) -> Iterator[pl.DataFrame]:
    for number in range(4):
        if number == bad:
            raise DataError(f"row {number}")
        read.append(number)
        yield pl.DataFrame({"user": ["u", "v"], "item": [f"{number}a", f"{number}b"], "timestamp": [number, number]})


def test_every_reading_begins_anew() -> None:
    read: list[int] = []
    frame = lazy_log(["user", "item", "timestamp"], lambda: batches(read))
    assert read == []
    assert frame.collect().equals(frame.collect())
    assert read == [0, 1, 2, 3] * 2
    assert frame.select("item").collect()["item"].to_list() == ["0a", "0b", "1a", "1b", "2a", "2b", "3a", "3b"]
    assert frame.filter(pl.col("user") == "v", pl.col("timestamp") > 1).collect()["item"].to_list() == ["2b", "3b"]


def test_no_more_is_read_than_is_wanted() -> None:
    read: list[int] = []
    frame = lazy_log(["user", "item", "timestamp"], lambda: batches(read, bad=2))
    assert frame.head(3).collect()["item"].to_list() == ["0a", "0b", "1a"]
    assert read == [0, 1]


@pytest.mark.parametrize("engine", ["in-memory", "streaming"])
def test_what_the_reader_raises_comes_out_as_it_is(engine: str) -> None:
    with pytest.raises(DataError, match=r"^row 1$"):
        lazy_log(["user"], lambda: batches([], bad=1)).collect(engine=engine)
    with pytest.raises(DataError, match=r"^row 1$"):
        list(lazy_log(["user"], lambda: batches([], bad=1)).collect_batches())
