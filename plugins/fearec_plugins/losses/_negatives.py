"""Negatives drawn from the catalogue, for the terms that do not score all of it."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from fearec_cli.api import LossInputs
from fearec_cli.errors import DataError

DESCRIPTION = "items drawn for each sequence, uniformly and with replacement, never the target"
MOST = 65536


def draw_negatives(targets: Int[Tensor, "B"], n_items: int, count: int) -> Int[Tensor, "B K"]:
    """Rows of the item table other than the target's, all equally likely, independent of each other.

    From torch's default generator of the targets' device, whose state a run saves, so that a resumed run
    draws what the unbroken one would have drawn.

    Args:
        targets: the row to leave out for each sequence.
        n_items: I.
        count: K.

    Raises:
        DataError: there is no item but the target.
    """
    if n_items < 2:
        raise DataError("loss: negatives are items other than the target, and the catalogue has 1 item; use ce")
    drawn = torch.randint(n_items - 1, (len(targets), count), device=targets.device)
    return drawn + (drawn >= targets[:, None])  # step over the target


def sampled_scores(inputs: LossInputs, count: int) -> tuple[Float[Tensor, "B"], Float[Tensor, "B K"]]:
    """Scores of each target, and of `count` negatives drawn for it.

    Reads 1 + K rows of the item table a sequence, [B, 1 + K, D], and never scores the catalogue, [B, I].
    """
    negatives = draw_negatives(inputs.targets, len(inputs.items), count)
    rows = torch.cat([inputs.targets[:, None], negatives], dim=1)
    scores = (inputs.items[rows] @ inputs.representation[:, :, None]).squeeze(-1)  # [B, 1 + K]
    return scores[:, 0], scores[:, 1:]
