"""Scores of items that a history already has: a sparse addition to the product of representation and item table."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn


class AddedScores(NamedTuple):
    """What is added to the score of some items for some rows; no pair of row and item appears twice.

    Attributes:
        rows: of the representations.
        items: rows of the item table.
        values: added to the score.
    """

    rows: Int[Tensor, "K"]
    items: Int[Tensor, "K"]
    values: Float[Tensor, "K"]


class RepeatBias(nn.Module):
    """A learned number for each distance back to an item's last occurrence in the history, 0 at the start.

    score(j) = h . item_j + bias[distance to the last j], the last item having distance 0. Where users never come back
    to an item the bias learns to keep such items away, where they do it learns after how many others. RepeatNet (Ren et
    al., AAAI 2019, arXiv 1812.02646) decides between repeating and exploring by a network; this is its smallest form.

    Args:
        max_length: N.
    """

    def __init__(self, max_length: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(max_length))

    def onto(
        self, scores: Float[Tensor, "B I"], ids: Int[Tensor, "B N"], last: Int[Tensor, "B"]
    ) -> Float[Tensor, "B I"]:
        """The scores of every item after each history, with what is added for the last position.

        Args:
            scores: products of representation and item table.
            ids: padded histories.
            last: index of the last real position.
        """
        distance = (last[:, None] - torch.arange(ids.shape[1], device=ids.device)).clamp(min=0)
        added = torch.where(_is_latest(ids, last), self.bias[distance], 0).to(scores.dtype)
        return scores.scatter_add(1, (ids - 1).clamp(min=0), added)

    def at_last(self, ids: Int[Tensor, "B N"], last: Int[Tensor, "B"]) -> AddedScores:
        """For the last position of each history; its row is that of the history.

        Args:
            ids: padded histories.
            last: index of the last real position.
        """
        rows, positions = _is_latest(ids, last).nonzero(as_tuple=True)
        return AddedScores(rows, ids[rows, positions] - 1, self.bias[last[rows] - positions])

    def at_every(self, ids: Int[Tensor, "B N"]) -> AddedScores:
        """For every real position; rows count them in the order of `ids[ids > 0]`."""
        valid, positions = ids > 0, torch.arange(ids.shape[1], device=ids.device)
        queries = positions[:, None]
        past = (positions <= queries) & valid[:, None] & valid[:, :, None]  # [B, queries, keys]
        history, query, key = (past & (_next_occurrence(ids)[:, None] > queries)).nonzero(as_tuple=True)
        row = (valid.flatten().cumsum(0) - 1).view_as(ids)
        return AddedScores(row[history, query], ids[history, key] - 1, self.bias[query - key])


def _is_latest(ids: Int[Tensor, "B N"], last: Int[Tensor, "B"]) -> Bool[Tensor, "B N"]:
    """True at an item's last occurrence before or at the position `last`."""
    return (ids > 0) & (_next_occurrence(ids) > last[:, None])


def _next_occurrence(ids: Int[Tensor, "B N"]) -> Int[Tensor, "B N"]:
    """The next position of the same item; N where there is none."""
    n = ids.shape[1]
    later: Bool[Tensor, "N N"] = torch.ones(n, n, dtype=torch.bool, device=ids.device).triu(1)
    same = (ids[:, :, None] == ids[:, None]) & later
    return torch.where(same.any(-1), same.byte().argmax(-1), n)
