"""The contrast between branches, and the models that it cannot be a term of."""

import math

import pytest
import torch

from fearec_cli.api import LossInputs
from fearec_cli.components.registry import load_components
from fearec_cli.config import Recipe
from fearec_cli.errors import ConfigError
from fearec_cli.training.objective import Objective
from support import tiny


def inputs_with(branches):
    size = len(branches[0]) if branches else 2
    return LossInputs(
        torch.zeros(size, 3), torch.zeros(size, dtype=torch.int64), torch.zeros(4, 3), branches=tuple(branches)
    )


def random_branches(count, batch=4):
    return torch.randn(count, batch, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1)).unbind()


@pytest.mark.parametrize("similarity", ["dot", "cos"])
@pytest.mark.parametrize("temperature", [0.5, 1.0])
def test_the_branches_of_a_sequence_are_partners_and_other_sequences_negatives(similarity, temperature):
    time, frequency = random_branches(2)
    both = [("time", i, row) for i, row in enumerate(time)] + [("frequency", i, row) for i, row in enumerate(frequency)]

    def score(one, other):
        product = float(one @ other)
        return (product / float(one.norm() * other.norm()) if similarity == "cos" else product) / temperature

    total = 0.0
    for branch, sequence, row in both:
        partner = [math.exp(score(row, r)) for b, s, r in both if s == sequence and b != branch]
        negatives = [math.exp(score(row, r)) for _, s, r in both if s != sequence]
        assert (len(partner), len(negatives)) == (1, 6)
        total -= math.log(partner[0] / (partner[0] + sum(negatives)))
    term = tiny.part("loss", "branch-contrast", similarity=similarity, temperature=temperature)
    assert term.views == {"branches"}
    assert term(inputs_with([time, frequency])).item() == pytest.approx(total / 8)


def test_one_sequence_has_nothing_to_be_told_from():
    assert tiny.part("loss", "branch-contrast")(inputs_with(random_branches(2, batch=1))).item() == pytest.approx(0)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_other_than_two_branches_are_refused(count):
    with pytest.raises(ConfigError, match=rf"branch-contrast compares two branches.* has {count}.*--attention"):
        tiny.part("loss", "branch-contrast")(inputs_with(random_branches(count) if count else ()))


@pytest.mark.parametrize("attention", ["dot", "ramp", "autocorr"])
def test_a_model_of_one_branch_is_refused_before_it_trains(attention):
    config = tiny.config(attention=attention, loss="ce+0.1*branch-contrast")
    with pytest.raises(ConfigError) as refused:
        Objective(Recipe.of(config, load_components()))
    (problem,) = refused.value.problems
    assert "branch-contrast" in problem
    assert f"--attention {attention}" in problem


def test_a_model_of_one_branch_may_have_any_other_term():
    assert Objective(tiny.recipe(attention="dot", loss="ce+0.1*contrast+0.1*sparse-spectrum"))
