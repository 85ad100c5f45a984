"""Hot routes: the few reads that a profile points at, without what they do not need.

FastAPI describes such a route, from the same signature as any other; it does not run it. There is
no dependency tree and no response model: the endpoint gets the request of somebody let in, its
path parameters and its query, and gives finished bytes (ADR 0004).
"""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable, Coroutine, Hashable, Mapping
from typing import Any, get_type_hints

import orjson
from cachetools import TTLCache
from fastapi import APIRouter, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from starlette.routing import Route

from guildhall.infra.http.access import admit

__all__ = ["HotRoute", "SharedAnswers", "json_answer"]

JSON_OPTIONS = orjson.OPT_UTC_Z
SHARED_SECONDS = 0.01
SHARED_ANSWERS = 256


class HotRoute(APIRoute):
    """A member's route whose endpoint is `(request, *path parameters, query) -> Response`.

    Path parameters are texts; `query` is a pydantic model.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        endpoint = self.endpoint
        query_model = get_type_hints(endpoint).get("query")

        async def answer(request: Request) -> Response:
            await admit(request)
            arguments: dict[str, Any] = dict(request.path_params)
            if query_model is not None:
                arguments["query"] = _read_query(query_model, request.query_params)
            response: Response = await endpoint(request, **arguments)
            return response

        return answer

    def directly(self, prefix: str) -> Route:
        """Give the route that answers in front of FastAPI's own, which only describes it."""
        handle = self.get_route_handler()

        async def answer(request: Request) -> Response:
            request.scope["route"] = self  # Metrics are by route; FastAPI notes its own.
            return await handle(request)

        return Route(prefix + self.path, answer, methods=["GET"])

    @classmethod
    def on(cls, router: APIRouter, path: str, response_model: Any) -> Callable[[Any], Any]:
        """Declare a hot GET on a router."""

        def declare(endpoint: Any) -> Any:
            assert "request" in inspect.signature(endpoint).parameters
            router.add_api_route(
                path,
                endpoint,
                methods=["GET"],
                response_model=response_model,
                route_class_override=cls,
            )
            return endpoint

        return declare


class SharedAnswers:
    """Answers that are the same for everybody, given to all who ask at about the same time.

    Under load one read serves the requests of a hundredth of a second; a lone request waits for
    nobody. Nothing is older than that.
    """

    def __init__(self, seconds: float = SHARED_SECONDS) -> None:
        self._answers: TTLCache[Hashable, asyncio.Future[bytes]] = TTLCache(
            SHARED_ANSWERS, seconds, timer=time.monotonic
        )

    async def get(self, key: Hashable, load: Callable[[], Awaitable[Any]]) -> bytes:
        """Give the JSON of what `load` gives, or gave to somebody a moment ago."""
        answer = self._answers.get(key)
        if answer is None:
            answer = self._answers[key] = asyncio.ensure_future(_dumped(load))
        if answer.done():
            return answer.result()
        # Shielded: of those who wait for one answer, one that leaves must not take it away.
        return await asyncio.shield(answer)


async def _dumped(load: Callable[[], Awaitable[Any]]) -> bytes:
    return orjson.dumps(await load(), option=JSON_OPTIONS)


def json_answer(value: Any) -> Response:
    """Give a value as the body of an answer; bytes and texts are JSON already."""
    body = value if isinstance(value, bytes | str) else orjson.dumps(value, option=JSON_OPTIONS)
    return Response(body, media_type="application/json")


def _read_query(model: type[BaseModel], query: Mapping[str, str]) -> BaseModel:
    try:
        return model.model_validate(dict(query))
    except ValidationError as error:
        raise RequestValidationError(
            [{**fault, "loc": ("query", *fault["loc"])} for fault in error.errors()]
        ) from None
