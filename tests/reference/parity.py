"""Our layer against a reference: the same parameters reach both, so outputs and gradients can be compared."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from fearec_cli.api import FeedForward, LayerShape
from fearec_cli.model.layer import Layer
from reference.fearec_layer import Weights
from support import tiny

TOLERANCE = 1e-5
Options = Mapping[str, Any]


def layer_of(
    shape: LayerShape,
    layer_filter: tuple[str, Options],
    attentions: Sequence[str],
    fusion: tuple[str, Options],
    dtype: torch.dtype,
) -> Layer:
    """A layer of named parts with random weights and no dropout."""
    torch.manual_seed(7)
    built = Layer(
        shape,
        tiny.part("filter", layer_filter[0], shape, **layer_filter[1]),
        [tiny.part("attention", name, shape) for name in attentions],
        tiny.part("fusion", fusion[0], shape, len(attentions), **fusion[1]),
        FeedForward(shape.dim, 16, 0.0),
    )
    for parameter in built.parameters():
        nn.init.normal_(parameter, std=0.5)
    return built.to(dtype)


def weights_of(ours: Layer, **parts: nn.Module) -> Weights:
    """The layer's parameters under the names of the references; `parts` beside those of the feed-forward."""
    named = {
        "expand": ours.feed_forward.expand,
        "contract": ours.feed_forward.output.dense,
        "feed_forward_norm": ours.feed_forward.output.norm,
        **parts,
    }
    weights: dict[str, Tensor] = {}
    for name, part in named.items():
        weights |= {f"{name}.weight": part.weight, f"{name}.bias": part.bias}
    if ours.project is not None:
        names = ("query", "key", "value")
        weights |= zip((f"{name}.weight" for name in names), ours.project.weight.chunk(3), strict=True)
        weights |= zip((f"{name}.bias" for name in names), ours.project.bias.chunk(3), strict=True)
    return weights


def differences(ours: Layer, reference: Callable[[Tensor, Tensor], Tensor], n: int) -> tuple[float, float]:
    """Of outputs at every position, and of gradients; each relative to the largest value.

    Args:
        ours: the layer.
        reference: gives the output of an input and its valid positions.
        n: positions.
    """
    dtype = next(ours.parameters()).dtype
    lengths = torch.tensor([n, 3, 1])
    valid = tiny.validity(lengths, n, "right")
    x = torch.randn(3, n, 8, dtype=dtype, requires_grad=True)
    direction = torch.randn(3, n, 8, dtype=dtype)
    output = ours(x, valid, lengths, lengths - 1, False).x
    expected = reference(x, valid)
    wanted = [x, *ours.parameters()]
    gradients = torch.autograd.grad((output * direction).sum(), wanted)
    expected_gradients = torch.autograd.grad((expected * direction).sum(), wanted)
    worst = max((a - b).abs().max() for a, b in zip(gradients, expected_gradients, strict=True))
    largest = max(gradient.abs().max() for gradient in expected_gradients)
    return ((output - expected).abs().max() / expected.abs().max()).item(), (worst / largest).item()
