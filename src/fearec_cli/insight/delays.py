"""The delays that auto-correlation branches choose, in items and, through the timestamps, in time.

A circular delay tau makes the last of n positions read position (n - 1 + tau) mod N. Where that is a real position it
lies `back` items before the last, and the time between the two is the delay's in hours or days. Delays that land on
padding read nothing of the history; their share is reported.
"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from fearec_cli.api import LayerInputs
from fearec_cli.model.branches import given_to, layers_of
from fearec_cli.model.encoder import Encoder


@runtime_checkable
class ChoosesDelays(Protocol):
    """A branch that chooses delays, as `autocorr` does; found in any package by this method."""

    def delays(self, inputs: LayerInputs) -> tuple[Tensor, Tensor]:
        """The delays [B, K] of each sequence, in positions, and their weights [B, K]."""


@dataclass(frozen=True)
class Chosen:
    """What one layer's branch read for the last position of each history.

    Attributes:
        layer: from 0.
        history: [P] index of the history in the batch.
        position: [P] the real position that was read.
        back: [P] how many items before the last it lies.
        weight: [P].
        on_padding: share of the weight that landed on padding.
    """

    layer: int
    history: npt.NDArray[np.int64]
    position: npt.NDArray[np.int64]
    back: npt.NDArray[np.int64]
    weight: npt.NDArray[np.float64]
    on_padding: float


@torch.no_grad()
def chosen_delays(encoder: Encoder, ids: Tensor, lengths: Tensor) -> list[Chosen]:
    """The delays of each layer that chooses some.

    Args:
        encoder: in evaluation mode.
        ids: [B, N] padded histories.
        lengths: [B].
    """
    layers = layers_of(encoder)
    with given_to(layer.branches[0] for layer in layers) as calls:
        encoder(ids, lengths)
    found = []
    for index, (layer, (inputs,)) in enumerate(zip(layers, calls, strict=True)):
        for branch in layer.branches:
            if isinstance(branch, ChoosesDelays):
                found.append(_read(index, inputs, *branch.delays(inputs)))
    return found


def _read(layer: int, inputs: LayerInputs, delays: Tensor, weights: Tensor) -> Chosen:
    n = inputs.x.shape[1]
    reached = (inputs.last[:, None] + delays) % n
    real = inputs.valid.gather(1, reached) & (reached <= inputs.last[:, None])
    history, _ = torch.nonzero(real, as_tuple=True)
    first = inputs.last - inputs.lengths + 1
    position = (reached - first[:, None])[real]
    weight = weights[real].double()
    total = float(weights.sum())
    return Chosen(
        layer,
        history.cpu().numpy(),
        position.cpu().numpy(),
        (inputs.last[:, None] - reached)[real].cpu().numpy(),
        weight.cpu().numpy(),
        1 - float(weight.sum()) / total if total else 0.0,
    )
