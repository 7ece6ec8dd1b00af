"""Sampled softmax: its definition, and that it is cross-entropy once everything is drawn."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fearec_cli.api import LossInputs
from fearec_plugins.losses import sampled_softmax
from fearec_plugins.losses._negatives import draw_negatives
from support import tiny


def random_inputs(seed=0, batch=5, n_items=8, dim=4):
    generator = torch.Generator().manual_seed(seed)
    return LossInputs(
        torch.randn(batch, dim, dtype=torch.float64, generator=generator),
        torch.randint(n_items, (batch,), generator=generator),
        torch.randn(n_items, dim, dtype=torch.float64, generator=generator),
    )


@pytest.mark.parametrize("negatives", [1, 3, 20])
def test_sampled_softmax_is_its_definition(negatives):
    """-log of the target's share, a negative counting for the (I - 1) / K items that it stands for."""
    inputs = random_inputs()
    torch.manual_seed(2)
    drawn = draw_negatives(inputs.targets, 8, negatives)
    total = 0.0
    for anchor, target, items in zip(inputs.representation, inputs.targets.tolist(), drawn.tolist(), strict=True):
        own = math.exp(float(anchor @ inputs.items[target]))
        others = sum(math.exp(float(anchor @ inputs.items[item])) * 7 / negatives for item in items)
        total -= math.log(own / (own + others))
    torch.manual_seed(2)
    value = tiny.part("loss", "sampled-softmax", negatives=negatives)(inputs)
    assert value.item() == pytest.approx(total / 5)


@given(st.integers(1, 20), st.integers(0, 2**32 - 1))
def test_of_two_items_it_is_cross_entropy(negatives, seed):
    inputs = random_inputs(seed, n_items=2)
    expected = tiny.part("loss", "ce")(inputs).item()
    assert tiny.part("loss", "sampled-softmax", negatives=negatives)(inputs).item() == pytest.approx(expected)


def test_with_every_other_item_drawn_once_it_is_cross_entropy(monkeypatch):
    def every_other_item(inputs, count):
        scores = inputs.representation @ inputs.items.T
        own = torch.nn.functional.one_hot(inputs.targets, 8).bool()
        assert count == 7
        return scores[own], scores[~own].view(-1, 7)

    monkeypatch.setattr(sampled_softmax, "sampled_scores", every_other_item)
    inputs = random_inputs()
    value = tiny.part("loss", "sampled-softmax", negatives=7)(inputs)
    assert value.item() == pytest.approx(tiny.part("loss", "ce")(inputs).item())


def test_it_comes_to_cross_entropy_as_negatives_are_added():
    inputs = random_inputs(batch=8)
    expected = tiny.part("loss", "ce")(inputs).item()
    torch.manual_seed(0)
    distances = [
        abs(tiny.part("loss", "sampled-softmax", negatives=negatives)(inputs).item() - expected)
        for negatives in (1, 50_000)
    ]
    assert distances[1] < 0.01 < distances[0]


def test_its_estimate_of_the_partition_function_is_unbiased():
    """exp(loss) of one sequence is the estimated partition function over exp(s+): linear in the draws."""
    inputs = random_inputs(batch=1)
    many = LossInputs(inputs.representation.expand(60_000, -1), inputs.targets.expand(60_000), inputs.items)
    torch.manual_seed(0)
    drawn = draw_negatives(many.targets, 8, 2)
    scores = (inputs.representation @ inputs.items.T)[0]
    own = scores[inputs.targets[0]].exp()
    estimates = own + scores[drawn].exp().sum(-1) * 7 / 2
    assert estimates.mean().item() == pytest.approx(scores.exp().sum().item(), rel=0.02)
    torch.manual_seed(0)
    value = tiny.part("loss", "sampled-softmax", negatives=2)(many)
    assert value.item() == pytest.approx((estimates / own).log().mean().item())
