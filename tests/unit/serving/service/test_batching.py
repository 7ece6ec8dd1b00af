"""Requests that come together are one call of the model, and each has its own answer."""

import asyncio
import threading
from collections.abc import Sequence

import pytest

from fearec_cli.serving.recommender import Query, Recommendations, Recommender
from fearec_cli.serving.service.batching import Batcher
from fearec_cli.serving.service.limits import Limits
from fearec_cli.serving.service.problems import Problem
from support.serving import IDS, recommender


class Slow:
    """A recommender whose first call lasts until it is let go, and which keeps the size of each."""

    def __init__(self, made: Recommender) -> None:
        self._made = made
        self.sizes: list[int] = []
        self.go = threading.Event()

    def answer(self, queries: Sequence[Query]) -> Recommendations:
        self.sizes.append(len(queries))
        self.go.wait(10)
        if any(query.history == ["poison"] for query in queries):
            raise ValueError("poison")
        return self._made.answer(queries)


async def gathered(slow: Slow, batcher: Batcher, queries: Sequence[Query]) -> list[object]:
    """Their answers and errors, where all but the first come while the model is at work on that."""
    tasks = [asyncio.create_task(batcher.ask(queries[0]))]
    while not slow.sizes:
        await asyncio.sleep(0.001)
    tasks += [asyncio.create_task(batcher.ask(query)) for query in queries[1:]]
    await asyncio.sleep(0)
    assert batcher.waiting == min(len(queries) - 1, LIMITS.max_waiting)
    slow.go.set()
    return await asyncio.gather(*tasks, return_exceptions=True)


LIMITS = Limits(max_batch=4, max_waiting=10)


def test_what_comes_meanwhile_is_answered_together() -> None:
    made = recommender()
    slow = Slow(made)
    queries = [Query([IDS[row], IDS[row + 1]], k=row + 1) for row in range(8)]
    answers = asyncio.run(gathered(slow, Batcher(slow, LIMITS), queries))
    assert slow.sizes == [1, 4, 3]
    for query, answer in zip(queries, answers, strict=True):
        assert answer.items == made.answer([query]).items[0]


def test_an_error_of_one_is_not_the_others() -> None:
    made = recommender()
    slow = Slow(made)
    queries = [Query(["i1"], k=2), Query(["i2"], k=2), Query(["poison"], k=2), Query(["i3"], k=2)]
    answers = asyncio.run(gathered(slow, Batcher(slow, LIMITS), queries))
    assert slow.sizes == [1, 3, 1, 1, 1]
    assert isinstance(answers[2], ValueError)
    for place in (0, 1, 3):
        assert answers[place].items == made.answer([queries[place]]).items[0]


def test_beyond_the_bound_nobody_waits() -> None:
    slow = Slow(recommender())
    answers = asyncio.run(gathered(slow, Batcher(slow, LIMITS), [Query(["i1"], k=1)] * 13))
    refused = [answer for answer in answers if isinstance(answer, Problem)]
    assert [problem.status for problem in refused] == [503, 503]
    assert sum(slow.sizes) == 11


def test_who_has_gone_is_answered_by_nobody() -> None:
    slow = Slow(recommender())

    async def leave() -> object:
        batcher = Batcher(slow, LIMITS)
        gone = asyncio.create_task(batcher.ask(Query(["i1"], k=1)))
        while not slow.sizes:
            await asyncio.sleep(0.001)
        gone.cancel()
        slow.go.set()
        with pytest.raises(asyncio.CancelledError):
            await gone
        return await batcher.ask(Query(["i2"], k=1))

    assert asyncio.run(leave()).items
