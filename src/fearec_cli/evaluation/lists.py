"""What a model recommends, beyond whether the target is in it: how much of the catalogue, how popular, how alike.

Each is a mean over the lists of the k best items of every target's user, or a property of all lists together. The
intervals are those of the other metrics, by the same draws of users (`fearec_cli.evaluation.intervals`).
"""

from collections.abc import Mapping
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
from fearec_cli.evaluation.intervals import RESAMPLES, Interval, draws_of_users, intervals, middle
from fearec_cli.evaluation.ranks import RankProtocol

# Scores held at once.
_SCORES = 2**22
# Share of the catalogue, most bought first, that is its head (Abdollahpouri et al., RecSys 2017).
HEAD = 0.2
_MEANS = ("popularity_rank", "head", "novelty", "diversity")


@runtime_checkable  # annotations are checked at run time in the tests
class Recommends(Scorer, Protocol):
    """A scorer that also gives the scores themselves."""

    def scores(self, ids: Int[Tensor, "B N"], lengths: Int[Tensor, "B"]) -> Float[Tensor, "B I"]:
        """The score of every item after each history, what is added included."""


@dataclass(frozen=True)
class ListMetrics:
    """Properties of the lists of the k best items; n(i) is how often training has item i, T their sum.

    All but the coverage are means over the lists of what the items of a list, or its pairs, have in the mean. A list
    that holds nothing, of a user who has seen every item, counts for none.

    Attributes:
        k: length of the list.
        coverage: share of the catalogue that is in some list (Ge et al., RecSys 2010).
        popularity_rank: place of the recommended items in the list of all, most bought first; 1 is the most bought,
            and equal counts have the last of their places.
        head: share of the recommended items that are of the most bought fifth of the catalogue.
        novelty: -log2(n(i) / T), the self-information of meeting the item, in bits (Zhou et al., PNAS 2010); an item
            that training never met counts as met once.
        diversity: 1 - cos(v(i), v(j)) over the pairs of a list, v being the model's item vectors (Ziegler et al., WWW
            2005); 0 where a list has a single item.
        intervals: 95 %, of each by its name. A resample draws some users twice and some not at all, so that it covers
            less than all users do: the interval of the coverage has the resamples' deviations from their own mean,
            laid about the number.
    """

    k: int
    coverage: float
    popularity_rank: float
    head: float
    novelty: float
    diversity: float
    intervals: Mapping[str, Interval]


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
    return {
        protocol: describe(torch.cat(lists), prepared, vectors, held_out.users) for protocol, lists in found.items()
    }


def describe(
    lists: Int[Tensor, "B K"], prepared: Prepared, vectors: Float[Tensor, "I D"], users: Int[np.ndarray, "B"]
) -> ListMetrics:
    """The properties of some lists.

    Args:
        lists: rows of the recommended items; -1 where a list is shorter.
        prepared: the data set, whose training part is counted.
        vectors: of the items.
        users: whose each list is; the lists of a user stand together.

    Raises:
        ValueError: no list holds anything.
    """
    some = (lists >= 0).any(1)
    lists, users = lists[some], users[some.cpu().numpy()]
    rows = lists.cpu().numpy()
    values = np.column_stack([*_of_items(rows, all_time(prepared)), _diversity(lists, vectors)])
    coverage, of_coverage = _coverage(rows, prepared.n_items, users)
    ends = dict(zip(_MEANS, intervals(lambda part: values[part], users), strict=True))
    means = dict(zip(_MEANS, values.mean(axis=0).tolist(), strict=True))
    return ListMetrics(k=lists.shape[1], coverage=coverage, **means, intervals={"coverage": of_coverage, **ends})


def _of_items(rows: Int[np.ndarray, "B K"], counts: Int[np.ndarray, "I"]) -> list[Float[np.ndarray, "B"]]:
    """Of each list the mean place, share of the head and novelty of its items."""
    head = np.zeros(len(counts))
    head[np.argsort(-counts, kind="stable")[: max(1, round(HEAD * len(counts)))]] = 1
    novelty = -np.log2(np.maximum(counts, 1) / max(1, counts.sum()))
    there = rows >= 0
    return [(of_item[rows] * there).sum(1) / there.sum(1) for of_item in (places(counts), head, novelty)]


def _coverage(rows: Int[np.ndarray, "B K"], n_items: int, users: Int[np.ndarray, "B"]) -> tuple[float, Interval]:
    """The share of the catalogue that is in some list, and its interval. The items of a resample are held as bits."""
    covered = np.zeros((RESAMPLES, -(-n_items // 8)), dtype=np.uint8)
    for own, weights in draws_of_users(users):
        of_user = np.repeat(np.arange(len(own) - 1), np.diff(own))
        block = rows[own[0] : own[-1]]
        for resample, times in enumerate(weights):
            items = block[times[of_user] > 0]
            found = np.zeros(n_items, dtype=np.bool_)
            found[items[items >= 0]] = True
            covered[resample] |= np.packbits(found)
    counts = np.array([[np.unpackbits(bits).sum()] for bits in covered])
    coverage = len(np.unique(rows[rows >= 0])) / n_items
    (interval,) = middle(coverage + (counts - counts.mean()) / n_items)
    return coverage, Interval(max(0.0, interval.low), min(1.0, interval.high))


def _best(scores: Float[Tensor, "B I"], k: int) -> Int[Tensor, "B K"]:
    values, rows = best_rows(scores, k)
    return rows.masked_fill(values.isneginf(), -1)


def _diversity(lists: Int[Tensor, "B K"], vectors: Float[Tensor, "I D"]) -> Float[np.ndarray, "B"]:
    """Of unit vectors u the sum over ordered pairs of u·u' is |sum u|² - n: no pair is looked at."""
    unit = torch.nn.functional.normalize(vectors, dim=1)
    found = []
    for part in lists.split(4096):
        there = part >= 0
        n = there.sum(1).double()
        summed = (unit[part.clamp(min=0)] * there[:, :, None]).sum(1)
        alike = (summed.double().square().sum(1) - n) / (n * (n - 1)).clamp(min=1)
        found.append(torch.where(n > 1, 1 - alike, 0.0))
    values: Float[np.ndarray, "B"] = torch.cat(found).cpu().numpy()
    return values
