"""Scores that are added for items of the history, beside a plain loop."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from fearec_cli.nn.repeats import RepeatBias

HISTORIES = st.lists(st.lists(st.integers(1, 4), min_size=1, max_size=6), min_size=1, max_size=4)


def padded(histories: list[list[int]]) -> torch.Tensor:
    return torch.tensor([history + [0] * (6 - len(history)) for history in histories])


def expected(history: list[int]) -> dict[int, int]:
    """Distance back to the latest occurrence of each item."""
    return {item: len(history) - 1 - at for at, item in enumerate(history)}


def module() -> RepeatBias:
    made = RepeatBias(6)
    with torch.no_grad():
        made.bias.copy_(torch.arange(6) + 1.0)
    return made


@given(HISTORIES)
def test_the_last_position(histories: list[list[int]]) -> None:
    last = torch.tensor([len(history) - 1 for history in histories])
    found = module().at_last(padded(histories), last)
    got = {(int(r), int(i) + 1): float(v) - 1 for r, i, v in zip(*found, strict=True)}
    assert got == {
        (row, item): back for row, history in enumerate(histories) for item, back in expected(history).items()
    }
    assert len(got) == len(found.rows)


@given(HISTORIES)
def test_added_to_all_scores_they_are_the_same(histories: list[list[int]]) -> None:
    last = torch.tensor([len(history) - 1 for history in histories])
    scores = torch.rand(len(histories), 4)
    found = module().at_last(padded(histories), last)
    expected = scores.index_put((found.rows, found.items), found.values, accumulate=True)
    torch.testing.assert_close(module().onto(scores, padded(histories), last), expected)


@given(HISTORIES)
def test_every_position(histories: list[list[int]]) -> None:
    found = module().at_every(padded(histories))
    got = {(int(r), int(i) + 1): float(v) - 1 for r, i, v in zip(*found, strict=True)}
    wanted, row = {}, 0
    for history in histories:
        for end in range(1, len(history) + 1):
            wanted |= {(row, item): back for item, back in expected(history[:end]).items()}
            row += 1
    assert got == wanted
    assert len(got) == len(found.rows)


def test_nothing_is_added_at_the_start() -> None:
    assert not RepeatBias(3).at_last(torch.tensor([[1, 2, 1]]), torch.tensor([2])).values.any()
