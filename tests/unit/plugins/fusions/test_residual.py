"""A single branch with residual and norm."""

import pytest
import torch
from torch.nn import functional

from fearec_cli.errors import ConfigError
from support import tiny


def test_it_adds_and_normalises_and_nothing_else():
    head = tiny.part("fusion", "residual", tiny.layer_shape(), 1)
    context, x = torch.randn(2, 2, 10, 8)
    torch.testing.assert_close(head([context], x), functional.layer_norm(context + x, (8,)), atol=1e-5, rtol=1e-4)
    assert sum(parameter.numel() for parameter in head.parameters()) == 16


def test_its_dropout_spares_the_residual():
    head = tiny.part("fusion", "residual", tiny.layer_shape(hidden_dropout=0.99), 1).train()
    torch.manual_seed(0)
    context, x = torch.randn(2, 2, 10, 8)
    near_x = (head([context], x) - functional.layer_norm(x, (8,))).abs().amax(-1) < 1e-4
    assert near_x.float().mean() > 0.8


@pytest.mark.parametrize("branches", [2, 3])
def test_more_branches_are_refused(branches):
    with pytest.raises(ConfigError, match=f"^fusion: residual takes a single branch, not {branches}"):
        tiny.part("fusion", "residual", tiny.layer_shape(), branches)
