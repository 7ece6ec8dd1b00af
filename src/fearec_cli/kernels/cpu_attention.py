"""Causal attention on a CPU, in tiles that fit the cache: no work on keys that no query attends to.

A whole score matrix has a cell for every two positions, and most of them stay empty. Here a tile is some neighbouring
sequences, or some positions of one long sequence; its keys are the real positions up to its last. Sequences of similar
length next to one another make narrow tiles: training and evaluation sort them. The backward pass makes the scores of
a tile again, and draws the dropped weights again from a generator of the call's own. Memory is linear in the length.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from fearec_cli.kernels.cpu_dropout import Rate
from fearec_cli.kernels.derivatives import Gradients, first_derivative_only

# Scores and queries of a tile: 2 MB. Half or twice as many cost the same.
_NUMBERS = 2**19

# Fewer keys than these lie across the axis of a softmax (`_Tile`).
_FEW_KEYS = 16


class _Tile(NamedTuple):
    """What is computed at once.

    S counts its sequences and, faster, heads; R its queries, K its keys. With few keys the scores lie the other way
    round, [S, K, R]: a softmax along an axis of 8 numbers takes 17 times as long as one across it.

    Attributes:
        sequences: of the batch.
        queries: positions.
        keys: positions that one of the queries may attend to.
    """

    sequences: slice
    queries: slice
    keys: slice

    @property
    def of_queries(self) -> tuple[slice, slice]:
        """Index of the queries' rows."""
        return self.sequences, self.queries

    @property
    def of_keys(self) -> tuple[slice, slice]:
        """Index of the keys' rows."""
        return self.sequences, self.keys

    @property
    def keys_first(self) -> bool:
        """Whether scores are [S, K, R]."""
        return bool(self.keys.stop - self.keys.start < _FEW_KEYS)

    def distance(self) -> Int[Tensor, "R K"]:
        """From each query back to each key, below 0 for later keys."""
        queries, keys = (torch.arange(each.start, each.stop) for each in (self.queries, self.keys))
        return queries[:, None] - keys

    def weights(
        self,
        queries: Float[Tensor, "S R E"],
        keys: Float[Tensor, "S K E"],
        valid: Bool[Tensor, "B N"],
        bias: Float[Tensor, "H L"] | None,
    ) -> Float[Tensor, "S ..."]:
        """Attention weights before dropout."""
        distance = self.distance()
        allowed = (distance >= 0) & valid[self.of_keys][:, None]
        allowed |= (distance == 0) & ~allowed.any(-1, keepdim=True)
        if self.keys_first:
            allowed = allowed.mT
        mask = queries.new_zeros(allowed.shape).masked_fill_(~allowed, torch.finfo(queries.dtype).min)
        scores = self.products(queries, keys).view(len(mask), -1, *mask.shape[1:])
        scores = torch.add(mask[:, None], scores, alpha=queries.shape[-1] ** -0.5)
        if bias is not None:
            of_pairs = bias[:, distance.clamp_(min=0)]
            scores += of_pairs.mT if self.keys_first else of_pairs
        return scores.flatten(0, 1).softmax(self._axis_of_keys)

    def softmax_backward(self, grad: Float[Tensor, "S ..."], weights: Float[Tensor, "S ..."]) -> Float[Tensor, "S ..."]:
        """The gradient of the scores, from that of the weights."""
        of_scores: Tensor = torch.ops.aten._softmax_backward_data(grad, weights, self._axis_of_keys, grad.dtype)
        return of_scores

    def products(self, of_query: Float[Tensor, "S R E"], of_key: Float[Tensor, "S K E"]) -> Float[Tensor, "S ..."]:
        """A number for each query and key."""
        return torch.bmm(of_key, of_query.mT) if self.keys_first else torch.bmm(of_query, of_key.mT)

    def sums(self, weights: Float[Tensor, "S ..."], of_key: Float[Tensor, "S K E"]) -> Float[Tensor, "S R E"]:
        """For each query, over its keys."""
        return torch.bmm(self._queries_first(weights), of_key)

    def sums_of_queries(
        self, weights: Float[Tensor, "S ..."], of_query: Float[Tensor, "S R E"]
    ) -> Float[Tensor, "S K E"]:
        """For each key, over the queries that see it."""
        return torch.bmm(self._queries_first(weights).mT, of_query)

    def by_distance(self, weights: Float[Tensor, "S ..."], heads: int) -> Float[Tensor, "H C Q"]:
        """Each query's weights in the order of their distances from 0 on, 0 where no key has it; C = B R."""
        distances = torch.arange(self.queries.stop - self.keys.start)
        index = self.distance()[:, :1] - distances  # key of each query and distance
        inside = (index >= 0) & (index < self.keys.stop - self.keys.start)
        moved = self._queries_first(weights)
        index = index.clamp(0, moved.shape[-1] - 1).expand(len(moved), -1, -1)
        found = moved.gather(2, index).mul_(inside)
        return _unflatten(found, heads).transpose(0, 1).flatten(1, 2)

    def of_pairs(self, by_distance: Float[Tensor, "H C Q"], heads: int) -> Float[Tensor, "S ..."]:
        """Undo `by_distance`; pairs of negative distance, whose weight is 0, have the number of distance 0."""
        rows = self.queries.stop - self.queries.start
        found = by_distance.view(heads, -1, rows, by_distance.shape[-1]).transpose(0, 1).flatten(0, 1)
        pairs = found.gather(2, self.distance().clamp_(min=0).expand(len(found), -1, -1))
        return pairs.mT if self.keys_first else pairs

    def _queries_first(self, weights: Float[Tensor, "S ..."]) -> Float[Tensor, "S R K"]:
        return weights.mT if self.keys_first else weights

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
            alone = slice(first, min(first + _FEW_KEYS, low))
            yield _Tile(sequences, alone, alone)
        queries = n if stop - start > 1 else max(1, _NUMBERS // (heads * (high - low) + dim))
        for first in range(low, n, queries):
            end = min(first + queries, n)
            yield _Tile(sequences, slice(first, end), slice(low, min(high, end)))


class _CausalAttention(torch.autograd.Function):
    """dropout(softmax(q k^T / sqrt(E) + bias + mask)) (v + values), a head at a time."""

    @staticmethod
    def forward(
        ctx: Any,
        q: Float[Tensor, "B N D"],
        k: Float[Tensor, "B N D"],
        v: Float[Tensor, "B N D"],
        bias: Float[Tensor, "H L"] | None,
        values: Float[Tensor, "H L E"] | None,
        valid: Bool[Tensor, "B N"],
        heads: int,
        dropout: float,
    ) -> Float[Tensor, "B N D"]:
        """The context of every position."""
        ctx.save_for_backward(q, k, v, bias, values, valid)
        ctx.heads, ctx.rate = heads, Rate.of(dropout)
        ctx.seed = int(torch.randint(2**62, ())) if ctx.rate.dropped else None
        factors = _factors(ctx.rate, ctx.seed)
        out = torch.empty_like(q, memory_format=torch.contiguous_format)
        for tile in _tiles(valid, heads, q.shape[-1]):
            queries, keys, of_keys = (
                _split(signal[rows], heads)
                for signal, rows in ((q, tile.of_queries), (k, tile.of_keys), (v, tile.of_keys))
            )
            weights = tile.weights(queries, keys, valid, bias)
            if (dropped := factors(weights)) is not None:
                weights *= dropped
            context = _unflatten(tile.sums(weights, of_keys), heads)
            if values is not None:
                spread = tile.by_distance(weights, heads)
                of_distances = torch.bmm(spread, values[:, : spread.shape[2]])  # [H, C, E]
                context += of_distances.view(context.transpose(0, 1).shape).transpose(0, 1)
            _by_head(out[tile.of_queries], heads).copy_(context)
        return out

    @staticmethod
    @first_derivative_only
    def backward(ctx: Any, grad: Float[Tensor, "B N D"]) -> Gradients:
        """Gradients of q, k, v, bias and values."""
        q, k, v, bias, values, valid = ctx.saved_tensors
        heads = ctx.heads
        factors = _factors(ctx.rate, ctx.seed)
        grad_q, grad_k, grad_v = (
            torch.zeros_like(signal, memory_format=torch.contiguous_format) for signal in (q, k, v)
        )
        grad_bias, grad_values = (None if table is None else torch.zeros_like(table) for table in (bias, values))
        for tile in _tiles(valid, heads, q.shape[-1]):
            queries, keys, of_keys, grad_context = (
                _split(signal[rows], heads)
                for signal, rows in (
                    (q, tile.of_queries), (k, tile.of_keys), (v, tile.of_keys), (grad, tile.of_queries)
                )
            )  # fmt: skip
            weights = tile.weights(queries, keys, valid, bias)
            grad_weights = tile.products(grad_context, of_keys)
            if values is not None:
                by_row = _unflatten(grad_context, heads).transpose(0, 1).flatten(1, 2)  # [H, C, E]
                near = values[:, : tile.queries.stop - tile.keys.start]
                grad_weights += tile.of_pairs(torch.bmm(by_row, near.mT), heads)
            kept = weights
            if (dropped := factors(weights)) is not None:
                grad_weights *= dropped
                kept = dropped.mul_(weights)
            grad_scores = tile.softmax_backward(grad_weights, weights)
            if grad_values is not None:
                spread = tile.by_distance(kept, heads)
                grad_values[:, : spread.shape[2]] += torch.bmm(spread.mT, by_row)
            if grad_bias is not None:
                of_distance = tile.by_distance(grad_scores, heads).sum(1)
                grad_bias[:, : of_distance.shape[1]] += of_distance
            grad_scores = grad_scores.mul_((q.shape[-1] // heads) ** -0.5)
            for gradient, rows, share in (
                (grad_v, tile.of_keys, tile.sums_of_queries(kept, grad_context)),
                (grad_q, tile.of_queries, tile.sums(grad_scores, keys)),
                (grad_k, tile.of_keys, tile.sums_of_queries(grad_scores, queries)),
            ):
                _by_head(gradient[rows], heads).add_(_unflatten(share, heads))
        return grad_q, grad_k, grad_v, grad_bias, grad_values, None, None, None


def attention(
    q: Float[Tensor, "B N D"],
    k: Float[Tensor, "B N D"],
    v: Float[Tensor, "B N D"],
    heads: int,
    valid: Bool[Tensor, "B N"],
    dropout: float,
    bias: Float[Tensor, "H L"] | None,
    values: Float[Tensor, "L H E"] | None,
) -> Float[Tensor, "B N D"]:
    """`plain.attention` of every position."""
    by_head = None if values is None else values.transpose(0, 1)
    context: Tensor = _attention(q, k, v, bias, by_head, valid, heads, dropout)
    return context


def _factors(rate: Rate, seed: int | None) -> Callable[[Tensor], Tensor | None]:
    """What weights are multiplied by, tile after tile; None without dropout."""
    if seed is None:
        return lambda weights: None
    generator = torch.Generator().manual_seed(seed)
    return lambda weights: rate.factors(weights.shape, weights.dtype, generator)


def _by_head(signal: Float[Tensor, "B R D"], heads: int) -> Float[Tensor, "B H R E"]:
    return signal.view(*signal.shape[:-1], heads, -1).transpose(1, 2)


def _split(signal: Float[Tensor, "B R D"], heads: int) -> Float[Tensor, "S R E"]:
    return _by_head(signal, heads).flatten(0, 1)


def _unflatten(signal: Float[Tensor, "S *axes"], heads: int) -> Float[Tensor, "B H *axes"]:
    return signal.view(-1, heads, *signal.shape[1:])


_attention: Callable[..., Tensor] = _CausalAttention.apply
