"""The pieces of a CPU step against the plain operations, values and gradients."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from fearec_cli import fused
from fearec_cli.fused import by_parts, dot_product_attention, drop_units, feed_forward, row_products

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
    """Parts of two rows and three matrices, so that small inputs have several and a shorter last one."""
    monkeypatch.setattr(fused, "_ROWS", 2)
    monkeypatch.setattr(fused, "_MATRICES", 3)


@pytest.mark.parametrize("rows", [1, 2, 5])
def test_feed_forward_is_its_formula(small_parts, rows):
    leaves = draw(rows, (rows, 3), (7, 3), (7,), (3, 7), (3,))
    x, w1, b1, w2, b2 = leaves
    agree(feed_forward(*leaves), functional.gelu(x @ w1.T + b1) @ w2.T + b2, leaves)


def plain_attention(q, k, v, bias, heads, keep, scale):
    def split(signal):
        return signal.unflatten(-1, (heads, -1)).transpose(1, 2)

    weights = (split(q) @ split(k).mT / math.sqrt(q.shape[-1] // heads) + bias).softmax(-1)
    if keep is not None:
        weights = weights * keep * scale
    return (weights @ split(v)).transpose(1, 2).flatten(-2)


@pytest.mark.parametrize("dropped", [False, True])
@pytest.mark.parametrize(("heads", "batch"), [(1, 4), (2, 3), (4, 1)])
def test_attention_is_its_formula(small_parts, heads, batch, dropped):
    leaves = draw(batch, *[(batch, 5, 8)] * 3)
    bias = torch.zeros(batch, 1, 5, 5, dtype=DOUBLE).masked_fill(torch.ones(5, 5).triu(1).bool(), -1e30)
    generator = torch.Generator().manual_seed(1)
    keep = torch.rand(batch, heads, 5, 5, generator=generator) > 0.4 if dropped else None
    arguments = (*leaves, bias, heads, keep, 1.7)
    agree(dot_product_attention(*arguments), plain_attention(*arguments), leaves)


@given(batch=st.integers(1, 4), n=st.integers(1, 6), heads=st.integers(1, 3), units=st.integers(1, 4))
def test_attention_takes_any_size(batch, n, heads, units):
    leaves = draw(n, *[(batch, n, heads * units)] * 3)
    arguments = (*leaves, torch.zeros(batch, 1, n, n, dtype=DOUBLE), heads, None, 1.0)
    agree(dot_product_attention(*arguments), plain_attention(*arguments), leaves)


def test_signals_with_gaps_between_their_rows_are_taken():
    (wide,) = draw(0, (2, 5, 24))
    bias = torch.zeros(2, 1, 5, 5, dtype=DOUBLE)
    arguments = (*wide.chunk(3, dim=-1), bias, 2, None, 1.0)
    agree(dot_product_attention(*arguments), plain_attention(*arguments), [wide])


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
    signals = draw(0, *[(2, 3, 4)] * 3)
    bias = torch.zeros(2, 1, 3, 3, dtype=DOUBLE)
    keep = torch.rand(2, 2, 3, 3) > 0.3
    assert torch.autograd.gradcheck(lambda *qkv: dot_product_attention(*qkv, bias, 2, keep, 1.4), signals)


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
