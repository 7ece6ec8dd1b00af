"""One optimiser step: parts of a batch make the gradient of the whole, clipped, on schedule, averaged."""

import pytest
import torch

from fearec_cli.components.registry import load_components
from fearec_cli.config import Recipe
from fearec_cli.devices.engine import Engine
from fearec_cli.model.average import WeightAverage
from fearec_cli.runs.state import RunProgress, RunState
from fearec_cli.training.objective import Objective
from fearec_cli.training.optimizer import make_optimizer
from fearec_cli.training.step import StepResult, TrainingStep
from support import tiny

DATA = [[user, user + 10, 1, 2, 3, 4, 5] for user in range(1, 7)]
NO_DROPOUT = ("model.hidden_dropout=0", "model.attention_dropout=0")
CHOSEN = torch.tensor([0, 5, 9, 14, 3, 7, 11])


class Steps:
    """Steps of a small run."""

    def __init__(self, *assignments: str, loss: str = "ce") -> None:
        config = tiny.config(*NO_DROPOUT, "training.learning_rate=0.01", *assignments, loss=loss)
        model = tiny.encoder(config).train()
        objective = Objective(Recipe.of(config, load_components()))
        optimizer = make_optimizer(model, config.training)
        trained = Engine(config.training).set_up(model, optimizer)
        self.state = RunState(
            RunProgress(),
            model,
            optimizer,
            torch.Generator().manual_seed(0),
            torch.zeros(1 + len(objective.terms)),
            WeightAverage(model, config.training.ema) if config.training.ema else None,
        )
        prefixes = tiny.training_prefixes(DATA, 10)
        self._step = TrainingStep(self.state, trained, objective, prefixes, config.training)

    def __call__(self, count: int = 1) -> StepResult:
        torch.manual_seed(0)
        for _ in range(count):
            result = self._step(CHOSEN)
            self.state.progress.step += 1
        return result

    @property
    def gradient(self) -> torch.Tensor:
        return torch.cat([value.grad.flatten() for value in self.state.encoder.parameters()])


@pytest.mark.parametrize("accumulate", [2, 3, 4, 7])
def test_parts_of_a_batch_make_the_gradient_of_the_whole(accumulate: int) -> None:
    # Both terms are means over the batch; the parts are of uneven size.
    loss = "ce+0.3*smooth-spectrum"
    whole, parts = Steps(loss=loss), Steps(f"training.accumulate={accumulate}", loss=loss)
    one, other = whole(), parts()
    torch.testing.assert_close(other.losses, one.losses)
    torch.testing.assert_close(parts.gradient, whole.gradient, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(other.gradient, one.gradient)


def test_negatives_of_a_contrast_are_those_of_the_part() -> None:
    loss, options = "ce+0.3*contrast", ("contrast.pairs=un",)
    whole, parts = Steps(*options, loss=loss), Steps(*options, "training.accumulate=2", loss=loss)
    assert parts().losses[2] < whole().losses[2]


def test_parts_go_through_the_model_one_after_another() -> None:
    steps = Steps("training.accumulate=3")
    sizes: list[int] = []
    steps.state.encoder.register_forward_pre_hook(lambda module, inputs: sizes.append(len(inputs[0])))
    steps()
    assert sizes == [3, 3, 1]


def test_the_gradient_is_clipped_and_its_norm_reported_unclipped() -> None:
    free, clipped = Steps(), Steps("training.gradient_clip=0.01")
    free_step, clipped_step = free(), clipped()
    torch.testing.assert_close(free_step.gradient, free.gradient.norm())
    torch.testing.assert_close(clipped_step.gradient, free_step.gradient)
    torch.testing.assert_close(clipped.gradient, free.gradient * 0.01 / free_step.gradient, rtol=1e-4, atol=1e-8)


def test_the_learning_rate_follows_the_schedule() -> None:
    options = ("training.schedule=cosine", "training.warmup_steps=2", "training.schedule_steps=4")
    steps = Steps(*options)
    found = []
    for _ in range(4):
        steps()
        found.append({group["lr"] for group in steps.state.optimizer.param_groups})
    assert found == [{0.005}, {0.01}, {0.01}, {0.005}]


def test_the_average_follows_the_weights_and_is_what_is_evaluated() -> None:
    plain, averaged = Steps(), Steps("training.ema=0.9")
    start = averaged.state.encoder.embedding.items.weight.detach().clone()
    plain()
    averaged()
    weight = averaged.state.encoder.embedding.items.weight
    assert weight.equal(plain.state.encoder.embedding.items.weight)  # the average changes no training
    assert plain.state.evaluated is plain.state.encoder
    torch.testing.assert_close(averaged.state.evaluated.embedding.items.weight, 0.9 * start + 0.1 * weight)


def test_a_loss_falls() -> None:
    steps = Steps()
    assert steps(15).losses[0] < Steps()().losses[0]
