"""Attention in blocks of positions, against whole score matrices."""

import math

import pytest
import torch

from fearec_cli import blocks, long_attention
from fearec_cli.blocks import DotProduct, Dropout
from support import tiny

BATCH, N, DIM, HEADS = 3, 11, 8, 2


@pytest.fixture(params=[1, 2 * 11 * 4, 10_000])
def _blocks_of_positions(request, monkeypatch):
    """Blocks of 1, 4 and all positions."""
    monkeypatch.setattr(long_attention, "_SCORES", request.param)


def signals():
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(BATCH, N, DIM, generator=generator, dtype=torch.float64).requires_grad_() for _ in range(3)]


def mask_of(valid):
    """`LayerInputs.mask`, by its definition."""
    mask = torch.zeros(BATCH, 1, N, N, dtype=torch.bool)
    for row in range(BATCH):
        for here in range(N):
            seen = [there for there in range(here + 1) if valid[row, there]]
            mask[row, 0, here, seen or [here]] = True
    return mask


def whole(q, k, v, valid, factors=1.0):
    def split(signal):
        return signal.unflatten(-1, (HEADS, -1)).transpose(1, 2)

    scores = (split(q) @ split(k).mT / math.sqrt(DIM // HEADS)).masked_fill(~mask_of(valid), -torch.inf)
    return (scores.softmax(-1) * factors @ split(v)).transpose(1, 2).flatten(-2)


def agree(mine, plain, leaves):
    torch.testing.assert_close(mine, plain)
    for found, expected in zip(
        torch.autograd.grad(mine.square().sum(), leaves), torch.autograd.grad(plain.square().sum(), leaves), strict=True
    ):
        torch.testing.assert_close(found, expected)


@pytest.mark.usefixtures("_blocks_of_positions")
@pytest.mark.parametrize("padding", ["left", "right"])
def test_it_is_the_whole_product(padding):
    leaves, valid = signals(), tiny.validity(torch.tensor([N, 1, 6]), N, padding)
    agree(
        long_attention.long_attention(*leaves, valid, HEADS, Dropout(0.5).eval().draw, 1.0),
        whole(*leaves, valid),
        leaves,
    )


@pytest.mark.usefixtures("_blocks_of_positions")
def test_the_backward_pass_drops_what_the_forward_pass_dropped():
    dropout, drawn = Dropout(0.5).train(), []

    def draw(shape, generator):
        keep = dropout.draw(shape, generator)
        drawn.append(keep)
        return keep

    leaves, valid = signals(), tiny.validity(torch.tensor([N, 1, 6]), N, "right")
    torch.manual_seed(0)
    mine = long_attention.long_attention(*leaves, valid, HEADS, draw, dropout.scale)
    factors = torch.zeros(BATCH, HEADS, N, N, dtype=torch.float64)
    each = len(drawn) // BATCH
    for sequence in range(BATCH):
        row = 0
        for keep in drawn[sequence * each : (sequence + 1) * each]:
            factors[sequence, :, row : row + keep.shape[1], : keep.shape[2]] = keep * dropout.scale
            row += keep.shape[1]
    assert 0.4 < (factors.tril() > 0).sum() / (BATCH * HEADS * N * (N + 1) / 2) < 0.6
    agree(mine, whole(*leaves, valid, factors), leaves)
    torch.manual_seed(0)
    again = long_attention.long_attention(*leaves, valid, HEADS, dropout.draw, dropout.scale)
    assert torch.equal(mine, again)
    other = long_attention.long_attention(*leaves, valid, HEADS, dropout.draw, dropout.scale)
    assert not torch.equal(mine, other)


@pytest.mark.parametrize("padding", ["left", "right"])
def test_a_branch_takes_it_for_long_sequences(padding, monkeypatch):
    inputs = tiny.layer_inputs(tiny.layer_shape(), lengths=[10, 1, 4], padding=padding)
    attend = DotProduct(0.5).eval()
    short = attend(inputs)
    monkeypatch.setattr(blocks, "SHORTEST", 10)
    monkeypatch.setattr(blocks, "dot_product_attention", None)
    torch.testing.assert_close(attend(inputs), short)
