"""A service of your own around a trained model: fearec's end points behind a key, and one route more.

    fearec train demo --max-steps 1000 --out runs/first
    SERVICE_KEY=secret python examples/serve.py runs/first/best.safetensors 8000
    curl --json '{"history": ["weekly0-1", "weekly0-2"], "k": 5}' -H 'Authorization: Bearer secret' \
        localhost:8000/recommend

Needs `pip install 'fearec[serve]'`. `fearec serve` is the same without key and route.
"""

import hmac
import os
import sys
from http import HTTPStatus

import uvicorn
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from fearec_cli import Recommender
from fearec_cli.serving.service.app import make_app
from fearec_cli.serving.service.limits import Limits


class KeyRequired:
    """Lets requests through that carry the key."""

    def __init__(self, app: ASGIApp, key: str) -> None:
        self._app = app
        self._expected = f"Bearer {key}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            given = dict(scope["headers"]).get(b"authorization", b"")
            if not hmac.compare_digest(given, self._expected):
                status = HTTPStatus.UNAUTHORIZED
                problem = {"type": "about:blank", "title": status.phrase, "status": status, "detail": "give the key"}
                response = JSONResponse(
                    problem, status, {"WWW-Authenticate": "Bearer"}, media_type="application/problem+json"
                )
                await response(scope, receive, send)
                return
        await self._app(scope, receive, send)


def main(checkpoint: str, port: int) -> None:
    """Load the model once and answer until the process is ended."""
    recommender = Recommender.load(checkpoint)

    async def catalogue(request: Request) -> Response:
        return JSONResponse({"items": recommender.items})

    app = make_app(recommender, Limits(max_k=100, max_history=500), more=[Route("/catalogue", catalogue)])
    print(f"http://127.0.0.1:{port}", flush=True)
    uvicorn.run(KeyRequired(app, os.environ["SERVICE_KEY"]), port=port, lifespan="off", log_level="warning")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
