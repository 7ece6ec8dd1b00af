"""Requests that come together are answered together: one call of the model for all that wait."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http import HTTPStatus
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from fearec_cli.serving.recommender import Query, Recommender
from fearec_cli.serving.service.limits import Limits
from fearec_cli.serving.service.problems import Problem

Result = TypeVar("Result")


class Answer(NamedTuple):
    """What is recommended for one query; fields as in `Recommendations`."""

    items: list[str]
    scores: npt.NDArray[np.float32]
    unknown: int


class Batcher:
    """A queue before a model that computes in one thread.

    A request that finds the model idle is computed at once; those that come meanwhile are collected and computed
    together afterwards. No request waits for a batch to fill, and the busier the service the larger its batches.

    Args:
        recommender: the model.
        limits: of a batch and of the queue.
    """

    def __init__(self, recommender: Recommender, limits: Limits) -> None:
        self.recommender = recommender
        self._limits = limits
        self._queue: deque[tuple[Query, asyncio.Future[Answer]]] = deque()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="model")
        self._work: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """Requests in the queue."""
        return len(self._queue)

    async def ask(self, query: Query) -> Answer:
        """The answer to a query that the recommender has checked.

        Raises:
            Problem: the queue is full.
            EvaluationError: the model gives scores that are not numbers.
        """
        if self.waiting >= self._limits.max_waiting:
            raise Problem(
                HTTPStatus.SERVICE_UNAVAILABLE,
                f"{self.waiting:,} requests wait already; try again",
                headers={"Retry-After": "1"},
            )
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._queue.append((query, future))
        if self._work is None:
            self._work = asyncio.create_task(self._empty())
        return await future

    async def run(self, call: Callable[[], Result]) -> Result:
        """Run another use of the model, in its turn."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)

    async def _empty(self) -> None:
        """Answer until no request waits."""
        try:
            while self._queue:
                block = [self._queue.popleft() for _ in range(min(len(self._queue), self._limits.max_batch))]
                answers = await self.run(partial(self._answer, [query for query, _ in block]))
                for (_, future), answer in zip(block, answers, strict=True):
                    if future.done():  # the client has gone
                        continue
                    if isinstance(answer, Exception):
                        future.set_exception(answer)
                    else:
                        future.set_result(answer)
        finally:
            self._work = None

    def _answer(self, queries: Sequence[Query]) -> list[Answer | Exception]:
        """An answer or an error for each; an error of one is not the others'."""
        try:
            found = self.recommender.answer(queries)
        except Exception as error:
            if len(queries) == 1:
                return [error]
            return [answer for query in queries for answer in self._answer([query])]
        return [Answer(*each) for each in zip(found.items, found.scores, found.unknown.tolist(), strict=True)]
