"""FEARec's hybrid layer once more, by explicit FFTs and loops: slow, plain, and sharing nothing with the package.

Written from the equations of Du et al., SIGIR 2023 (arXiv 2304.09184): every window is applied to spectra,
the auto-correlation is an inverse FFT of a cross-spectrum, and every delay is a `torch.roll`.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

import torch
from torch import Tensor

Weights = Mapping[str, Tensor]


@dataclass(frozen=True)
class Settings:
    """What the layers of a stack have in common."""

    n_layers: int
    heads: int
    alpha: str
    gamma: float
    top_k: float
    shared_delays: bool


def kept_bins(positions: int, layer: int, settings: Settings) -> list[int]:
    """Frequency bins from p to q - 1, with p and q cut to whole numbers."""
    bins = positions // 2 + 1
    alpha = Fraction(settings.alpha)
    if settings.n_layers == 1:
        return list(range(bins))
    if alpha > Fraction(1, settings.n_layers):
        width, step = alpha, Fraction(bins) * (1 - alpha) / (settings.n_layers - 1)
    else:
        width, step = Fraction(1, settings.n_layers), Fraction(bins, settings.n_layers)
    high = bins - layer * step
    low = bins * (1 - width) - layer * step
    return [bin_ for bin_ in range(bins) if int(low) <= bin_ < int(high)]


def windowed_spectrum(signal: Tensor, bins: list[int]) -> Tensor:
    """Spectrum of [N, D] along N with every other bin set to zero."""
    spectrum = torch.fft.rfft(signal, dim=0)
    kept = torch.zeros_like(spectrum)
    for bin_ in bins:
        kept[bin_] = spectrum[bin_]
    return kept


def linear(x: Tensor, weights: Weights, name: str) -> Tensor:
    """W x + b."""
    return torch.einsum("...i,oi->...o", x, weights[f"{name}.weight"]) + weights[f"{name}.bias"]


def layer_norm(x: Tensor, weights: Weights, name: str) -> Tensor:
    """Normalise the dimensions."""
    centred = x - x.mean(-1, keepdim=True)
    deviation = (centred.square().mean(-1, keepdim=True) + 1e-12).sqrt()
    return centred / deviation * weights[f"{name}.weight"] + weights[f"{name}.bias"]


def time_branch(q: Tensor, k: Tensor, v: Tensor, valid: Tensor, bins: list[int], heads: int) -> Tensor:
    """Causal attention of one sequence [N, D], a head and a query at a time, on windowed q, k and v."""
    positions, dim = q.shape
    size = dim // heads
    q, k, v = (torch.fft.irfft(windowed_spectrum(signal, bins), n=positions, dim=0) for signal in (q, k, v))
    rows = []
    for t in range(positions):
        row = []
        visible = [s for s in range(t + 1) if valid[s]]
        for head in range(heads):
            part = slice(head * size, (head + 1) * size)
            if visible:
                scores = torch.einsum("e,se->s", q[t, part], k[visible, part]) / math.sqrt(size)
                row.append(torch.einsum("s,se->e", scores.softmax(0), v[visible, part]))
            else:
                row.append(v[t, part])  # a padding position before the first item sees itself
        rows.append(torch.cat(row))
    return torch.stack(rows)


def correlation(q: Tensor, k: Tensor, bins: list[int]) -> Tensor:
    """Mean over channels of the circular cross-correlation of one sequence, [N]."""
    cross = windowed_spectrum(q, bins) * windowed_spectrum(k, bins).conj()
    return torch.fft.irfft(cross, n=len(q), dim=0).mean(1)


def frequency_branch(q: Tensor, k: Tensor, v: Tensor, bins: list[int], settings: Settings, shared: bool) -> Tensor:
    """Values [B, N, D] rolled by the most correlated delays and averaged with softmax weights."""
    batch, positions, _ = q.shape
    correlations = torch.stack([correlation(q[b], k[b], bins) for b in range(batch)])
    count = min(positions, max(1, int(settings.top_k * math.log(positions))))
    together = correlations.mean(0).argsort(descending=True)[:count]
    out = []
    for b in range(batch):
        delays = together if shared else correlations[b].argsort(descending=True)[:count]
        weights = correlations[b][delays].softmax(0)
        rolled = [torch.roll(v[b], -int(delay), dims=0) for delay in delays]
        out.append(sum(w * r for w, r in zip(weights, rolled, strict=True)))
    return torch.stack(out)


def reference_layer(
    x: Tensor, valid: Tensor, weights: Weights, layer: int, settings: Settings, training: bool
) -> Tensor:
    """Output of one layer at every position, [B, N, D]; no dropout."""
    bins = kept_bins(x.shape[1], layer, settings)
    q, k, v = (linear(x, weights, name) for name in ("query", "key", "value"))
    in_time = torch.stack([time_branch(q[b], k[b], v[b], valid[b], bins, settings.heads) for b in range(len(x))])
    in_frequency = frequency_branch(q, k, v, bins, settings, training and settings.shared_delays)
    joined = settings.gamma * in_time + (1 - settings.gamma) * in_frequency
    attended = layer_norm(linear(joined, weights, "output") + x, weights, "attention_norm")
    inner = linear(attended, weights, "expand")
    inner = inner * 0.5 * (1 + torch.erf(inner / math.sqrt(2)))
    return layer_norm(linear(inner, weights, "contract") + attended, weights, "feed_forward_norm")


def reference_encoder(
    ids: Tensor,
    last: Tensor,
    items: Tensor,
    positions: Tensor,
    embedding: Weights,
    layers: list[Weights],
    settings: Settings,
    training: bool,
) -> Tensor:
    """Representation of each sequence at position `last`, [B, D]."""
    x = torch.stack(
        [layer_norm(torch.stack([items[item] for item in row]) + positions, embedding, "norm") for row in ids.tolist()]
    )
    for index, weights in enumerate(layers):
        x = reference_layer(x, ids > 0, weights, index, settings, training)
    return torch.stack([x[b, int(t)] for b, t in enumerate(last)])
