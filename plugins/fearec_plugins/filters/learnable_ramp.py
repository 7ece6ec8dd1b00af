"""The learnable ramp: a real mask over the spectrum that starts as a smooth fall from low to high frequency."""

import math
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from fearec_cli.api import Component, Field, LayerShape, Options, multiply_spectrum
from fearec_cli.errors import ConfigError
from fearec_plugins._kernels.gains import LONGEST_BY_MATRIX, apply_matrix, circulant
from fearec_plugins._kernels.own_length import check_padded
from fearec_plugins.filters._spectrum import at_length

RampShape = Literal["linear", "cosine", "exponential"]


class LearnableRampOptions(Options):
    """Start and sharing of the mask."""

    shape: RampShape = Field(
        "linear", description="how the mask falls at the start, from 1 at frequency 0 to the floor"
    )
    floor: float = Field(0.1, ge=0, le=1, description="the mask at the highest frequency at the start")
    per_channel: bool = Field(True, description="a mask for each dimension; else one for all, which is faster")


def initial_ramp(bins: int, shape: RampShape, floor: float) -> Float[Tensor, "F"]:
    """The start of the mask at u = 0 ... 1 over the bins, from 1 down to the floor f.

    linear 1 - (1 - f) u; cosine f + (1 - f)(1 + cos(pi u)) / 2; exponential f^u.
    """
    u = torch.linspace(0, 1, bins)
    if shape == "linear":
        return 1 - (1 - floor) * u
    if shape == "cosine":
        return floor + (1 - floor) * (1 + torch.cos(math.pi * u)) / 2
    return floor**u


class LearnableRamp(nn.Module):
    """X' = irfft(M * rfft(X), n=N), M a real mask [F, D], or [F] for all dimensions, unconstrained after the start.

    A layer has one filter: every signal that its branches filter (x, q, k or v) passes the same mask. A mask for
    each dimension does not commute with the projections, a common one does but for their bias.

    Args:
        options: start and sharing of the mask.
        shape: sizes of the layer; its depth plays no role.

    Raises:
        ConfigError: an exponential ramp to 0.
    """

    def __init__(self, options: LearnableRampOptions, shape: LayerShape) -> None:
        super().__init__()
        check_padded("learnable-ramp", shape)
        if options.shape == "exponential" and options.floor == 0:
            raise ConfigError(
                ["learnable-ramp.floor: an exponential ramp never reaches 0; raise it or change the shape"]
            )
        self.n = shape.max_length
        ramp = initial_ramp(self.n // 2 + 1, options.shape, options.floor)
        self.mask = nn.Parameter(ramp[:, None].repeat(1, shape.dim) if options.per_channel else ramp)
        self.by_matrix = not options.per_channel and self.n <= LONGEST_BY_MATRIX

    def forward(self, x: Float[Tensor, "B N D"], lengths: Int[Tensor, "B"]) -> Float[Tensor, "B N D"]:
        """The masked signal."""
        if self.by_matrix:
            return apply_matrix(circulant(self.mask, self.n), x)
        return multiply_spectrum(x, self.mask if self.mask.ndim == 2 else self.mask[:, None])

    def response(self, n: int) -> Float[Tensor, "F *D"]:
        """The mask; at another length than the model's, interpolated over frequency."""
        return at_length(self.mask.detach(), self.n, n)


COMPONENT = Component(
    name="learnable-ramp",
    options=LearnableRampOptions,
    build=LearnableRamp,
    summary="Learnable real mask over the spectrum, at the start a ramp from low to high frequency.",
    source="the survey's description of FEARec (docs/method.md, section 2, learnable ramp)",
)
