"""Training on every position: the same loss as prefix by prefix, and what does not fit is named."""

import pytest
import torch

from fearec_cli.api import LossInputs, View
from fearec_cli.components.registry import load_components
from fearec_cli.config import Recipe
from fearec_cli.data.batches import InteractionTable, TrainingPrefixes
from fearec_cli.data.windows import TrainingWindows
from fearec_cli.errors import ConfigError
from fearec_cli.training.objective import Objective, WeightedLoss
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
    with pytest.raises(ConfigError, match="the loss 'bce' does not use the added scores"):
        Objective(tiny.recipe("model.repeats=learned", preset="sasrec", loss="bce"))


class Reader:
    """A term that keeps what it was given."""

    def __init__(self, *views: View) -> None:
        self.views = frozenset(views)
        self.inputs: list[LossInputs] = []

    def __call__(self, inputs: LossInputs) -> torch.Tensor:
        self.inputs.append(inputs)
        return inputs.representation.square().mean()


NO_DROPOUT = ("model.hidden_dropout=0", "model.attention_dropout=0")
# Ten targets, of which some have another history before them.
ALIKE = [[user, user + 6, 1, 2, 3, 4, 5] for user in range(1, 7)]


class Step:
    """A step on every position, with what terms of either sort were given."""

    def __init__(self, *views: View, drawn: int = 5, seed: int = 0) -> None:
        recipe = tiny.recipe("training.targets=all", f"training.drawn_positions={drawn}", *NO_DROPOUT, preset="sasrec")
        self.encoder = tiny.encoder(recipe)
        data = tiny.prepared(ALIKE)
        table = InteractionTable.load(data, torch.device("cpu"))
        self.windows = TrainingWindows(table, data, 10)
        self.prefixes = TrainingPrefixes(table, data, 10, "right")
        self.rows, self.drawn = Reader(), Reader(*views)
        objective = Objective(recipe)
        objective.terms = (WeightedLoss("rows", 1.0, self.rows), WeightedLoss("drawn", 1.0, self.drawn))
        objective.views = self.drawn.views
        self.calls: list[tuple[int, ...]] = []
        self.encoder.register_forward_pre_hook(lambda module, given: self.calls.append(tuple(given[0].shape)))
        self.objective = objective
        self.memory = torch.zeros(12, 8)
        self.take(seed)

    def take(self, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        memory = self.memory if "memory" in self.drawn.views else None
        total, _ = self.objective(self.encoder, self.windows, torch.arange(6), generator, memory)
        total.backward()


def test_terms_that_compare_views_get_drawn_positions_and_the_others_all() -> None:
    step = Step("dropout", "semantic")
    ((every,), (drawn,)) = step.rows.inputs, step.drawn.inputs
    assert (len(every.representation), len(drawn.representation)) == (24, 5)
    assert step.calls == [(6, 4), (10, 4)]  # the windows, then both views of what was drawn, as wide as the longest
    distances, rows = torch.cdist(drawn.representation, every.representation).min(1)
    assert torch.equal(drawn.targets, every.targets[rows])
    assert len(set(rows.tolist())) == 5
    assert distances.max() < 1e-4
    torch.testing.assert_close(drawn.views["dropout"], drawn.representation)
    everything = step.prefixes.batch(torch.arange(len(step.prefixes)))
    histories = step.encoder.represent(everything.ids, everything.lengths)
    found = torch.cdist(drawn.views["semantic"], histories).argmin(1)
    assert torch.equal(everything.targets[found], drawn.targets)
    assert not torch.allclose(drawn.views["semantic"], drawn.representation)


def test_what_is_inside_a_view_has_the_models_length_and_is_the_anchors() -> None:
    step = Step("dropout", "positions", "branches", "spectrum")
    (drawn,) = step.drawn.inputs
    assert step.calls == [(6, 4), (10, 10)]
    assert {name: signal.shape for name, signal in drawn.positions.items()} == {
        "anchor": (5, 10, 8), "dropout": (5, 10, 8)
    }  # fmt: skip
    torch.testing.assert_close(drawn.positions["anchor"], drawn.positions["dropout"])
    assert drawn.spectrum is not None
    assert (drawn.spectrum.shape, [branch.shape for branch in drawn.branches]) == ((5, 6, 8), [(5, 8)])


def test_no_more_is_drawn_than_there_is_and_draws_follow_the_generator() -> None:
    assert len(Step("dropout", drawn=100).drawn.inputs[0].representation) == 24
    one, same, other = (Step("dropout", seed=seed).drawn.inputs[0].targets for seed in (0, 0, 1))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_the_memory_has_the_last_representation_of_every_target_of_earlier_steps() -> None:
    step = Step("memory")
    (first,) = step.drawn.inputs
    assert first.memory is not None
    assert not first.memory.any()
    assert len(first.representation) == 24  # it costs no pass: every row has it
    assert step.calls == [(6, 4)]
    for item in range(12):
        rows = (first.targets == item).nonzero()
        expected = first.representation[rows[-1, 0]] if len(rows) else torch.zeros(8)
        torch.testing.assert_close(step.memory[item], expected.detach(), rtol=0, atol=0)
    step.take(1)
    second = step.drawn.inputs[1]
    assert second.memory is not None
    torch.testing.assert_close(
        second.memory, first.representation[[int((first.targets == t).nonzero()[-1]) for t in second.targets]]
    )
    assert not step.memory.requires_grad


@pytest.mark.parametrize("loss", ["ce+0.1*contrast+0.1*spectral", "ce+0.1*branch-contrast", "ce+0.1*memory-contrast"])
def test_every_term_trains_on_windows(loss: str) -> None:
    recipe = tiny.recipe("training.targets=all", preset="fearec-causal", loss=loss)
    data = tiny.prepared(ALIKE)
    windows = TrainingWindows(InteractionTable.load(data, torch.device("cpu")), data, 10)
    encoder = tiny.encoder(recipe, n_items=12).train()
    memory = torch.zeros(12, 8)
    objective = Objective(recipe)
    for seed in range(2):
        total, values = objective(encoder, windows, torch.arange(6), torch.Generator().manual_seed(seed), memory)
    total.backward()
    assert (values > 0).all()
    assert all(parameter.grad is None or parameter.grad.isfinite().all() for parameter in encoder.parameters())
