"""Attention of unfiltered queries to filtered keys and values."""

import math

import pytest
import torch

from support import tiny

SHAPE = tiny.layer_shape()
LENGTHS = [10, 4, 1]


def inputs(**options):
    window = tiny.part("filter", "window", SHAPE)
    return tiny.layer_inputs(SHAPE, layer_filter=window, lengths=LENGTHS, **options)


@pytest.mark.parametrize("padding", ["right", "left"])
def test_it_is_attention_to_the_filtered_past(padding):
    given = inputs(padding=padding)
    out = tiny.part("attention", "ramp-kv", SHAPE)(given)
    k, v = given.filtered("k"), given.filtered("v")
    for b, last in enumerate(given.last.tolist()):
        visible = [s for s in range(last + 1) if given.valid[b, s]]
        for head in (slice(0, 4), slice(4, 8)):
            scores = k[b, visible, head] @ given.q[b, last, head] / math.sqrt(4)
            torch.testing.assert_close(out[b, last, head], scores.softmax(0) @ v[b, visible, head])


@pytest.mark.parametrize("padding", ["right", "left"])
def test_the_last_position_alone_is_that_of_all_positions(padding):
    part = tiny.part("attention", "ramp-kv", SHAPE)
    everywhere, last = inputs(padding=padding), inputs(padding=padding, last_only=True)
    torch.testing.assert_close(part(last)[:, 0], part(everywhere)[torch.arange(3), last.last])


def test_without_a_filter_it_is_dot_product_attention():
    given = tiny.layer_inputs(SHAPE, lengths=LENGTHS)
    ramp_kv, dot = (tiny.part("attention", name, SHAPE)(given) for name in ("ramp-kv", "dot"))
    torch.testing.assert_close(ramp_kv, dot)


def test_queries_are_not_filtered():
    given = inputs()
    ramp_kv, ramp = (tiny.part("attention", name, SHAPE)(given) for name in ("ramp-kv", "ramp"))
    assert (ramp_kv - ramp).abs().max() > 1e-2
