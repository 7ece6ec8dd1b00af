"""Which items follow and accompany each other in the training part: sparse rows of scores, counted pair by pair."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fearec_cli.data.prepared import Prepared
from fearec_cli.evaluation.baselines.popularity import all_time, training_rows

# Pairs that are counted together, which bounds memory.
_PAIRS = 2**24
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
    return _neighbours(_pairs(prepared, 1), prepared.n_items, latest=1)


def companions(prepared: Prepared) -> Neighbours:
    """ItemKNN: the cosine of two items over the histories that they share (Sarwar et al., WWW 2001).

    sim(i, j) = c(i, j) / sqrt(n(i) n(j)), where c counts the pairs that lie at most `REACH` interactions apart in
    some history, in either order, and n the interactions of an item. The `NEAREST` items of each are kept, and the
    rows of the `REACH` latest items of a history are added. Departure: pairs further apart are not counted, so that the
    work grows with the log and not with the square of a history's length.
    """
    keys, counts = _pairs(prepared, REACH)
    n_items = prepared.n_items
    # Either order: the matrix and its transpose.
    both = np.concatenate([keys, keys % n_items * n_items + keys // n_items])
    keys, place = np.unique(both, return_inverse=True)
    together = np.bincount(place, weights=np.tile(counts, 2), minlength=len(keys))
    bought = np.sqrt(all_time(prepared))
    scores = together / (bought[keys // n_items] * bought[keys % n_items])
    kept = _nearest(keys // n_items, scores)
    return _neighbours((keys[kept], scores[kept]), n_items, latest=REACH)


def _pairs(prepared: Prepared, reach: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[Any]]:
    """Every pair of items (i, j) of which j comes at most `reach` after i: i * I + j ascending, and how often."""
    rows = training_rows(prepared)
    items = prepared.items[rows].astype(np.int64) - 1
    starts, ends = prepared.split.bounds("train")
    left = np.repeat(ends, ends - starts) - rows - 1  # how many interactions of the user's training part follow
    n_items = prepared.n_items
    # Ranges of items that are followed by about so many pairs.
    counts = np.bincount(items, minlength=n_items).cumsum() * reach // _PAIRS
    keys, values = [], []
    for part in range(int(counts[-1]) + 1):
        low, high = np.searchsorted(counts, [part, part + 1])
        own = np.flatnonzero((items >= low) & (items < high))
        found = [
            items[at] * n_items + items[at + lag] for lag in range(1, reach + 1) for at in (own[left[own] >= lag],)
        ]
        key, value = np.unique(np.concatenate(found), return_counts=True)
        keys.append(key)
        values.append(value)
    return np.concatenate(keys), np.concatenate(values)


def _nearest(rows: npt.NDArray[np.int64], scores: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Which entries are among the largest `NEAREST` of their row; of equal ones the first."""
    sizes = np.bincount(rows)
    full = np.flatnonzero(sizes[rows] > NEAREST)
    order = full[np.lexsort((-scores[full], rows[full]))]
    first = np.searchsorted(rows[order], rows[order], side="left")
    kept = np.ones(len(rows), dtype=np.bool_)
    kept[order[np.arange(len(order)) - first >= NEAREST]] = False
    return kept


def _neighbours(entries: tuple[npt.NDArray[np.int64], npt.NDArray[Any]], n_items: int, latest: int) -> Neighbours:
    keys, scores = entries
    offsets = np.searchsorted(keys, np.arange(n_items + 1) * n_items)
    return Neighbours(offsets, keys % n_items, scores.astype(np.float64), latest)
