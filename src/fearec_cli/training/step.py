"""One optimiser step: objective, gradient, optimiser, average of the weights. Tensors in, tensors out."""

from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from fearec_cli.config import TrainingConfig
from fearec_cli.data.batches import TrainingPrefixes
from fearec_cli.data.windows import TrainingWindows
from fearec_cli.devices.engine import TrainedByEngine
from fearec_cli.runs.state import RunState
from fearec_cli.training.cuda_graph import CapturedStep, CudaRecorder, StepResult
from fearec_cli.training.objective import Objective
from fearec_cli.training.optimizer import clip_gradient, scheduled_rate, set_rate


class TrainingStep:
    """Changes a run's weights by one step. Nothing in it makes the host wait for the device.

    Args:
        state: whose encoder, optimiser, average and draws are used.
        trained: the encoder and the optimiser, as the engine trains them.
        objective: what is minimised.
        samples: the training part.
        training: how the weights follow the gradient.
        steps_per_epoch: which a schedule over the epochs goes by.
        notify: called with one line that says why the step is not recorded as a CUDA graph, where it could have been.
    """

    def __init__(
        self,
        state: RunState,
        trained: TrainedByEngine,
        objective: Objective,
        samples: TrainingPrefixes | TrainingWindows,
        training: TrainingConfig,
        steps_per_epoch: int = 0,
        notify: Callable[[str], None] = lambda reason: None,
    ) -> None:
        self._state = state
        self._trained = trained
        self._objective = objective
        self._samples = samples
        self._steps_per_epoch = steps_per_epoch
        self._training = training
        self._compute: Callable[[Tensor], StepResult] = self.on_device
        if state.losses.is_cuda and training.capture:
            if isinstance(samples, TrainingWindows):
                notify("steps of windows differ in shape, and are not recorded as a CUDA graph")
            elif trained.capturable:
                self._compute = CapturedStep(self.on_device, CudaRecorder([state.draws]), training.batch_size, notify)
            else:
                notify("steps of several processes, or whose gradients are scaled, are not recorded as a CUDA graph")

    def __call__(self, chosen: Int[Tensor, "B"]) -> StepResult:
        """Train on some samples.

        Args:
            chosen: indices of the step's samples.
        """
        rate = scheduled_rate(self._training, self._state.progress.step + 1, self._steps_per_epoch)
        set_rate(self._state.optimizer, rate)
        return self._compute(chosen)

    def on_device(self, chosen: Int[Tensor, "B"]) -> StepResult:
        """Everything in the step but its learning rate: the same operations on the device at every step, so that they
        can be recorded once and replayed (`fearec_cli.training.cuda_graph`)."""
        state = self._state
        state.optimizer.zero_grad(set_to_none=True)
        losses = self._backward(chosen)
        self._trained.unscale()
        gradient = clip_gradient(state.encoder, self._training.gradient_clip)
        self._trained.step()
        if state.average is not None:
            state.average.follow(state.encoder)
        # Where gradients are scaled, the engine leaves a step out whose gradient overflows, and lowers the scale.
        return StepResult(losses, torch.zeros_like(gradient) if self._trained.scales else gradient)

    def _backward(self, chosen: Int[Tensor, "B"]) -> Float[Tensor, "L"]:
        """Gradient of the objective, and the losses. Each micro-batch counts by its share of the targets, so that
        means over a batch are those of the undivided one."""
        state = self._state
        parts = chosen.split(-(-len(chosen) // self._training.accumulate))
        losses = []
        for part in parts:
            share = self._samples.count(part) / self._samples.count(chosen)
            loss, values = self._objective(self._trained, self._samples, part, state.draws, state.memory)
            self._trained.backward(loss * share)
            losses.append(torch.cat([loss.detach()[None], values]) * share)
        return losses[0] if len(losses) == 1 else torch.stack(losses).sum(0)
