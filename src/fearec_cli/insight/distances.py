"""What a model learned of distances: biases of its attention, and scores of items that come again."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from fearec_cli.model.branches import layers_of
from fearec_cli.model.encoder import Encoder
from fearec_cli.nn.relative import RelativePositions


@dataclass(frozen=True)
class DistanceBias:
    """What one head adds to its scores before the softmax.

    Attributes:
        layer: from 0.
        branch: name of the branch.
        head: from 0.
        bias: [N] by the number of items between key and query, from 0.
    """

    layer: int
    branch: str
    head: int
    bias: npt.NDArray[np.float64]


@torch.no_grad()
def distance_biases(encoder: Encoder, branches: tuple[str, ...]) -> list[DistanceBias]:
    """The biases of every head that has some, found by their module wherever a branch holds it.

    Args:
        encoder: the model.
        branches: names, in the order of `--attention`.
    """
    return [
        DistanceBias(index, name, head, bias)
        for index, layer in enumerate(layers_of(encoder))
        for name, branch in zip(branches, layer.branches, strict=True)
        for relative in _modules(branch)
        for head, bias in enumerate(relative.bias.double().cpu().numpy())
    ]


@torch.no_grad()
def repeat_scores(encoder: Encoder) -> npt.NDArray[np.float64] | None:
    """[N] added to the score of an item by the distance back to its last occurrence, the last item having 0.

    None where the model adds nothing (`model.repeats` is not learned).
    """
    if encoder.repeats is None:
        return None
    scores: npt.NDArray[np.float64] = encoder.repeats.bias.double().cpu().numpy()
    return scores


def _modules(branch: nn.Module) -> list[RelativePositions]:
    return [module for module in branch.modules() if isinstance(module, RelativePositions)]
