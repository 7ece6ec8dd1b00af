"""Fused functions have only first derivatives, and raise for second ones."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

Gradients = tuple[Tensor | None, ...]


def first_derivative_only(backward: Callable[..., Gradients]) -> Callable[..., Gradients]:
    """A backward pass that raises RuntimeError where its result is to be differentiated again.

    `torch.autograd.function.once_differentiable` stays silent where the incoming gradient is a constant, and the
    second derivative is then missing without a word.
    """

    def checked(ctx: Any, *gradients: Tensor) -> Gradients:
        if torch.is_grad_enabled():  # create_graph=True
            raise RuntimeError(
                "this fused CPU function has no second derivative; set FEAREC_KERNELS=plain to differentiate gradients"
            )
        return backward(ctx, *gradients)

    return checked
