"""TV-Rec's layer once more, as its paper writes it (Shin et al., NeurIPS 2025, arXiv 2510.25259): a filter of a graph.

The positions of a sequence are the nodes of a directed line, S moves a signal one position on, and every node has a
response of its own: y = sum over k of diag(h[:, k]) S^k x. The published line is a ring whose one edge back is
cut; nothing is shared with the package.
"""

import torch
from torch import Tensor

from reference.fearec_layer import Weights, layer_norm
from reference.fmlp_rec import feed_forward


def graph_filtered(x: Tensor, mixture: Tensor, bases: Tensor) -> Tensor:
    """The sequence [N, D] filtered.

    Args:
        x: signal on the nodes.
        mixture: [N, M] what each node takes of each response.
        bases: [M, N] responses, of any length.
    """
    n = len(x)
    shift = torch.diag(torch.ones(n - 1, dtype=x.dtype), -1)
    responses = torch.stack([sum(c * b / b.norm() for c, b in zip(node, bases, strict=True)) for node in mixture])
    power, out = torch.eye(n, dtype=x.dtype), torch.zeros_like(x)
    for k in range(n):
        out = out + torch.diag(responses[:, k]) @ power @ x
        power = shift @ power
    return out


def tv_rec_layer(x: Tensor, weights: Weights) -> Tensor:
    """Output of one layer at every position, [B, N, D]; no dropout.

    Args:
        x: input.
        weights: "mixture" [N, M] and "bases" [M, N], the other parameters by name.
    """
    out = torch.stack([graph_filtered(sequence, weights["mixture"], weights["bases"]) for sequence in x])
    return feed_forward(layer_norm(out + x, weights, "filter_norm"), weights)
