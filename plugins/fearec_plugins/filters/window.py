"""The ramp of frequency windows: each layer keeps one band, the first the highest, the last the lowest."""

import math
from fractions import Fraction
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from fearec_cli.api import Component, Field, LayerShape, Options
from fearec_cli.errors import ConfigError
from fearec_plugins._kernels.gains import fixed_gain
from fearec_plugins.filters._released_window import released_bins

Rule = Literal["paper", "authors"]


class WindowOptions(Options):
    """Width and position of the windows."""

    alpha: float = Field(0.6, gt=0, le=1, description="share of the spectrum that one layer keeps, 1/layers at least")
    rule: Rule = Field(
        "paper",
        description="paper: the windows of all layers cover every frequency; authors: their code rounds the "
        "step between layers down, and the lowest frequencies can fall out",
    )


def window_bins(n: int, layer: int, n_layers: int, alpha: float, rule: Rule) -> tuple[int, int]:
    """The frequency bins [p, q) that a layer keeps, of the n // 2 + 1 bins of n positions.

    With F bins, L layers and w = max(alpha, 1 / L): q = F - i s and p = F (1 - w) - i s for layer i, with step
    s = F (1 - w) / (L - 1) (FEARec, section 4.2, equations of the frequency ramp), both cut to whole bins. Fractions
    are exact, so that neighbouring windows meet and the last one begins at bin 0. A single layer keeps everything.
    """
    bins = n // 2 + 1
    if n_layers == 1:
        return 0, bins
    if rule == "authors":
        return released_bins(bins, layer, n_layers, alpha)
    width = max(Fraction(str(alpha)), Fraction(1, n_layers))
    step = bins * (1 - width) / (n_layers - 1)
    return math.floor(bins * (1 - width) - layer * step), math.floor(bins - layer * step)


class WindowFilter(nn.Module):
    """Keeps the bins [p, q) of every dimension: X' = irfft(kept * rfft(X)), which is P X with P real, symmetric,
    idempotent and circulant (docs/method.md, section 2).

    With spectra of true length each sequence has the window of its own length; one that would hold no bin keeps the
    nearest.

    Raises:
        ConfigError: the layer's window holds no bin.
    """

    def __init__(self, options: WindowOptions, shape: LayerShape) -> None:
        super().__init__()
        self._options, self._shape = options, shape
        kept = self.response(shape.max_length)
        if not kept.any():
            raise ConfigError(
                [
                    f"window: layer {shape.layer} of {shape.n_layers} would keep none of the {len(kept)} frequencies "
                    f"of model.max_length = {shape.max_length}; raise window.alpha or model.max_length"
                ]
            )
        self.gain = fixed_gain("window", shape, lambda n: nearest_window(n, shape, options))
        self.constant = float(kept[0]) if shape.spectrum == "padded" else None

    def forward(self, x: Float[Tensor, "B N D"], lengths: Int[Tensor, "B"]) -> Float[Tensor, "B N D"]:
        """The kept part of the signal."""
        out: Tensor = self.gain(x, lengths)
        return out

    def response(self, n: int) -> Float[Tensor, "F"]:
        """One at the kept bins, zero at the others."""
        low, high = window_bins(n, self._shape.layer, self._shape.n_layers, self._options.alpha, self._options.rule)
        return _kept(n, low, high)


def nearest_window(n: int, shape: LayerShape, options: WindowOptions) -> Float[Tensor, "F"]:
    """The window of n positions, or the bin that is nearest to it where it holds none."""
    bins = n // 2 + 1
    low, high = window_bins(n, shape.layer, shape.n_layers, options.alpha, options.rule)
    low = min(max(low, 0), bins - 1)
    return _kept(n, low, max(low + 1, min(high, bins)))


def _kept(n: int, low: int, high: int) -> Float[Tensor, "F"]:
    bins = torch.arange(n // 2 + 1)
    return ((bins >= low) & (bins < high)).float()


COMPONENT = Component(
    name="window",
    options=WindowOptions,
    build=WindowFilter,
    summary="Ramp of fixed frequency windows, high to low over the layers.",
    source="FEARec: Du et al., SIGIR 2023 (arXiv 2304.09184), section 4.2, and the authors' code",
)
