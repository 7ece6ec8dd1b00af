"""The head of BSARec."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from fearec_cli.errors import ConfigError
from support import tiny

SHAPE = tiny.layer_shape()


def head(branches=2, **options):
    torch.manual_seed(0)
    return tiny.part("fusion", "norm-mix", SHAPE, branches, **options)


def signals():
    return torch.randn(3, 2, 10, 8, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(
    ("projected", "ends"),
    [("none", (False, False)), ("first", (True, False)), ("second", (False, True)), ("both", (True, True))],
)
def test_each_branch_ends_in_its_own_norm_and_some_are_projected(projected, ends):
    *contexts, x = signals()
    part = head(alpha=0.3, projected=projected)
    expected = []
    for context, end, has_projection in zip(contexts, part.ends, ends, strict=True):
        assert isinstance(end.dense, nn.Linear) is has_projection
        signal = context @ end.dense.weight.T + end.dense.bias if has_projection else context
        expected.append(functional.layer_norm(signal + x, (8,)))
    mean = 0.3 * expected[0] + 0.7 * expected[1]
    torch.testing.assert_close(part(contexts, x), mean, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(("alpha", "chosen"), [(1.0, 0), (0.0, 1)])
def test_at_the_limits_of_alpha_it_is_one_of_the_branches(alpha, chosen):
    *contexts, x = signals()
    part = head(alpha=alpha)
    torch.testing.assert_close(part(contexts, x), part.ends[chosen](contexts[chosen], x))


@pytest.mark.parametrize("branches", [1, 3])
def test_another_number_of_branches_is_refused(branches):
    with pytest.raises(ConfigError, match=f"^fusion: norm-mix joins two branches, not {branches}"):
        head(branches)
