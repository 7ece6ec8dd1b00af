"""The large operations of a model: one switch, one condition, and what is computed either way.

`plain` holds the equations. On a CPU the same operations are fused (`cpu`, `cpu_attention`, `cpu_dropout`), and a layer
whose last position alone is requested projects that one (`last_position`); on other devices attention is torch's fused
function. `FEAREC_KERNELS=plain` takes the equations everywhere: to debug, to differentiate gradients, to compare. So
does export to ONNX; a component that has a faster form of its own asks `equations_only`.

A fused function reads the weights of a linear map and never calls it. So a map takes the plain way wherever that makes
a difference: it has hooks, is not exactly an `nn.Linear` (low-rank adapters, quantised and parametrised maps), or its
`forward` was replaced; so does everything under autocast and `torch.compile`.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, get_args

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.modules import module as global_hooks

from fearec_cli.errors import ConfigError
from fearec_cli.kernels import cpu, cpu_attention, cpu_dropout, last_position, plain
from fearec_cli.kernels.last_position import Projected as Projected

Mode = Literal["auto", "plain"]

_mode: str = os.environ.get("FEAREC_KERNELS", "auto")


def check_mode() -> None:
    """Check the switch.

    Raises:
        ConfigError: FEAREC_KERNELS is neither "auto" nor "plain".
    """
    if _mode not in get_args(Mode):
        raise ConfigError([f'FEAREC_KERNELS: must be "auto" or "plain", not {_mode[:100]!r}'])


@contextmanager
def using(mode: Mode) -> Iterator[None]:
    """Set the switch while the block runs."""
    global _mode
    before, _mode = _mode, mode
    try:
        yield
    finally:
        _mode = before


def equations_only() -> bool:
    """Whether every operation takes its equations, in real numbers: under FEAREC_KERNELS=plain, and in an export.

    ONNX has neither functions of our own nor complex numbers.
    """
    return _mode == "plain"


def fused_on_cpu(x: Tensor, *linears: nn.Module, casts: bool = True) -> bool:
    """The condition: whether an operation goes through the fused functions of a CPU.

    Args:
        x: its input.
        linears: the linear maps that it would not call.
        casts: autocast would compute the operation in another precision.
    """
    return (
        _mode == "auto"
        and x.device.type == "cpu"
        and not torch.compiler.is_compiling()
        and not (casts and torch.is_autocast_enabled("cpu"))
        and all(_is_untouched(linear) for linear in linears)
    )


def dropout(x: Float[Tensor, "*L"], p: float) -> Float[Tensor, "*L"]:
    """x with each element dropped with probability p, 0 < p < 1, and the others scaled, so that expectations stay."""
    return cpu_dropout.dropout(x, p) if fused_on_cpu(x, casts=False) else plain.dropout(x, p)


def feed_forward(x: Float[Tensor, "*L D"], expand: nn.Module, dense: nn.Module) -> Float[Tensor, "*L D"]:
    """W2 gelu(W1 x + b1) + b2, W1 and b1 of `expand`, W2 and b2 of `dense`."""
    if isinstance(expand, nn.Linear) and isinstance(dense, nn.Linear) and fused_on_cpu(x, expand, dense):
        return cpu.feed_forward(x, expand, dense)
    return plain.feed_forward(x, expand, dense)


def project(x: Float[Tensor, "B N D"], linear: nn.Module, count: int) -> list[Projected]:
    """The `count` signals of one map, side by side in it; a fused one is applied when a signal is first needed."""
    if isinstance(linear, nn.Linear) and fused_on_cpu(x, linear):
        return list(last_position.project(x, linear.weight, linear.bias, count))
    return list(linear(x).chunk(count, -1))


def attention(
    q: Float[Tensor, "B M D"],
    k: Projected,
    v: Projected,
    *,
    heads: int,
    valid: Bool[Tensor, "B N"],
    last: Int[Tensor, "B"] | None = None,
    dropout: float = 0.0,
    bias: Float[Tensor, "H L"] | None = None,
    values: Float[Tensor, "L H E"] | None = None,
) -> Float[Tensor, "B M D"]:
    """dropout(softmax(q k^T / sqrt(E) + bias + mask)) (v + values), a head at a time, causal.

    Args:
        q: queries, heads side by side.
        k: keys at every position.
        v: values at every position.
        heads: H.
        valid: True at real positions; a query attends to those that are not later than itself, or else to itself.
        last: the query of each sequence, where q is that row alone.
        dropout: probability of dropping a weight, 0 when not training.
        bias: added to the scaled score of each pair by its head and its distance, from key to query; L is N or more.
        values: added to the value of each pair by its distance and its head.
    """
    if last is not None and fused_on_cpu(q):
        return last_position.attention(q, k, v, heads, valid, last, dropout, bias, values)
    k, v = every(k), every(v)
    if fused_on_cpu(q):
        return cpu_attention.attention(q, k, v, heads, valid, dropout, bias, values)
    if values is None and _mode == "auto" and q.device.type != "cpu":
        return plain.fused_attention(q, k, v, heads, valid, last, dropout, bias)
    return plain.attention(q, k, v, heads, valid, last, dropout, bias, values)


def weighted(weights: Float[Tensor, "B H M N"], v: Projected) -> Float[Tensor, "B M D"]:
    """Sums of a signal over its positions; H of `weights` may be 1, for all heads alike."""
    return last_position.weighted(weights, v)


def row_products(left: Projected, right: Projected) -> Float[Tensor, "B M N"]:
    """left right^T, sequence by sequence."""
    if not isinstance(left, Tensor) and not isinstance(right, Tensor):
        return last_position.gram(left, right)
    left, right = every(left), every(right)
    return cpu.row_products(left, right) if fused_on_cpu(left) else plain.row_products(left, right)


def every(signal: Projected) -> Float[Tensor, "B N D"]:
    """A signal at every position."""
    return signal if isinstance(signal, Tensor) else signal.every()


def _is_untouched(linear: nn.Module) -> bool:
    """Whether reading a map's weights gives what calling it gives."""
    return type(linear) is nn.Linear and "forward" not in vars(linear) and not any(hooks for hooks in _hooks_of(linear))


def _hooks_of(linear: nn.Module) -> Iterator[object]:
    """Hooks of the map, and those of all modules (profilers)."""
    yield from (linear._forward_hooks, linear._forward_pre_hooks)
    yield from (linear._backward_hooks, linear._backward_pre_hooks)
    yield from (global_hooks._global_forward_hooks, global_hooks._global_forward_pre_hooks)
    yield from (global_hooks._global_backward_hooks, global_hooks._global_backward_pre_hooks)
