"""Training on every position: windows of a user's history, each of whose positions has a target.

A window is at most N items of the training part, and the target of a position is the item that follows it. A step
holds so many targets, whatever the lengths of its windows: a step of short windows would else count as much as one of
long ones. Windows of like length go together, and a step is as wide as its longest, so little is computed on padding.
"""

from collections.abc import Iterator
from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Int
from torch import Tensor

from fearec_cli.data.batches import ITEMS_AHEAD, Batch, InteractionTable, TrainingPrefixes, gather_histories
from fearec_cli.data.prepared import Prepared

# Steps whose windows are sorted together by length: enough that neighbours are alike, few enough that steps differ
# from epoch to epoch.
_STEPS_SORTED = 32


class TrainingWindows:
    """The training part, cut into windows from each user's latest item back.

    Args:
        table: the interactions.
        prepared: the data set they come from.
        max_length: N, items of a window at most.

    Attributes:
        max_length: N.
    """

    def __init__(self, table: InteractionTable, prepared: Prepared, max_length: int) -> None:
        starts, ends = prepared.split.bounds("train")
        self.max_length = max_length
        self._table = table
        self._prepared = prepared
        self._begins, self._ends = _windows(starts, ends, max_length)
        self._device = table.items.device

    def __len__(self) -> int:
        """How many targets there are."""
        return int((self._ends - self._begins).sum())

    def count(self, chosen: Int[Tensor, "W"]) -> int:
        """How many targets some windows have."""
        rows = chosen.numpy()
        return int((self._ends[rows] - self._begins[rows]).sum())

    def epoch(self, batch_size: int, generator: torch.Generator) -> Iterator[Int[Tensor, "W"]]:
        """Indices of windows, all of them once, a step at a time.

        Args:
            batch_size: targets of a step; it has up to a window more or fewer.
            generator: state of the shuffles, on the CPU.
        """
        lengths = self._ends - self._begins
        if not len(lengths):
            return
        order = torch.randperm(len(lengths), generator=generator).numpy()
        pool_size = max(1, round(_STEPS_SORTED * batch_size / lengths.mean()))
        pool = np.arange(len(order)) // pool_size
        order = order[np.lexsort((lengths[order], pool))]
        done = np.cumsum(lengths[order])
        before_pool = np.concatenate([[0], done])[np.searchsorted(pool, pool)]
        step = (done - before_pool - 1) // batch_size
        cuts = np.flatnonzero((np.diff(step) != 0) | (np.diff(pool) != 0)) + 1
        steps = np.split(order, cuts)
        for index in torch.randperm(len(steps), generator=generator).tolist():
            yield torch.from_numpy(steps[index])

    def some(self, targets: int) -> Int[Tensor, "W"]:
        """The longest windows that have so many targets together, or the fewest more."""
        lengths = self._ends - self._begins
        longest = np.argsort(-lengths, kind="stable")
        enough = int(np.searchsorted(np.cumsum(lengths[longest]), targets)) + 1
        return torch.from_numpy(longest[:enough])

    def batch(self, chosen: Int[Tensor, "W"]) -> Batch:
        """The windows, padded on the right to the longest of them, and the target of every real position.

        Targets stand window after window, position after position: in the order of `ids[ids > 0]`.
        """
        rows = chosen.numpy()
        begins = torch.as_tensor(self._begins[rows], device=self._device)
        ends = torch.as_tensor(self._ends[rows], device=self._device)
        longest = int((self._ends[rows] - self._begins[rows]).max())
        ids, lengths = gather_histories(self._table.items, begins, ends, longest, "right")
        following, _ = gather_histories(self._table.items, begins + 1, ends + 1, longest, "right")
        valid = ids > 0
        # The items after the target, where the window has them: the targets of the next positions.
        shifted = [torch.nn.functional.pad(following, (0, step))[:, step:] for step in range(1, ITEMS_AHEAD + 1)]
        return Batch(ids, lengths, following[valid] - 1, torch.stack(shifted, 2)[valid] - 1)

    def semantic(self, chosen: Int[Tensor, "K"], positions: Int[Tensor, "K"], generator: torch.Generator) -> Batch:
        """For some positions the history of another one with the same target, as `TrainingPrefixes.semantic_positives`.

        Args:
            chosen: indices of the windows.
            positions: in them, on the device.
            generator: of the draws.
        """
        begins = torch.as_tensor(self._begins[chosen.numpy()], device=self._device)
        alike = self._prefixes.semantic_positives(self._prefixes.before(begins + positions + 1), generator)
        return self._prefixes.batch(alike)

    @cached_property
    def _prefixes(self) -> TrainingPrefixes:
        """The same targets one by one; made when first asked for, as few losses need them."""
        return TrainingPrefixes(self._table, self._prepared, self.max_length, "right")


def _windows(
    starts: npt.NDArray[np.int64], ends: npt.NDArray[np.int64], size: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """First index and index after the last of each window's inputs; a user's last training item is only a target."""
    inputs = np.maximum(ends - starts - 1, 0)
    counts = -(-inputs // size)
    user = np.repeat(np.arange(len(starts)), counts)
    number = np.arange(len(user)) - np.repeat(np.cumsum(counts) - counts, counts)
    stops = (ends - 1)[user] - number * size
    return np.maximum(starts[user], stops - size), stops
