"""Errors as problem JSON (RFC 9457): one shape for every request that is not answered."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from fearec_cli.system.text import value

MEDIA_TYPE = "application/problem+json"


class Problem(Exception):  # noqa: N818 - RFC 9457's own word
    """Why a request is not answered.

    Args:
        status: of HTTP.
        detail: what is wrong with this request, and what to do.
        errors: places in the request, as JSON pointers, and what is wrong at each.
        headers: of the response.
    """

    def __init__(
        self,
        status: HTTPStatus,
        detail: str,
        *,
        errors: Sequence[Mapping[str, str]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = errors
        self.headers = headers


def problem_response(request: Request, error: Exception) -> Response:
    """What is sent for a `Problem`, for starlette's own errors (no such path or method), and for a bug of the
    service."""
    if isinstance(error, Problem):
        return _response(error.status, error.detail, error.errors, error.headers)
    if isinstance(error, HTTPException):
        status = HTTPStatus(error.status_code)
        return _response(status, f"{request.method} {value(request.url.path)}: {status.description}", (), error.headers)
    return _response(HTTPStatus.INTERNAL_SERVER_ERROR, "an error in the service; its log has the reason", (), None)


def _response(
    status: HTTPStatus, detail: str, errors: Sequence[Mapping[str, str]], headers: Mapping[str, str] | None
) -> Response:
    content: dict[str, Any] = {"type": "about:blank", "title": status.phrase, "status": status.value, "detail": detail}
    if errors:
        content["errors"] = list(errors)
    return JSONResponse(content, status.value, headers, MEDIA_TYPE)
