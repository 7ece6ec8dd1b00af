"""Every pair of branches meets in every fusion, in every precision."""

import itertools
from contextlib import nullcontext

import pytest
import torch

from fearec_cli.api import FeedForward
from fearec_cli.components.registry import load_components
from fearec_cli.model.layer import Layer
from support import tiny

SHAPE = tiny.layer_shape()
ATTENTIONS = [entry.name for entry in load_components().of_kind("attention") if entry.package == "fearec"]


@pytest.mark.parametrize("precision", ["32-true", "bf16-true", "bf16-mixed"])
@pytest.mark.parametrize("fusion", ["mix", "gate", "concat", "norm-mix"])
def test_a_layer_computes_in_every_precision(fusion: str, precision: str) -> None:
    lengths = torch.tensor([10, 4, 1])
    valid, last = tiny.validity(lengths, 10, "right"), lengths - 1
    dtype = torch.bfloat16 if precision == "bf16-true" else torch.float32
    for pair in itertools.combinations_with_replacement(ATTENTIONS, 2):
        for branches in (pair, pair[::-1]):
            layer = Layer(
                SHAPE,
                tiny.part("filter", "learnable-ramp", SHAPE),
                [tiny.part("attention", name, SHAPE) for name in branches],
                tiny.part("fusion", fusion, SHAPE, 2),
                FeedForward(8, 16, 0.1),
            ).to(dtype)
            x = torch.randn(3, 10, 8, dtype=dtype, requires_grad=True)
            mixed = precision == "bf16-mixed"
            with torch.autocast("cpu", torch.bfloat16) if mixed else nullcontext():
                out = layer(x, valid, lengths, last, False)
            out.x.float().sum().backward()
            assert {context.dtype for context in out.contexts} == {out.contexts[0].dtype}, branches
            assert x.grad is not None
            assert x.grad.isfinite().all(), branches
