"""Kinds of targets: a mean over all of them hides for which users a model works."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fearec_cli.data.prepared import Prepared
from fearec_cli.data.splits import HeldOut
from fearec_cli.evaluation.baselines.popularity import all_time

REPEATS = "target"


@dataclass(frozen=True, eq=False)
class Slice:
    """Some of the targets.

    Attributes:
        by: what distinguishes them: "target" (new or repeated), "history", "popularity" or "time".
        name: which they are, as in "history of 5 to 7".
        rows: int64 [S], their indices, ascending.
    """

    by: str
    name: str
    rows: npt.NDArray[np.int64]


def slices(prepared: Prepared, held_out: HeldOut, repeated: npt.NDArray[np.bool_]) -> list[Slice]:
    """The targets by what they are: new or repeated, and terciles of the length of their history, of how often training
    has their item, and of their time, where there are times. Groups that ties leave empty are left out.

    Args:
        prepared: the data set.
        held_out: the targets.
        repeated: [P] which of them are in their own history.
    """
    found = [Slice(REPEATS, name, np.flatnonzero(rows)) for name, rows in (("new", ~repeated), ("repeated", repeated))]
    bought = all_time(prepared)[prepared.items[held_out.targets] - 1]
    found += _terciles("history", held_out.targets - held_out.starts, _counted("history of"))
    found += _terciles("popularity", bought, _counted("item bought"))
    if prepared.timestamps is not None:
        found += _terciles("time", prepared.timestamps[held_out.targets], _days)
    return [each for each in found if len(each.rows)]


def _terciles(by: str, values: npt.NDArray[np.int64], name: Callable[[int, int], str]) -> Iterator[Slice]:
    edges = np.quantile(values, [1 / 3, 2 / 3])
    group = np.searchsorted(edges, values, side="left")
    for index in range(3):
        rows = np.flatnonzero(group == index)
        if len(rows):
            yield Slice(by, name(int(values[rows].min()), int(values[rows].max())), rows)


def _counted(what: str) -> Callable[[int, int], str]:
    return lambda low, high: f"{what} {low:,}" if low == high else f"{what} {low:,} to {high:,}"


def _days(low: int, high: int) -> str:
    first, last = (str(np.datetime64(moment, "us").astype("datetime64[D]")) for moment in (low, high))
    return first if first == last else f"{first} to {last}"
