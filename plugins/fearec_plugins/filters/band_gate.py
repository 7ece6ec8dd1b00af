"""The gate of FICLRec between the low and the high frequencies of a signal."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from fearec_cli.api import Component, Field, LayerShape, Options
from fearec_plugins._kernels.gains import FixedGain
from fearec_plugins._kernels.own_length import check_padded
from fearec_plugins.filters._spectrum import check_cutoff, low_bins


class BandGateOptions(Options):
    """Where high begins."""

    cutoff: int = Field(
        3,
        ge=1,
        le=32769,
        description="lowest frequency bins that count as low, bin 0 among them; FICLRec's p is 2 * cutoff - 1, so 13 "
        "for Beauty is 7 here",
    )


class BandGate(nn.Module):
    """z low + (1 - z) high, z = sigmoid(W1 low + b1 + W2 high + b2), position by position and dimension by dimension.

    low is the signal's `cutoff` lowest bins, high the rest.

    Args:
        options: where high begins.
        shape: the layer's place; its depth plays no part.

    Raises:
        ConfigError: the signal has fewer bins than are to be low.
    """

    def __init__(self, options: BandGateOptions, shape: LayerShape) -> None:
        super().__init__()
        check_padded("band-gate", shape)
        self.n, self.cutoff = shape.max_length, options.cutoff
        check_cutoff("band-gate", self.cutoff, self.n, role="be low")
        self.low_pass = FixedGain(self._is_low(self.n), self.n)
        self.of_low = nn.Linear(shape.dim, shape.dim)
        self.of_high = nn.Linear(shape.dim, shape.dim)

    def forward(self, x: Float[Tensor, "B N D"], lengths: Int[Tensor, "B"]) -> Float[Tensor, "B N D"]:
        """The gated signal."""
        low = self.low_pass(x)
        high = x - low
        dtype = self.of_low.weight.dtype
        gate = (self.of_low(low.to(dtype)) + self.of_high(high.to(dtype))).sigmoid().to(x.dtype)
        out: Tensor = torch.lerp(high, low, gate)
        return out

    def response(self, n: int) -> Float[Tensor, "F D"]:
        """Gain of a small signal, whose gate is that of the biases: one half at the start. At another length low is
        what is below the same frequency."""
        gate = (self.of_low.bias + self.of_high.bias).detach().sigmoid()
        return torch.where(self._is_low(n).to(gate.device)[:, None] > 0, gate, 1 - gate)

    def _is_low(self, n: int) -> Float[Tensor, "F"]:
        return low_bins(self.cutoff, self.n, n)


COMPONENT = Component(
    name="band-gate",
    options=BandGateOptions,
    build=BandGate,
    summary="A gate, learned from both, between the low and the high frequencies.",
    source="FICLRec: Information Processing and Management 2025, frequency gate, and the authors' code",
)
