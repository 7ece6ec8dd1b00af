"""From a log to numbered sequences: filter, order, give ids. Pure: nothing is read, written or printed."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl
from pydantic import Field

from fearec_cli.api import Log, Options
from fearec_cli.data.interactions import Interactions
from fearec_cli.data.splits import SHORTEST
from fearec_cli.errors import DataError

_COLUMNS = {"user": pl.String, "item": pl.String, "timestamp": pl.Int64, "rating": pl.Float64}


class Settings(Options):
    """What `prepare` keeps of a log. The filters run in the order in which they stand here."""

    min_rating: float | None = Field(
        None, description="keep interactions of this rating or higher; all of them when none"
    )
    deduplicate: bool = Field(False, description="keep only the earliest of repeated user-item pairs")
    k_core: int = Field(
        5, ge=0, description="keep users and items with this many interactions among themselves; 0 keeps all"
    )
    min_length: int = Field(
        0, ge=0, description="drop users with fewer interactions than this, after the k-core; 0 keeps all"
    )


def prepare(log: Log, settings: Settings) -> Interactions:
    """Filter a log, order each user's interactions and give ids from 1.

    Order: by time, and by row of the source where times are equal or absent.
    Ids: users in the order of their first remaining row in the source; items in the order in which they are
    first met when the users are walked in that order, each oldest first. A log that was numbered in this
    way keeps its ids.

    Raises:
        DataError: the log breaks the contract of `fearec_cli.api.Log`; a filter leaves nothing; a user
            is left with fewer interactions than leave-one-out needs.
    """
    rows = _ordered(_collect(log, settings))
    if settings.deduplicate:
        rows = rows.keep(_first_of_pairs(rows))
    rows = rows.keep(_in_core(rows, settings.k_core))
    if not len(rows.users):
        raise DataError(
            f"{log.source.location}: the {settings.k_core}-core is empty: no set of users and items has "
            f"{settings.k_core} interactions each among themselves; lower --k-core (0 turns it off)"
        )
    rows = rows.keep(np.bincount(rows.users)[rows.users] >= settings.min_length)
    if not len(rows.users):
        raise DataError(f"{log.source.location}: no user has {settings.min_length} interactions; lower --min-length")
    _check_lengths(log, rows)
    return _numbered(rows)


@dataclass(frozen=True, eq=False)
class _Rows:
    """Interactions as codes. `users` and `items` index the vocabularies; all arrays are [T]."""

    users: npt.NDArray[np.int64]
    items: npt.NDArray[np.int64]
    timestamps: npt.NDArray[np.int64] | None
    source_rows: npt.NDArray[np.int64]
    user_vocabulary: pl.Series
    item_vocabulary: pl.Series

    def keep(self, chosen: npt.NDArray[np.bool_ | np.int64]) -> "_Rows":
        """The rows of a mask, or of an index array in its order."""
        times = self.timestamps
        return _Rows(
            self.users[chosen],
            self.items[chosen],
            None if times is None else times[chosen],
            self.source_rows[chosen],
            self.user_vocabulary,
            self.item_vocabulary,
        )


def _collect(log: Log, settings: Settings) -> _Rows:
    """Check the log's contract, apply the rating threshold and turn raw ids into codes."""
    where = log.source.location
    schema = log.frame.collect_schema()
    for column, dtype in _COLUMNS.items():
        if column in schema and schema[column] != dtype:
            raise DataError(f"{where}: column {column!r} is {schema[column]}, not {dtype}: {_blame(log)}")
    if missing := [column for column in ("user", "item") if column not in schema]:
        raise DataError(f"{where}: no column {missing[0]!r}: {_blame(log)}")
    wanted = ["user", "item", *(["timestamp"] if "timestamp" in schema else [])]
    if settings.min_rating is not None:
        if "rating" not in schema:
            raise DataError(f"{where}: has no ratings that --min-rating could be applied to; leave it out")
        wanted.append("rating")
    table = log.frame.select(wanted).collect()
    if table.is_empty():
        raise DataError(f"{where}: has no interactions")
    if table.null_count().sum_horizontal().item():
        raise DataError(f"{where}: has missing values: {_blame(log)}")
    if settings.min_rating is not None:
        table = table.filter(pl.col("rating") >= settings.min_rating)
        if table.is_empty():
            raise DataError(f"{where}: no rating is {settings.min_rating:g} or higher; lower --min-rating")
    users, user_vocabulary = _encode(table["user"])
    items, item_vocabulary = _encode(table["item"])
    times = table["timestamp"].to_numpy() if "timestamp" in schema else None
    rows = np.arange(len(users), dtype=np.int64)
    return _Rows(users, items, times, rows, user_vocabulary, item_vocabulary)


def _blame(log: Log) -> str:
    return f"a fault of the adapter {log.source.adapter!r}, whose author should know"


def _encode(raw: pl.Series) -> tuple[npt.NDArray[np.int64], pl.Series]:
    """Codes from 0 and the vocabulary that they index."""
    vocabulary = raw.unique(maintain_order=True)
    codes = raw.cast(pl.Enum(vocabulary)).to_physical().cast(pl.Int64)
    return codes.to_numpy(), vocabulary


def _ordered(rows: _Rows) -> _Rows:
    """Users together, each oldest first. Both sorts are stable, so that the source's order decides ties."""
    if rows.timestamps is None:
        return rows.keep(np.argsort(rows.users, kind="stable"))
    return rows.keep(np.lexsort((rows.timestamps, rows.users)))


def _first_of_pairs(rows: _Rows) -> npt.NDArray[np.bool_]:
    pairs = rows.users * len(rows.item_vocabulary) + rows.items
    mask = np.zeros(len(pairs), dtype=np.bool_)
    mask[np.unique(pairs, return_index=True)[1]] = True
    return mask


def _in_core(rows: _Rows, k: int) -> npt.NDArray[np.bool_]:
    """Mask of the maximal k-core: drop users and items below k, again until none is.

    The core is unique, so the order in which users and items are dropped does not matter.
    """
    alive = np.arange(len(rows.users))
    while True:
        users, items = rows.users[alive], rows.items[alive]
        enough = (np.bincount(users)[users] >= k) & (np.bincount(items)[items] >= k)
        if enough.all():
            break
        alive = alive[enough]
    mask = np.zeros(len(rows.users), dtype=np.bool_)
    mask[alive] = True
    return mask


def _check_lengths(log: Log, rows: _Rows) -> None:
    lengths = np.bincount(rows.users)
    short = np.flatnonzero((lengths > 0) & (lengths < SHORTEST))
    if len(short):
        raise DataError(
            f"{log.source.location}: user {rows.user_vocabulary[int(short[0])]!r} has {lengths[short[0]]} "
            f"interactions left, and leave-one-out needs {SHORTEST}; users with fewer: {len(short)}; "
            f"drop them by --min-length {SHORTEST}, or by --k-core {SHORTEST} or more"
        )


def _numbered(rows: _Rows) -> Interactions:
    """Final ids. `rows` has users together, each oldest first, and none shorter than `SHORTEST`."""
    starts = np.flatnonzero(np.diff(rows.users, prepend=-1))
    lengths = np.diff(starts, append=len(rows.users))
    # Users as the source brings them, which need not be as the filters leave them.
    order = np.argsort(np.minimum.reduceat(rows.source_rows, starts))
    offsets = np.concatenate([[0], np.cumsum(lengths[order])])
    within = np.arange(len(rows.users)) - np.repeat(offsets[:-1], lengths[order])
    rows = rows.keep(np.repeat(starts[order], lengths[order]) + within)

    first = np.sort(np.unique(rows.items, return_index=True)[1])
    id_of = np.zeros(len(rows.item_vocabulary), dtype=np.int32)
    id_of[rows.items[first]] = np.arange(1, len(first) + 1)
    return Interactions(
        items=id_of[rows.items],
        offsets=offsets,
        timestamps=rows.timestamps,
        raw_users=rows.user_vocabulary[rows.users[offsets[:-1]]],
        raw_items=rows.item_vocabulary[rows.items[first]],
    )
