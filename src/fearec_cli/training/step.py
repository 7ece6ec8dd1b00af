"""One optimiser step: objective, gradient, optimiser, average of the weights. Tensors in, tensors out."""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from fearec_cli.config import TrainingConfig
from fearec_cli.data.batches import TrainingPrefixes
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
        objective: what is made small.
        prefixes: the training part.
        training: how the weights follow the gradient.
    """

    def __init__(
        self, state: RunState, objective: Objective, prefixes: TrainingPrefixes, training: TrainingConfig
    ) -> None:
        self._state = state
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
        gradient = clip_gradient(state.encoder, training.gradient_clip)
        set_rate(state.optimizer, scheduled_rate(training, state.place.step + 1))
        state.optimizer.step()
        if state.average is not None:
            state.average.follow(state.encoder)
        return StepResult(losses, gradient)

    def _backward(self, chosen: Int[Tensor, "B"]) -> Float[Tensor, "L"]:
        """Gradient of the objective, and the losses. Each part counts by its share of the prefixes, so that means over
        a batch are those of the undivided one."""
        state = self._state
        parts = chosen.split(-(-len(chosen) // self._training.accumulate))
        losses = []
        for part in parts:
            share = len(part) / len(chosen)
            loss, values = self._objective(state.encoder, self._prefixes, part, state.draws)
            (loss * share).backward()
            losses.append(torch.cat([loss.detach()[None], values]) * share)
        return losses[0] if len(losses) == 1 else torch.stack(losses).sum(0)
