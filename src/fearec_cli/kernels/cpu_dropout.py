"""Dropout on a CPU from lanes of random 64-bit words, keeping one byte a unit for the backward pass."""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor


class Rate(NamedTuple):
    """A probability of dropping, as a threshold on a lane of a random word.

    A word has eight lanes where the probability is a multiple of 1/256, else four: it is then rounded to a multiple of
    2^-16. torch draws one Bernoulli number a unit instead, which takes longer than all matrix products of a layer.

    Attributes:
        lane: integer type of a lane.
        dropped: values of a lane, of all that it can have, whose unit is dropped.
    """

    lane: torch.dtype
    dropped: int

    @classmethod
    def of(cls, p: float) -> "Rate":
        """The nearest rate to p, 0 <= p < 1; it keeps some units, if few."""
        lane = torch.int8 if (p * 256).is_integer() else torch.int16
        values = 1 << (8 * lane.itemsize)
        return cls(lane, min(round(p * values), values - 1))

    @property
    def scale(self) -> float:
        """Factor of the kept units, by the rounded probability, so that expectations are exact."""
        values = 1 << (8 * self.lane.itemsize)
        return values / (values - self.dropped)

    def keep(self, shape: Sequence[int], generator: torch.Generator | None = None) -> Bool[Tensor, "*L"]:
        """Draw which units of a CPU tensor are kept.

        Args:
            shape: of the tensor.
            generator: of the draws; torch's default CPU generator unless given.
        """
        units = math.prod(shape)
        words = torch.empty(-(-units * self.lane.itemsize // 8), dtype=torch.int64).random_(
            -(1 << 63), None, generator=generator
        )
        half = 1 << (8 * self.lane.itemsize - 1)
        return words.view(self.lane)[:units].view(tuple(shape)) >= self.dropped - half

    def factors(
        self, shape: Sequence[int], dtype: torch.dtype, generator: torch.Generator | None = None
    ) -> Float[Tensor, "*L"]:
        """What units are multiplied by: 0 or `scale`."""
        return _factors(self.keep(shape, generator), self.scale, dtype)


def dropout(x: Float[Tensor, "*L"], p: float) -> Float[Tensor, "*L"]:
    """x with each unit dropped with probability p and the others scaled."""
    rate = Rate.of(p)
    return drop_units(x, rate.keep(x.shape), rate.scale) if rate.dropped else x


class _DroppedUnits(torch.autograd.Function):
    """x * keep * scale."""

    @staticmethod
    def forward(ctx: Any, x: Float[Tensor, "*L"], keep: Bool[Tensor, "*L"], scale: float) -> Float[Tensor, "*L"]:
        """The scaled units to keep, zero elsewhere."""
        ctx.save_for_backward(keep)
        ctx.scale = scale
        return x * _factors(keep, scale, x.dtype)

    @staticmethod
    def backward(ctx: Any, grad: Float[Tensor, "*L"]) -> tuple[Tensor, None, None]:
        """The gradient of x, by operations that can be differentiated again."""
        (keep,) = ctx.saved_tensors
        return grad * _factors(keep, ctx.scale, grad.dtype), None, None


def _factors(keep: Bool[Tensor, "*L"], scale: float, dtype: torch.dtype) -> Float[Tensor, "*L"]:
    """0 and `scale`: a product with them takes a third of the time of filling and scaling."""
    return keep.to(dtype).mul_(scale)


drop_units: Callable[..., Tensor] = _DroppedUnits.apply
