"""No filter: every branch reads the signal as it is."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from fearec_cli.api import Component, LayerShape, Options


class NoFilter:
    """The identity along time."""

    constant = 1.0

    def __call__(self, x: Float[Tensor, "B N D"], lengths: Int[Tensor, "B"]) -> Float[Tensor, "B N D"]:
        """The signal itself."""
        return x

    def response(self, n: int) -> Float[Tensor, "F"]:
        """One at every frequency."""
        return torch.ones(n // 2 + 1)


def build(options: Options, shape: LayerShape) -> NoFilter:
    """Make the filter of one layer."""
    return NoFilter()


COMPONENT = Component(
    name="none",
    build=build,
    summary="No filter: the signal as it is.",
    source="SASRec: Kang and McAuley, ICDM 2018",
    causal=True,
)
