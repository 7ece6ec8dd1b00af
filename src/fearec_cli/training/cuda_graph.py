"""A step recorded once as a CUDA graph, and replayed: the host launches one graph instead of hundreds of kernels.

At 64 dimensions a step's kernels take a few microseconds each, less than a host needs to launch them. A graph replays
the same kernels on the same addresses: a step has static shapes and nothing in it asks the host.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor

# Steps before the recording, in which cuBLAS, cuFFT and the optimiser make what they keep
# (docs.pytorch.org/docs/stable/notes/cuda.html, "Whole-network capture").
_WARM_UP = 3


class StepResult(NamedTuple):
    """Results of a step, on the device.

    Attributes:
        losses: the objective, then each term before its weight.
        gradient: norm of the gradient before it was clipped.
    """

    losses: Float[Tensor, "L"]
    gradient: Float[Tensor, ""]


Compute = Callable[[Tensor], StepResult]
"""A step of the prefixes whose indices it is given."""


@runtime_checkable  # annotations are checked at run time in the tests
class Recorder(Protocol):
    """How steps are recorded."""

    def warm_up(self, compute: Compute, chosen: Int[Tensor, "B"]) -> StepResult:
        """Take a step, as a preparation for the recording."""

    def record(self, compute: Compute, chosen: Int[Tensor, "B"]) -> Compute:
        """Record a step without taking it.

        Raises:
            RuntimeError: it cannot be recorded; nothing was changed.
        """


class CudaRecorder:
    """Records CUDA graphs.

    Args:
        generators: on the device, besides torch's default one, that a step draws from.
    """

    def __init__(self, generators: Sequence[torch.Generator]) -> None:
        self._generators = generators
        self._aside = torch.cuda.Stream()

    def warm_up(self, compute: Compute, chosen: Int[Tensor, "B"]) -> StepResult:
        """Take a step on a stream other than the default one, which cannot be recorded."""
        self._aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self._aside):
            result = compute(chosen)
        torch.cuda.current_stream().wait_stream(self._aside)
        return result

    def record(self, compute: Compute, chosen: Int[Tensor, "B"]) -> Compute:
        """Record a step. What it gives is copied, as the next replay writes over it."""
        graph, place = torch.cuda.CUDAGraph(), chosen.clone()
        for generator in self._generators:
            graph.register_generator_state(generator)
        with torch.cuda.graph(graph):
            given = compute(place)

        def replay(chosen: Tensor) -> StepResult:
            place.copy_(chosen)
            graph.replay()
            return StepResult(given.losses.clone(), given.gradient.clone())

        return replay


class CapturedStep:
    """Takes steps of one size by replaying a recorded one, others as they are.

    Args:
        compute: a step.
        recorder: records it.
        size: prefixes of the steps that are worth a recording; the last one of an epoch may be smaller.
        notify: called with one line that says why a step cannot be recorded; each is then computed as it is.
    """

    def __init__(self, compute: Compute, recorder: Recorder, size: int, notify: Callable[[str], None]) -> None:
        self._compute = compute
        self._recorder = recorder
        self._size = size
        self._notify = notify
        self._warm = 0
        self._replay: Compute | None = None

    def __call__(self, chosen: Int[Tensor, "B"]) -> StepResult:
        """Take a step.

        Args:
            chosen: indices of the step's prefixes.
        """
        if len(chosen) != self._size:
            return self._compute(chosen)
        if self._warm < _WARM_UP:
            self._warm += 1
            return self._recorder.warm_up(self._compute, chosen)
        if self._replay is None:
            try:
                self._replay = self._recorder.record(self._compute, chosen)
            except RuntimeError as error:
                reason = " ".join(str(error).split())[:200]
                self._notify(f"the step could not be recorded as a CUDA graph and is launched piece by piece: {reason}")
                self._replay = self._compute
        return self._replay(chosen)
