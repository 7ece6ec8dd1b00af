"""Leave-one-out against plain loops."""

import itertools
from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fearec_cli.data.splits import held_out, training_targets

Lengths = st.lists(st.integers(3, 12), max_size=8)


def offsets_of(lengths: list[int]) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]).astype(np.int64)


@given(Lengths)
def test_training_targets_are_what_a_loop_finds(lengths: list[int]) -> None:
    offsets = offsets_of(lengths)
    expected = [(start, target) for start, end in itertools.pairwise(offsets) for target in range(start + 1, end - 2)]
    found = training_targets(offsets)
    assert list(zip(found.starts, found.targets, strict=True)) == expected
    assert len(found) == sum(length - 3 for length in lengths)
    assert found.starts.dtype == found.targets.dtype == np.int64


@given(Lengths)
@pytest.mark.parametrize(("split", "place"), [("valid", -2), ("test", -1)])
def test_held_out_is_what_a_loop_finds(split: Literal["valid", "test"], place: int, lengths: list[int]) -> None:
    offsets = offsets_of(lengths)
    items = np.arange(offsets[-1])
    found = held_out(offsets, split)
    for user, (start, target) in enumerate(zip(found.starts, found.targets, strict=True)):
        sequence = items[offsets[user] : offsets[user + 1]]
        assert items[target] == sequence[place]
        np.testing.assert_array_equal(items[start:target], sequence[:place])


def test_no_held_out_item_is_a_training_target() -> None:
    offsets = offsets_of([3, 7, 4])
    train = set(training_targets(offsets).targets)
    assert not train & set(held_out(offsets, "valid").targets)
    assert not train & set(held_out(offsets, "test").targets)
