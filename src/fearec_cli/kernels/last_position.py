"""Where one position of a layer is requested: one row is projected instead of N.

Branches need q, k and v only inside products, and a product with a linear map need not be taken at every position:
w (X W + b) is (w X) W + sum(w) b, and (X W_q)(X W_k)^T is X (W_q W_k^T) X^T. A filter that treats all dimensions alike
goes past a map in the same way: P (X W + b) is (P X) W + (P 1) b, and P 1 is the filter's gain of a constant.
"""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional

from fearec_cli.kernels import cpu, cpu_dropout, plain


class Unprojected(NamedTuple):
    """A signal that is `base` weight^T + `gain` bias and was not computed.

    Attributes:
        base: [B, N, D].
        weight: [D, D].
        bias: [D].
        gain: of the bias; a filter that stops a constant leaves nothing of it.
    """

    base: Tensor
    weight: Tensor
    bias: Tensor
    gain: float = 1.0

    def rows(self, rows: Float[Tensor, "B M D"]) -> Float[Tensor, "B M D"]:
        """Its rows, from those of `base`."""
        return functional.linear(rows, self.weight, self.gain * self.bias if self.gain else None)

    def every(self) -> Float[Tensor, "B N D"]:
        """The signal at every position."""
        return self.rows(self.base)


Projected = Tensor | Unprojected


def project(x: Float[Tensor, "B N D"], weight: Tensor, bias: Tensor, count: int) -> list[Unprojected]:
    """The signals of a map that holds `count` maps, none of them applied yet."""
    return [Unprojected(x, *of_one) for of_one in zip(weight.chunk(count), bias.chunk(count), strict=True)]


def attention(
    q: Float[Tensor, "B 1 D"],
    k: Projected,
    v: Projected,
    heads: int,
    valid: Bool[Tensor, "B N"],
    last: Int[Tensor, "B"],
    dropout: float,
    bias: Float[Tensor, "H L"] | None,
    values: Float[Tensor, "L H E"] | None,
) -> Float[Tensor, "B 1 D"]:
    """`plain.attention` of the last queries, keys and values projected or not."""
    queries = plain.split_heads(q, heads)
    scores = products(queries, k) * queries.shape[-1] ** -0.5
    back = plain.distance(valid, last)
    if bias is not None:
        scores = scores + plain.bias_of(bias, back)
    weights = scores.masked_fill(~plain.visible(valid, last), torch.finfo(scores.dtype).min).softmax(-1)
    if dropout:
        weights = cpu_dropout.dropout(weights, dropout)
    context = weighted(weights, v)
    if values is not None:
        context = context + plain.merge_heads(plain.values_of(values, weights, back))
    return context


def products(queries: Float[Tensor, "B H M E"], k: Projected) -> Float[Tensor, "B H M N"]:
    """Products of queries with a signal at every position; a query goes past the map with D numbers a head, not E."""
    heads = queries.shape[1]
    if isinstance(k, Tensor):
        return queries @ plain.split_heads(k, heads).mT
    maps = k.weight.view(heads, -1, k.weight.shape[1])  # [H, E, D]
    past = torch.einsum("bhme,hed->bhmd", queries, maps).flatten(1, 2)
    offset = k.gain * (queries * k.bias.view(heads, 1, -1)).sum(-1, keepdim=True)
    return cpu.row_products(past, k.base).view(*queries.shape[:3], -1) + offset


def weighted(weights: Float[Tensor, "B H M N"], v: Projected) -> Float[Tensor, "B M D"]:
    """Sums of a signal over its positions; H of `weights` may be 1, for all heads alike."""
    if isinstance(v, Tensor):
        return plain.merge_heads(weights @ plain.split_heads(v, weights.shape[1]))
    mixed = (weights.flatten(1, 2) @ v.base).view(*weights.shape[:3], -1)
    maps = v.weight.view(weights.shape[1], -1, v.weight.shape[1])  # [H, E, D]
    offset = v.gain * weights.sum(-1, keepdim=True) * v.bias.view(weights.shape[1], 1, -1)
    return plain.merge_heads(torch.einsum("bhmd,hed->bhme", mixed, maps) + offset)


def gram(q: Unprojected, k: Unprojected) -> Float[Tensor, "B N N"]:
    """q k^T of every pair: (X W_q^T + g_q b_q)(Y W_k^T + g_k b_k)^T is one product, and what the biases add."""
    column = functional.linear(q.base, (k.bias @ q.weight)[None])  # [B, N, 1]
    constant = q.gain * k.gain * (q.bias @ k.bias)
    left = functional.linear(q.base, k.weight.T @ q.weight, q.gain * (q.bias @ k.weight))
    return cpu.row_products(left, k.base) + (k.gain * column + constant)
