"""One optimiser step: objective, gradient, optimiser, average of the weights. Tensors in, tensors out."""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from fearec_cli.config import TrainingConfig
from fearec_cli.data.batches import TrainingPrefixes
from fearec_cli.training.engine import TrainedByEngine
from fearec_cli.training.objective import Objective
from fearec_cli.training.optimization import clip_gradient, scheduled_rate, set_rate
from fearec_cli.training.state import RunState


class StepResult(NamedTuple):
    """What a step tells, on the device.

    Attributes:
        losses: the objective, then each term before its weight.
        gradient: norm of the gradient before it was clipped.
    """

    losses: Float[Tensor, "L"]
    gradient: Float[Tensor, ""]


class TrainingStep:
    """Changes a run's weights by one step. Nothing in it makes the host wait for the device.

    Args:
        state: whose encoder, optimiser, average and draws are used.
        trained: the encoder and the optimiser, as the engine trains them.
        objective: what is made small.
        prefixes: the training part.
        training: how the weights follow the gradient.
    """

    def __init__(
        self,
        state: RunState,
        trained: TrainedByEngine,
        objective: Objective,
        prefixes: TrainingPrefixes,
        training: TrainingConfig,
    ) -> None:
        self._state = state
        self._trained = trained
        self._objective = objective
        self._prefixes = prefixes
        self._training = training

    def __call__(self, chosen: Int[Tensor, "B"]) -> StepResult:
        """Train on some prefixes.

        Args:
            chosen: indices of the step's prefixes.
        """
        state, training = self._state, self._training
        state.optimizer.zero_grad(set_to_none=True)
        losses = self._backward(chosen)
        self._trained.unscale()
        gradient = clip_gradient(state.encoder, training.gradient_clip)
        set_rate(state.optimizer, scheduled_rate(training, state.place.step + 1))
        self._trained.step()
        if state.average is not None:
            state.average.follow(state.encoder)
        # Where gradients are scaled, the engine leaves a step out whose gradient overflows, and lowers the scale.
        return StepResult(losses, torch.zeros_like(gradient) if self._trained.scales else gradient)

    def _backward(self, chosen: Int[Tensor, "B"]) -> Float[Tensor, "L"]:
        """Gradient of the objective, and the losses. Each part counts by its share of the prefixes, so that means over
        a batch are those of the undivided one."""
        state = self._state
        parts = chosen.split(-(-len(chosen) // self._training.accumulate))
        losses = []
        for part in parts:
            share = len(part) / len(chosen)
            loss, values = self._objective(self._trained, self._prefixes, part, state.draws)
            self._trained.backward(loss * share)
            losses.append(torch.cat([loss.detach()[None], values]) * share)
        return losses[0] if len(losses) == 1 else torch.stack(losses).sum(0)
