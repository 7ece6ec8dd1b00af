"""From the bytes of a request to a query, or to a problem that names what is wrong."""

import asyncio
from http import HTTPStatus
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, ValidationInfo
from starlette.requests import ClientDisconnect, Request

from fearec_cli.serving.recommender import Query, Seen
from fearec_cli.serving.service.limits import Limits
from fearec_cli.serving.service.problems import Problem
from fearec_cli.system.text import value

Wanted = TypeVar("Wanted", bound=BaseModel)
# Errors of one request that are named.
_MOST_ERRORS = 20


def _within(limit: str) -> AfterValidator:
    """Check a number, or the length of a list, against one of the `Limits` in the context of the validation."""

    def check(given: int | list[str] | None, info: ValidationInfo) -> int | list[str] | None:
        bound = getattr(info.context, limit)
        if isinstance(given, int) and given > bound:
            raise ValueError(f"must be {bound:,} or less here, not {given:,}")
        if isinstance(given, list) and len(given) > bound:
            raise ValueError(f"may have {bound:,} items here, not {len(given):,}")
        return given

    return AfterValidator(check)


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class RecommendBody(_Body):
    """What POST /recommend reads."""

    history: Annotated[list[str], _within("max_history")]
    k: Annotated[int, Field(ge=1), _within("max_k")] = 10
    seen: Seen = "exclude"
    only: Annotated[list[str] | None, _within("max_list")] = None
    without: Annotated[list[str], _within("max_list")] = Field([], alias="except")

    def query(self) -> Query:
        """The same for the model."""
        return Query(self.history, self.k, self.seen, self.only, self.without)


class SimilarBody(_Body):
    """What POST /similar reads."""

    item: str
    k: Annotated[int, Field(ge=1), _within("max_k")] = 10


async def read_body(request: Request, model: type[Wanted], limits: Limits) -> Wanted:
    """The body of a request, checked.

    Raises:
        Problem: it is not JSON, is too long or too slow, or something in it is wrong.
    """
    given = request.headers.get("content-type", "")
    if given.partition(";")[0].strip().lower() != "application/json":
        detail = f"the body is of type {value(given) or 'unknown'}; send JSON with Content-Type: application/json"
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, detail)
    body = await _bytes_of(request, limits)
    try:
        return model.model_validate_json(body, context=limits)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        if found[0]["type"] == "json_invalid":
            raise Problem(HTTPStatus.BAD_REQUEST, f"the body cannot be read: {found[0]['msg']}") from None
        places = [
            {"pointer": _pointer(each["loc"]), "detail": each["msg"].removeprefix("Value error, ")}
            for each in found[:_MOST_ERRORS]
        ]
        detail = "; ".join(f"{place['pointer']}: {place['detail']}" for place in places[:3])
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, detail, errors=places) from None


async def _bytes_of(request: Request, limits: Limits) -> bytes:
    """The body, of which no more is held than the limit.

    Raises:
        Problem: it is too long, too slow, or ends early.
    """
    body = bytearray()
    try:
        async with asyncio.timeout(limits.read_seconds):
            async for part in request.stream():
                body += part
                if len(body) > limits.max_body:
                    raise Problem(
                        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                        f"the body may have {limits.max_body:,} bytes here",
                        headers={"Connection": "close"},
                    )
    except TimeoutError:
        raise Problem(
            HTTPStatus.REQUEST_TIMEOUT,
            f"the body did not arrive within {limits.read_seconds:g} seconds",
            headers={"Connection": "close"},
        ) from None
    except ClientDisconnect:
        raise Problem(HTTPStatus.BAD_REQUEST, "the body ended early") from None
    return bytes(body)


def _pointer(place: tuple[int | str, ...]) -> str:
    """A place in the body as a JSON pointer in a URI fragment (RFC 6901)."""
    return "#" + "".join("/" + value(str(part)).replace("~", "~0").replace("/", "~1") for part in place)
