"""The elementwise gate."""

import pytest
import torch

from fearec_cli.errors import ConfigError
from support import tiny

SHAPE = tiny.layer_shape()


def gate(branches=2):
    torch.manual_seed(0)
    return tiny.part("fusion", "gate", SHAPE, branches)


def signals():
    return torch.randn(3, 2, 10, 8, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(("bias", "chosen"), [(40.0, 0), (-40.0, 1)])
def test_an_open_gate_is_the_first_branch_and_a_shut_one_the_second(bias, chosen):
    *contexts, x = signals()
    head = gate()
    torch.nn.init.constant_(head.gate.bias, bias)
    torch.testing.assert_close(head(contexts, x), head.output(contexts[chosen], x))


def test_between_them_it_weighs_each_unit_by_what_both_branches_say():
    first, second, x = signals()
    head = gate()
    g = torch.sigmoid(torch.cat([first, second], -1) @ head.gate.weight.T + head.gate.bias)
    torch.testing.assert_close(head([first, second], x), head.output(g * first + (1 - g) * second, x))
    assert g.std() > 0.01


def test_equal_branches_pass_whatever_the_gate_says():
    context, _, x = signals()
    head = gate()
    torch.testing.assert_close(head([context, context], x), head.output(context, x))


@pytest.mark.parametrize("branches", [1, 3])
def test_another_number_of_branches_is_refused(branches):
    with pytest.raises(ConfigError, match=f"^fusion: gate joins two branches, not {branches}"):
        gate(branches)
