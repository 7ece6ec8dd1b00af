"""The watch over losses and gradient names the first that broke, and when."""

import pytest
import torch

from fearec_cli.training.finite import Broken, FiniteWatch

NAN, INF = float("nan"), float("inf")
# The objective, two terms, the gradient.
GOOD = [1.0, 2.0, 3.0, 4.0]


def watched(*steps: list[float]) -> Broken | None:
    watch = FiniteWatch(["ce", "contrast"], torch.device("cpu"))
    for number, (*losses, gradient) in enumerate(steps, start=1):
        watch.see(torch.tensor(losses), torch.tensor(gradient), number)
    return watch.broken()


def test_finite_values_are_let_pass() -> None:
    assert watched(GOOD, GOOD) is None
    assert watched() is None


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([GOOD, [NAN, 2.0, NAN, NAN]], (2, "contrast")),  # the term, not the sum that it spoils
        ([[NAN, INF, NAN, 4.0], GOOD], (1, "ce")),  # the first term, even if all was well again
        ([GOOD, [INF, 2.0, 3.0, NAN], [NAN, NAN, 3.0, NAN]], (2, "the objective")),  # the sum alone overflowed
        ([[1.0, 2.0, -INF, 4.0], [NAN, NAN, NAN, NAN]], (1, "contrast")),
        ([GOOD, GOOD, [1.0, 2.0, 3.0, NAN], [NAN, NAN, NAN, NAN]], (3, "the gradient")),
    ],
    ids=str,
)
def test_the_first_that_broke_is_named(steps: list[list[float]], expected: tuple[int, str]) -> None:
    assert watched(*steps) == expected
