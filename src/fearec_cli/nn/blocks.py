"""Blocks that several components of the model are made of. Letters of shapes: `fearec_cli.api`."""

from typing import Literal

from jaxtyping import Float
from torch import Tensor, nn

from fearec_cli import kernels

Norm = Literal["post", "pre"]


def layer_norm(dim: int, *, used: bool = True) -> nn.Module:
    """LayerNorm with the epsilon of BERT, or nothing where the model has none there."""
    return nn.LayerNorm(dim, eps=1e-12) if used else nn.Identity()


class Dropout(nn.Module):
    """Dropout whose random numbers cost little on a CPU (`fearec_cli.kernels.cpu_dropout`).

    Args:
        p: probability of dropping an element, 0 <= p < 1.

    Raises:
        ValueError: p is outside.
    """

    def __init__(self, p: float | int) -> None:
        super().__init__()
        if not 0 <= p < 1:
            raise ValueError(f"dropout: a probability is 0 or more and less than 1, not {p}")
        self.p = float(p)

    def forward(self, x: Float[Tensor, "*L"]) -> Float[Tensor, "*L"]:
        """Drop elements while training."""
        return kernels.dropout(x, self.p) if self.training and self.p else x


class ResidualOutput(nn.Module):
    """The usual end of a sub-layer, LayerNorm(dropout(W signal + b) + residual).

    Args:
        dim: D.
        dropout: probability of dropping a projected element.
        inputs: size of the signal to project; D unless given.
        projected: project at all; without, there is no `dense`.
        norm: of the model (`LayerShape.norm`); with `pre` the sum is not normalised.
    """

    def __init__(
        self, dim: int, dropout: float, *, inputs: int | None = None, projected: bool = True, norm: Norm = "post"
    ) -> None:
        super().__init__()
        self.dense: nn.Module = nn.Linear(inputs or dim, dim) if projected else nn.Identity()
        self.dropout = Dropout(dropout)
        self.norm = layer_norm(dim, used=norm == "post")

    def forward(self, signal: Float[Tensor, "*L C"], residual: Float[Tensor, "*L D"]) -> Float[Tensor, "*L D"]:
        """Project the signal and join it to the residual."""
        return self.join(self.dense(signal), residual)

    def join(self, projected: Float[Tensor, "*L D"], residual: Float[Tensor, "*L D"]) -> Float[Tensor, "*L D"]:
        """LayerNorm(dropout(projected) + residual)."""
        out: Tensor = self.norm(self.dropout(projected) + residual)
        return out


class FeedForward(nn.Module):
    """Position-wise feed-forward of a Transformer layer: LayerNorm(dropout(W2 gelu(W1 x + b1) + b2) + x).

    Args:
        dim: D.
        inner: size between the two linear maps.
        dropout: probability of dropping an output element.
        norm: of the model; with `pre` the input of W1 is normalised, not the sum.
    """

    def __init__(self, dim: int, inner: int, dropout: float, norm: Norm = "post") -> None:
        super().__init__()
        self.norm = layer_norm(dim, used=norm == "pre")
        self.expand = nn.Linear(dim, inner)
        self.output = ResidualOutput(dim, dropout, inputs=inner, norm=norm)

    def forward(self, x: Float[Tensor, "*L D"]) -> Float[Tensor, "*L D"]:
        """The layer's output."""
        return self.output.join(kernels.feed_forward(self.norm(x), self.expand, self.output.dense), x)
