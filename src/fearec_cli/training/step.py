"""One optimiser step: objective, gradients, optimiser. Tensors in, tensors out."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from fearec_cli.data.batches import TrainingPrefixes
from fearec_cli.training.objective import Objective
from fearec_cli.training.state import RunState


class TrainingStep:
    """Changes a run's weights by one step. Nothing in it makes the host wait for the device.

    Args:
        state: whose encoder, optimiser and draws are used.
        objective: what is made small.
        prefixes: the training part.
    """

    def __init__(self, state: RunState, objective: Objective, prefixes: TrainingPrefixes) -> None:
        self._state = state
        self._objective = objective
        self._prefixes = prefixes

    def __call__(self, chosen: Int[Tensor, "B"]) -> Float[Tensor, "L"]:
        """Train on some prefixes.

        Args:
            chosen: indices of the step's prefixes.

        Returns:
            [1 + terms] the objective, then each term before its weight.
        """
        state = self._state
        loss, values = self._objective(state.encoder, self._prefixes, chosen, state.draws)
        state.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        state.optimizer.step()
        return torch.cat([loss.detach()[None], values])
