"""Windows: every target once, none of what is held out, steps of so many targets."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fearec_cli.data.batches import InteractionTable
from fearec_cli.data.windows import TrainingWindows
from support import tiny

SEQUENCES = st.lists(st.lists(st.integers(1, 9), min_size=3, max_size=30), min_size=1, max_size=8)


def windows(sequences: list[list[int]], max_length: int) -> TrainingWindows:
    data = tiny.prepared(sequences)
    return TrainingWindows(InteractionTable.load(data, torch.device("cpu")), data, max_length)


def pairs(made: TrainingWindows, chosen: torch.Tensor) -> list[tuple[tuple[int, ...], int, tuple[int, ...]]]:
    """History within the window, target and the items after it, of each real position."""
    batch = made.batch(chosen)
    found, row = [], 0
    for ids, length in zip(batch.ids, batch.lengths.tolist(), strict=True):
        assert not ids[length:].any()
        for position in range(length):
            history = tuple(ids[: position + 1].tolist())
            found.append((history, int(batch.targets[row]) + 1, tuple((batch.later[row] + 1).tolist())))
            row += 1
    assert row == len(batch.targets) == made.count(chosen)
    return found


@given(SEQUENCES, st.integers(1, 6))
def test_each_training_target_is_met_once_with_what_came_before_it(sequences: list[list[int]], size: int) -> None:
    made = windows(sequences, size)
    count = sum(max(len(sequence) - 3, 0) for sequence in sequences)
    assert len(made) == count
    steps = list(made.epoch(4, torch.Generator().manual_seed(0)))
    found = [pair for step in steps for pair in pairs(made, step)]
    expected = []
    for sequence in sequences:
        training = sequence[:-2]
        for index in range(1, len(training)):
            expected.append((training[index - 1], training[index]))
    assert sorted((history[-1], target) for history, target, _ in found) == sorted(expected)
    assert all(len(history) <= size for history, _, _ in found)


def test_a_long_history_is_cut_from_its_latest_item_back() -> None:
    made = windows([[1, 2, 3, 4, 5, 6, 7, 8]], 3)  # 7 and 8 are held out, 6 is only a target
    found = pairs(made, torch.tensor([0, 1]))
    assert found == [
        ((3,), 4, (5, 6, 0)), ((3, 4), 5, (6, 0, 0)), ((3, 4, 5), 6, (0, 0, 0)),
        ((1,), 2, (3, 0, 0)), ((1, 2), 3, (0, 0, 0)),
    ]  # fmt: skip


@given(SEQUENCES, st.integers(1, 12), st.integers(0, 5))
def test_a_step_has_about_so_many_targets_and_the_order_is_that_of_the_seed(
    sequences: list[list[int]], batch_size: int, seed: int
) -> None:
    made = windows(sequences, 5)
    once, again = (list(made.epoch(batch_size, torch.Generator().manual_seed(seed))) for _ in range(2))
    assert [step.tolist() for step in once] == [step.tolist() for step in again]
    assert all(0 < made.count(step) < batch_size + 5 for step in once)
    chosen = np.concatenate([step.numpy() for step in once]) if once else np.array([])
    assert len(set(chosen.tolist())) == len(chosen)


@pytest.mark.parametrize(("targets", "expected"), [(1, [3]), (3, [3]), (4, [3, 2]), (6, [3, 2, 1]), (99, [3, 2, 1])])
def test_some_targets_are_those_of_the_longest_windows(targets: int, expected: list[int]) -> None:
    made = windows([[1, 2, 3, 4], [1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5]], 5)
    assert made.batch(made.some(targets)).lengths.tolist() == expected


def test_a_training_part_without_targets() -> None:
    made = windows([[1, 2, 3]], 5)
    assert len(made) == 0
    assert list(made.epoch(4, torch.Generator())) == []


@pytest.mark.parametrize("batch_size", [1, 7, 100])
def test_steps_together_are_the_epoch(batch_size: int) -> None:
    made = windows([[1, 2, 3, 4, 5, 6]] * 9, 4)
    steps = list(made.epoch(batch_size, torch.Generator().manual_seed(1)))
    assert sum(made.count(step) for step in steps) == len(made)


def test_the_semantic_view_of_a_position_is_another_history_with_its_target() -> None:
    made = windows([[1, 5, 2, 8, 8], [3, 2, 4, 8, 8], [6, 5, 7, 2, 8, 8]], 2)
    # Positions that 2 follows: the last of the first window, the first of the second, the last of the third.
    alike = made.semantic(torch.tensor([0, 1, 2, 1]), torch.tensor([1, 0, 1, 1]), torch.Generator().manual_seed(0))
    assert (alike.targets + 1).tolist() == [2, 2, 2, 4]
    own = [[1, 5], [3, 0], [5, 7], [3, 2]]
    assert [ids == mine for ids, mine in zip(alike.ids.tolist(), own, strict=True)] == [False, False, False, True]
