"""The filter of WEARec: a spectrum whose gains follow the sequence, and one level of a Haar wavelet."""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from fearec_cli.api import Component, Field, LayerShape, Options, equations_only, irfft, multiply_spectrum, rfft
from fearec_plugins._kernels.own_length import check_padded
from fearec_plugins.filters._spectrum import at_length


class AdaptiveWaveletOptions(Options):
    """The mixture."""

    alpha: float = Field(0.2, ge=0, le=1, description="weight of the adaptive spectrum; the wavelet has 1 - alpha")
    std: float = Field(0.02, gt=0, le=1, description="standard deviation of the details' weights at the start")


class AdaptiveWavelet(nn.Module):
    """alpha irfft(w (1 + s) * rfft(X) + b + delta) + (1 - alpha) haar(X), w and b [H, F], the FFTs orthonormal.

    s and delta, [H, F] each, are given by a small network from the sequence's mean over all positions, padding
    included as in the authors' code. haar(X) is one level of the wavelet with weighted details: of each pair (e, o)
    of neighbours a = (e + o) / 2 and d = T (e - o) / 2 give (a + d, a - d); T is learned for each pair and dimension.
    Where N is odd the last position has no partner and the wavelet gives 0 there. The parity of the padding decides who
    is whose partner.

    Args:
        options: the mixture.
        shape: the layer's place; its depth plays no part.
    """

    def __init__(self, options: AdaptiveWaveletOptions, shape: LayerShape) -> None:
        super().__init__()
        check_padded("adaptive-wavelet", shape)
        self.n, self.alpha = shape.max_length, options.alpha
        bins = self.n // 2 + 1
        self.gain = nn.Parameter(torch.ones(shape.heads, bins))
        self.bias = nn.Parameter(torch.full((shape.heads, bins), -0.1))
        self.details = nn.Parameter(torch.randn(self.n // 2, shape.dim) * options.std)
        self.expand = nn.Linear(shape.dim, shape.dim)
        self.modulate = nn.Linear(shape.dim, shape.heads * bins * 2)

    def forward(self, x: Float[Tensor, "B N D"], lengths: Int[Tensor, "B"]) -> Float[Tensor, "B N D"]:
        """Both parts of the signal, mixed."""
        out: Tensor = torch.lerp(self._wavelet(x), self._spectral(x), self.alpha)
        return out

    def _spectral(self, x: Float[Tensor, "B N D"]) -> Float[Tensor, "B N D"]:
        heads, bins = self.gain.shape
        context = x.mean(1).to(self.gain.dtype)
        modulation = self.modulate(functional.gelu(self.expand(context))).view(-1, heads, bins, 2)
        scale, offset = modulation.transpose(1, 2).to(self.gain.dtype).unbind(-1)  # [B, F, H]
        gain = self.gain.T * (1 + scale)
        bias = self.bias.T + offset
        if equations_only():
            gain, bias = (each.repeat_interleave(x.shape[2] // heads, 2) for each in (gain, bias))
            return multiply_spectrum(x, gain, offset=bias * math.sqrt(x.shape[1]))
        spectrum = rfft(x, "ortho").unflatten(2, (heads, -1))  # [B, F, H, E]
        out = irfft((spectrum * gain[..., None] + bias[..., None]).flatten(2), x.shape[1], x.dtype)
        return out * math.sqrt(x.shape[1])  # the inverse of "ortho"

    def _wavelet(self, x: Float[Tensor, "B N D"]) -> Float[Tensor, "B N D"]:
        pairs = x[:, : 2 * (x.shape[1] // 2)].unflatten(1, (-1, 2))  # [B, N / 2, 2, D]
        mean = pairs.mean(2)
        detail = (pairs[:, :, 0] - mean) * self.details.to(x.dtype)
        out = torch.stack([mean + detail, mean - detail], 2).flatten(1, 2)
        return functional.pad(out, (0, 0, 0, x.shape[1] % 2))

    def response(self, n: int) -> Float[Tensor, "F D"]:
        """Gain before the modulation, and of the wavelet over both parities and all pairs, without the offset b.

        A pair's mean passes cos^2(pi f), its detail sin^2(pi f), f in cycles a position; at another length than the
        model's the gain is interpolated over frequency.
        """
        details = self.details.detach()
        heads = len(self.gain)
        learned = self.gain.detach().T.repeat_interleave(details.shape[1] // heads, 1)
        passed = torch.cos(math.pi * torch.arange(n // 2 + 1, device=details.device) / n).square()[:, None]
        haar = passed + (1 - passed) * details.mean(0)
        return (self.alpha * at_length(learned, self.n, n) + (1 - self.alpha) * haar).abs()


COMPONENT = Component(
    name="adaptive-wavelet",
    options=AdaptiveWaveletOptions,
    build=AdaptiveWavelet,
    summary="Spectral gains that follow the sequence, mixed with a Haar wavelet of weighted details.",
    source="WEARec: Xu et al., AAAI 2026 (arXiv 2511.07028), and the authors' code",
)
