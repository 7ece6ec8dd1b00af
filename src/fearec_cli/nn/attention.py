"""Dot-product attention: `fearec_cli.kernels.plain.attention` is its formula."""

from collections.abc import Collection

import torch
from jaxtyping import Float
from torch import Tensor, nn

from fearec_cli import kernels
from fearec_cli.nn.blocks import Dropout
from fearec_cli.nn.inputs import LayerInputs, Projection
from fearec_cli.nn.shape import LayerShape


class RelativePositions(nn.Module):
    """A learned bias on the scores and a learned value vector for each head and distance (Shaw et al., NAACL 2018,
    whose keys are given up for a bias, as in T5: Raffel et al., JMLR 2020).

    Args:
        heads: H.
        max_length: N, distances from 0 to N - 1.
        dim: D.
    """

    def __init__(self, heads: int, max_length: int, dim: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(heads, max_length))
        self.values = nn.Parameter(torch.randn(max_length, heads, dim // heads) * 0.02)


class DotProduct(nn.Module):
    """Softmax of masked, scaled products of queries and keys, dropout, weighted sum of values, a head at a time.

    Args:
        dropout: probability of dropping an attention weight.
        relative: the layer's shape, where distances have learned biases and values.
    """

    def __init__(self, dropout: float, relative: LayerShape | None = None) -> None:
        super().__init__()
        self.dropout = Dropout(dropout)
        self.relative = None
        if relative is not None:
            self.relative = RelativePositions(relative.heads, relative.max_length, relative.dim)

    @classmethod
    def of(cls, shape: LayerShape) -> "DotProduct":
        """The block of a layer, with relative positions where the model has them."""
        return cls(shape.attention_dropout, shape if shape.positions == "relative" else None)

    def forward(self, inputs: LayerInputs, filtered: Collection[Projection] = ()) -> Float[Tensor, "B M D"]:
        """softmax(Q K^T / sqrt(E) + bias + mask) (V + values); bias and values by the distance from key to query.

        Args:
            inputs: of the layer.
            filtered: which of q, k and v are taken after the layer's filter.
        """
        q, k, v = inputs.qkv(filtered)
        n = inputs.x.shape[1]  # training on every position cuts a step to its longest window
        return kernels.attention(
            q,
            k,
            v,
            heads=inputs.heads,
            valid=inputs.valid,
            last=inputs.last if inputs.last_only else None,
            dropout=self.dropout.p if self.training else 0.0,
            bias=None if self.relative is None else self.relative.bias[:, :n],
            values=None if self.relative is None else self.relative.values[:n],
        )
