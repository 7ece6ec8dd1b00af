"""FMLP-Rec's layer once more, from the equations of Zhou et al., WWW 2022 (arXiv 2202.13556): slow and plain.

Nothing is shared with the package. The spectrum is the whole complex one, a bin at a time, with its mirror image.
"""

import math

import torch
from torch import Tensor

from reference.fearec_layer import Weights, layer_norm, linear


def filtered(x: Tensor, gains: dict[int, Tensor]) -> Tensor:
    """The sequence [N, D] with bin b of its spectrum multiplied by gains[b], [D] complex, and the others zero."""
    n = len(x)
    spectrum = torch.fft.fft(x.to(torch.complex128 if x.dtype == torch.float64 else torch.complex64), dim=0)
    rows = [torch.zeros_like(spectrum[0])] * n
    for bin_, gain in gains.items():
        mirror = (n - bin_) % n
        if mirror == bin_:
            rows[bin_] = (gain * spectrum[bin_]).real.to(spectrum.dtype)  # a real signal has no imaginary part there
        else:
            rows[bin_] = gain * spectrum[bin_]
            rows[mirror] = gain.conj() * spectrum[mirror]
    return torch.fft.ifft(torch.stack(rows), dim=0).real


def feed_forward(x: Tensor, weights: Weights) -> Tensor:
    """Two linear maps with GELU between, residual and norm."""
    inner = linear(x, weights, "expand")
    inner = inner * 0.5 * (1 + torch.erf(inner / math.sqrt(2)))
    return layer_norm(linear(inner, weights, "contract") + x, weights, "feed_forward_norm")


def fmlp_rec_layer(x: Tensor, weights: Weights) -> Tensor:
    """Output of one layer at every position, [B, N, D]; no dropout.

    Args:
        x: input.
        weights: the complex filter as [F, D, 2] under "filter", the other parameters by name.
    """
    gains = {bin_: torch.complex(gain[:, 0], gain[:, 1]) for bin_, gain in enumerate(weights["filter"])}
    out = torch.stack([filtered(sequence, gains) for sequence in x])
    return feed_forward(layer_norm(out + x, weights, "filter_norm"), weights)
