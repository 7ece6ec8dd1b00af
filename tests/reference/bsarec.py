"""BSARec's layer once more, from the equations of Shin et al., AAAI 2024 (arXiv 2312.10325): slow and plain."""

import math

import torch
from torch import Tensor

from reference.fearec_layer import Weights, layer_norm, linear
from reference.fmlp_rec import feed_forward, filtered


def rescaled(x: Tensor, beta: Tensor, cutoff: int) -> Tensor:
    """The sequence [N, D] with everything but its `cutoff` lowest bins times beta^2."""
    unchanged = torch.ones_like(beta).to(torch.complex128 if x.dtype == torch.float64 else torch.complex64)
    low = filtered(x, dict.fromkeys(range(cutoff), unchanged))
    return low + beta**2 * (x - low)


def attention(x: Tensor, valid: Tensor, weights: Weights, heads: int) -> Tensor:
    """Causal attention of one sequence [N, D], a head and a query at a time."""
    q, k, v = (linear(x, weights, name) for name in ("query", "key", "value"))
    size = x.shape[1] // heads
    rows = []
    for t in range(len(x)):
        visible = [s for s in range(t + 1) if valid[s]]
        row = []
        for head in range(heads):
            part = slice(head * size, (head + 1) * size)
            if visible:
                scores = (k[visible, part] @ q[t, part]) / math.sqrt(size)
                row.append(scores.softmax(0) @ v[visible, part])
            else:
                row.append(v[:, part].mean(0))  # a padding position before the first item: even weights
        rows.append(torch.cat(row))
    return torch.stack(rows)


def bsarec_layer(x: Tensor, valid: Tensor, weights: Weights, heads: int, cutoff: int, alpha: float) -> Tensor:
    """Output of one layer at every position, [B, N, D]; no dropout.

    Args:
        x: input.
        valid: True at real positions.
        weights: beta [D] under "beta", the other parameters by name.
        heads: attention heads.
        cutoff: bins of the low-pass part.
        alpha: weight of the frequency branch.
    """
    frequency = torch.stack([rescaled(sequence, weights["beta"], cutoff) for sequence in x])
    attended = torch.stack([attention(sequence, mask, weights, heads) for sequence, mask in zip(x, valid, strict=True)])
    frequency = layer_norm(frequency + x, weights, "filter_norm")
    attended = layer_norm(linear(attended, weights, "output") + x, weights, "attention_norm")
    return feed_forward(alpha * frequency + (1 - alpha) * attended, weights)
