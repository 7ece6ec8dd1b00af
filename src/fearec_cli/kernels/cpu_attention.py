"""Causal attention on a CPU, in tiles that fit the cache: no work on keys that nobody may see.

A whole score matrix has a place for every two positions, and most of them stay empty: the histories of Amazon Beauty
fill 8 of 50 positions on average. Here a tile is some neighbouring sequences, or some positions of one long sequence;
its keys are the real positions up to its last. Sequences of like length next to one another make narrow tiles:
training and evaluation sort them. The backward pass makes the scores of a tile again, and draws the weights
that dropout keeps again, from a generator of the call's own: its seed is all that is kept. Memory is linear in the
length.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

# Scores and queries of a tile: 2 MB. Half or twice as many cost the same.
_NUMBERS = 2**19

# Fewer keys than these lie across the axis of a softmax (`_Tile`).
_FEW_KEYS = 16

# Weights to keep of a shape, by a generator; None where nothing is dropped.
Draw = Callable[[tuple[int, ...], torch.Generator], Bool[Tensor, "*L"] | None]


class _Tile(NamedTuple):
    """What is computed at once.

    S counts its sequences and, faster, heads; R its queries, K its keys. With few keys the scores lie the other way
    round, [S, K, R]: a softmax along an axis of 8 numbers takes 17 times as long as one across it.

    Attributes:
        looks: sequences and queries.
        sees: the same sequences, and the keys that one of the queries may see.
    """

    looks: tuple[slice, slice]
    sees: tuple[slice, slice]

    @property
    def keys_first(self) -> bool:
        """Whether scores are [S, K, R]."""
        keys = self.sees[1]
        return bool(keys.stop - keys.start < _FEW_KEYS)

    def weights(
        self, queries: Float[Tensor, "S R E"], keys: Float[Tensor, "S K E"], valid: Bool[Tensor, "B N"]
    ) -> Float[Tensor, "S ..."]:
        """Attention weights before dropout."""
        positions = torch.arange(valid.shape[1])
        here, there = positions[self.looks[1], None], positions[self.sees[1]]
        allowed = (there <= here) & valid[self.sees][:, None]
        allowed |= (there == here) & ~allowed.any(-1, keepdim=True)
        if self.keys_first:
            allowed = allowed.mT
        bias = queries.new_zeros(allowed.shape).masked_fill_(~allowed, torch.finfo(queries.dtype).min)
        scores = self.products(queries, keys).view(len(bias), -1, *bias.shape[1:])
        weights = torch.add(bias[:, None], scores, alpha=queries.shape[-1] ** -0.5).flatten(0, 1)
        return weights.softmax(self._axis_of_keys)

    def softmax_backward(self, grad: Float[Tensor, "S ..."], weights: Float[Tensor, "S ..."]) -> Float[Tensor, "S ..."]:
        """The gradient of the scores, from that of the weights."""
        by_scores: Tensor = torch.ops.aten._softmax_backward_data(grad, weights, self._axis_of_keys, grad.dtype)
        return by_scores

    def products(self, by_query: Float[Tensor, "S R E"], by_key: Float[Tensor, "S K E"]) -> Float[Tensor, "S ..."]:
        """A number for each query and key."""
        return torch.bmm(by_key, by_query.mT) if self.keys_first else torch.bmm(by_query, by_key.mT)

    def sums(self, weights: Float[Tensor, "S ..."], by_key: Float[Tensor, "S K E"]) -> Float[Tensor, "S R E"]:
        """For each query, over its keys."""
        return torch.bmm(weights.mT if self.keys_first else weights, by_key)

    def sums_of_queries(
        self, weights: Float[Tensor, "S ..."], by_query: Float[Tensor, "S R E"]
    ) -> Float[Tensor, "S K E"]:
        """For each key, over the queries that see it."""
        return torch.bmm(weights if self.keys_first else weights.mT, by_query)

    @property
    def _axis_of_keys(self) -> int:
        return 1 if self.keys_first else 2


def _tiles(valid: Bool[Tensor, "B N"], heads: int, dim: int) -> Iterator[_Tile]:
    """The tiles of a batch, in the order that dropout draws for them."""
    batch, n = valid.shape
    firsts = valid.byte().argmax(1).tolist()
    ends = (n - valid.flip(1).byte().argmax(1)).tolist()
    stop = 0
    while stop < batch:
        start, low, high = stop, n, 0
        while stop < batch:
            lowest, highest = min(low, firsts[stop]), max(high, ends[stop])
            if stop > start and (stop + 1 - start) * (n - lowest) * (heads * (highest - lowest) + dim) > _NUMBERS:
                break
            low, high, stop = lowest, highest, stop + 1
        sequences = slice(start, stop)
        # A position before the first real one sees itself alone.
        for first in range(0, low, _FEW_KEYS):
            alone = (sequences, slice(first, min(first + _FEW_KEYS, low)))
            yield _Tile(alone, alone)
        queries = n if stop - start > 1 else max(1, _NUMBERS // (heads * (high - low) + dim))
        for first in range(low, n, queries):
            end = min(first + queries, n)
            yield _Tile((sequences, slice(first, end)), (sequences, slice(low, min(high, end))))


class _CausalAttention(torch.autograd.Function):
    """dropout(softmax(q k^T / sqrt(E) + mask)) v, a head at a time, with the mask of `LayerInputs.mask`."""

    @staticmethod
    def forward(
        ctx: Any,
        q: Float[Tensor, "B N D"],
        k: Float[Tensor, "B N D"],
        v: Float[Tensor, "B N D"],
        valid: Bool[Tensor, "B N"],
        heads: int,
        draw: Draw | None,
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
            draw: the weights that dropout keeps; None without dropout.
            scale: of the kept weights.
        """
        ctx.save_for_backward(q, k, v, valid)
        ctx.heads, ctx.draw, ctx.scale = heads, draw, scale
        ctx.seed = 0 if draw is None else int(torch.randint(2**62, ()))
        factors = _factors(draw, scale, ctx.seed)
        out = torch.empty_like(q, memory_format=torch.contiguous_format)
        for tile in _tiles(valid, heads, q.shape[-1]):
            queries, keys, values = (
                _split(signal[place], heads) for signal, place in ((q, tile.looks), (k, tile.sees), (v, tile.sees))
            )
            weights = tile.weights(queries, keys, valid)
            if (dropped := factors(weights)) is not None:
                weights *= dropped
            _by_head(out[tile.looks], heads).copy_(_unflatten(tile.sums(weights, values), heads))
        return out

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Float[Tensor, "B N D"]) -> tuple[Tensor | None, ...]:
        """Gradients of q, k and v."""
        q, k, v, valid = ctx.saved_tensors
        heads = ctx.heads
        factors = _factors(ctx.draw, ctx.scale, ctx.seed)
        by_q, by_k, by_v = (torch.zeros_like(signal, memory_format=torch.contiguous_format) for signal in (q, k, v))
        for tile in _tiles(valid, heads, q.shape[-1]):
            queries, keys, values, by_context = (
                _split(signal[place], heads)
                for signal, place in ((q, tile.looks), (k, tile.sees), (v, tile.sees), (grad, tile.looks))
            )
            weights = tile.weights(queries, keys, valid)
            by_weights = tile.products(by_context, values)
            kept = weights
            if (dropped := factors(weights)) is not None:
                by_weights *= dropped
                kept = dropped.mul_(weights)
            by_scores = tile.softmax_backward(by_weights, weights).mul_((q.shape[-1] // heads) ** -0.5)
            for gradient, place, share in (
                (by_v, tile.sees, tile.sums_of_queries(kept, by_context)),
                (by_q, tile.looks, tile.sums(by_scores, keys)),
                (by_k, tile.sees, tile.sums_of_queries(by_scores, queries)),
            ):
                _by_head(gradient[place], heads).add_(_unflatten(share, heads))
        return by_q, by_k, by_v, None, None, None, None


def _factors(draw: Draw | None, scale: float, seed: int) -> Callable[[Tensor], Tensor | None]:
    """What weights are multiplied by, tile after tile: 0 or `scale`; None without dropout."""
    generator = torch.Generator().manual_seed(seed)

    def factors(weights: Tensor) -> Tensor | None:
        keep = None if draw is None else draw(tuple(weights.shape), generator)
        return None if keep is None else keep.to(weights.dtype).mul_(scale)

    return factors


def _by_head(signal: Float[Tensor, "B R D"], heads: int) -> Float[Tensor, "B H R E"]:
    return signal.view(*signal.shape[:-1], heads, -1).transpose(1, 2)


def _split(signal: Float[Tensor, "B R D"], heads: int) -> Float[Tensor, "S R E"]:
    return _by_head(signal, heads).flatten(0, 1)


def _unflatten(signal: Float[Tensor, "S *axes"], heads: int) -> Float[Tensor, "B H *axes"]:
    return signal.view(-1, heads, *signal.shape[1:])


causal_attention: Callable[..., Tensor] = _CausalAttention.apply
