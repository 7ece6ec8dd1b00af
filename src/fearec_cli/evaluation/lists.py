"""What a model recommends, beyond whether the target is in it: how much of the catalogue, how popular, how alike.

Each is a mean over the lists of the k best items of every target's user, or a property of all lists together.
"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from fearec_cli.data.batches import InteractionTable, gather_histories
from fearec_cli.data.prepared import Prepared
from fearec_cli.data.splits import HeldOut
from fearec_cli.evaluation.baselines.popularity import all_time, places
from fearec_cli.evaluation.best import best_rows
from fearec_cli.evaluation.evaluate import Scorer, seen_items
from fearec_cli.evaluation.ranks import RankProtocol

# Scores held at once.
_SCORES = 2**22
# Share of the catalogue, most bought first, that is its head (Abdollahpouri et al., RecSys 2017).
HEAD = 0.2


@runtime_checkable  # annotations are checked at run time in the tests
class Recommends(Scorer, Protocol):
    """A scorer that also gives the scores themselves."""

    def scores(self, ids: Int[Tensor, "B N"], lengths: Int[Tensor, "B"]) -> Float[Tensor, "B I"]:
        """The score of every item after each history, what is added included."""


@dataclass(frozen=True)
class ListMetrics:
    """Properties of the lists of the k best items; n(i) is how often training has item i, T their sum.

    Attributes:
        k: length of the list.
        coverage: share of the catalogue that is in some list (Ge et al., RecSys 2010).
        popularity_rank: mean place of the recommended items in the list of all, most bought first; 1 is the most
            bought, and equal counts have the last of their places.
        head: share of the recommended items that are of the most bought fifth of the catalogue.
        novelty: mean of -log2(n(i) / T), the self-information of meeting the item, in bits (Zhou et al., PNAS 2010);
            an item that training never met counts as met once.
        diversity: mean of 1 - cos(v(i), v(j)) over the pairs of a list, v being the model's item vectors (Ziegler et
            al., WWW 2005); 0 where a list has a single item.
    """

    k: int
    coverage: float
    popularity_rank: float
    head: float
    novelty: float
    diversity: float


@torch.inference_mode()
def list_metrics(
    scorer: Recommends, prepared: Prepared, table: InteractionTable, held_out: HeldOut, k: int
) -> dict[RankProtocol, ListMetrics]:
    """The properties of what a model recommends for every target, under both protocols.

    Args:
        scorer: in evaluation mode, on the device of `table`.
        prepared: the data set, whose training part is counted.
        table: its interactions.
        held_out: the targets.
        k: length of the list, no longer than the catalogue.
    """
    items, device = table.items, table.items.device
    vectors = scorer.item_table().float()
    rows = max(1, _SCORES // table.n_items)
    found: dict[RankProtocol, list[Int[Tensor, "B K"]]] = {"unmasked": [], "seen-masked": []}
    for first in range(0, len(held_out), rows):
        block = slice(first, first + rows)
        starts = torch.as_tensor(held_out.starts[block], device=device)
        ends = torch.as_tensor(held_out.targets[block], device=device)
        ids, lengths = gather_histories(items, starts, ends, scorer.max_length, scorer.padding)
        scores = scorer.scores(ids, lengths).float()
        found["unmasked"].append(_best(scores, k))
        scores[seen_items(items, starts, ends)] = -torch.inf
        found["seen-masked"].append(_best(scores, k))
    return {protocol: describe(torch.cat(lists), prepared, vectors) for protocol, lists in found.items()}


def describe(lists: Int[Tensor, "B K"], prepared: Prepared, vectors: Float[Tensor, "I D"]) -> ListMetrics:
    """The properties of some lists.

    Args:
        lists: rows of the recommended items; -1 where a list is shorter.
        prepared: the data set, whose training part is counted.
        vectors: of the items.
    """
    counts = all_time(prepared)
    in_list = places(counts)
    recommended = lists[lists >= 0].cpu().numpy()
    order = np.argsort(-counts, kind="stable")
    head = np.zeros(len(counts), dtype=np.bool_)
    head[order[: max(1, round(HEAD * len(counts)))]] = True
    share = np.maximum(counts, 1) / max(1, counts.sum())
    return ListMetrics(
        k=lists.shape[1],
        coverage=len(np.unique(recommended)) / len(counts),
        popularity_rank=float(in_list[recommended].mean()),
        head=float(head[recommended].mean()),
        novelty=float(-np.log2(share[recommended]).mean()),
        diversity=_diversity(lists, vectors),
    )


def _best(scores: Float[Tensor, "B I"], k: int) -> Int[Tensor, "B K"]:
    values, rows = best_rows(scores, k)
    return rows.masked_fill(values.isneginf(), -1)


def _diversity(lists: Int[Tensor, "B K"], vectors: Float[Tensor, "I D"]) -> float:
    """Of unit vectors u the sum over ordered pairs of u·u' is |sum u|² - n: no pair is looked at."""
    unit = torch.nn.functional.normalize(vectors, dim=1)
    total = torch.zeros((), dtype=torch.float64, device=vectors.device)
    for part in lists.split(4096):
        there = part >= 0
        n = there.sum(1).double()
        summed = (unit[part.clamp(min=0)] * there[:, :, None]).sum(1)
        alike = (summed.double().square().sum(1) - n) / (n * (n - 1)).clamp(min=1)
        total += torch.where(n > 1, 1 - alike, 0.0).sum()
    return float(total / len(lists))
