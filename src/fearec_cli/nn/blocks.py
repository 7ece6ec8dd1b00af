"""Blocks that several parts of the model are made of. Letters of shapes: `fearec_cli.api`."""

import math
from collections.abc import Collection, Sequence

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from fearec_cli.kernels.cpu import by_parts, drop_units, feed_forward
from fearec_cli.kernels.cpu_attention import causal_attention
from fearec_cli.nn.contracts import LayerInputs
from fearec_cli.nn.projections import Projection
from fearec_cli.nn.shape import LayerShape


class Dropout(nn.Module):
    """Dropout whose random numbers cost little on a CPU.

    torch draws one Bernoulli number a unit, one after another; on two cores that takes longer than all
    matrix products of a layer. Here a unit is kept when a lane of a random 64-bit word lies below a threshold: eight
    units a word where the probability is a multiple of 1/256, four elsewhere, where it is thereby rounded to a
    multiple of 2^-16. The kept units are scaled by the rounded probability, so that expectations are exact.
    Other devices use torch's own.

    Args:
        p: probability of dropping a unit, 0 <= p < 1.
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p
        self._lane = torch.int8 if (p * 256).is_integer() else torch.int16
        self._values = 1 << (8 * self._lane.itemsize)
        self._dropped = min(round(p * self._values), self._values - 1)  # p < 1 keeps some, if few

    @property
    def scale(self) -> float:
        """What kept units are multiplied by, so that expectations stay."""
        return self._values / (self._values - self._dropped)

    def forward(self, x: Float[Tensor, "*L"]) -> Float[Tensor, "*L"]:
        """Drop units while training; nothing otherwise."""
        if x.device.type != "cpu" or torch.compiler.is_compiling():
            return nn.functional.dropout(x, self.p, self.training)
        keep = self.draw(x.shape)
        return x if keep is None else drop_units(x, keep, self.scale)

    def draw(self, shape: Sequence[int], generator: torch.Generator | None = None) -> Bool[Tensor, "*L"] | None:
        """True at the units of a CPU tensor to keep, for who applies them by `scale`; None where all are kept.

        Args:
            shape: of the tensor.
            generator: of the draws; torch's default CPU generator unless given.
        """
        if not self.training or not self._dropped:
            return None
        units = math.prod(shape)
        words = torch.empty(-(-units * self._lane.itemsize // 8), dtype=torch.int64).random_(
            -(1 << 63), None, generator=generator
        )
        return words.view(self._lane)[:units].view(shape) >= self._dropped - self._values // 2


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

    def scores(self, distance: Int[Tensor, "*C M N"]) -> Float[Tensor, "*C H M N"]:
        """The bias of each pair of positions.

        Args:
            distance: from a key back to its query; negative ones are masked elsewhere.
        """
        bias: Tensor = self.bias[:, distance.clamp(min=0)]
        return bias if distance.ndim == 2 else bias.movedim(0, 1)

    def context(self, weights: Float[Tensor, "B H M N"], distance: Int[Tensor, "*C M N"]) -> Float[Tensor, "B M D"]:
        """The value vectors of the distances, weighted as the values are."""
        values = self.values[distance.clamp(min=0)]  # [..., M, N, H, E]
        if distance.ndim == 2:  # one product a head and query for all sequences
            sums = (weights.permute(1, 2, 0, 3) @ values.permute(2, 0, 1, 3)).permute(2, 1, 0, 3)  # [B, M, H, E]
            return sums.flatten(-2)
        return torch.einsum("bhmn,bmnhe->bmhe", weights, values).flatten(-2)


class DotProduct(nn.Module):
    """Softmax of masked, scaled products of queries and keys, dropout, weighted sum of values, a head at a time.

    Args:
        dropout: probability of dropping an attention weight.
        relative: the layer's place, where distances have learned biases and values.
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
        """softmax(Q K^T / sqrt(E) + mask) V (Vaswani et al., NeurIPS 2017, equation 1); with relative positions
        softmax(Q K^T / sqrt(E) + bias + mask) (V + values), both by the distance from key to query.

        Args:
            inputs: of the layer.
            filtered: which of q, k and v are taken after the layer's filter.
        """
        if self.relative is None and not inputs.last_only and by_parts(inputs.x):
            q, k, v = (inputs.filtered(name) if name in filtered else getattr(inputs, name) for name in ("q", "k", "v"))
            draw = self.dropout.draw if self.training else None
            return causal_attention(q, k, v, inputs.valid, inputs.heads, draw, self.dropout.scale)
        products = inputs.wanted_products(filtered)
        scale = (inputs.x.shape[-1] // inputs.heads) ** -0.5
        scores = torch.add(inputs.mask_bias(), products, alpha=scale)
        if self.relative is None:
            return inputs.weighted(self.dropout(scores.softmax(-1)), filtered="v" in filtered)
        distance = inputs.distance()
        weights = self.dropout((scores + self.relative.scores(distance)).softmax(-1))
        return inputs.weighted(weights, filtered="v" in filtered) + self.relative.context(weights, distance)


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
        return self.join(self.dense(signal), residual)

    def join(self, projected: Float[Tensor, "*L D"], residual: Float[Tensor, "*L D"]) -> Float[Tensor, "*L D"]:
        """LayerNorm(dropout(projected) + residual)."""
        out: Tensor = self.norm(self.dropout(projected) + residual)
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
        self.output = ResidualOutput(dim, dropout, inputs=inner)

    def forward(self, x: Float[Tensor, "*L D"]) -> Float[Tensor, "*L D"]:
        """LayerNorm(dropout(W2 gelu(W1 x + b1) + b2) + x)."""
        expand, dense = self.expand, self.output.dense
        if by_parts(x):
            rows = x.reshape(-1, x.shape[-1])
            out = feed_forward(rows, expand.weight, expand.bias, dense.weight, dense.bias).view(x.shape)
        else:
            out = dense(nn.functional.gelu(expand(x)))
        joined: Tensor = self.output.join(out, x)
        return joined
