"""Dot-product attention on filtered signals."""

import torch

from support import tiny

SHAPE = tiny.layer_shape()


def test_without_a_filter_it_is_dot_product_attention():
    inputs = tiny.layer_inputs(SHAPE, lengths=[10, 4, 1])
    ramp, dot = tiny.part("attention", "ramp", SHAPE), tiny.part("attention", "dot", SHAPE)
    assert torch.equal(ramp(inputs), dot(inputs))


def test_with_a_filter_it_is_dot_product_attention_on_what_passes():
    window = tiny.part("filter", "window", SHAPE)
    inputs = tiny.layer_inputs(SHAPE, layer_filter=window, lengths=[10, 4, 1])
    passed = {name: window(getattr(inputs, name), inputs.lengths) for name in ("q", "k", "v")}
    expected = tiny.part("attention", "dot", SHAPE)(tiny.layer_inputs(SHAPE, lengths=[10, 4, 1], **passed))
    torch.testing.assert_close(tiny.part("attention", "ramp", SHAPE)(inputs), expected)
    assert not torch.allclose(expected, tiny.part("attention", "dot", SHAPE)(inputs), atol=0.1)


def test_a_window_carries_the_future_into_the_past():
    """Why `ramp` is not declared causal."""
    window = tiny.part("filter", "window", SHAPE)
    v = torch.randn(3, 10, 8)
    changed = v.clone()
    changed[:, 9] += 1
    branch = tiny.part("attention", "ramp", SHAPE)
    outputs = [branch(tiny.layer_inputs(SHAPE, layer_filter=window, v=signal)) for signal in (v, changed)]
    assert (outputs[0] - outputs[1])[:, 0].abs().max() > 1e-3
