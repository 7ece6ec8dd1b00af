"""FEARec's layer in its causal form once more: every position is computed from its own history alone, by explicit FFTs.

What the equations of section 4 (arXiv 2304.09184) say of a whole sequence is said here of the history up to each
position, which is cut out first; so nothing can come from later. Correlations are linear: the history does not wrap.
"""

import math

import torch
from torch import Tensor

from reference.fearec_layer import Settings, Weights, kept_bins, layer_norm, linear, windowed_spectrum
from reference.fmlp_rec import feed_forward


def filtered_end(history: Tensor, layer: int, settings: Settings) -> Tensor:
    """The last position of a history [n, D] filtered by the window of n positions, which keeps one bin at least."""
    n = len(history)
    bins = n // 2 + 1
    kept = kept_bins(n, layer, settings) or [min(_lowest(bins, layer, settings), bins - 1)]
    return torch.fft.irfft(windowed_spectrum(history, kept), n=n, dim=0)[-1]


def _lowest(bins: int, layer: int, settings: Settings) -> int:
    alpha, layers = float(settings.alpha), settings.n_layers
    width = max(alpha, 1 / layers)
    step = bins * (1 - alpha) / (layers - 1) if alpha > 1 / layers else bins / layers
    return max(0, int(bins * (1 - width) - layer * step + 1e-9))


def correlation(q: Tensor, k: Tensor) -> Tensor:
    """Of a history with itself moved by 0, 1, ... positions into the past; mean over dimensions alone."""
    n = len(q)
    cross = torch.fft.rfft(q, n=2 * n, dim=0) * torch.fft.rfft(k, n=2 * n, dim=0).conj()
    return torch.fft.irfft(cross, n=2 * n, dim=0)[:n].mean(1)


def context(x: Tensor, t: int, weights: Weights, layer: int, settings: Settings, kept: int) -> Tensor:
    """Both branches of position t, mixed: [D]."""
    history = x[: t + 1]
    plain = [linear(history, weights, name) for name in ("query", "key", "value")]
    q, k, v = (torch.stack([filtered_end(signal[: s + 1], layer, settings) for s in range(t + 1)]) for signal in plain)
    size = x.shape[1] // settings.heads
    row = []
    for head in range(settings.heads):
        part = slice(head * size, (head + 1) * size)
        scores = k[:, part] @ q[-1, part] / math.sqrt(size)
        row.append(scores.softmax(0) @ v[:, part])
    correlated = correlation(q, k)
    delays = correlated.argsort(descending=True)[:kept]
    moved = correlated[delays].softmax(0) @ plain[2][t - delays]
    return settings.gamma * torch.cat(row) + (1 - settings.gamma) * moved


def fearec_causal_layer(x: Tensor, weights: Weights, layer: int, settings: Settings) -> Tensor:
    """Output of one layer at every position, [B, N, D]; no dropout, no padding."""
    kept = max(1, int(settings.top_k * math.log(x.shape[1])))
    out = torch.stack(
        [
            torch.stack([context(sequence, t, weights, layer, settings, kept) for t in range(len(sequence))])
            for sequence in x
        ]
    )
    return feed_forward(layer_norm(linear(out, weights, "output") + x, weights, "attention_norm"), weights)
