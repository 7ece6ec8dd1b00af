"""Padding, validity and last position: the one rule. Histories are oldest first; padding is on one side of them."""

from typing import Literal

import torch
from jaxtyping import Bool, Int
from torch import Tensor

Padding = Literal["right", "left"]


def valid_positions(lengths: Int[Tensor, "B"], n: int, padding: Padding) -> Bool[Tensor, "B N"]:
    """True at real positions, of which each of the sequences of n positions has `lengths`."""
    positions = torch.arange(n, device=lengths.device)
    return positions < lengths[:, None] if padding == "right" else positions >= n - lengths[:, None]


def last_positions(lengths: Int[Tensor, "B"], n: int, padding: Padding) -> Int[Tensor, "B"]:
    """Index of the last real position of each sequence."""
    return lengths - 1 if padding == "right" else torch.full_like(lengths, n - 1)
