"""Which items follow and accompany each other in the training part: sparse rows of scores, counted pair by pair."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fearec_cli.data.prepared import Prepared
from fearec_cli.evaluation.baselines.popularity import all_time, training_rows

# Pairs that are counted together, which bounds memory.
_PAIRS = 2**22
# Of ItemKNN: how far apart two items of a history may be, and how many neighbours of an item are kept.
REACH, NEAREST = 10, 20


@dataclass(frozen=True, eq=False)
class Neighbours:
    """A sparse matrix of scores [I, I], row by row.

    Attributes:
        offsets: int64 [I + 1]; the entries of row i lie from offsets[i] to offsets[i + 1].
        items: int64, the column of each entry, ascending in a row.
        scores: float64, above 0.
        latest: how many of a history's latest items lead to their rows; their scores are added.
    """

    offsets: npt.NDArray[np.int64]
    items: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float64]
    latest: int


def followers(prepared: Prepared) -> Neighbours:
    """A Markov chain of first order: how often item j came right after item i, for a history's last item i.

    The co-occurrence of neighbours, as in the first-order part of FPMC (Rendle et al., WWW 2010) without factors.
    """
    return _joined(list(_pairs(prepared, [1])), prepared.n_items, latest=1)


def companions(prepared: Prepared) -> Neighbours:
    """ItemKNN: the cosine of two items over the histories that they share (Sarwar et al., WWW 2001).

    sim(i, j) = c(i, j) / sqrt(n(i) n(j)), where c counts the pairs that lie at most `REACH` interactions apart in
    some history, in either order, and n the interactions of an item. The `NEAREST` items of each are kept, and the
    rows of the `REACH` latest items of a history are added. Departure: pairs further apart are not counted, so that the
    work grows with the log and not with the square of a history's length.
    """
    n_items = prepared.n_items
    bought = np.sqrt(all_time(prepared))
    found = []
    for keys, counts in _pairs(prepared, [lag for lag in range(-REACH, REACH + 1) if lag]):
        scores = counts / (bought[keys // n_items] * bought[keys % n_items])
        kept = _nearest(keys // n_items, scores)
        found.append((keys[kept], scores[kept]))
    return _joined(found, n_items, latest=REACH)


def _pairs(prepared: Prepared, lags: Sequence[int]) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
    """Every pair of items (i, j) of which j comes one of some lags after i: i * I + j ascending, and how often.

    The pairs of some items i come together, so that what is counted at once is bounded.
    """
    rows = training_rows(prepared)
    n_items = prepared.n_items
    items = prepared.items[rows].astype(np.int64) - 1
    starts, ends = prepared.split.bounds("train")
    lengths = ends - starts
    before = rows - np.repeat(starts, lengths)
    after = np.repeat(ends, lengths) - rows - 1
    # Which part each item i is counted in: about so many pairs each.
    parts = np.bincount(items, minlength=n_items).cumsum() * len(lags) // _PAIRS
    for part in range(int(parts[-1]) + 1):
        low, high = np.searchsorted(parts, [part, part + 1])
        own = np.flatnonzero((items >= low) & (items < high))
        found = []
        for lag in lags:
            at = own[(after[own] >= lag) & (before[own] >= -lag)]
            found.append(items[at] * n_items + items[at + lag])
        yield np.unique(np.concatenate(found), return_counts=True)


def _nearest(rows: npt.NDArray[np.int64], scores: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Which entries are among the largest `NEAREST` of their row; of equal ones the first."""
    sizes = np.bincount(rows)
    full = np.flatnonzero(sizes[rows] > NEAREST)
    order = full[np.lexsort((-scores[full], rows[full]))]
    first = np.searchsorted(rows[order], rows[order], side="left")
    kept = np.ones(len(rows), dtype=np.bool_)
    kept[order[np.arange(len(order)) - first >= NEAREST]] = False
    return kept


def _joined(parts: Sequence[tuple[npt.NDArray[np.int64], npt.NDArray[Any]]], n_items: int, latest: int) -> Neighbours:
    """The rows of all parts, which are in the order of the items."""
    keys = np.concatenate([part[0] for part in parts])
    scores = np.concatenate([part[1] for part in parts]).astype(np.float64)
    offsets = np.searchsorted(keys, np.arange(n_items + 1) * n_items)
    return Neighbours(offsets, keys % n_items, scores, latest)
