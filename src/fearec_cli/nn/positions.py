"""Padding, validity and last position: the one rule. Histories are oldest first; padding is on one side of them."""

from typing import Literal

import torch
from jaxtyping import Bool, Int
from torch import Tensor

Padding = Literal["right", "left"]
Fill = Literal["zero", "cyclic", "reflect"]


def valid_positions(lengths: Int[Tensor, "B"], n: int, padding: Padding) -> Bool[Tensor, "B N"]:
    """True at real positions.

    Args:
        lengths: number of real positions of each sequence.
        n: N.
        padding: side of the padding.
    """
    positions = torch.arange(n, device=lengths.device)
    return positions < lengths[:, None] if padding == "right" else positions >= n - lengths[:, None]


def last_positions(lengths: Int[Tensor, "B"], n: int, padding: Padding) -> Int[Tensor, "B"]:
    """Index of the last real position of each sequence."""
    return lengths - 1 if padding == "right" else torch.full_like(lengths, n - 1)


def filled(ids: Int[Tensor, "B N"], lengths: Int[Tensor, "B"], padding: Padding, fill: Fill) -> Int[Tensor, "B N"]:
    """Histories with items at the positions of padding too.

    Args:
        ids: padded with 0.
        lengths: number of real positions, 1 at least.
        padding: side of the padding.
        fill: cyclic: a, b, c goes on as a, b, c, a; reflect: as b, a, b, c; zero: the ids as they are.
    """
    if fill == "zero":
        return ids
    n, size = ids.shape[1], lengths[:, None]
    first = torch.zeros_like(size) if padding == "right" else n - size
    place = torch.arange(n, device=ids.device) - first  # of the history's first item 0
    if fill == "cyclic":
        place = place % size
    else:
        period = (2 * size - 2).clamp(min=1)
        place = place % period
        place = torch.minimum(place, period - place).clamp(max=size - 1)
    return ids.gather(1, first + place)
