"""The equations: the definition that every fused function is tested against, term by term.

They call the modules that they are given, so hooks, adapters and quantised maps work, and every one can be
differentiated as often as needed. Letters of shapes: `fearec_cli.api`.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional


def dropout(x: Float[Tensor, "*L"], p: float) -> Float[Tensor, "*L"]:
    """x with each unit dropped with probability p and the others scaled by 1 / (1 - p)."""
    return functional.dropout(x, p)


def feed_forward(x: Float[Tensor, "*L D"], expand: nn.Module, dense: nn.Module) -> Float[Tensor, "*L D"]:
    """W2 gelu(W1 x + b1) + b2."""
    out: Tensor = dense(functional.gelu(expand(x)))
    return out


def attention(
    q: Float[Tensor, "B M D"],
    k: Float[Tensor, "B N D"],
    v: Float[Tensor, "B N D"],
    heads: int,
    valid: Bool[Tensor, "B N"],
    last: Int[Tensor, "B"] | None,
    dropout: float,
    bias: Float[Tensor, "H L"] | None,
    values: Float[Tensor, "L H E"] | None,
) -> Float[Tensor, "B M D"]:
    """dropout(softmax(q k^T / sqrt(E) + bias)) (v + values), a head at a time; bias and values by distance.

    Vaswani et al., NeurIPS 2017, equation 1; with biases and values Shaw et al., NAACL 2018. The arguments are
    described at `fearec_cli.kernels.attention`.
    """
    q, k, v = (split_heads(signal, heads) for signal in (q, k, v))
    back = distance(valid, last)
    scores = q @ k.mT * q.shape[-1] ** -0.5
    if bias is not None:
        scores = scores + bias_of(bias, back)
    hidden = ~visible(valid, last)
    weights = scores.masked_fill(hidden, torch.finfo(scores.dtype).min).softmax(-1)
    weights = functional.dropout(weights, dropout)
    context = weights @ v
    if values is not None:
        context = context + values_of(values, weights, back)
    return merge_heads(context)


def fused_attention(
    q: Float[Tensor, "B M D"],
    k: Float[Tensor, "B N D"],
    v: Float[Tensor, "B N D"],
    heads: int,
    valid: Bool[Tensor, "B N"],
    last: Int[Tensor, "B"] | None,
    dropout: float,
    bias: Float[Tensor, "H L"] | None,
) -> Float[Tensor, "B M D"]:
    """`attention` without values of distances, by torch's fused function: the way of every device but a CPU."""
    mask = visible(valid, last)
    if bias is not None:
        of_pairs = bias_of(bias, distance(valid, last)).to(q.dtype)
        mask = of_pairs.masked_fill(~mask, torch.finfo(q.dtype).min)
    q, k, v = (split_heads(signal, heads) for signal in (q, k, v))
    return merge_heads(functional.scaled_dot_product_attention(q, k, v, mask, dropout))


def row_products(left: Float[Tensor, "B M D"], right: Float[Tensor, "B N D"]) -> Float[Tensor, "B M N"]:
    """left right^T, sequence by sequence."""
    return left @ right.mT


def visible(valid: Bool[Tensor, "B N"], last: Int[Tensor, "B"] | None) -> Bool[Tensor, "B 1 M N"]:
    """True where a query may attend: at real positions that are not later than itself.

    A padding position before the first real one would attend to nothing: it attends to itself.

    Args:
        valid: True at real positions.
        last: the query of each sequence; every position is one unless given.
    """
    back = distance(valid, last)
    allowed = (back >= 0) & valid[:, None, :]
    allowed = allowed | ((back == 0) & ~allowed.any(-1, keepdim=True))
    return allowed[:, None]


def distance(valid: Bool[Tensor, "B N"], last: Int[Tensor, "B"] | None) -> Int[Tensor, "*C M N"]:
    """From each query back to each position, below 0 for later ones: [N, N], or [B, 1, N] for the last queries."""
    positions = torch.arange(valid.shape[1], device=valid.device)
    queries = positions[:, None] if last is None else last[:, None, None]
    return queries - positions


def bias_of(bias: Float[Tensor, "H L"], back: Int[Tensor, "*C M N"]) -> Float[Tensor, "*C H M N"]:
    """The bias of each pair of positions; pairs of negative distance are masked elsewhere."""
    of_pairs: Tensor = bias[:, back.clamp(min=0)]
    return of_pairs if back.ndim == 2 else of_pairs.movedim(0, 1)


def values_of(
    values: Float[Tensor, "L H E"], weights: Float[Tensor, "B H M N"], back: Int[Tensor, "*C M N"]
) -> Float[Tensor, "B H M E"]:
    """The value vectors of the distances, weighted as the values of the positions are."""
    of_pairs = values[back.clamp(min=0)].to(weights.dtype)  # [..., M, N, H, E]
    if back.ndim == 2:  # one product a head and query for all sequences
        return (weights.permute(1, 2, 0, 3) @ of_pairs.permute(2, 0, 1, 3)).permute(2, 0, 1, 3)
    return torch.einsum("bhmn,bmnhe->bhme", weights, of_pairs)


def split_heads(signal: Float[Tensor, "B L D"], heads: int) -> Float[Tensor, "B H L E"]:
    """Divide the last axis among the heads."""
    return signal.view(*signal.shape[:-1], heads, -1).transpose(1, 2)


def merge_heads(signal: Float[Tensor, "B H L E"]) -> Float[Tensor, "B L D"]:
    """Undo `split_heads`."""
    return signal.transpose(1, 2).flatten(-2)
