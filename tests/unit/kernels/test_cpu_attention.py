"""Attention in tiles, against whole score matrices."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fearec_cli.kernels import cpu_attention as module
from fearec_cli.kernels.cpu_dropout import Rate
from support import tiny

N, DIM, HEADS = 11, 8, 2
LENGTHS = [1, 2, 6, N]


@pytest.fixture(params=[1, 150, 600, 100_000])
def _size_of_tiles(request, monkeypatch):
    """From one position of one sequence to the whole batch."""
    monkeypatch.setattr(module, "_NUMBERS", request.param)


@pytest.fixture(params=[1, 4, 100])
def _few(request, monkeypatch):
    """Scores the one way, the other, and both."""
    monkeypatch.setattr(module, "_FEW_KEYS", request.param)


def signals(batch=4, n=N, dim=DIM, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(batch, n, dim, generator=generator, dtype=torch.float64).requires_grad_() for _ in range(3)]


def mask_of(valid):
    """`LayerInputs.mask`, by its definition."""
    batch, n = valid.shape
    mask = torch.zeros(batch, 1, n, n, dtype=torch.bool)
    for row in range(batch):
        for here in range(n):
            seen = [there for there in range(here + 1) if valid[row, there]]
            mask[row, 0, here, seen or [here]] = True
    return mask


def attend(q, k, v, valid, heads=HEADS, dropout=0.0):
    return module.attention(q, k, v, heads, valid, dropout, None, None)


def whole(q, k, v, valid, heads=HEADS, factors=1.0):
    def split(signal):
        return signal.unflatten(-1, (heads, -1)).transpose(1, 2)

    scores = (split(q) @ split(k).mT / math.sqrt(q.shape[-1] // heads)).masked_fill(~mask_of(valid), -torch.inf)
    return (scores.softmax(-1) * factors @ split(v)).transpose(1, 2).flatten(-2)


def agree(mine, plain, leaves):
    torch.testing.assert_close(mine, plain)
    for found, expected in zip(
        torch.autograd.grad(mine.square().sum(), leaves), torch.autograd.grad(plain.square().sum(), leaves), strict=True
    ):
        torch.testing.assert_close(found, expected)


@pytest.mark.usefixtures("_size_of_tiles", "_few")
@pytest.mark.parametrize("padding", ["left", "right"])
@pytest.mark.parametrize("lengths", [LENGTHS, LENGTHS[::-1], [3, N, 1, 5]], ids=str)
def test_it_is_the_whole_product(padding, lengths):
    leaves, valid = signals(), tiny.validity(torch.tensor(lengths), N, padding)
    agree(attend(*leaves, valid), whole(*leaves, valid), leaves)


@given(
    lengths=st.lists(st.integers(1, 6), min_size=1, max_size=4),
    n=st.integers(6, 8),
    heads=st.integers(1, 3),
    units=st.integers(1, 4),
    padding=st.sampled_from(["left", "right"]),
)
def test_it_takes_any_size(lengths, n, heads, units, padding):
    leaves = signals(len(lengths), n, heads * units, seed=n)
    valid = tiny.validity(torch.tensor(lengths), n, padding)
    agree(attend(*leaves, valid, heads), whole(*leaves, valid, heads), leaves)


def test_signals_with_gaps_between_their_rows_are_taken():
    (wide, *_) = signals(dim=3 * DIM)
    valid = tiny.validity(torch.tensor(LENGTHS), N, "right")
    parts = wide.chunk(3, dim=-1)
    agree(attend(*parts, valid), whole(*parts, valid), [wide])


@pytest.mark.usefixtures("_size_of_tiles", "_few")
@pytest.mark.parametrize("padding", ["left", "right"])
def test_the_backward_pass_drops_what_the_forward_pass_dropped(padding):
    """The output is linear in the values, whatever is dropped: the weights are what it makes of unit vectors."""
    q, k, _ = signals()
    valid = tiny.validity(torch.tensor(LENGTHS), N, padding)
    # As many units a head as positions, so that the values of a head can be the unit vectors.
    q, k = (signal.detach().repeat(1, 1, 3)[..., : HEADS * N].requires_grad_() for signal in (q, k))
    units = torch.eye(N, dtype=torch.float64).repeat(1, HEADS).expand(len(LENGTHS), -1, -1).clone().requires_grad_()
    torch.manual_seed(0)
    mine = attend(q, k, units, valid, dropout=0.5)
    weights = mine.detach().unflatten(-1, (HEADS, N)).transpose(1, 2)
    undropped = whole(q, k, units, valid).detach().unflatten(-1, (HEADS, N)).transpose(1, 2)
    factors = torch.where(undropped > 1e-12, weights / undropped, 0.0)
    torch.testing.assert_close(factors, torch.where(factors > 0, Rate.of(0.5).scale, 0.0).double())
    assert 0.35 < (factors[undropped > 1e-12] > 0).double().mean() < 0.65
    agree(mine, whole(q, k, units, valid, factors=factors), [q, k, units])


def test_dropout_follows_the_seed():
    leaves, valid = signals(), tiny.validity(torch.tensor(LENGTHS), N, "right")
    torch.manual_seed(0)
    first = attend(*leaves, valid, dropout=0.5)
    other = attend(*leaves, valid, dropout=0.5)
    torch.manual_seed(0)
    assert torch.equal(first, attend(*leaves, valid, dropout=0.5))
    assert not torch.equal(first, other)


def test_without_dropout_nothing_is_drawn():
    leaves, valid = signals(), tiny.validity(torch.tensor(LENGTHS), N, "right")
    before = torch.get_rng_state()
    attend(*leaves, valid)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("padding", ["left", "right"])
def test_no_work_is_done_on_keys_that_nobody_sees(padding):
    valid = tiny.validity(torch.tensor([2] * 6 + [3] * 6), 50, padding)
    scores = sum(
        (tile.sequences.stop - tile.sequences.start)
        * (tile.queries.stop - tile.queries.start)
        * (tile.keys.stop - tile.keys.start)
        for tile in module._tiles(valid, HEADS, 64)
    )
    assert scores < 0.4 * 12 * 50 * 50
