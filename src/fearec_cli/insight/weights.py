"""How much each branch of a layer counts: the change of the layer's joined output when the branch is silent."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from fearec_cli.model.branches import given_to, layers_of
from fearec_cli.model.encoder import Encoder


@dataclass(frozen=True)
class BranchWeights:
    """The branches of one layer.

    Attributes:
        layer: from 0.
        share: of each branch; they sum to 1.
        gamma: weight of the first branch where the fusion has one number for it, as `mix` has; else None.
    """

    layer: int
    share: tuple[float, ...]
    gamma: float | None


@torch.no_grad()
def branch_weights(encoder: Encoder, ids: Tensor, lengths: Tensor) -> list[BranchWeights]:
    """The weight of each branch in every layer, averaged over sequences and positions.

    |F(c) - F(c with c_b = 0)| for each branch b, F the layer's fusion and c its contexts, normalised over the branches.

    Args:
        encoder: in evaluation mode.
        ids: [B, N] padded histories.
        lengths: [B].
    """
    fusions = [layer.fusion for layer in layers_of(encoder)]
    with given_to(fusion for fusion in fusions if isinstance(fusion, nn.Module)) as joined:
        encoder(ids, lengths)
    found = []
    for index, (fusion, (contexts, x)) in enumerate(zip(fusions, joined, strict=True)):
        whole = fusion(contexts, x)
        changes = []
        for silent in range(len(contexts)):
            without = [torch.zeros_like(c) if at == silent else c for at, c in enumerate(contexts)]
            changes.append(float((whole - fusion(without, x)).norm(dim=-1).mean()))
        total = sum(changes) or 1.0
        found.append(BranchWeights(index, tuple(change / total for change in changes), _gamma(fusion, len(contexts))))
    return found


def _gamma(fusion: object, branches: int) -> float | None:
    logit, gamma = getattr(fusion, "logit", None), getattr(fusion, "gamma", None)
    if branches != 2 or not isinstance(gamma, float):
        return None
    return float(logit.sigmoid()) if isinstance(logit, Tensor) else gamma
