"""The global filter of FMLP-Rec: one learnable complex weight a frequency and dimension, instead of attention."""

import torch
from jaxtyping import Complex, Float, Int
from torch import Tensor, nn

from fearec_cli.api import Component, Field, LayerShape, Options, at_least_float32, multiply_spectrum
from fearec_plugins._kernels.own_length import check_padded
from fearec_plugins.filters._spectrum import at_length, magnitude


class GlobalOptions(Options):
    """Start of the weights."""

    std: float = Field(0.02, gt=0, le=1, description="standard deviation of real and imaginary part at the start")


class GlobalFilter(nn.Module):
    """X' = irfft(W * rfft(X), n=N), W complex [F, D]: a circular convolution with a kernel as long as the sequence.

    W is stored as real and imaginary part, [F, D, 2]: checkpoints, optimisers and lower precision know no complex
    numbers. The imaginary part at bin 0 and, where N is even, N / 2 has no effect, as in the authors' code.

    Args:
        options: start of the weights.
        shape: the layer's place; its depth plays no part.
    """

    def __init__(self, options: GlobalOptions, shape: LayerShape) -> None:
        super().__init__()
        check_padded("global", shape)
        self.n = shape.max_length
        self.weight = nn.Parameter(torch.randn(self.n // 2 + 1, shape.dim, 2) * options.std)

    def spectrum(self) -> Complex[Tensor, "F D"]:
        """W."""
        return torch.view_as_complex(at_least_float32(self.weight))

    def forward(self, x: Float[Tensor, "B N D"], lengths: Int[Tensor, "B"]) -> Float[Tensor, "B N D"]:
        """The convolved signal."""
        return multiply_spectrum(x, *self.weight.unbind(-1))

    def response(self, n: int) -> Float[Tensor, "F D"]:
        """Magnitude of the weights; at another length than the model's, interpolated over frequency."""
        return at_length(magnitude(self.spectrum().detach(), self.n), self.n, n)


COMPONENT = Component(
    name="global",
    options=GlobalOptions,
    build=GlobalFilter,
    summary="Learnable complex weight for each frequency and dimension.",
    source="FMLP-Rec: Zhou et al., WWW 2022 (arXiv 2202.13556), filter layer, and the authors' code",
)
