"""The service as an ASGI application."""

from collections.abc import Sequence
from functools import partial
from http import HTTPStatus

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from fearec_cli.errors import DataError
from fearec_cli.serving.recommender import Recommender
from fearec_cli.serving.service.batching import Batcher
from fearec_cli.serving.service.limits import Limits
from fearec_cli.serving.service.problems import Problem, problem_response
from fearec_cli.serving.service.requests import RecommendBody, SimilarBody, read_body
from fearec_cli.serving.writers import reason


def make_app(recommender: Recommender, limits: Limits | None = None, *, more: Sequence[Route] = ()) -> Starlette:
    """A service of one model.

    `POST /recommend` reads `{"history": [...], "k": 10, "seen": "exclude", "only": [...], "except": [...]}` and returns
    `{"items": [...], "scores": [...], "unknown": 0}`, the best item first, and a `reason` where there is none. `POST
    /similar` reads `{"item": ..., "k": 10}` and returns `{"items": [...], "cosines": [...]}`. `GET /health` returns the
    size of the catalogue and of the queue. Errors are problem JSON (RFC 9457). It can be mounted in another one.

    Args:
        recommender: the model.
        limits: of sizes; the defaults unless given.
        more: routes of your own.
    """
    service = _Service(recommender, limits or Limits())
    routes = [
        Route("/recommend", service.recommend, methods=["POST"]),
        Route("/similar", service.similar, methods=["POST"]),
        Route("/health", service.health, methods=["GET"]),
    ]
    handlers = dict.fromkeys((Problem, HTTPException, Exception), problem_response)
    return Starlette(routes=[*routes, *more], exception_handlers=handlers)


class _Service:
    """The end points."""

    def __init__(self, recommender: Recommender, limits: Limits) -> None:
        self._recommender = recommender
        self._limits = limits
        self._batcher = Batcher(recommender, limits)

    async def recommend(self, request: Request) -> Response:
        query = (await read_body(request, RecommendBody, self._limits)).query()
        try:
            self._recommender.check(query)
            if not self._recommender.rows_of(query.history):
                raise DataError(f"the model knows none of the {len(query.history)} items of the history")
        except DataError as error:
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, str(error)) from None
        answer = await self._batcher.ask(query)
        content = {"items": answer.items, "scores": answer.scores.tolist(), "unknown": answer.unknown}
        why = reason(query.history, answer.items, answer.unknown)
        return JSONResponse(content if why is None else {**content, "reason": why})

    async def similar(self, request: Request) -> Response:
        body = await read_body(request, SimilarBody, self._limits)
        try:
            found = await self._batcher.run(partial(self._recommender.similar, body.item, body.k))
        except DataError as error:
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, str(error)) from None
        return JSONResponse({"items": [item for item, _ in found], "cosines": [cosine for _, cosine in found]})

    async def health(self, request: Request) -> Response:
        checkpoint = self._recommender.checkpoint
        return JSONResponse(
            {
                "status": "ok",
                "checkpoint": checkpoint.path.name,
                "dataset": checkpoint.info.dataset,
                "items": len(self._recommender.items),
                "waiting": self._batcher.waiting,
            }
        )
