"""The watch over the losses names the first that broke, and when."""

import pytest
import torch

from fearec_cli.training.finite import Broken, FiniteWatch

GOOD = [1.0, 2.0, 3.0]
NAN, INF = float("nan"), float("inf")


def watched(*steps: list[float], means: list[float] | None = None) -> Broken | None:
    watch = FiniteWatch(["the objective", "ce", "contrast"], torch.device("cpu"))
    for number, losses in enumerate(steps, start=1):
        watch.see(torch.tensor(losses), number)
    return watch.broken(torch.tensor(means or GOOD), len(steps))


def test_finite_losses_are_let_pass() -> None:
    assert watched(GOOD, GOOD) is None
    assert watched() is None


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([GOOD, [NAN, 2.0, NAN]], (2, "contrast")),  # the term, not the sum that it spoils
        ([[NAN, INF, NAN], GOOD], (1, "ce")),  # the first term, even if all was well again
        ([GOOD, [INF, 2.0, 3.0], [NAN, NAN, 3.0]], (2, "the objective")),  # the sum alone overflowed
        ([[1.0, 2.0, -INF], [NAN, NAN, NAN]], (1, "contrast")),
    ],
    ids=str,
)
def test_the_first_that_broke_is_named(steps: list[list[float]], expected: tuple[int, str]) -> None:
    assert watched(*steps) == expected


def test_a_mean_that_overflows_is_put_down_to_the_last_step() -> None:
    assert watched(GOOD, GOOD, means=[INF, 2.0, INF]) == (2, "contrast")
