"""WEARec's layer once more, from the equations of Xu et al., AAAI 2026 (arXiv 2511.07028): slow and plain.

A head, a bin and a pair of positions at a time, with sums instead of FFTs; nothing is shared with the package.
"""

import math

import torch
from torch import Tensor

from reference.fearec_layer import Weights, layer_norm, linear
from reference.fmlp_rec import feed_forward


def modulated(x: Tensor, gain: Tensor, bias: Tensor) -> Tensor:
    """One head's sequence [N, E] with bin f of its orthonormal spectrum turned into gain[f] X[f] + bias[f]."""
    n = len(x)
    times = torch.arange(n, dtype=x.dtype)
    out = torch.zeros_like(x)
    for f in range(n // 2 + 1):
        cosine, sine = (wave(2 * math.pi * f * times / n) / math.sqrt(n) for wave in (torch.cos, torch.sin))
        real = gain[f] * (cosine @ x) + bias[f]
        imaginary = -gain[f] * (sine @ x)
        twice = 1 if f in (0, n / 2) else 2  # the mirror image
        out = out + twice * (cosine[:, None] * real - (0 if twice == 1 else sine[:, None] * imaginary))
    return out


def haar(x: Tensor, details: Tensor) -> Tensor:
    """The sequence [N, D] through one level of the wavelet; 0 where a position has no partner."""
    rows = []
    for pair in range(len(x) // 2):
        even, odd = x[2 * pair], x[2 * pair + 1]
        mean, detail = (even + odd) / 2, (even - odd) / 2 * details[pair]
        rows += [mean + detail, mean - detail]
    return torch.stack(rows + [torch.zeros_like(x[0])] * (len(x) % 2))


def wearec_layer(x: Tensor, weights: Weights, heads: int, alpha: float) -> Tensor:
    """Output of one layer at every position, [B, N, D]; no dropout.

    Args:
        x: input.
        weights: "gain" and "bias" [H, F], "details" [N / 2, D], the other parameters by name.
        heads: H.
        alpha: weight of the spectrum.
    """
    size, bins = x.shape[2] // heads, x.shape[1] // 2 + 1
    out = []
    for sequence in x:
        inner = linear(sequence.mean(0), weights, "context")
        inner = inner * 0.5 * (1 + torch.erf(inner / math.sqrt(2)))
        modulation = linear(inner, weights, "modulate")
        parts = []
        for head in range(heads):
            scale, offset = (
                torch.stack([modulation[(head * bins + f) * 2 + which] for f in range(bins)]) for which in (0, 1)
            )
            gain = weights["gain"][head] * (1 + scale)
            part = sequence[:, head * size : (head + 1) * size]
            parts.append(modulated(part, gain, weights["bias"][head] + offset))
        out.append(alpha * torch.cat(parts, 1) + (1 - alpha) * haar(sequence, weights["details"]))
    return feed_forward(layer_norm(torch.stack(out) + x, weights, "filter_norm"), weights)
