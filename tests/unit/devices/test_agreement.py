"""When processes ask each other, and what comes of it."""

from fearec_cli.devices.agreement import Agreement
from fearec_cli.system.processes import ALONE, Processes


class Scripted(Processes):
    """A process whose others want this, and which remembers what it was asked."""

    def __init__(self, rank: int, *others: list[int]) -> None:
        super().__init__(rank, 2)
        self.others = list(others)
        self.given: list[list[int]] = []

    def largest(self, values):
        self.given.append(list(values))
        return [max(pair) for pair in zip(values, self.others.pop(0), strict=True)]


def test_a_process_that_is_alone_has_its_wish_at_once() -> None:
    assert [Agreement(ALONE)(request, 0.001) for request in (0, 2, 1)] == [0, 2, 1]


def test_the_first_process_says_when_to_ask_again() -> None:
    first = Scripted(0, [0, 0], [0, 0])
    agreement = Agreement(first)
    # Steps of a quarter of a second: every fourth step, a second apart.
    assert [agreement(1 if step == 2 else 0, 0.25) for step in range(5)] == [0, 0, 0, 0, 0]
    assert first.given == [[0, 4], [0, 4]]


def test_what_another_process_wants_is_done_at_the_same_step() -> None:
    other = Scripted(1, [0, 3], [2, 3])
    agreement = Agreement(other)
    assert [agreement(0, 9.0) for _ in range(4)] == [0, 0, 0, 2]
    assert other.given == [[0, 0], [0, 0]]


def test_steps_that_take_long_or_no_time_are_asked_for_all_the_same() -> None:
    for seconds, steps in ((60.0, 1), (0.0, 1000)):
        first = Scripted(0, [0, 0])
        Agreement(first)(0, seconds)
        assert first.given == [[0, steps]]
