"""Feed-forward and products of rows on a CPU, in chunks that fit the cache, keeping little for the backward pass.

A tensor of tens of megabytes passes through memory once for each operation of the plain way, and each intermediate
that the backward pass needs stays until then. These functions walk over rows in chunks, and compute again in the
backward pass what is cheap to compute.
"""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from fearec_cli.kernels.derivatives import Gradients, first_derivative_only

# Rows at a time; half or twice as many cost the same.
_ROWS = 4096

_gelu = torch.ops.aten.gelu.out
_gelu_backward = torch.ops.aten.gelu_backward.grad_input


class _GeluFeedForward(torch.autograd.Function):
    """W2 gelu(W1 x + b1) + b2 without ever holding the hidden layer of all rows.

    Only the input is kept: the backward pass computes the hidden layer again, one product more than the six of the
    plain operations.
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: Float[Tensor, "T D"],
        w1: Float[Tensor, "C D"],
        b1: Float[Tensor, "C"],
        w2: Float[Tensor, "D C"],
        b2: Float[Tensor, "D"],
    ) -> Float[Tensor, "T D"]:
        """The output of every row."""
        ctx.save_for_backward(x, w1, b1, w2)
        out = x.new_empty(len(x), len(w2))
        hidden, active = (x.new_empty(min(_ROWS, len(x)), len(w1)) for _ in range(2))
        for rows in _chunks(len(x), _ROWS):
            pre, act = hidden[: rows.stop - rows.start], active[: rows.stop - rows.start]
            torch.addmm(b1, x[rows], w1.t(), out=pre)
            _gelu(pre, out=act)
            torch.addmm(b2, act, w2.t(), out=out[rows])
        return out

    @staticmethod
    @first_derivative_only
    def backward(ctx: Any, grad: Float[Tensor, "T D"]) -> Gradients:
        """Gradients of all five."""
        x, w1, b1, w2 = ctx.saved_tensors
        grad = grad.contiguous()
        grad_x = torch.empty_like(x)
        grad_w1, grad_b1, grad_w2 = torch.zeros_like(w1), torch.zeros_like(b1), torch.zeros_like(w2)
        hidden, active, delta = (x.new_empty(min(_ROWS, len(x)), len(w1)) for _ in range(3))
        for rows in _chunks(len(x), _ROWS):
            pre, act, grad_pre = (buffer[: rows.stop - rows.start] for buffer in (hidden, active, delta))
            torch.addmm(b1, x[rows], w1.t(), out=pre)
            _gelu(pre, out=act)
            grad_w2.addmm_(grad[rows].t(), act)
            torch.mm(grad[rows], w2, out=grad_pre)
            _gelu_backward(grad_pre, pre, grad_input=grad_pre)
            grad_w1.addmm_(grad_pre.t(), x[rows])
            grad_b1 += grad_pre.sum(0)
            torch.mm(grad_pre, w1, out=grad_x[rows])
        return grad_x, grad_w1, grad_b1, grad_w2, grad.sum(0)


class _RowProducts(torch.autograd.Function):
    """left right^T, sequence by sequence.

    The gradient of the plain product's right side comes as that of right^T, with its axes the other way round: every
    operation that follows on the way back would have to copy it.
    """

    @staticmethod
    def forward(ctx: Any, left: Float[Tensor, "B M D"], right: Float[Tensor, "B N D"]) -> Float[Tensor, "B M N"]:
        """Products of every two rows."""
        ctx.save_for_backward(left, right)
        return torch.bmm(left, right.mT)

    @staticmethod
    @first_derivative_only
    def backward(ctx: Any, grad: Float[Tensor, "B M N"]) -> Gradients:
        """Gradients of both, their rows in order."""
        left, right = ctx.saved_tensors
        return torch.bmm(grad, right), torch.bmm(grad.mT, left)


def _chunks(count: int, size: int) -> Iterator[slice]:
    for start in range(0, count, size):
        yield slice(start, min(start + size, count))


def feed_forward(x: Float[Tensor, "*L D"], expand: nn.Linear, dense: nn.Linear) -> Float[Tensor, "*L D"]:
    """W2 gelu(W1 x + b1) + b2."""
    rows = x.reshape(-1, x.shape[-1])
    return _feed_forward(rows, expand.weight, expand.bias, dense.weight, dense.bias).view(x.shape)


_feed_forward: Callable[..., Tensor] = _GeluFeedForward.apply
row_products: Callable[..., Tensor] = _RowProducts.apply
