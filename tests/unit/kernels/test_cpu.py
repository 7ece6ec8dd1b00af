"""The fused functions of a CPU: gradients beside finite differences, and in memory. `test_ways` has the values."""

import pytest
import torch
from torch import nn

from fearec_cli.kernels import cpu
from fearec_cli.kernels.cpu import feed_forward, row_products
from fearec_cli.kernels.cpu_dropout import drop_units

DOUBLE = torch.float64


def draw(seed, *sizes):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(*size, generator=generator, dtype=DOUBLE).requires_grad_() for size in sizes]


@pytest.mark.parametrize("rows", [1, 2, 5])
def test_gradients_agree_with_finite_differences(rows, monkeypatch):
    monkeypatch.setattr(cpu, "_ROWS", 2)  # several chunks, and a shorter last one
    expand, dense = nn.Linear(2, 4, dtype=DOUBLE), nn.Linear(4, 2, dtype=DOUBLE)
    parameters = [*expand.parameters(), *dense.parameters()]
    (x,) = draw(rows, (rows, 2))
    assert torch.autograd.gradcheck(lambda x, *_: feed_forward(x, expand, dense), [x, *parameters])


@pytest.mark.parametrize("rows", [1, 5])
def test_gradients_of_row_products_have_their_rows_in_order(rows):
    leaves = draw(rows, (2, rows, 3), (2, 5, 3))
    grads = torch.autograd.grad(row_products(*leaves).sum(), leaves)
    assert all(grad.is_contiguous() for grad in grads)


def test_dropped_units_are_a_product():
    (x,) = draw(0, (4, 5))
    keep = torch.rand(4, 5) > 0.5
    mine, plain = drop_units(x, keep, 2.5), x * keep * 2.5
    torch.testing.assert_close(mine, plain)
    torch.testing.assert_close(*(torch.autograd.grad(out.square().sum(), x) for out in (mine, plain)))
