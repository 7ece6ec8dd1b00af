"""Binary cross-entropy against its definition, written as loops."""

import math

import pytest
import torch

from fearec_cli.api import LossInputs
from fearec_plugins.losses._negatives import draw_negatives
from support import tiny


def sigmoid(score):
    return 1 / (1 + math.exp(-score))


def bce_by_loops(inputs, negatives):
    """-[log sigmoid(s+) + sum of log(1 - sigmoid(s-))], averaged over the sequences."""
    total = 0.0
    for anchor, target, drawn in zip(inputs.representation, inputs.targets.tolist(), negatives.tolist(), strict=True):
        total -= math.log(sigmoid(float(anchor @ inputs.items[target])))
        for item in drawn:
            total -= math.log(1 - sigmoid(float(anchor @ inputs.items[item])))
    return total / len(inputs.representation)


def random_inputs(seed=0, batch=5, n_items=8, dim=4):
    generator = torch.Generator().manual_seed(seed)
    return LossInputs(
        torch.randn(batch, dim, dtype=torch.float64, generator=generator),
        torch.randint(n_items, (batch,), generator=generator),
        torch.randn(n_items, dim, dtype=torch.float64, generator=generator),
    )


@pytest.mark.parametrize("negatives", [1, 2, 7, 30])
def test_bce_is_its_definition(negatives):
    inputs = random_inputs()
    torch.manual_seed(4)
    drawn = draw_negatives(inputs.targets, 8, negatives)
    torch.manual_seed(4)
    value = tiny.part("loss", "bce", negatives=negatives)(inputs)
    assert value.item() == pytest.approx(bce_by_loops(inputs, drawn))


def test_one_negative_is_the_default():
    inputs = LossInputs(torch.zeros(3, 4), torch.tensor([0, 1, 2]), torch.randn(7, 4))
    assert tiny.part("loss", "bce")(inputs).item() == pytest.approx(2 * math.log(2))


def test_bce_falls_as_the_target_rises_and_the_rest_sinks():
    anchor, targets = torch.ones(2, 1), torch.tensor([0, 0])
    values = [
        tiny.part("loss", "bce")(LossInputs(anchor, targets, torch.tensor([[score], [-score]]))).item()
        for score in (-2.0, 0.0, 2.0, 40.0)
    ]
    assert values == sorted(values, reverse=True)
    assert values[-1] == pytest.approx(0, abs=1e-6)
