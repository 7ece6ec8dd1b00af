"""Causal attention of long sequences on a CPU, in blocks of positions: memory linear in the length.

A score matrix of 4,096 positions takes 64 MB a head, and half of it lies in the future. Here a block of positions looks
at the positions up to its own end only; its scores stay in the cache, and the backward pass makes them again. So
does dropout: the units to keep are drawn again, from a generator of the call's own, whose seed is all that is kept.
"""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

# Sequences as long as this go through this module. On one core (D = 64, two heads, dropout), forward and backward take
# as long as by whole score matrices at 128 positions, half as long at 256, 0.4 times at 512, 0.3 times at 2,048.
SHORTEST = 192
# Scores of a block, of all heads of one sequence: 1 MB; half or twice as many cost the same.
_SCORES = 2**18

# Units to keep of a shape, by a generator; None where nothing is dropped.
Draw = Callable[[tuple[int, ...], torch.Generator], Bool[Tensor, "*L"] | None]

_softmax_backward = torch.ops.aten._softmax_backward_data


class _LongAttention(torch.autograd.Function):
    """dropout(softmax(q k^T / sqrt(E) + mask)) v, a head at a time, with the mask of `LayerInputs.mask`."""

    @staticmethod
    def forward(
        ctx: Any,
        q: Float[Tensor, "B N D"],
        k: Float[Tensor, "B N D"],
        v: Float[Tensor, "B N D"],
        valid: Bool[Tensor, "B N"],
        heads: int,
        draw: Draw,
        scale: float,
    ) -> Float[Tensor, "B N D"]:
        """The context of every position.

        Args:
            ctx: of the backward pass.
            q: queries, heads side by side.
            k: keys.
            v: values.
            valid: True at real positions.
            heads: H.
            draw: the units that dropout keeps.
            scale: of the kept weights.
        """
        ctx.save_for_backward(q, k, v, valid)
        ctx.heads, ctx.draw, ctx.scale = heads, draw, scale
        ctx.seed = int(torch.randint(2**62, ()))
        out = torch.empty_like(q, memory_format=torch.contiguous_format)
        blocks = _Blocks(valid, heads, ctx.seed)
        for sequence in range(len(q)):
            queries, keys, values = (_split(signal[sequence], heads) for signal in (q, k, v))
            contexts = _split(out[sequence], heads)
            for rows in blocks.rows:
                weights = blocks.weights(sequence, rows, queries, keys)
                keep = draw(tuple(weights.shape), blocks.generator)
                if keep is not None:
                    weights *= keep.to(q.dtype).mul_(scale)
                contexts[:, rows] = torch.bmm(weights, values[:, : rows.stop])
        return out

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Float[Tensor, "B N D"]) -> tuple[Tensor | None, ...]:
        """Gradients of q, k and v."""
        q, k, v, valid = ctx.saved_tensors
        grads = [torch.zeros_like(signal, memory_format=torch.contiguous_format) for signal in (q, k, v)]
        blocks = _Blocks(valid, ctx.heads, ctx.seed)
        for sequence in range(len(q)):
            queries, keys, values, by_context = (_split(signal[sequence], ctx.heads) for signal in (q, k, v, grad))
            by_queries, by_keys, by_values = (_split(signal[sequence], ctx.heads) for signal in grads)
            for rows in blocks.rows:
                seen = slice(0, rows.stop)
                weights = blocks.weights(sequence, rows, queries, keys)
                by_weights = torch.bmm(by_context[:, rows], values[:, seen].mT)
                keep, kept = ctx.draw(tuple(weights.shape), blocks.generator), weights
                if keep is not None:
                    factors = keep.to(q.dtype).mul_(ctx.scale)
                    by_weights *= factors
                    kept = factors.mul_(weights)
                by_values[:, seen] += torch.bmm(kept.mT, by_context[:, rows])
                by_scores = _softmax_backward(by_weights, weights, -1, q.dtype).mul_(queries.shape[-1] ** -0.5)
                by_queries[:, rows] = torch.bmm(by_scores, keys[:, seen])
                by_keys[:, seen] += torch.bmm(by_scores.mT, queries[:, rows])
        return *grads, None, None, None, None


class _Blocks:
    """The blocks of a batch, in the order that dropout draws for them.

    Args:
        valid: True at real positions.
        heads: H.
        seed: of the draws.
    """

    def __init__(self, valid: Bool[Tensor, "B N"], heads: int, seed: int) -> None:
        n = valid.shape[1]
        self.generator = torch.Generator().manual_seed(seed)
        self.rows = list(_rows(n, max(1, _SCORES // (heads * n))))
        self._valid = valid
        self._blind = valid.cumsum(1) == 0  # no real position up to here

    def weights(
        self, sequence: int, rows: slice, queries: Float[Tensor, "H N E"], keys: Float[Tensor, "H N E"]
    ) -> Float[Tensor, "H R S"]:
        """Attention weights before dropout of some positions, for those up to the last of them."""
        positions = torch.arange(rows.stop)
        here = positions[rows, None]
        allowed = (positions <= here) & self._valid[sequence, : rows.stop]
        allowed |= (positions == here) & self._blind[sequence, rows, None]
        bias = queries.new_zeros(allowed.shape).masked_fill_(~allowed, torch.finfo(queries.dtype).min)
        products = torch.bmm(queries[:, rows], keys[:, : rows.stop].mT)
        return torch.add(bias, products, alpha=queries.shape[-1] ** -0.5).softmax(-1)


def _rows(n: int, size: int) -> Iterator[slice]:
    return (slice(start, min(start + size, n)) for start in range(0, n, size))


def _split(signal: Float[Tensor, "N D"], heads: int) -> Float[Tensor, "H N E"]:
    """The heads of a sequence; a view."""
    return signal.view(len(signal), heads, -1).transpose(0, 1)


long_attention: Callable[..., Tensor] = _LongAttention.apply
