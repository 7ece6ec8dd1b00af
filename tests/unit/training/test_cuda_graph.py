"""When a step is recorded, what is replayed, and what happens where it cannot be."""

import pytest
import torch

from fearec_cli.training.cuda_graph import CapturedStep, CudaRecorder, StepResult


class Sums:
    """A step that adds up what it is given, and remembers how it was taken."""

    def __init__(self) -> None:
        self.taken: list[list[int]] = []

    def __call__(self, chosen: torch.Tensor) -> StepResult:
        self.taken.append(chosen.tolist())
        return StepResult(chosen.sum().float()[None], torch.tensor(0.0))


class Tape:
    """Records by remembering the step."""

    def __init__(self, failure: str = "") -> None:
        self.failure = failure
        self.done: list[str] = []

    def warm_up(self, compute, chosen):
        self.done.append("warm-up")
        return compute(chosen)

    def record(self, compute, chosen):
        self.done.append("record")
        if self.failure:
            raise RuntimeError(self.failure)

        def replay(chosen):
            self.done.append("replay")
            return compute(chosen)

        return replay


def taken(tape, sizes):
    """Take steps of these sizes; what they gave and what was reported."""
    notes: list[str] = []
    step = CapturedStep(Sums(), tape, 4, notes.append)
    return [step(torch.arange(size)).losses.item() for size in sizes], notes


def test_a_step_is_recorded_after_three_and_replayed():
    tape = Tape()
    results, notes = taken(tape, [4] * 6)
    assert results == [6.0] * 6
    assert tape.done == ["warm-up"] * 3 + ["record", "replay", "replay", "replay"]
    assert notes == []


def test_the_short_last_step_of_an_epoch_is_taken_as_it_is():
    tape = Tape()
    results, _ = taken(tape, [4, 3, 4, 4, 3, 4, 1, 4])
    assert results == [6.0, 3.0, 6.0, 6.0, 3.0, 6.0, 0.0, 6.0]
    assert tape.done == ["warm-up"] * 3 + ["record", "replay", "replay"]


def test_a_step_that_cannot_be_recorded_is_taken_as_it_is_and_said_so_once():
    tape = Tape(failure="operation not permitted\nwhen stream is capturing")
    results, notes = taken(tape, [4] * 6)
    assert results == [6.0] * 6
    assert tape.done == ["warm-up"] * 3 + ["record"]
    assert notes == [
        "the step could not be recorded as a CUDA graph and is launched piece by piece: "
        "operation not permitted when stream is capturing"
    ]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="records a real CUDA graph")
def test_a_recorded_cuda_graph_takes_the_steps_that_its_pieces_take():
    device = torch.device("cuda")

    def run(*, recorded: bool) -> torch.Tensor:
        torch.manual_seed(0)
        own = torch.Generator(device).manual_seed(1)
        weight = torch.zeros(8, device=device)

        def compute(chosen):
            weight[chosen] += torch.rand(4, device=device) + torch.rand(4, device=device, generator=own)
            return StepResult(weight.sum()[None], weight.norm())

        step = CapturedStep(compute, CudaRecorder([own]), 4, pytest.fail) if recorded else compute
        return torch.stack([step(torch.arange(first, first + 4, device=device)).losses for first in (0, 1, 2, 3, 4, 0)])

    assert torch.equal(run(recorded=True), run(recorded=False))
