"""The filter `haar-wavelet`: learned gains for the speeds of change in a sequence."""

from collections.abc import Iterable

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from fearec_cli.api import Component, Field, LayerShape, Options, hookimpl
from fearec_cli.errors import ConfigError
from fearec_wavelet.haar import band_responses, decompose


class HaarWaveletOptions(Options):
    """Depth and start."""

    levels: int = Field(3, ge=1, le=16, description="levels of detail; level j looks 2^(j-1) positions back")
    start: float = Field(1.0, ge=-10, le=10, description="gain of every detail before training; 1 changes nothing")


class HaarWavelet(nn.Module):
    """g_0 a_J + g_1 d_1 + ... + g_J d_J, with a gain for each level and channel. With all gains 1 it is the identity.

    Causal, unlike a filter by FFT, and local: a burst of interest stays where it was.

    Args:
        options: depth and start.
        shape: the layer's place.

    Raises:
        ConfigError: the deepest level would look back further than a sequence is long.
    """

    def __init__(self, options: HaarWaveletOptions, shape: LayerShape) -> None:
        super().__init__()
        self._levels = options.levels
        reach = 2 ** (options.levels - 1)
        if reach >= shape.max_length:
            raise ConfigError(
                [
                    f"haar-wavelet.levels: level {options.levels} looks {reach} positions back, and "
                    f"model.max_length = {shape.max_length}; lower the one or raise the other"
                ]
            )
        # [J, D] and [D]; as ratios of the signal's own size they need no normalisation.
        self.detail_gain = nn.Parameter(torch.full((options.levels, shape.dim), options.start))
        self.rest_gain = nn.Parameter(torch.ones(shape.dim))

    def forward(self, x: Float[Tensor, "B N D"], lengths: Int[Tensor, "B"]) -> Float[Tensor, "B N D"]:
        """The signal, its details weighed anew."""
        details, rest = decompose(x, self._levels)
        out: Tensor = rest * self.rest_gain
        for gain, detail in zip(self.detail_gain, details, strict=True):
            out = out + gain * detail
        return out

    @torch.no_grad()
    def response(self, n: int) -> Float[Tensor, "F D"]:
        """Magnitude of the gain at each frequency and channel."""
        gains = torch.cat([self.detail_gain, self.rest_gain[None]])  # [J + 1, D]
        bands = band_responses(n, self._levels).to(gains.device)  # [J + 1, F]
        magnitude: Tensor = (bands.T @ gains.to(bands.dtype)).abs()
        return magnitude


@hookimpl
def fearec_filters() -> Iterable[Component]:
    """Register `haar-wavelet`."""
    return [
        Component(
            name="haar-wavelet",
            options=HaarWaveletOptions,
            build=HaarWavelet,
            summary="Learned gains for the levels of a causal Haar wavelet transform.",
            source="Renaud, Starck and Murtagh, IEEE Trans. SMC-B 35(6), 2005: the Haar à trous transform",
            causal=True,
        )
    ]
