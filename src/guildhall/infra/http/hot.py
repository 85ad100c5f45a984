"""Hot routes: the few reads that a profile points at, without what they do not need.

FastAPI describes such a route, from the same signature as any other; it does not run it. There is
no dependency tree and no response model: the endpoint gets the request of somebody let in, its
path parameters and its query, and gives finished bytes (ADR 0004).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, get_type_hints

import orjson
from fastapi import APIRouter, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError

from guildhall.infra.http.access import admit

__all__ = ["HotRoute", "json_answer"]

JSON_OPTIONS = orjson.OPT_UTC_Z


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
