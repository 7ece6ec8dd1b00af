"""A moving average of an encoder's weights."""

import copy

import torch
from torch import Tensor

from fearec_cli.model.encoder import Encoder


class WeightAverage:
    """An exponential moving average of an encoder's weights: average = decay * average + (1 - decay) * weights.

    It starts from the weights as they are when it is made (Polyak & Juditsky 1992 average alike; the exponential form
    is that of Tarvainen & Valpola, arXiv 1703.01780).

    Args:
        encoder: what is averaged.
        decay: 0 < decay < 1.

    Attributes:
        encoder: a copy with the averaged weights, for evaluation only.
    """

    def __init__(self, encoder: Encoder, decay: float) -> None:
        self.encoder = copy.deepcopy(encoder).eval().requires_grad_(False)
        self._averaged: list[Tensor] = list(self.encoder.parameters())
        self._decay = decay

    @torch.no_grad()
    def follow(self, encoder: Encoder) -> None:
        """Take in the weights after a step."""
        weights = [
            weight.to(average.dtype) for weight, average in zip(encoder.parameters(), self._averaged, strict=True)
        ]
        torch._foreach_lerp_(self._averaged, weights, 1 - self._decay)
