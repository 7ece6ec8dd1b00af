"""Concatenation and a feed-forward."""

import pytest
import torch
from torch.nn import functional

from fearec_cli.errors import ConfigError
from support import tiny

SHAPE = tiny.layer_shape()


@pytest.mark.parametrize("branches", [2, 3])
def test_it_is_a_feed_forward_of_the_branches_side_by_side(branches):
    torch.manual_seed(0)
    head = tiny.part("fusion", "concat", SHAPE, branches, expansion=3)
    assert head.expand.weight.shape == (24, 8 * branches)
    *contexts, x = torch.randn(branches + 1, 2, 10, 8)
    inner = functional.gelu(torch.cat(contexts, -1) @ head.expand.weight.T + head.expand.bias)
    out = inner @ head.output.dense.weight.T + head.output.dense.bias
    torch.testing.assert_close(head(contexts, x), functional.layer_norm(out + x, (8,)), atol=1e-5, rtol=1e-4)


def test_a_single_branch_is_refused():
    with pytest.raises(ConfigError, match=r"^fusion: concat joins two branches or more, not 1"):
        tiny.part("fusion", "concat", SHAPE, 1)
