"""The contrast with what led to the same item before."""

import math

import pytest
import torch

from fearec_cli.api import LossInputs
from support import tiny


def value(targets: list[int], anchor: torch.Tensor, memory: torch.Tensor, **options: object) -> torch.Tensor:
    term = tiny.part("loss", "memory-contrast", **options)
    assert term.views == {"memory"}
    found: torch.Tensor = term(LossInputs(anchor, torch.tensor(targets), torch.zeros(9, 3), memory=memory))
    return found


def drawn(*seeds: int) -> list[torch.Tensor]:
    return [torch.randn(5, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)) for seed in seeds]


@pytest.mark.parametrize("similarity", ["dot", "cos"])
@pytest.mark.parametrize("temperature", [0.2, 1.0])
def test_a_row_is_told_from_rows_of_other_targets_that_are_remembered(similarity: str, temperature: float) -> None:
    anchor, memory = drawn(0, 1)
    targets = [4, 7, 4, 2, 8]
    memory[2] = memory[0]  # the same item has one memory
    memory[3] = 0  # item 2 was no target yet

    def score(i: int, j: int) -> float:
        product = float(anchor[i] @ memory[j])
        return (product / float(anchor[i].norm() * memory[j].norm()) if similarity == "cos" else product) / temperature

    expected = []
    for i in (0, 1, 2, 4):
        others = [math.exp(score(i, j)) for j in (0, 1, 2, 4) if targets[j] != targets[i]]
        itself = math.exp(score(i, i))
        expected.append(-math.log(itself / (itself + sum(others))))
    found = value(targets, anchor, memory, similarity=similarity, temperature=temperature)
    assert found.item() == pytest.approx(sum(expected) / 4)


def test_without_a_memory_it_is_zero_and_has_no_gradient_that_is_not_finite() -> None:
    anchor = drawn(0)[0].requires_grad_()
    found = value([1, 2, 3, 4, 5], anchor, torch.zeros(5, 3, dtype=torch.float64))
    found.backward()
    assert found.item() == 0
    assert anchor.grad is not None
    assert not anchor.grad.any()
