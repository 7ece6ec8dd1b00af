"""What is looked at: histories, padded for the model, with their moments, and shuffled for comparison; and samples.

Of a large log a part is enough: it is drawn, by users or by targets, and the inspection says how much.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from fearec_cli.data.batches import InteractionTable, gather_histories
from fearec_cli.data.splits import HeldOut
from fearec_cli.model.encoder import Encoder


@dataclass(frozen=True)
class Histories:
    """What precedes each target, as much of it as the model reads.

    Attributes:
        ids: [B, N] padded.
        lengths: [B].
        starts: [B] index of each history's first read interaction in the table.
        timestamps: [T] of the whole table; None where the data has none.
    """

    ids: Tensor
    lengths: Tensor
    starts: npt.NDArray[np.int64]
    timestamps: npt.NDArray[np.int64] | None

    def gaps(self, history: npt.NDArray[np.int64], position: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Microseconds between a position of a history and its last one.

        Raises:
            ValueError: the data has no times.
        """
        if self.timestamps is None:
            raise ValueError("the data has no times")
        last = self.starts + self.lengths.cpu().numpy() - 1
        gaps: npt.NDArray[np.int64] = self.timestamps[last[history]] - self.timestamps[self.starts[history] + position]
        return gaps

    def shuffled(self, random: np.random.Generator) -> "Histories":
        """The same histories, the items of each in another order."""
        valid = self.ids > 0
        keys = torch.as_tensor(random.random(tuple(self.ids.shape)), device=self.ids.device)
        # Padding keeps its side: its keys are below or above all others.
        padded_left = bool((~valid[:, 0]).any())
        order = keys.masked_fill(~valid, -1.0 if padded_left else 2.0).argsort(1)
        return Histories(self.ids.gather(1, order), self.lengths, self.starts, self.timestamps)


def sample(
    encoder: Encoder,
    table: InteractionTable,
    held_out: HeldOut,
    timestamps: npt.NDArray[np.int64] | None,
    most: int,
    seed: int = 0,
) -> Histories:
    """Histories of targets, drawn where there are more than `most`.

    Args:
        encoder: whose length and padding they take.
        table: the interactions.
        held_out: the targets.
        timestamps: of the table.
        most: how many are enough.
        seed: of the draw.
    """
    rows = sample_targets(held_out, most, seed)
    starts, ends = held_out.starts[rows], held_out.targets[rows]
    device = table.items.device
    ids, lengths = gather_histories(
        table.items,
        torch.as_tensor(starts, device=device),
        torch.as_tensor(ends, device=device),
        encoder.max_length,
        encoder.padding,
    )
    return Histories(ids, lengths, ends - lengths.cpu().numpy(), timestamps)


class LogSample(NamedTuple):
    """The interactions of some users.

    Attributes:
        items: int32 [T], user after user, oldest first.
        offsets: int64 [U + 1], user u is `items[offsets[u]:offsets[u + 1]]`.
        timestamps: int64 [T], microseconds.
    """

    items: npt.NDArray[np.int32]
    offsets: npt.NDArray[np.int64]
    timestamps: npt.NDArray[np.int64]


def sample_users(
    items: npt.NDArray[np.int32],
    offsets: npt.NDArray[np.int64],
    timestamps: npt.NDArray[np.int64],
    most: int,
    seed: int = 0,
) -> LogSample:
    """The interactions of users that are drawn until the next would make more than `most`; of one user at least.

    Args:
        items: [T] as in `LogSample`, of all users; so are the next two.
        offsets: [U + 1].
        timestamps: [T].
        most: how many interactions are enough.
        seed: of the draw.
    """
    if len(items) <= most:
        return LogSample(items, offsets, timestamps)
    sizes = np.diff(offsets)
    order = np.random.default_rng(seed).permutation(len(sizes))
    count = max(1, int(np.searchsorted(np.cumsum(sizes[order]), most, side="right")))
    users = np.sort(order[:count])
    ends = np.cumsum(sizes[users])
    rows = np.arange(ends[-1]) + np.repeat(offsets[users] - ends + sizes[users], sizes[users])
    return LogSample(items[rows], np.concatenate([[0], ends]), timestamps[rows])


def sample_targets(held_out: HeldOut, most: int, seed: int = 0) -> npt.NDArray[np.int64]:
    """Rows of targets, in their order: all of them, or as many as `most`, drawn.

    Args:
        held_out: the targets.
        most: how many are enough.
        seed: of the draw.
    """
    rows = np.arange(len(held_out.targets))
    return rows if len(rows) <= most else np.sort(np.random.default_rng(seed).choice(len(rows), most, replace=False))
