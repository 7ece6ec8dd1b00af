"""The branch without attention."""

import pytest
import torch

from support import tiny

SHAPE = tiny.layer_shape()


@pytest.mark.parametrize("padding", ["right", "left"])
def test_it_is_the_filtered_input_at_the_wanted_positions(padding):
    part = tiny.part("attention", "identity", SHAPE)
    window = tiny.part("filter", "window", SHAPE)
    everywhere = tiny.layer_inputs(SHAPE, layer_filter=window, lengths=[10, 4, 1], padding=padding)
    last = tiny.layer_inputs(SHAPE, layer_filter=window, lengths=[10, 4, 1], padding=padding, last_only=True)
    expected = window(everywhere.x, everywhere.lengths)
    torch.testing.assert_close(part(everywhere), expected)
    torch.testing.assert_close(part(last)[:, 0], expected[torch.arange(3), last.last])


def test_it_has_no_parameters_and_asks_for_no_projection():
    part = tiny.part("attention", "identity", SHAPE)
    assert list(part.parameters()) == []
    assert part.projections == frozenset()
