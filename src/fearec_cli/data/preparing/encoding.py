"""A log to columns of codes: read once, a batch at a time, so that its text is never all in memory."""

import functools
import operator
from collections.abc import Iterator
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import polars as pl

from fearec_cli.api import Log
from fearec_cli.data.preparing.coded_log import Rows
from fearec_cli.data.preparing.progress import Watcher
from fearec_cli.data.settings import Settings, microseconds
from fearec_cli.errors import DataError, EmptyDataError

_COLUMNS = {"user": pl.String, "item": pl.String, "timestamp": pl.Int64, "order": pl.Int64, "rating": pl.Float64}
_BATCH = 2**20

_Number = TypeVar("_Number", bound=np.generic)


def encode(log: Log, settings: Settings, watcher: Watcher) -> Rows:
    """Read a log, check its contract, drop the rows that rating and time decide about, give codes to ids.

    Raises:
        DataError: the source has a bad row or none, or the log breaks the contract of `fearec_cli.api.Log`.
        EmptyDataError: no row is left.
    """
    where = log.source.location
    filters = _filters(log, settings)
    columns = _wanted(log, settings)
    users, items = _Coder(), _Coder()
    user_codes: list[npt.NDArray[np.int32]] = []
    item_codes: list[npt.NDArray[np.int32]] = []
    times: list[npt.NDArray[np.int64]] = []
    orders: list[npt.NDArray[np.int64]] = []
    read = 0
    for batch in _batches(log, columns):
        read += len(batch)
        if batch.null_count().sum_horizontal().item():
            raise DataError(f"{where}: has missing values: {_bug(log)}")
        kept = batch.filter(filters) if filters is not None else batch
        user_codes.append(users.codes(kept["user"]))
        item_codes.append(items.codes(kept["item"]))
        if "timestamp" in columns:
            times.append(kept["timestamp"].to_numpy())
        if "order" in columns:
            orders.append(kept["order"].to_numpy())
        watcher.on_rows(read)
    if not read:
        why = "".join(f", and {count:,} rows left out by: {step}" for step, count in log.tally.left_out.items())
        raise DataError(f"{where}: has no interactions{why}")
    left = read + sum(log.tally.left_out.values())
    watcher.on_kept("in the source", left)
    for step, count in log.tally.left_out.items():
        left -= count
        watcher.on_kept(step, left)
    rows = Rows(
        _joined(user_codes),
        _joined(item_codes),
        _joined(times) if "timestamp" in columns else None,
        users.names(),
        items.names(),
        _joined(orders) if "order" in columns else None,
    )
    for ids, names in (("user", rows.user_names), ("item", rows.item_names)):
        if twins := _twins(names):
            log.tally.notes[f"{ids} ids"] = f"{twins:,} differ from another by '.0' alone (5.0 and 5 are two ids here)"
    if settings.order == "newest-first":
        rows.reverse()
    if filters is not None:
        watcher.on_kept("after rating and dates", len(rows))
        if not len(rows):
            raise EmptyDataError(f"{where}: no interaction passes {_asked(settings)}; ask for less")
    return rows


class _Coder:
    """Codes of texts, from 0 on as new ones come; the codes of equal texts are equal."""

    def __init__(self) -> None:
        self._categories = pl.Categories.random()
        self._dtype = pl.Categorical(self._categories)
        # Polars forgets the texts when no series of them is left.
        self._kept = pl.Series([], dtype=self._dtype)

    def codes(self, raw: pl.Series) -> npt.NDArray[np.int32]:
        return raw.cast(self._dtype).to_physical().cast(pl.Int32).to_numpy()

    def names(self) -> pl.Series:
        return self._categories.to_series()


def _batches(log: Log, columns: list[str]) -> Iterator[pl.DataFrame]:
    """The log's rows, in its order."""
    try:
        yield from log.frame.select(columns).collect_batches(chunk_size=_BATCH, maintain_order=True)
    except pl.exceptions.PolarsError as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"{log.source.location}: cannot be read: {reason}: {_bug(log)}") from error


def _wanted(log: Log, settings: Settings) -> list[str]:
    """The columns that are read, after a look at all of them."""
    where = log.source.location
    schema = log.frame.collect_schema()
    for column, dtype in _COLUMNS.items():
        if column in schema and schema[column] != dtype:
            raise DataError(f"{where}: column {column!r} is {schema[column]}, not {dtype}: {_bug(log)}")
    if missing := [column for column in ("user", "item") if column not in schema]:
        raise DataError(f"{where}: no column {missing[0]!r}: {_bug(log)}")
    if settings.min_rating is not None and "rating" not in schema:
        raise DataError(f"{where}: has no ratings that --min-rating could be applied to; leave it out")
    if (settings.since or settings.until) and "timestamp" not in schema:
        raise DataError(f"{where}: has no times that --since and --until could be applied to; leave them out")
    wanted = ["user", "item", "timestamp", "order"] + ["rating"] * (settings.min_rating is not None)
    return [column for column in wanted if column in schema]


def _filters(log: Log, settings: Settings) -> pl.Expr | None:
    found = []
    if settings.min_rating is not None:
        found.append(pl.col("rating") >= settings.min_rating)
    if settings.since is not None:
        found.append(pl.col("timestamp") >= microseconds(settings.since))
    if settings.until is not None:
        found.append(pl.col("timestamp") < microseconds(settings.until))
    return functools.reduce(operator.and_, found) if found else None


def _asked(settings: Settings) -> str:
    """The options that rows are dropped by, as they are typed."""
    options = {"--min-rating": settings.min_rating, "--since": settings.since, "--until": settings.until}
    return " ".join(f"{name} {value}" for name, value in options.items() if value is not None)


def _twins(names: pl.Series) -> int:
    """How many ids end in .0 and would otherwise be another one."""
    found = names.filter(names.str.contains(r"^\d+\.0$")).str.strip_suffix(".0")
    return int(found.is_in(names.implode()).sum()) if len(found) else 0


def _joined(parts: list[npt.NDArray[_Number]]) -> npt.NDArray[_Number]:
    """The parts as one array of its own; they are given up on the way."""
    whole = np.concatenate(parts)
    parts.clear()
    return whole


def _bug(log: Log) -> str:
    return f"this is a bug in the adapter {log.source.adapter!r}; please report it"
