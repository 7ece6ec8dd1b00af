"""What dot-product attention learns of distances where the model has relative positions."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from fearec_cli.nn.shape import LayerShape


class RelativePositions(nn.Module):
    """A learned bias on the scores and a learned value vector for each head and distance (Shaw et al., NAACL 2018,
    with a bias instead of keys, as in T5: Raffel et al., JMLR 2020).

    Args:
        shape: of the layer; distances are 0 to N - 1.
    """

    def __init__(self, shape: LayerShape) -> None:
        super().__init__()
        n, heads = shape.max_length, shape.heads
        self.bias = nn.Parameter(torch.zeros(heads, n))
        self.values = nn.Parameter(torch.randn(n, heads, shape.dim // heads) * 0.02)

    def forward(self, n: int) -> tuple[Float[Tensor, "H N"], Float[Tensor, "N H E"]]:
        """Biases and values of the first n distances: training on every position cuts a step to its longest window."""
        return self.bias[:, :n], self.values[:n]
