"""Yelp's open data set (yelp.com/dataset): reviews, one JSON object a line, with a date in text and without a zone.

The literature takes the year 2019 by comparing text, '2019-01-01 00:00:00' <= date <= '2019-12-31 00:00:00' (S3-Rec,
data_process.py), which leaves the last day out; so do the windows here. Dates are taken for UTC. Yelp's agreement
forbids to pass the data on: this adapter fetches no copy by itself.
"""

from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

import polars as pl
from pydantic import BeforeValidator

from fearec_adapters.files.file import File
from fearec_adapters.files.finding import find_file
from fearec_adapters.hub.download import fetch
from fearec_adapters.objects.parsing import Object, objects
from fearec_adapters.objects.table import frame, names_of, sample
from fearec_adapters.reading.columns import ColumnOptions, choose
from fearec_adapters.reading.parquet import read_parquet
from fearec_adapters.reading.rows import Rows
from fearec_cli.api import Component, Field, Log, Tally
from fearec_cli.errors import DataError

_FILES = ("yelp_academic_dataset_review.json", "review.json")
_WINDOWS = {"all": ("", ""), "literature-2019": ("2019-01-01 00:00:00", "2019-12-31 00:00:00")}
_DAY = r"^(\d{4}-\d\d-\d\d( \d\d:\d\d:\d\d)?)?$"
# Later than any date, as text.
_OPEN = "~"


def _as_text(value: Any) -> Any:
    # TOML knows dates: `--set yelp.since=2019-01-01` is one.
    return str(value) if isinstance(value, date) else value


Day = Annotated[str, BeforeValidator(_as_text)]


class YelpOptions(ColumnOptions):
    """Which reviews, and where a copy on the Hub is, if there is one that the user may use."""

    user: str = Field("user_id", min_length=1, description="column of the user")
    item: str = Field("business_id", min_length=1, description="column of the business")
    time: str | tuple[str, str] = Field("date", description="column of the date")
    rating: str = Field("stars", description='column of the stars; "" to leave it unread')
    window: Literal["all", "literature-2019"] = Field(
        "all", description="literature-2019: 2019-01-01 00:00:00 <= date <= 2019-12-31 00:00:00, as text"
    )
    since: Day = Field("", pattern=_DAY, description='first date, UTC, compared as text; "" for no bound')
    until: Day = Field("", pattern=_DAY, description="last date, compared as text: a day alone ends as it begins")
    repo: str = Field("", description="OWNER/NAME of a copy on the Hub, read where --from is not given")
    path: str = Field("review.parquet", min_length=1, description="its file: .parquet, .json or .jsonl")
    revision: str = Field("main", min_length=1, description="its branch, tag or commit")


class Yelp:
    """Reads yelp_academic_dataset_review.json, the directory or .zip that it is in, or a copy on the Hub."""

    def __init__(self, options: YelpOptions) -> None:
        self._options = options

    def read(self, path: Path | None) -> Log:
        """Read the reviews.

        Raises:
            DataError: no file, a bad line, or none in the window; names file, line and value.
        """
        options = self._options
        since, until = _WINDOWS[options.window]
        if since and (options.since or options.until):
            raise DataError(f"yelp.window={options.window} sets since and until; leave either it or them out")
        since, until = since or options.since, until or options.until
        revision: Mapping[str, str] = {}
        if path is not None:
            file = find_file(path, "yelp", _FILES)
            source = file.source()
        elif options.repo:
            fetched = fetch(options.repo, options.path, options.revision)
            file, source, revision = File(fetched.file, "yelp"), fetched.source("yelp"), fetched.notes
        else:
            raise DataError(
                "yelp: its agreement forbids to pass the data on; get it from https://www.yelp.com/dataset and name "
                f"the file by --from {_FILES[0]}, or a copy on the Hub by --set yelp.repo=OWNER/NAME"
            )
        if file.path.suffix == ".parquet":
            table, notes, tally = read_parquet([file.path], options, adapter="yelp", keep=_between(since, until))
        else:
            table, notes, tally = self._read_lines(file, since, until)
        if since or until:
            notes["window"] = f"{since or '...'} <= {options.time} <= {until or '...'}, compared as text"
        return Log(frame=table, source=source, notes={**notes, **revision}, tally=tally)

    def _read_lines(self, file: File, since: str, until: str) -> tuple[pl.LazyFrame, dict[str, str], Tally]:
        columns = choose(names_of(file), self._options, where=file, adapter="yelp")

        def kept() -> Iterator[Object]:
            for number, review in objects(file):
                day = review.get(columns["timestamp"])
                # What is not text is kept: the reader of times names what is wrong with it.
                if not isinstance(day, str) or since <= day <= (until or _OPEN):
                    yield number, review

        rows = Rows.of(self._options, sample(kept(), columns, file=file), "yelp")
        return frame(kept, columns, rows, file=file), rows.time_notes(), rows.tally


def _between(since: str, until: str) -> pl.Expr:
    """Rows of a window, where dates may be text or have a type."""
    text = pl.col("timestamp").cast(pl.String).str.slice(0, len("2019-01-01 00:00:00"))
    return text.is_null() | text.is_between(pl.lit(since), pl.lit(until or _OPEN))


COMPONENT = Component(
    name="yelp",
    options=YelpOptions,
    build=Yelp,
    summary="Yelp's reviews, of all time or of a window, from the official file or a copy that you name.",
    source="a local file, yelp.com/dataset; window: RUCAIBox/CIKM2020-S3Rec data/data_process.py",
)
