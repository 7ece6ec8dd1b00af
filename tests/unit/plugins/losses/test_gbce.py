"""Generalised binary cross-entropy: its definition, and the calibration that it promises."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fearec_cli.api import LossInputs
from fearec_plugins.losses._negatives import draw_negatives
from fearec_plugins.losses.gbce import positive_power
from support import tiny


def random_inputs(seed=0, batch=5, n_items=8, dim=4):
    generator = torch.Generator().manual_seed(seed)
    return LossInputs(
        torch.randn(batch, dim, dtype=torch.float64, generator=generator),
        torch.randint(n_items, (batch,), generator=generator),
        torch.randn(n_items, dim, dtype=torch.float64, generator=generator),
    )


def value_of(name, inputs, seed=0, **options):
    torch.manual_seed(seed)
    return tiny.part("loss", name, **options)(inputs).item()


@given(st.integers(1, 500), st.integers(2, 10_000), st.floats(0, 1))
def test_the_power_is_the_papers(negatives, n_items, t):
    alpha = negatives / (n_items - 1)
    paper = alpha * (t * (1 - 1 / alpha) + 1 / alpha)
    assert positive_power(negatives, n_items, t) == pytest.approx(paper, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(("t", "power"), [(0.0, 1.0), (1.0, 0.3), (0.5, 0.65)])
def test_the_power_goes_from_one_to_the_sampling_rate(t, power):
    assert positive_power(3, 11, t) == pytest.approx(power)


@pytest.mark.parametrize("negatives", [1, 3, 7, 20])
@pytest.mark.parametrize("t", [0.0, 0.75, 1.0])
def test_gbce_is_its_definition(negatives, t):
    """-[log sigmoid(s+)^beta + sum of log(1 - sigmoid(s-))], averaged over the sequences."""
    inputs = random_inputs()
    torch.manual_seed(4)
    drawn = draw_negatives(inputs.targets, 8, negatives)
    alpha = negatives / 7
    beta = alpha * (t * (1 - 1 / alpha) + 1 / alpha)
    total = 0.0
    for anchor, target, items in zip(inputs.representation, inputs.targets.tolist(), drawn.tolist(), strict=True):
        total -= math.log((1 / (1 + math.exp(-float(anchor @ inputs.items[target])))) ** beta)
        for item in items:
            total -= math.log(1 - 1 / (1 + math.exp(-float(anchor @ inputs.items[item]))))
    assert value_of("gbce", inputs, seed=4, negatives=negatives, t=t) == pytest.approx(total / 5)


@given(st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_uncalibrated_it_is_bce(negatives, seed):
    inputs = random_inputs(seed)
    expected = value_of("bce", inputs, seed, negatives=negatives)
    assert value_of("gbce", inputs, seed, negatives=negatives, t=0) == pytest.approx(expected)


@given(st.floats(0, 1))
def test_with_the_whole_catalogue_drawn_there_is_nothing_to_calibrate(t):
    inputs = random_inputs()
    expected = value_of("bce", inputs, negatives=7)
    assert value_of("gbce", inputs, negatives=7, t=t) == pytest.approx(expected)


@pytest.mark.parametrize("negatives", [1, 2, 9])
def test_fully_calibrated_it_is_least_where_sigmoids_are_the_items_probabilities(negatives):
    """At the true probabilities the gradient of the expected loss is zero; that of bce is not."""
    probabilities = torch.tensor([0.5, 0.3, 0.15, 0.05], dtype=torch.float64)
    batch = 40_000
    targets = torch.repeat_interleave(torch.arange(4), (probabilities * batch).long())
    gradients = {}
    for t in (1.0, 0.0):
        scores = probabilities.logit()[:, None].requires_grad_()  # [I, 1]; the anchor is 1
        torch.manual_seed(0)
        anchor = torch.ones(batch, 1, dtype=torch.float64)
        tiny.part("loss", "gbce", negatives=negatives, t=t)(LossInputs(anchor, targets, scores)).backward()
        assert scores.grad is not None
        gradients[t] = scores.grad.abs().max().item()
    assert gradients[1.0] < 0.01
    assert gradients[0.0] > 0.05
