"""The weighted mean of two branches."""

import pytest
import torch

from fearec_cli.errors import ConfigError
from support import tiny

SHAPE = tiny.layer_shape()


def mix(branches=2, **options):
    torch.manual_seed(0)
    return tiny.part("fusion", "mix", SHAPE, branches, **options)


def signals():
    return torch.randn(3, 2, 10, 8, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(("gamma", "chosen"), [(0.0, 1), (1.0, 0)])
def test_at_its_limits_it_is_one_of_the_branches(gamma, chosen):
    *contexts, x = signals()
    torch.testing.assert_close(mix(gamma=gamma)(contexts, x), mix(1)([contexts[chosen]], x))


@pytest.mark.parametrize("learned", [False, True])
def test_gamma_weighs_the_first_branch(learned):
    *contexts, x = signals()
    joined = 0.2 * contexts[0] + 0.8 * contexts[1]
    torch.testing.assert_close(mix(gamma=0.2, learned=learned)(contexts, x), mix(1)([joined], x))


def test_its_end_is_projection_residual_and_norm():
    context, x, _ = signals()
    head = mix(1)
    out = head([context], x)
    mixed = context @ head.output.dense.weight.T + head.output.dense.bias + x
    expected = (mixed - mixed.mean(-1, keepdim=True)) / mixed.std(-1, unbiased=False, keepdim=True)
    torch.testing.assert_close(out, expected, atol=1e-5, rtol=1e-4)


def test_a_learned_gamma_gets_a_gradient():
    *contexts, x = signals()
    head = mix(gamma=0.2, learned=True)
    direction = torch.randn(x.shape, generator=torch.Generator().manual_seed(2))
    (head(contexts, x) * direction).sum().backward()
    assert head.logit.grad.abs() > 1e-4


def test_a_fixed_gamma_is_no_parameter():
    assert [name for name, _ in mix().named_parameters() if not name.startswith("output.")] == []


def test_three_branches_are_refused():
    with pytest.raises(ConfigError, match="one or two branches, not 3"):
        mix(3)


@pytest.mark.parametrize("gamma", [0.0, 1.0])
def test_a_learned_gamma_cannot_start_at_its_limits(gamma):
    with pytest.raises(ConfigError, match=r"mix\.gamma"):
        mix(gamma=gamma, learned=True)
