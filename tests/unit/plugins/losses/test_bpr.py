"""Bayesian personalised ranking against its definition, written as loops."""

import math

import pytest
import torch

from fearec_cli.api import LossInputs
from fearec_plugins.losses._negatives import draw_negatives
from support import tiny


def random_inputs(batch=5, n_items=8, dim=4):
    generator = torch.Generator().manual_seed(0)
    return LossInputs(
        torch.randn(batch, dim, dtype=torch.float64, generator=generator),
        torch.randint(n_items, (batch,), generator=generator),
        torch.randn(n_items, dim, dtype=torch.float64, generator=generator),
    )


@pytest.mark.parametrize("negatives", [1, 3, 20])
def test_bpr_is_its_definition(negatives):
    """-log sigmoid(s+ - s-), averaged over all pairs."""
    inputs = random_inputs()
    torch.manual_seed(2)
    drawn = draw_negatives(inputs.targets, 8, negatives)
    expected = 0.0
    for anchor, target, items in zip(inputs.representation, inputs.targets.tolist(), drawn.tolist(), strict=True):
        for item in items:
            margin = float(anchor @ inputs.items[target]) - float(anchor @ inputs.items[item])
            expected -= math.log(1 / (1 + math.exp(-margin))) / (negatives * len(inputs.representation))
    torch.manual_seed(2)
    assert tiny.part("loss", "bpr", negatives=negatives)(inputs).item() == pytest.approx(expected)


def test_equal_scores_tell_nothing():
    inputs = LossInputs(torch.zeros(3, 4), torch.tensor([0, 1, 2]), torch.randn(7, 4))
    assert tiny.part("loss", "bpr")(inputs).item() == pytest.approx(math.log(2))


def test_only_differences_of_scores_matter():
    """A vector added to every item moves all of a sequence's scores alike."""
    inputs = random_inputs()
    moved = LossInputs(inputs.representation, inputs.targets, inputs.items + torch.arange(4))
    values = []
    for given in (inputs, moved):
        torch.manual_seed(0)
        values.append(tiny.part("loss", "bpr", negatives=3)(given).item())
    assert values[0] == pytest.approx(values[1])
