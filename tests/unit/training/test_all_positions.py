"""Training on every position: the same loss as prefix by prefix, and what does not fit is named."""

import pytest
import torch

from fearec_cli.components.registry import load_components
from fearec_cli.config import Recipe
from fearec_cli.data.batches import InteractionTable, TrainingPrefixes
from fearec_cli.data.windows import TrainingWindows
from fearec_cli.errors import ConfigError
from fearec_cli.training.objective import Objective
from support import tiny

SEQUENCES = [[1, 2, 3, 4, 5, 2, 6], [6, 5, 4], [3, 3, 1, 2, 6, 1], [2, 1, 4, 5]]


def losses(*assignments: str, **flags: str) -> tuple[float, float, dict[str, tuple[torch.Tensor, torch.Tensor]]]:
    """The objective over all prefixes and over all windows, and the gradient of each parameter under both."""
    found, gradients = [], []
    data = tiny.prepared(SEQUENCES)
    table = InteractionTable.load(data, torch.device("cpu"))
    for targets in ("last", "all"):
        settings = tiny.config(f"training.targets={targets}", *assignments, preset="sasrec", **flags)
        encoder = tiny.encoder(settings, n_items=6)
        if encoder.repeats is not None:
            torch.nn.init.normal_(encoder.repeats.bias, generator=torch.Generator().manual_seed(3))
        objective = Objective(Recipe.of(settings, load_components()))
        samples = TrainingWindows(table, data, 10) if targets == "all" else TrainingPrefixes(table, data, 10, "right")
        count = len(samples) if targets == "last" else 4
        chosen = torch.arange(count if targets == "last" else len(samples._begins))
        value, _ = objective(encoder, samples, chosen, torch.Generator())
        value.backward()
        found.append(float(value))
        gradients.append({name: parameter.grad for name, parameter in encoder.named_parameters()})
    return found[0], found[1], {name: (gradients[0][name], gradients[1][name]) for name in gradients[0]}


@pytest.mark.parametrize(
    "assignments",
    [
        (),
        ("model.positions=relative",),
        ("model.positions=none",),
        ("model.repeats=learned",),
        ("model.repeats=learned", "ce.smoothing=0.2", "ce.ahead=0.3", "ce.ahead_items=3"),
        ("ce.smoothing=0.1", "ce.ahead=0.15", "ce.temperature=0.5", "model.positions=relative"),
    ],
    ids=str,
)
def test_all_positions_in_one_pass_are_all_prefixes_one_by_one(assignments: tuple[str, ...]) -> None:
    one_by_one, at_once, gradients = losses(*assignments)
    assert at_once == pytest.approx(one_by_one, rel=1e-5)
    for name, (last, every) in gradients.items():
        torch.testing.assert_close(last, every, rtol=1e-3, atol=2e-5, msg=lambda text, name=name: f"{name}: {text}")


@pytest.mark.parametrize(
    ("flags", "assignments", "problems"),
    [
        (
            {"attention": "ramp+autocorr", "filter": "window"},
            (),
            ["attention 'autocorr'", "filter 'window'"],
        ),
        ({}, ("model.padding=left",), ["model.padding = right"]),
        ({}, ("model.pooling=mean",), ["model.pooling = last"]),
        ({"loss": "ce+0.1*contrast"}, (), ["the loss 'contrast' reads"]),
    ],
)
def test_what_looks_at_later_items_is_named(
    flags: dict[str, str], assignments: tuple[str, ...], problems: list[str]
) -> None:
    recipe = tiny.recipe("training.targets=all", *assignments, preset="sasrec", **flags)
    with pytest.raises(ConfigError) as caught:
        Objective(recipe)
    text = str(caught.value)
    assert all(problem in text for problem in problems), text


def test_a_term_that_does_not_know_of_added_scores_is_named() -> None:
    with pytest.raises(ConfigError, match="the loss 'bce' does not take in the scores that are added"):
        Objective(tiny.recipe("model.repeats=learned", preset="sasrec", loss="bce"))
