"""Signals that go past a projection and a filter agree with projected, filtered ones."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from fearec_cli import kernels
from fearec_cli.api import DotProduct, LayerInputs
from fearec_cli.kernels.last_position import Unprojected
from fearec_cli.kernels.plain import merge_heads, split_heads
from support import tiny

B, D, HEADS = 3, 8, 2


def built(mode, n, layer, *, last_only=True, seed=0):
    """The inputs of a layer with a window filter, which is the same for all dimensions."""
    torch.manual_seed(seed)
    x = torch.randn(B, n, D, dtype=torch.float64).requires_grad_()
    project = nn.Linear(D, 3 * D, dtype=torch.float64)
    window = tiny.part("filter", "window", tiny.layer_shape(layer=layer, max_length=n), alpha=0.5)
    gain = window.response(n).double()[:, None]

    class Exact:
        """The window in double precision; it goes past a map only where the map was not applied."""

        constant = window.constant

        def __call__(self, x, lengths):
            return torch.fft.irfft(gain * torch.fft.rfft(x, dim=1), n=n, dim=1)

        response = window.response

    lengths = torch.tensor([n, n // 2 + 1, 1])
    with kernels.using(mode):
        signals = kernels.project(x, project, 3)
    inputs = LayerInputs(
        x,
        tiny.validity(lengths, n, "right"),
        lengths,
        lengths - 1,
        last_only=last_only,
        heads=HEADS,
        projected=dict(zip("qkv", signals, strict=True)),
        layer_filter=Exact(),
    )
    return inputs, [x, *project.parameters()]


def some_weights(heads, n):
    return torch.linspace(-1, 1, B * heads * n, dtype=torch.float64).view(B, heads, 1, n)


USES = {
    "whole": lambda inputs, filtered: inputs.filtered("k") if filtered else inputs.k,
    "attention": lambda inputs, filtered: DotProduct(0.0)(inputs, ("q", "k", "v") if filtered else ()),
    "attention to a filtered past": lambda inputs, filtered: DotProduct(0.0)(inputs, ("k", "v")),
    "summed scores": lambda inputs, filtered: inputs.summed_scores(filtered=filtered),
    "weighted": lambda inputs, filtered: inputs.weighted(some_weights(HEADS, inputs.x.shape[1]), filtered=filtered),
    "weighted alike": lambda inputs, filtered: inputs.weighted(some_weights(1, inputs.x.shape[1]), filtered=filtered),
}


@pytest.mark.parametrize("use", USES)
@given(
    n=st.integers(3, 12),
    layer=st.sampled_from([0, 1]),  # without and with frequency 0, past which a bias does not and does go
    filtered=st.booleans(),
    seed=st.integers(0, 9),
)
def test_values_and_gradients_are_those_of_projected_signals(use, n, layer, filtered, seed):
    outs, grads = [], []
    for mode in ("auto", "plain"):
        inputs, leaves = built(mode, n, layer, seed=seed)
        with kernels.using(mode):
            out = USES[use](inputs, filtered)
        outs.append(out)
        grads.append(torch.autograd.grad(out.square().sum(), leaves, materialize_grads=True, allow_unused=True))
    torch.testing.assert_close(outs[0], outs[1])
    for mine, expected in zip(*grads, strict=True):
        torch.testing.assert_close(mine, expected, rtol=1e-6, atol=1e-8)


def test_a_signal_is_computed_once():
    inputs, _ = built("auto", 5, 0)
    assert inputs.q is inputs.q
    assert inputs.filtered("q") is inputs.filtered("q")


def test_one_requested_position_projects_nothing_else():
    inputs, _ = built("auto", 5, 1)
    for use in ("attention", "weighted", "summed scores"):
        for filtered in (False, True):
            USES[use](inputs, filtered)
    for kept in (inputs._signals._signals, inputs._signals._filtered):
        assert all(isinstance(kept[name], Unprojected) for name in "qkv")


def test_where_every_position_is_requested_each_signal_is_projected_once():
    inputs, _ = built("auto", 5, 1, last_only=False)
    q, k, v = inputs.qkv("qkv")
    assert all(mine is inputs.filtered(name) for mine, name in ((q, "q"), (k, "k"), (v, "v")))


def test_what_a_layer_does_not_project_is_not_there():
    inputs = tiny.layer_inputs(tiny.layer_shape())
    del inputs._signals._signals["k"]
    with pytest.raises(KeyError):
        _ = inputs.k
    with pytest.raises(KeyError):
        inputs.filtered("k")


def test_heads_are_split_and_merged():
    x = torch.randn(3, 5, D)
    heads = split_heads(x, HEADS)
    assert torch.equal(heads[:, 1], x[..., D // HEADS :])
    assert torch.equal(merge_heads(heads), x)
