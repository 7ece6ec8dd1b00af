"""Negatives: uniform over the catalogue without the target, and repeatable."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fearec_cli.api import LossInputs
from fearec_cli.errors import DataError
from fearec_plugins.losses._negatives import draw_negatives, sampled_scores
from support import tiny

SAMPLED = ["bce", "bpr", "gbce", "sampled-softmax"]


@given(st.integers(2, 9), st.integers(1, 30), st.data())
def test_a_negative_is_an_item_and_never_the_target(n_items, count, data):
    targets = torch.tensor(data.draw(st.lists(st.integers(0, n_items - 1), min_size=1, max_size=8)))
    negatives = draw_negatives(targets, n_items, count)
    assert negatives.shape == (len(targets), count)
    assert ((negatives >= 0) & (negatives < n_items)).all()
    assert (negatives != targets[:, None]).all()


def test_of_two_items_the_negative_is_the_other_one():
    targets = torch.tensor([0, 1, 1, 0])
    assert torch.equal(draw_negatives(targets, 2, 3), (1 - targets)[:, None].expand(4, 3))


@pytest.mark.parametrize("target", [0, 2, 4])
def test_all_other_items_are_equally_likely(target):
    torch.manual_seed(0)
    draws = 40_000
    counts = torch.bincount(draw_negatives(torch.tensor([target]), 5, draws).flatten(), minlength=5)
    others = counts[torch.arange(5) != target]
    # Five standard deviations of a binomial count.
    assert ((others - draws / 4).abs() < 5 * (draws * 0.25 * 0.75) ** 0.5).all()


def test_every_sequence_draws_its_own():
    torch.manual_seed(0)
    negatives = draw_negatives(torch.zeros(2, dtype=torch.int64), 1000, 50)
    assert not torch.equal(*negatives)


def test_the_default_generator_fixes_the_draws():
    targets = torch.arange(6)
    torch.manual_seed(3)
    state = torch.get_rng_state()
    first, second = draw_negatives(targets, 100, 4), draw_negatives(targets, 100, 4)
    torch.set_rng_state(state)
    assert torch.equal(draw_negatives(targets, 100, 4), first)
    assert torch.equal(draw_negatives(targets, 100, 4), second)
    assert not torch.equal(first, second)


def test_scores_are_products_with_the_items_drawn():
    generator = torch.Generator().manual_seed(1)
    anchor, items = torch.randn(3, 4, generator=generator), torch.randn(9, 4, generator=generator)
    targets = torch.tensor([8, 0, 4])
    torch.manual_seed(5)
    negatives = draw_negatives(targets, 9, 6)
    torch.manual_seed(5)
    positive, negative = sampled_scores(LossInputs(anchor, targets, items), 6)
    every = anchor @ items.T
    torch.testing.assert_close(positive, every[torch.arange(3), targets])
    torch.testing.assert_close(negative, every.gather(1, negatives))


@pytest.mark.parametrize("name", SAMPLED)
def test_a_catalogue_of_one_item_is_refused(name):
    with pytest.raises(DataError, match="catalogue has 1 item"):
        tiny.part("loss", name)(LossInputs(torch.ones(2, 3), torch.zeros(2, dtype=torch.int64), torch.ones(1, 3)))


@pytest.mark.parametrize("name", SAMPLED)
def test_no_view_is_asked_for(name):
    assert tiny.part("loss", name).views == frozenset()


@pytest.mark.parametrize("name", SAMPLED)
@pytest.mark.parametrize("scale", [1e4, -1e4])
def test_extreme_scores_have_a_finite_value_and_gradient(name, scale):
    """Every target scores `scale` and every other item its opposite."""
    anchor = torch.ones(4, 1, requires_grad=True)
    targets = torch.zeros(4, dtype=torch.int64)
    items = torch.tensor([[scale], [-scale], [-scale]], requires_grad=True)
    value = tiny.part("loss", name)(LossInputs(anchor, targets, items))
    value.backward()
    assert value.isfinite()
    assert bool(value == 0) == (scale > 0)
    for leaf in (anchor, items):
        assert leaf.grad is not None
        assert leaf.grad.isfinite().all()
        assert bool((leaf.grad != 0).any()) == (scale < 0)
