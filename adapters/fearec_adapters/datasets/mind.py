"""MIND, Microsoft News: what users clicked of what they were shown (github.com/msnews/msnews.github.io).

`behaviors.tsv` has no header and five fields: impression, user, time (`11/15/2019 9:55:12 AM`), the news clicked
before, and the news shown, each with `-1` after it if it was clicked and `-0` if not:

    1	U13740	11/11/2019 9:05:58 AM	N55189 N42782	N55689-1 N35729-0

A click is an interaction at the impression's time. The earlier clicks have no times.
"""

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from fearec_adapters.files.file import File
from fearec_adapters.files.finding import find_file
from fearec_adapters.reading.lines import fields, text_lines
from fearec_adapters.reading.rows import Rows
from fearec_adapters.reading.time_forms import Form
from fearec_adapters.reading.times import Clock
from fearec_adapters.reading.values import Batch, shown
from fearec_cli.api import Component, Field, Log, Options, lazy_log
from fearec_cli.errors import DataError

_FIELDS = ("impression", "user", "timestamp", "history", "shown")
_COLUMNS = {"user": "user", "item": "news", "timestamp": "time"}
_TIME = Form.of("%m/%d/%Y %I:%M:%S %p")


class MindOptions(Options):
    """Which clicks are read."""

    history: bool = Field(
        False, description="also the clicks before a user's earliest impression, in their order, at its time"
    )


class Mind:
    """Reads behaviors.tsv, the directory it is in, or MINDsmall_train.zip."""

    def __init__(self, options: MindOptions) -> None:
        self._options = options

    def read(self, path: Path | None) -> Log:
        """Read the clicks.

        Raises:
            DataError: no file; and when it is read, a bad line; names file, line and value.
        """
        file = find_file(path, "mind", ["behaviors.tsv"])
        rows = Rows(Clock("text", forms=(_TIME,)))
        notes = rows.time_notes()
        if self._options.history:
            frame = lazy_log([*rows.columns(_COLUMNS), "order"], lambda: _with_history(file, rows))
            notes["history"] = "of each user's earliest impression, before its clicks, at its time"
        else:
            frame = rows.frame(_COLUMNS, lambda: (_table(clicks, rows, file) for clicks in _clicks(file)))
        return Log(frame=frame, source=file.source(), notes=notes)


def _impressions(file: File) -> Iterator[pl.DataFrame]:
    for lines in text_lines(file):
        yield fields(lines, "\t", _FIELDS, file)


def _clicks(file: File) -> Iterator[pl.DataFrame]:
    for impressions in _impressions(file):
        news = impressions.select("line", "user", "timestamp", item=pl.col("shown").str.extract_all(r"\S+"))
        news = news.explode("item").drop_nulls("item")
        for line, item in news.filter(~pl.col("item").str.contains(r".-[01]$")).select("line", "item").head(1).rows():
            raise DataError(
                f"{file}, line {line}: {shown(item)} has neither -1 (clicked) nor -0 after it; test sets are published "
                "without clicks"
            )
        yield news.filter(pl.col("item").str.ends_with("-1")).with_columns(pl.col("item").str.strip_suffix("-1"))


def _with_history(file: File, rows: Rows) -> Iterator[pl.DataFrame]:
    """Clicks with the order 0, and those of histories before them with orders below it."""
    firsts = _earliest(file)
    for impressions in _impressions(file):
        first = impressions.join(firsts, on=["user", "line"], how="semi", maintain_order="left")
        past = first.select("line", "user", "timestamp", item=pl.col("history").str.extract_all(r"\S+"))
        past = past.explode("item").drop_nulls("item")
        place = pl.int_range(pl.len(), dtype=pl.Int64) - pl.len().cast(pl.Int64)
        yield _table(past, rows, file).with_columns(order=past.select(place.over("line")).to_series())
    for clicks in _clicks(file):
        yield _table(clicks, rows, file).with_columns(order=pl.lit(0, pl.Int64))


def _earliest(file: File) -> pl.DataFrame:
    """User and line of each user's earliest impression; times that cannot be read are left to who reads the clicks."""
    found = pl.DataFrame(schema={"user": pl.String, "line": pl.UInt32, "time": pl.Int64})
    for impressions in _impressions(file):
        times = impressions.select("user", "line", time=_TIME.microseconds(pl.col("timestamp")))
        found = pl.concat([found, times]).sort("time", "line", nulls_last=True).unique("user", keep="first")
    return found


def _table(clicks: pl.DataFrame, rows: Rows, file: File) -> pl.DataFrame:
    return rows.table(
        Batch(
            clicks.with_row_index("row"),
            file,
            _COLUMNS,
            place=lambda row: f"line {clicks['line'][row]}",
            value=lambda row, column: clicks[column][row],
        )
    )


COMPONENT = Component(
    name="mind",
    options=MindOptions,
    build=Mind,
    summary="MIND: news that users clicked, from behaviors.tsv, its directory or its .zip; histories if asked for.",
    source="a local file, msnews.github.io; Wu et al. 2020, ACL",
)
