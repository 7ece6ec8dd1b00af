"""Dot-product attention: `fearec_cli.kernels.plain.attention` is its formula."""

from collections.abc import Collection

from jaxtyping import Float
from torch import Tensor, nn

from fearec_cli import kernels
from fearec_cli.nn.blocks import Dropout
from fearec_cli.nn.inputs import LayerInputs, Projection
from fearec_cli.nn.relative import RelativePositions
from fearec_cli.nn.shape import LayerShape


class DotProduct(nn.Module):
    """dropout(softmax(Q K^T / sqrt(E) + bias + mask)) (V + values), a head at a time; bias and values by distance.

    Args:
        dropout: probability of dropping an attention weight.
        relative: the layer's shape, where distances have learned biases and values.
    """

    def __init__(self, dropout: float, relative: LayerShape | None = None) -> None:
        super().__init__()
        self.dropout = Dropout(dropout)
        self.relative = None if relative is None else RelativePositions(relative)

    @classmethod
    def of(cls, shape: LayerShape) -> "DotProduct":
        """The block of a layer, with relative positions where the model has them."""
        return cls(shape.attention_dropout, shape if shape.positions == "relative" else None)

    def forward(self, inputs: LayerInputs, filtered: Collection[Projection] = ()) -> Float[Tensor, "B M D"]:
        """Context at the requested positions; `filtered` names which of q, k and v pass the layer's filter."""
        bias, values = (None, None) if self.relative is None else self.relative(inputs.x.shape[1])
        return kernels.attention(
            *inputs.qkv(filtered),
            heads=inputs.heads,
            valid=inputs.valid,
            last=inputs.last if inputs.last_only else None,
            dropout=self.dropout.p if self.training else 0.0,
            bias=bias,
            values=values,
        )
