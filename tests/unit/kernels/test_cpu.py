"""The pieces of a CPU step against the plain operations, values and gradients."""

import pytest
import torch
from torch.nn import functional

from fearec_cli.kernels import cpu as fused
from fearec_cli.kernels.cpu import by_parts, drop_units, feed_forward, row_products

DOUBLE = torch.float64


def draw(seed, *sizes):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(*size, generator=generator, dtype=DOUBLE).requires_grad_() for size in sizes]


def agree(mine, plain, leaves):
    """Values and gradients of a function that is not linear in either."""
    torch.testing.assert_close(mine, plain)
    for found, expected in zip(
        torch.autograd.grad(mine.square().sum(), leaves), torch.autograd.grad(plain.square().sum(), leaves), strict=True
    ):
        torch.testing.assert_close(found, expected)


@pytest.fixture
def small_parts(monkeypatch):
    """Parts of two rows, so that small inputs have several and a shorter last one."""
    monkeypatch.setattr(fused, "_ROWS", 2)


@pytest.mark.parametrize("rows", [1, 2, 5])
def test_feed_forward_is_its_formula(small_parts, rows):
    leaves = draw(rows, (rows, 3), (7, 3), (7,), (3, 7), (3,))
    x, w1, b1, w2, b2 = leaves
    agree(feed_forward(*leaves), functional.gelu(x @ w1.T + b1) @ w2.T + b2, leaves)


@pytest.mark.parametrize("rows", [1, 5])
def test_row_products_are_their_formula(rows):
    leaves = draw(rows, (2, rows, 3), (2, 5, 3))
    agree(row_products(*leaves), leaves[0] @ leaves[1].mT, leaves)
    grads = torch.autograd.grad(row_products(*leaves).sum(), leaves)
    assert all(grad.is_contiguous() for grad in grads)


def test_dropped_units_are_a_product():
    (x,) = draw(0, (4, 5))
    keep = torch.rand(4, 5) > 0.5
    agree(drop_units(x, keep, 2.5), x * keep * 2.5, [x])


def test_gradients_agree_with_finite_differences(small_parts):
    assert torch.autograd.gradcheck(feed_forward, draw(0, (3, 2), (4, 2), (4,), (2, 4), (2,)))


def test_a_second_derivative_is_refused():
    leaves = draw(0, (3, 2), (4, 2), (4,), (2, 4), (2,))
    (grad,) = torch.autograd.grad(feed_forward(*leaves).square().sum(), leaves[:1], create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        grad.sum().backward()


def test_other_devices_and_precisions_take_the_plain_way():
    x = torch.zeros(2)
    assert by_parts(x)
    assert not by_parts(x.to("meta"))
    with torch.autocast("cpu", torch.bfloat16):
        assert not by_parts(x)
