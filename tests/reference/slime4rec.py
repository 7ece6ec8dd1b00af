"""SLIME4Rec's layer once more, from the equations of Du et al., ICDE 2023 (arXiv 2305.04322): slow and plain."""

from fractions import Fraction

import torch
from torch import Tensor

from reference.fearec_layer import Weights, layer_norm
from reference.fmlp_rec import feed_forward, filtered


def window(positions: int, layer: int, n_layers: int, share: Fraction) -> range:
    """Bins of a window of `share` of the spectrum that slides from the highest to the lowest over the layers."""
    bins = positions // 2 + 1
    if n_layers == 1:
        return range(bins)
    step = bins * (1 - share) / (n_layers - 1)
    high = bins - layer * step
    return range(int(high - share * bins), int(high))


def slime4rec_layer(x: Tensor, weights: Weights, layer: int, n_layers: int, alpha: str, gamma: float) -> Tensor:
    """Output of one layer at every position, [B, N, D]; no dropout.

    Args:
        x: input.
        weights: the complex filters at their windows' bins, [., D, 2], under "dynamic" and "static".
        layer: index.
        n_layers: number of layers.
        alpha: share of the dynamic window; 1 / n_layers at least.
        gamma: weight of the static filter.
    """
    static_share = Fraction(1, n_layers)
    shares = {"dynamic": max(Fraction(alpha), static_share), "static": static_share}
    parts = {"dynamic": 1 - gamma, "static": gamma}
    out = torch.zeros_like(x)
    for name, share in shares.items():
        bins = window(x.shape[1], layer, n_layers, share)
        assert len(bins) == len(weights[name])
        gains = {bin_: torch.complex(gain[:, 0], gain[:, 1]) for bin_, gain in zip(bins, weights[name], strict=True)}
        out = out + parts[name] * torch.stack([filtered(sequence, gains) for sequence in x])
    return feed_forward(layer_norm(out + x, weights, "filter_norm"), weights)
