"""Finite impulse responses: the shared one, a control for filters in the frequency domain, and TV-Rec's."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from fearec_cli.api import Component, Field, LayerShape, Options
from fearec_plugins.filters._triangular import apply_rows


class SharedFirOptions(Options):
    """How far back it reads."""

    taps: int = Field(16, ge=1, le=65536, description="positions that it reads, the own one included")


class SharedFir(nn.Module):
    """y[t] = sum over k < taps of h[k] x[t - k], one h for all positions and dimensions; at the start y = x.

    Args:
        options: how far back it reads.
        shape: the layer's place.
    """

    distance: Tensor

    def __init__(self, options: SharedFirOptions, shape: LayerShape) -> None:
        super().__init__()
        taps = min(options.taps, shape.max_length)
        self.taps = nn.Parameter(torch.eye(1, taps)[0])
        self.register_buffer("distance", _distances(shape.max_length), persistent=False)

    def forward(self, x: Float[Tensor, "B N D"], lengths: Int[Tensor, "B"]) -> Float[Tensor, "B N D"]:
        """The weighted past of each position."""
        distance = self.distance[: x.shape[1], : x.shape[1]]
        inside = (distance >= 0) & (distance < len(self.taps))
        return apply_rows(self.taps[distance.clamp(0, len(self.taps) - 1)] * inside, x)

    def response(self, n: int) -> Float[Tensor, "F"]:
        """Magnitude of the taps' transform."""
        magnitude: Tensor = torch.fft.rfft(self.taps.detach()[:n], n=n).abs()
        return magnitude


class PositionFirOptions(Options):
    """How many filters there are to mix."""

    bases: int = Field(32, ge=1, le=4096, description="impulse responses that each position mixes")


class PositionFir(nn.Module):
    """y[t] = sum over k <= t of h[t, k] x[t - k], h[t] = sum over m of c[t, m] b_m / |b_m|.

    Every position mixes learned impulse responses in its own way.

    The graph filter of TV-Rec equals this causal filter of varying position, its wrapped tap left out.

    Args:
        options: how many impulse responses.
        shape: the layer's place.
    """

    distance: Tensor

    def __init__(self, options: PositionFirOptions, shape: LayerShape) -> None:
        super().__init__()
        n = shape.max_length
        self.mixture = nn.Parameter(torch.randn(n, options.bases) * options.bases**-0.5)
        self.bases = nn.Parameter(torch.randn(options.bases, n) * n**-0.5)
        self.register_buffer("distance", _distances(n), persistent=False)

    def impulse_responses(self) -> Float[Tensor, "N N"]:
        """h[t, k] of every position t and distance k."""
        return self.mixture @ nn.functional.normalize(self.bases, dim=1)

    def penalty(self) -> Float[Tensor, ""]:
        """|B B^T - 1|^2, B the impulse responses b_m / |b_m|: 0 where they are orthogonal.

        The authors' code takes it of the real and of the imaginary parts; here the responses are real.
        """
        scaled = nn.functional.normalize(self.bases, dim=1)
        return (scaled @ scaled.T - torch.eye(len(scaled), device=scaled.device, dtype=scaled.dtype)).square().sum()

    def forward(self, x: Float[Tensor, "B N D"], lengths: Int[Tensor, "B"]) -> Float[Tensor, "B N D"]:
        """The weighted past of each position."""
        length = x.shape[1]
        distance = self.distance[:length, :length]
        taps = self.impulse_responses()[:length].gather(1, distance.clamp(min=0))
        return apply_rows(taps * (distance >= 0), x)

    def response(self, n: int) -> Float[Tensor, "F"]:
        """Magnitude of the last position's impulse response."""
        magnitude: Tensor = torch.fft.rfft(self.impulse_responses().detach()[-1, :n], n=n).abs()
        return magnitude


def _distances(n: int) -> Int[Tensor, "N N"]:
    """From each position back to each other."""
    positions = torch.arange(n)
    return positions[:, None] - positions


SHARED_FIR = Component(
    name="shared-fir",
    options=SharedFirOptions,
    build=SharedFir,
    summary="A short causal filter that all positions and dimensions share: a control.",
    source="a control of this project; reproducibility of spectral recommenders: arXiv 2512.17442",
    causal=True,
)
POSITION_FIR = Component(
    name="position-fir",
    options=PositionFirOptions,
    build=PositionFir,
    summary="Learned causal impulse responses that each position mixes in its own way.",
    source="TV-Rec: arXiv 2510.25259, whose graph filter equals it",
    causal=True,
)
