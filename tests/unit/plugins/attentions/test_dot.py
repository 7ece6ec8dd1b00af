"""Causal dot-product attention, and the attention on filtered signals that grows from it."""

import math

import pytest
import torch

from support import tiny

SHAPE = tiny.layer_shape()


def signals(seed=5):
    generator = torch.Generator().manual_seed(seed)
    return {name: torch.randn(3, 10, 8, generator=generator) for name in ("q", "k", "v")}


def test_a_row_is_the_softmax_weighted_mean_of_earlier_values_a_head_at_a_time():
    inputs = tiny.layer_inputs(SHAPE)
    output = tiny.part("attention", "dot", SHAPE)(inputs)
    t, head = 4, slice(4, 8)
    scores = inputs.k[1, : t + 1, head] @ inputs.q[1, t, head] / math.sqrt(4)
    torch.testing.assert_close(output[1, t, head], scores.softmax(0) @ inputs.v[1, : t + 1, head])


@pytest.mark.parametrize("t", [0, 4, 9])
def test_the_future_moves_nothing(t):
    now = signals()
    later = {name: signal.clone() for name, signal in now.items()}
    for signal in later.values():
        signal[:, t + 1 :] = 100.0
    branch = tiny.part("attention", "dot", SHAPE)
    before = branch(tiny.layer_inputs(SHAPE, **now))
    after = branch(tiny.layer_inputs(SHAPE, **later))
    assert torch.equal(before[:, : t + 1], after[:, : t + 1])


def test_the_present_moves_what_it_should():
    """Else the test above would pass on a constant."""
    now, changed = signals(), signals()
    changed["v"][:, 4] += 1
    branch = tiny.part("attention", "dot", SHAPE)
    difference = (branch(tiny.layer_inputs(SHAPE, **now)) - branch(tiny.layer_inputs(SHAPE, **changed))).abs()
    assert (difference[:, 4:].amax((0, 2)) > 1e-4).all()


@pytest.mark.parametrize("padding", ["right", "left"])
@pytest.mark.parametrize("last_only", [False, True])
def test_padding_keys_are_not_looked_at(padding, last_only):
    lengths = [10, 4, 1]
    valid = tiny.validity(torch.tensor(lengths), 10, padding)
    now = signals()
    other = {name: torch.where(valid[..., None], signal, 50.0) for name, signal in now.items()}
    branch = tiny.part("attention", "dot", SHAPE)
    settings = {"lengths": lengths, "padding": padding, "last_only": last_only}
    before = branch(tiny.layer_inputs(SHAPE, **settings, **now))
    after = branch(tiny.layer_inputs(SHAPE, **settings, **other))
    if last_only:
        assert torch.equal(before, after)
    else:
        assert torch.equal(before[valid], after[valid])


def test_a_padding_position_that_may_look_nowhere_is_finite():
    inputs = tiny.layer_inputs(SHAPE, lengths=[10, 4, 1], padding="left")
    assert tiny.part("attention", "dot", SHAPE)(inputs).isfinite().all()


@pytest.mark.parametrize("name", ["dot", "ramp"])
def test_a_padding_position_that_may_look_nowhere_teaches_queries_and_keys_nothing(name):
    """Its weights do not depend on scores, so neither may the gradient."""
    now = {signal: values.requires_grad_() for signal, values in signals().items()}
    inputs = tiny.layer_inputs(SHAPE, lengths=[10, 4, 1], padding="left", **now)
    output = tiny.part("attention", name, SHAPE)(inputs)
    gradients = torch.autograd.grad(output[~inputs.valid].square().sum(), [now["q"], now["k"]])
    assert not any(gradient.any() for gradient in gradients)


@pytest.mark.parametrize("name", ["dot", "ramp"])
@pytest.mark.parametrize("padding", ["right", "left"])
def test_the_last_row_alone_is_the_last_row_of_all(name, padding):
    branch = tiny.part("attention", name, SHAPE)
    settings = {
        "lengths": [10, 4, 1],
        "padding": padding,
        "layer_filter": tiny.part("filter", "window", SHAPE),
    }
    everything = tiny.layer_inputs(SHAPE, **settings)
    alone = branch(tiny.layer_inputs(SHAPE, **settings, last_only=True))
    torch.testing.assert_close(alone[:, 0], branch(everything)[torch.arange(3), everything.last])


@pytest.mark.parametrize("name", ["dot", "ramp"])
def test_attention_weights_are_dropped_in_training_only(name):
    branch = tiny.part("attention", name, tiny.layer_shape(attention_dropout=0.5))
    inputs = tiny.layer_inputs(SHAPE)
    torch.manual_seed(0)
    assert not torch.equal(branch.train()(inputs), branch(inputs))
    assert torch.equal(branch.eval()(inputs), branch(inputs))
