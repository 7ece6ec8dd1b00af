"""Amazon's files of three releases: which layout a file has, and its columns.

| release | file | layout |
|---|---|---|
| 2014 | `reviews_<Category>[_5].json.gz` | a line each: `reviewerID`, `asin`, `overall`, `unixReviewTime` (s) |
| 2014 | `ratings_<Category>.csv` | no header: user,item,rating,time (s) |
| 2018 | `<Category>[_5].json.gz` | as in 2014 |
| 2018 | `<Category>.csv` | no header: **item,user**,rating,time (s) |
| 2023 | `<Category>.jsonl[.gz]` | a line each: `user_id`, `parent_asin`, `rating`, `timestamp` (ms) |
| 2023 | `<Category>.csv[.gz]` | header `user_id,parent_asin,rating,timestamp` (ms) |

Lines are JSON objects, or Python literals in the full files of 2014.

Sources: cseweb.ucsd.edu/~jmcauley/datasets/amazon/links.html, nijianmo.github.io/amazon,
amazon-reviews-2023.github.io.
"""

import functools
import re
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Literal

import polars as pl

from fearec_adapters.files.file import File
from fearec_adapters.objects.parsing import objects
from fearec_adapters.objects.table import frame, names_of, sample
from fearec_adapters.reading.columns import ColumnOptions, all_named
from fearec_adapters.reading.delimited import Table
from fearec_adapters.reading.rows import Rows
from fearec_cli.errors import DataError

Order = Literal["auto", "user-item", "item-user"]
"""The first two columns of a file without a header."""

OLD = {"user": "reviewerID", "item": "asin", "timestamp": "unixReviewTime", "rating": "overall"}
NEW = {"user": "user_id", "item": "parent_asin", "timestamp": "timestamp", "rating": "rating"}

_USER = re.compile(r"A[0-9A-Z]{9,20}|#oc-.*")
_ITEM = re.compile(r"B0[0-9A-Z]{8}|[0-9]{9}[0-9X]")
# Lines that decide which column is which.
_LOOK = 200

Read = tuple[pl.LazyFrame, dict[str, str]]
"""A log's columns, and notes."""

AUTO = ColumnOptions()
"""Times are recognised."""


def read_local(file: File, year: int, order: Order, adapter: str) -> Read:
    """A file of a release, in whichever of its layouts.

    Raises:
        DataError: it is of another release, or has a bad line; names file, line and value.
    """
    first = next(file.lines(), (0, ""))[1]
    if first.startswith("{"):
        return read_reviews(file, year, adapter)
    if year == 2023:
        table = Table.open(file, separator=",", header=True, quoted=True)
        columns = columns_of(table.columns, file, year, adapter)
        rows = Rows.of(AUTO, table.sample(columns), adapter)
        return table.frame(columns, rows), rows.time_notes()
    return _read_ratings(file, order, year, adapter)


def read_reviews(file: File, year: int, adapter: str) -> Read:
    """A file with one review a line."""
    columns = columns_of(names_of(file), file, year, adapter)
    rows = Rows.of(AUTO, sample(objects(file), columns, file=file), adapter)
    return frame(functools.partial(objects, file), columns, rows, file=file), rows.time_notes()


def columns_of(names: Sequence[str], file: object, year: int, adapter: str) -> Mapping[str, str]:
    """A release's column for each of a log's.

    Raises:
        DataError: they are not there; says which release's are, if any.
    """
    wanted, others, other_years = (NEW, OLD, "2014 or 2018") if year == 2023 else (OLD, NEW, "2023")
    hint = ""
    if set(others.values()) <= set(names):
        choice = other_years.replace(" or ", f" or --set {adapter}.year=")
        hint = f"; this is a file of {other_years}: add --set {adapter}.year={choice}"
    return all_named(names, wanted, where=file, hint=hint)


def _read_ratings(file: File, order: Order, year: int, adapter: str) -> Read:
    """A file without a header: user and item, or item and user, then rating and time."""
    table = Table.open(file, separator=",", header=False, quoted=True)
    if len(table.columns) != 4:
        raise DataError(f"{file}, line 1: has {len(table.columns)} fields, and a ratings file of {year} has four")
    how = "given"
    if order == "auto":
        order, how = _order_of(file, adapter), "recognised by the form of the ids"
    user, item, rating, time = table.columns
    if order == "item-user":
        user, item = item, user
    columns = {"user": user, "item": item, "timestamp": time, "rating": rating}
    rows = Rows.of(AUTO, table.sample(columns), adapter)
    note = f"{order.replace('-', ', ')}, rating, time ({how})"
    return table.frame(columns, rows), {**rows.time_notes(), "columns": note}


def _order_of(file: File, adapter: str) -> Order:
    """Which of the first two columns is the user, by the first lines.

    Ids of users begin with A, those of items are 10 characters that begin with B0, or an ISBN.
    """
    heads = [_head(line) for _, line in islice(file.lines(), _LOOK)]
    left, right = heads[0]
    if left in ("reviewerID", "user_id", "asin"):
        raise DataError(f"{file}, line 1: is a header, and ratings files of 2014 and 2018 have none; is it of 2023?")
    votes = {
        "user-item": sum(bool(_USER.fullmatch(a)) + bool(_ITEM.fullmatch(b)) for a, b in heads),
        "item-user": sum(bool(_ITEM.fullmatch(a)) + bool(_USER.fullmatch(b)) for a, b in heads),
    }
    if votes["user-item"] > 2 * votes["item-user"]:
        return "user-item"
    if votes["item-user"] > 2 * votes["user-item"]:
        return "item-user"
    raise DataError(
        f"{file}: the ids do not show which of the first two columns is the user ({left!r}, {right!r}); "
        f"say so by --set {adapter}.columns=user-item or item-user"
    )


def _head(line: str) -> tuple[str, str]:
    """The first two fields of a line."""
    left, right = [*(field.strip('"') for field in line.split(",")), "", ""][:2]
    return left, right
