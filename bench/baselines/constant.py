"""The hall with one more hot route behind the same door: it holds its callers to a limit of the
same kind as the dashboard's, and then gives bytes that it had before."""

from __future__ import annotations

from fastapi import FastAPI, Request, Response

from guildhall.entrypoints import api as hall_api
from guildhall.infra.door import Limit
from guildhall.infra.endpoints import Endpoints
from guildhall.infra.http import access_routers
from guildhall.infra.http.access import hold_to
from guildhall.infra.http.hot import HotRoute, json_answer
from guildhall.infra.settings import Settings

__all__ = ["api"]

LIMIT = Limit("constant", 10)
BYTES = b'{"page": "' + b"x" * 6_000 + b'"}'
"""About as many as a dashboard has."""


def api() -> FastAPI:
    """Make the hall with `/constant/{user_id}` beside `/dashboard/{user_id}`."""
    settings = Settings.load()
    app = hall_api.create_app(settings, Endpoints.configured(settings))
    routers = access_routers("bench")

    @HotRoute.on(routers.member, "/constant/{user_id}", None)
    async def constant(request: Request, user_id: str) -> Response:
        await hold_to(LIMIT, request)
        return json_answer(BYTES)

    app.router.routes[:0] = [
        route.directly(hall_api.BASE_PATH)
        for route in routers.member.routes
        if isinstance(route, HotRoute)
    ]
    return app
