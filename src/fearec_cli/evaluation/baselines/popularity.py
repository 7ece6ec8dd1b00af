"""Popularity: the same list for every user, most bought first; of all time, and recent."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fearec_cli.data.prepared import Prepared
from fearec_cli.data.splits import ranges
from fearec_cli.evaluation.metrics import ndcg

# Windows that are tried: halves, quarters and so on of the time that training covers.
_HALVINGS = 12
# The metric that chooses among them, on the validation targets.
_K = 10
_MICROSECONDS_A_DAY = 86_400_000_000


@dataclass(frozen=True, eq=False)
class Recent:
    """How often each item was bought recently.

    Attributes:
        counts: int64 [I].
        days: length of the window before the last training interaction.
    """

    counts: npt.NDArray[np.int64]
    days: float


def all_time(prepared: Prepared) -> npt.NDArray[np.int64]:
    """How often each item was bought in the training part, int64 [I]."""
    return np.bincount(prepared.items[training_rows(prepared)] - 1, minlength=prepared.n_items)


def recent(prepared: Prepared) -> Recent | None:
    """Counts of the last part of the training time; validation decides how much of it. None without times.

    The windows are 1/2, 1/4, ... 1/4096 of the time between the first and the last training interaction, and the one
    whose list has the best NDCG@10 of the validation targets is taken, unmasked; of equal ones the longest. Recent
    popularity beats trained models where time moves fast (Gusak et al., arXiv 2507.16289).
    """
    if prepared.timestamps is None:
        return None
    rows = training_rows(prepared)
    items, times = prepared.items[rows] - 1, prepared.timestamps[rows]
    order = np.argsort(times, kind="stable")
    items, times = items[order], times[order]
    targets = prepared.items[prepared.split.valid.targets] - 1
    first, last = int(times[0]), int(times[-1])
    best: tuple[float, Recent] | None = None
    for halving in range(1, _HALVINGS + 1):
        window = (last - first) // 2**halving
        counts = np.bincount(items[np.searchsorted(times, last - window) :], minlength=prepared.n_items)
        value = ndcg(places(counts)[targets], _K) if len(targets) else 0.0
        if best is None or value > best[0]:
            best = value, Recent(counts, window / _MICROSECONDS_A_DAY)
    assert best is not None  # some window was tried
    return best[1]


def places(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The rank of each item in the list of these counts, int64 [I]; equal ones count against it.

    >>> places(np.array([5, 1, 5, 0]))
    array([2, 3, 2, 4])
    """
    found: npt.NDArray[np.int64] = len(counts) - np.searchsorted(np.sort(counts), counts, side="left")
    return found


def training_rows(prepared: Prepared) -> npt.NDArray[np.int64]:
    """Index of every training interaction, user after user."""
    starts, ends = prepared.split.bounds("train")
    return ranges(starts, ends - starts)
