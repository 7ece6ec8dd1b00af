"""The slide filter of SLIME4Rec: two learnable complex filters that move down the spectrum over the layers."""

import torch
from jaxtyping import Complex, Float, Int
from torch import Tensor, nn
from torch.nn import functional

from fearec_cli.api import Component, Field, LayerShape, Options, at_least_float32, multiply_spectrum
from fearec_cli.errors import ConfigError
from fearec_plugins._kernels.own_length import check_padded
from fearec_plugins.filters._spectrum import at_length, magnitude
from fearec_plugins.filters.window import window_bins


class SlideOptions(Options):
    """Width of the dynamic windows, and the mixture."""

    alpha: float = Field(
        0.5, gt=0, le=1, description="share of the spectrum in a layer's dynamic window, 1/layers at least"
    )
    gamma: float = Field(0.5, ge=0, le=1, description="weight of the static filter; the dynamic one has 1 - gamma")
    std: float = Field(0.02, gt=0, le=1, description="standard deviation of real and imaginary part at the start")


class SlideFilter(nn.Module):
    """X' = irfft(((1 - gamma) W_d + gamma W_s) * rfft(X), n=N), W_d and W_s complex and zero outside their windows.

    With F bins, L layers and layer i from 0, the dynamic window (dynamic frequency selection) is [p, q) with
    q = F - i S, p = q - alpha F, S = (1 - alpha) F / (L - 1); the static one (static frequency split) the same with
    alpha = 1 / L and S = F / L. Both go from high to low, the released one of four directions, and are cut to whole
    bins by the rule "paper" of the filter `window`: together they cover every frequency. Only the weights inside
    the windows exist, as real and imaginary part.

    Args:
        options: width and mixture.
        shape: depth and sizes of the layer.

    Raises:
        ConfigError: a window of the layer holds no bin.
    """

    def __init__(self, options: SlideOptions, shape: LayerShape) -> None:
        super().__init__()
        check_padded("slide", shape)
        self.n, self.gamma = shape.max_length, options.gamma
        self.bins = self.n // 2 + 1
        self.windows = [
            window_bins(self.n, shape.layer, shape.n_layers, width, "paper")
            for width in (options.alpha, 0.0)  # 1 / layers is the least there is
        ]
        if any(low >= high for low, high in self.windows):
            raise ConfigError(
                [
                    f"slide: layer {shape.layer} of {shape.n_layers} would keep none of the {self.bins} frequencies of "
                    f"model.max_length = {self.n}; lower model.layers or raise model.max_length"
                ]
            )
        self.dynamic, self.static = (
            nn.Parameter(torch.randn(high - low, shape.dim, 2) * options.std) for low, high in self.windows
        )

    def weight(self) -> Float[Tensor, "F D 2"]:
        """The mixture of both filters over the whole spectrum, real and imaginary part."""
        dynamic, static = (
            functional.pad(weight, (0, 0, 0, 0, low, self.bins - high))
            for weight, (low, high) in zip((self.dynamic, self.static), self.windows, strict=True)
        )
        return (1 - self.gamma) * dynamic + self.gamma * static

    def spectrum(self) -> Complex[Tensor, "F D"]:
        """The same as complex numbers."""
        return torch.view_as_complex(at_least_float32(self.weight()))

    def forward(self, x: Float[Tensor, "B N D"], lengths: Int[Tensor, "B"]) -> Float[Tensor, "B N D"]:
        """The filtered signal."""
        return multiply_spectrum(x, *self.weight().unbind(-1))

    def response(self, n: int) -> Float[Tensor, "F D"]:
        """Magnitude of the mixture; at another length than the model's, interpolated over frequency."""
        return at_length(magnitude(self.spectrum().detach(), self.n), self.n, n)


COMPONENT = Component(
    name="slide",
    options=SlideOptions,
    build=SlideFilter,
    summary="Two learnable complex filters in windows that slide from high to low over the layers.",
    source="SLIME4Rec: Du et al., ICDE 2023 (arXiv 2305.04322), slide filter mixer, and the authors' code",
)
