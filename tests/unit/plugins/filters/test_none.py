"""No filter."""

import torch

from support import tiny


def test_it_gives_the_signal_itself():
    x = torch.randn(2, 10, 8)
    assert tiny.part("filter", "none", tiny.layer_shape())(x, torch.tensor([10, 3])) is x


def test_a_window_of_everything_equals_it():
    shape = tiny.layer_shape(n_layers=1)
    x = torch.randn(2, 10, 8)
    torch.testing.assert_close(tiny.part("filter", "window", shape)(x, torch.tensor([10, 3])), x, atol=1e-5, rtol=0)
