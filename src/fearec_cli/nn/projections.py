"""The signals of one layer: x, its projections q, k and v, and each of them after the layer's filter.

Where one position of a layer is wanted, its branches need q, k and v only inside products, and a product with a linear
map need not be taken at every position: w (X W + b) is (w X) W + sum(w) b, and (X W_q)(X W_k)^T is X (W_q W_k^T) X^T.
A filter that treats all hidden units alike goes past a map in the same way: P (X W + b) is (P X) W + (P 1) b, and P 1
is the filter's gain of a constant. So such a layer projects one position instead of N, and filters one signal
instead of three. Letters of shapes: `fearec_cli.api`.
"""

from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from fearec_cli.kernels.cpu import by_parts, row_products

Projection = Literal["q", "k", "v"]
Signal = Literal["x", "q", "k", "v"]


class LinearMap(NamedTuple):
    """x W^T + b.

    Attributes:
        weight: [D, D].
        bias: [D].
    """

    weight: Tensor
    bias: Tensor


class _Unprojected(NamedTuple):
    """A signal that is `base` W^T + `gain` b and was not computed."""

    base: Tensor
    map: LinearMap
    gain: float

    def of(self, rows: Float[Tensor, "B M D"]) -> Float[Tensor, "B M D"]:
        """Its rows, from those of `base`. A filter that stops a constant leaves nothing of the bias."""
        return functional.linear(rows, self.map.weight, self.gain * self.map.bias if self.gain else None)


class Signals:
    """Computes each signal when it is first asked for, and keeps it; products without computing it where that is less.

    Args:
        x: the layer's input.
        projected: signals that are there already.
        maps: how the others are made from x.
        filter_signal: the layer's filter.
        constant: its gain of a constant if it treats all hidden units alike, else None.
    """

    def __init__(
        self,
        x: Float[Tensor, "B N D"],
        projected: Mapping[Projection, Float[Tensor, "B N D"]],
        maps: Mapping[Projection, LinearMap],
        filter_signal: Callable[[Tensor], Tensor],
        constant: float | None,
    ) -> None:
        self._plain: dict[str, Tensor] = {"x": x, **{str(name): signal for name, signal in projected.items()}}
        self._filtered: dict[str, Tensor] = {}
        self._maps = dict(maps)
        self._filter = filter_signal
        self._constant = constant

    def get(self, name: Signal, *, filtered: bool = False) -> Float[Tensor, "B N D"]:
        """A signal at every position.

        Raises:
            KeyError: it is no projection of this layer.
        """
        kept = self._filtered if filtered else self._plain
        if name not in kept:
            if found := self._unprojected(name, filtered=filtered):
                kept[name] = found.of(found.base)
            else:
                kept[name] = self._filter(self.get(name)) if filtered else self._plain[name]
        return kept[name]

    def rows(
        self, name: Projection, pick: Callable[[Tensor], Tensor], *, filtered: bool = False
    ) -> Float[Tensor, "B M D"]:
        """The rows of a signal that `pick` takes of [B, N, D]."""
        found = self._unprojected(name, filtered=filtered)
        if found and (picked := pick(found.base)).shape[1] < found.base.shape[1]:
            return found.of(picked)
        return pick(self.get(name, filtered=filtered))

    def products(
        self, rows: Float[Tensor, "B H M E"], name: Projection, *, filtered: bool = False
    ) -> Float[Tensor, "B H M N"]:
        """Products of rows with a signal at every position, a head at a time."""
        heads, wanted = rows.shape[1:3]
        found = self._unprojected(name, filtered=filtered)
        if found and wanted < found.base.shape[1]:  # a row goes past the map with D numbers a head in place of E
            maps = found.map.weight.view(heads, -1, found.map.weight.shape[1])  # [H, E, D]
            there = _row_products(torch.einsum("bhme,hed->bhmd", rows, maps).flatten(1, 2), found.base)  # [B, H M, N]
            offset = found.gain * (rows * found.map.bias.view(heads, 1, -1)).sum(-1, keepdim=True)
            return there.view(*rows.shape[:3], -1) + offset.to(there.dtype)
        return rows @ split_heads(self.get(name, filtered=filtered), heads).mT

    def weighted(
        self, weights: Float[Tensor, "B H M N"], name: Projection, *, filtered: bool = False
    ) -> Float[Tensor, "B M D"]:
        """Sums of a signal over the positions, a head at a time, or all heads alike where H of `weights` is 1."""
        heads, wanted = weights.shape[1:3]
        found = self._unprojected(name, filtered=filtered)
        if found and wanted < found.base.shape[1]:
            mixed = (weights.flatten(1, 2) @ found.base).view(len(weights), heads, wanted, -1)
            maps = found.map.weight.view(heads, -1, found.map.weight.shape[1])  # [H, E, D]
            offset = found.gain * weights.sum(-1, keepdim=True) * found.map.bias.view(heads, 1, -1)
            sums = torch.einsum("bhmd,hed->bhme", mixed, maps)
            return merge_heads(sums + offset.to(sums.dtype))  # products are shorter than sums under autocast
        return merge_heads(weights @ split_heads(self.get(name, filtered=filtered), heads))

    def gram(self, *, filtered: bool = False) -> Float[Tensor, "B N N"]:
        """q k^T of every pair of positions, summed over the heads."""
        q, k = self._unprojected("q", filtered=filtered), self._unprojected("k", filtered=filtered)
        if q is None or k is None:
            return _row_products(self.get("q", filtered=filtered), self.get("k", filtered=filtered))
        # (F W_q^T + g b_q)(F W_k^T + g b_k)^T: one product with the two maps at once, and what the biases add.
        column = functional.linear(q.base, (k.map.bias @ q.map.weight)[None])  # [B, N, 1]
        constant = q.gain * k.gain * (q.map.bias @ k.map.bias)
        left = functional.linear(q.base, k.map.weight.T @ q.map.weight, q.gain * (q.map.bias @ k.map.weight))
        return _row_products(left, k.base) + (k.gain * column + constant)

    def _unprojected(self, name: str, *, filtered: bool) -> _Unprojected | None:
        """What makes a signal that nobody has computed, if it can be made after the filter."""
        if name in (self._filtered if filtered else self._plain) or name not in self._maps:
            return None
        if not filtered:
            return _Unprojected(self._plain["x"], self._maps[name], 1.0)
        if self._constant is None or name in self._plain:
            return None
        return _Unprojected(self.get("x", filtered=True), self._maps[name], self._constant)


def _row_products(left: Float[Tensor, "B M D"], right: Float[Tensor, "B N D"]) -> Float[Tensor, "B M N"]:
    return row_products(left, right) if by_parts(left) else left @ right.mT


def split_heads(signal: Float[Tensor, "B L D"], heads: int) -> Float[Tensor, "B H L E"]:
    """Part the hidden units among the heads."""
    return signal.view(*signal.shape[:-1], heads, -1).transpose(1, 2)


def merge_heads(signal: Float[Tensor, "B H L E"]) -> Float[Tensor, "B L D"]:
    """Undo `split_heads`."""
    return signal.transpose(1, 2).flatten(-2)
