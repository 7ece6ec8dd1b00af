"""Blocks that several parts of the model are made of. Letters of shapes: `fearec_cli.api`."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from fearec_cli.contracts import LayerInputs

_LANES = 1 << 16


class Dropout(nn.Module):
    """Dropout whose random numbers cost little on a CPU.

    torch draws one Bernoulli number a unit, one after another; on two cores that takes longer than all
    matrix products of a layer. Here a unit is kept when a 16-bit lane of a random 64-bit word lies below a
    threshold: a quarter of the draws. The probability is thereby rounded to a multiple of 2^-16, and
    the kept units are scaled by the rounded one, so that expectations are exact. Other devices use torch's own.

    Args:
        p: probability of dropping a unit, 0 <= p < 1.
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p
        self._dropped_lanes = min(round(p * _LANES), _LANES - 1)  # p < 1 keeps some, if few

    def forward(self, x: Float[Tensor, "*L"]) -> Float[Tensor, "*L"]:
        """Drop units while training; nothing otherwise."""
        if not self.training or self._dropped_lanes == 0:
            return x
        if x.device.type != "cpu":
            return nn.functional.dropout(x, self.p)
        # A product with factors 0 and 1 / (1 - p): a third of the time of filling and scaling.
        factors = self.draw(x).to(x.dtype).mul_(_LANES / (_LANES - self._dropped_lanes))
        return x * factors

    def draw(self, x: Tensor) -> Bool[Tensor, "*L"]:
        """True at the units to keep, of x's shape; from torch's default CPU generator."""
        words = torch.empty(-(-x.numel() // 4), dtype=torch.int64).random_(-(1 << 63), None)
        lanes = words.view(torch.int16)[: x.numel()].view(x.shape)
        return lanes >= self._dropped_lanes - _LANES // 2


class DotProduct(nn.Module):
    """Softmax of masked, scaled scores, dropout, and the weighted sum of values, a head at a time.

    Args:
        dropout: probability of dropping an attention weight.
    """

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.dropout = Dropout(dropout)

    def forward(
        self, inputs: LayerInputs, scores: Float[Tensor, "B H M N"], values: Float[Tensor, "B N D"]
    ) -> Float[Tensor, "B M D"]:
        """softmax(scores / sqrt(E) + mask) values (Vaswani et al., NeurIPS 2017, equation 1)."""
        heads = inputs.split_heads(values)
        scores = torch.add(inputs.mask_bias(), scores, alpha=heads.shape[-1] ** -0.5)
        return inputs.merge_heads(self.dropout(scores.softmax(-1)) @ heads)


class ResidualOutput(nn.Module):
    """The usual end of a sub-layer: projection, dropout, residual, LayerNorm (post-norm).

    Args:
        dim: D.
        dropout: probability of dropping a projected unit.
        inputs: hidden units of the signal to project; D unless given.
    """

    def __init__(self, dim: int, dropout: float, *, inputs: int | None = None) -> None:
        super().__init__()
        self.dense = nn.Linear(inputs or dim, dim)
        self.dropout = Dropout(dropout)
        self.norm = nn.LayerNorm(dim, eps=1e-12)

    def forward(self, signal: Float[Tensor, "*L C"], residual: Float[Tensor, "*L D"]) -> Float[Tensor, "*L D"]:
        """LayerNorm(dropout(W signal + b) + residual)."""
        out: Tensor = self.norm(self.dropout(self.dense(signal)) + residual)
        return out


class FeedForward(nn.Module):
    """Position-wise feed-forward of a Transformer layer with GELU, then dropout, residual and LayerNorm.

    Args:
        dim: D.
        inner: hidden units between the two linear maps.
        dropout: probability of dropping an output unit.
    """

    def __init__(self, dim: int, inner: int, dropout: float) -> None:
        super().__init__()
        self.expand = nn.Linear(dim, inner)
        self.activation = nn.GELU()
        self.output = ResidualOutput(dim, dropout, inputs=inner)

    def forward(self, x: Float[Tensor, "*L D"]) -> Float[Tensor, "*L D"]:
        """LayerNorm(dropout(W2 gelu(W1 x + b1) + b2) + x)."""
        out: Tensor = self.output(self.activation(self.expand(x)), x)
        return out
