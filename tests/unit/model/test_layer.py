"""A layer: what it projects, and what it computes when one position is wanted."""

import pytest
import torch
from torch import nn

from fearec_cli.api import FeedForward
from fearec_cli.model.layer import Layer
from support import tiny

SHAPE = tiny.layer_shape()


class Reader(nn.Module):
    """A branch that reads some projections and gives their sum."""

    def __init__(self, *projections):
        super().__init__()
        self.projections = frozenset(projections)

    def forward(self, inputs):
        signals = [getattr(inputs, name) for name in sorted(self.projections)] or [inputs.x]
        return inputs.at_requested(sum(signals))


def layer(*branches, filter_name="none"):
    torch.manual_seed(0)
    return Layer(
        SHAPE,
        tiny.part("filter", filter_name, SHAPE),
        branches,
        tiny.part("fusion", "mix", SHAPE, len(branches)),
        FeedForward(8, 16, 0.0),
    ).eval()


def run(built, *, last_only=False, padding="right"):
    lengths = torch.tensor([10, 4, 1])
    x = torch.randn(3, 10, 8, generator=torch.Generator().manual_seed(1))
    last = lengths - 1 if padding == "right" else torch.full((3,), 9)
    return x, last, built(x, tiny.validity(lengths, 10, padding), lengths, last, last_only)


@pytest.mark.parametrize("read", [(), ("v",), ("q", "k"), ("q", "k", "v")])
def test_only_what_is_read_has_parameters(read):
    built = layer(Reader(*read))
    if not read:
        assert built.project is None
    else:
        assert built.project.weight.shape == (8 * len(read), 8)
    assert all(name.split(".")[0] != "project" or read for name, _ in built.named_parameters())


def test_branches_share_their_projections():
    assert layer(Reader("q", "v"), Reader("k", "v")).project.weight.shape == (24, 8)


def test_each_projection_has_rows_of_its_own():
    built = layer(Reader("k", "v"))
    x, _, out = run(built)
    keys, values = (x @ built.project.weight.T + built.project.bias).chunk(2, dim=-1)
    torch.testing.assert_close(out.inputs.k, keys)
    torch.testing.assert_close(out.inputs.v, values)


def test_contexts_come_in_the_order_of_the_branches():
    *_, out = run(layer(Reader("k"), Reader("v")))
    assert torch.equal(out.contexts[0], out.inputs.k)
    assert torch.equal(out.contexts[1], out.inputs.v)


def test_the_output_is_feed_forward_of_fusion_of_contexts():
    built = layer(Reader("k"), Reader("v"))
    x, _, out = run(built)
    torch.testing.assert_close(out.x, built.feed_forward(built.fusion(out.contexts, x)))


@pytest.mark.parametrize("padding", ["right", "left"])
@pytest.mark.parametrize("filter_name", ["none", "window"])
def test_the_last_position_alone_equals_the_last_of_all(padding, filter_name):
    names = ("ramp", "autocorr")
    built = layer(*(tiny.part("attention", name, SHAPE) for name in names), filter_name=filter_name)
    _, last, everything = run(built, padding=padding)
    *_, alone = run(built, padding=padding, last_only=True)
    assert alone.x.shape == (3, 1, 8)
    torch.testing.assert_close(alone.x[:, 0], everything.x[torch.arange(3), last])
