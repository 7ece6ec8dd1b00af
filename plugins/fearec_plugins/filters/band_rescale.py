"""The frequency rescaler of BSARec: low frequencies stay, the others are scaled by what is learned."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from fearec_cli.api import Component, Field, LayerShape, Options
from fearec_plugins._kernels.gains import fixed_gain
from fearec_plugins.filters._spectrum import check_cutoff, low_bins


class BandRescaleOptions(Options):
    """Where high begins."""

    cutoff: int = Field(
        3,
        ge=1,
        le=32769,
        description="lowest frequency bins that stay as they are, bin 0 among them; BSARec's c is 2 * cutoff - 1, "
        "which counts the mirror images too",
    )


class BandRescale(nn.Module):
    """X' = X_low + beta^2 (X - X_low), beta [D], X_low the signal's `cutoff` lowest bins.

    beta starts from a standard normal distribution, as in
    the authors' code, where its square is learned in the same way.

    Args:
        options: where high begins.
        shape: the layer's place; its depth plays no part.

    Raises:
        ConfigError: the signal has fewer bins than are to stay.
    """

    def __init__(self, options: BandRescaleOptions, shape: LayerShape) -> None:
        super().__init__()
        self.n, self.cutoff = shape.max_length, options.cutoff
        check_cutoff("band-rescale", self.cutoff, self.n, role="stay")
        self.beta = nn.Parameter(torch.randn(shape.dim))
        self.low_pass = fixed_gain("band-rescale", shape, self._is_low)

    def forward(self, x: Float[Tensor, "B N D"], lengths: Int[Tensor, "B"]) -> Float[Tensor, "B N D"]:
        """The rescaled signal."""
        low = self.low_pass(x, lengths)
        out: Tensor = low + (self.beta.square() * (x - low)).to(x.dtype)
        return out

    def response(self, n: int) -> Float[Tensor, "F D"]:
        """One at low frequencies, beta^2 at the others; at another length low is what is below the same frequency."""
        return torch.where(self._is_low(n).to(self.beta.device)[:, None] > 0, 1, self.beta.detach().square())

    def _is_low(self, n: int) -> Float[Tensor, "F"]:
        return low_bins(self.cutoff, self.n, n)


COMPONENT = Component(
    name="band-rescale",
    options=BandRescaleOptions,
    build=BandRescale,
    summary="Low frequencies stay, the others are scaled by a learnable square for each dimension.",
    source="BSARec: Shin et al., AAAI 2024 (arXiv 2312.10325), frequency rescaler, and the authors' code",
)
