"""Run a scorer over a held-out part: a rank for every target, under both protocols.

The split defines which interactions are targets (`fearec_cli.data.splits`). The model reads as much of a
history as it can take; what is seen, for the masked protocol, is the whole of it.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from fearec_cli.data.batches import InteractionTable, gather_histories
from fearec_cli.data.splits import HeldOut
from fearec_cli.errors import EvaluationError
from fearec_cli.evaluation.metrics import summarise
from fearec_cli.evaluation.ranks import MISS, RankProtocol, rank_targets
from fearec_cli.nn.positions import Padding
from fearec_cli.nn.repeats import AddedScores
from fearec_cli.system.processes import ALONE, Processes

# Positions represented at once: a batch is some hundred launches, and on a CPU its large pieces are computed in parts
# that fit the cache anyway (`fearec_cli.kernels.cpu`).
_POSITIONS = 2**16
# Histories ranked at once: the more, the better the blocks of `rank_targets`.
_RANKED = 2048


@runtime_checkable  # annotations are checked at run time in the tests
class Scorer(Protocol):
    """What can be evaluated: a model in evaluation mode.

    The score of an item is the inner product of its row with the history's representation.

    Attributes:
        max_length: N, the number of latest items that it reads.
        padding: the side of the padding that it expects.
    """

    max_length: int
    padding: Padding

    def represent(self, ids: Int[Tensor, "B N"], lengths: Int[Tensor, "B"]) -> Float[Tensor, "B D"]:
        """A row for each history of item ids (from 1, padded with 0), of which `lengths` are real."""

    def item_table(self) -> Float[Tensor, "I D"]:
        """A row for each item; row r is item id r + 1, without the padding row."""

    def added_scores(self, ids: Int[Tensor, "B N"], lengths: Int[Tensor, "B"]) -> AddedScores | None:
        """What is added to the inner products; None where nothing is."""


@dataclass(frozen=True)
class Evaluation:
    """The rank of every target.

    Attributes:
        held_out: the targets, with the user of each.
        ranks: under each protocol, int64, in the order of the targets; 1 is the best, and `MISS` is not a rank.
    """

    held_out: HeldOut
    ranks: Mapping[RankProtocol, Int[np.ndarray, "P"]]

    def at(self, rows: Int[np.ndarray, "C"]) -> "Evaluation":
        """The same of some targets."""
        return Evaluation(self.held_out.at(rows), {protocol: ranks[rows] for protocol, ranks in self.ranks.items()})

    @property
    def repeated(self) -> Bool[np.ndarray, "P"]:
        """Which targets are in their own history: those that cannot be recommended under seen-masked."""
        repeated: Bool[np.ndarray, "P"] = self.ranks["seen-masked"] == MISS
        return repeated

    def metrics(self, ks: Iterable[int]) -> dict[RankProtocol, dict[str, float]]:
        """Every metric at every k, under each protocol.

        Raises:
            ValueError: no targets, or a k below 1.
        """
        ks = tuple(ks)
        return {protocol: summarise(ranks, ks) for protocol, ranks in self.ranks.items()}


@torch.inference_mode()
def evaluate(
    scorer: Scorer,
    table: InteractionTable,
    held_out: HeldOut,
    *,
    batch_size: int | None = None,
    on_progress: Callable[[int, int], None] | None = None,
    processes: Processes = ALONE,
) -> Evaluation:
    """Rank every target among the whole catalogue.

    Args:
        scorer: what is evaluated, on the device of `table`.
        table: the interactions.
        held_out: the targets.
        batch_size: histories represented at once; by their length unless given.
        on_progress: called after each batch with the number of targets done and of all targets.
        processes: each ranks its share of the targets, and all of them get the ranks of all.

    Raises:
        EvaluationError: the scorer's catalogue is not the table's, or a score is not a number.
    """
    item_table = scorer.item_table()
    if len(item_table) != table.n_items:
        raise EvaluationError(
            f"the model knows {len(item_table):,} items and the data set has {table.n_items:,}: "
            "evaluate it on the data set that it was trained on"
        )
    items, device = table.items, table.items.device
    own = processes.own(len(held_out))
    # Short histories first: attention on a CPU does less work on neighbours that are short.
    order = np.argsort(held_out.targets[own] - held_out.starts[own], kind="stable")
    all_starts = torch.as_tensor(held_out.starts[own][order], device=device)
    all_targets = torch.as_tensor(held_out.targets[own][order], device=device)
    ranks = torch.zeros(len(all_targets), 2, dtype=torch.int64, device=device)  # of either protocol; 0 is no rank yet
    refused: EvaluationError | None = None
    if batch_size is None:
        batch_size = max(1, _POSITIONS // scorer.max_length)
    try:
        for first in range(0, len(ranks), max(batch_size, _RANKED)):
            rows = slice(first, first + max(batch_size, _RANKED))
            starts, targets = all_starts[rows], all_targets[rows]
            ids, lengths = gather_histories(items, starts, targets, scorer.max_length, scorer.padding)
            represented, done = [], first
            for batch in zip(ids.split(batch_size), lengths.split(batch_size), strict=True):
                represented.append(scorer.represent(*batch))
                done += len(batch[0])
                if on_progress is not None:
                    on_progress(done, len(ranks))
            found = rank_targets(
                torch.cat(represented),
                item_table,
                items[targets] - 1,
                *seen_items(items, starts, targets),
                added=scorer.added_scores(ids, lengths),
            )
            ranks[rows] = torch.stack([found.unmasked, found.seen_masked], dim=1)
    except EvaluationError as error:
        refused = error  # raised below: the other processes wait for this one's ranks
    ranks = processes.gather(ranks[torch.as_tensor(np.argsort(order), device=device)], len(held_out))
    if refused is not None or not ranks.all():
        raise refused or EvaluationError("another process met scores that are not a number (NaN)")
    unmasked, seen_masked = ranks.cpu().numpy().T
    return Evaluation(held_out, {"unmasked": unmasked, "seen-masked": seen_masked})


def seen_items(
    items: Int[Tensor, "T"], starts: Int[Tensor, "B"], ends: Int[Tensor, "B"]
) -> tuple[Int[Tensor, "P"], Int[Tensor, "P"]]:
    """Every item of every history `items[start:end]`: row of the history in the batch, and row of the item."""
    lengths = ends - starts
    histories = torch.arange(len(starts), device=items.device).repeat_interleave(lengths)
    within = torch.arange(len(histories), device=items.device) - (lengths.cumsum(0) - lengths)[histories]
    return histories, items[starts[histories] + within] - 1
