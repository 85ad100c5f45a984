"""The hall without its guards, one at a time, for what each of them costs.

`open_door` is the hall as it is, and beside `/progress/me` the same handler for whoever the address
names: nothing is asked at the door. `unwalled` is the hall whose units of work tell PostgreSQL
nothing; its baseline runs on tables whose row security was switched off.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any
from uuid import UUID

from fastapi import FastAPI, Request, Response
from starlette.routing import Route

from guildhall.entrypoints import api
from guildhall.infra.database import WHOLE_HALL, Database
from guildhall.infra.endpoints import Endpoints
from guildhall.infra.hall import open_hall
from guildhall.infra.http import hall_of, work
from guildhall.infra.http.hot import json_answer
from guildhall.infra.settings import Settings
from guildhall.kernel.member import Member, Role
from guildhall.progression import queries

__all__ = ["open_door", "unwalled"]


def open_door() -> FastAPI:
    """Make the hall with one door left open."""
    app = _hall()
    app.router.routes.insert(0, Route("/open/progress", _progress))
    return app


def unwalled() -> FastAPI:
    """Make the hall that says to nobody whose rows it wants."""
    api.open_hall = partial(open_hall, reach=WHOLE_HALL)  # type: ignore[attr-defined]  # the guards
    work._whose = lambda _: None  # type: ignore[assignment]  # that are
    Database.reads_of = _reads_of  # type: ignore[method-assign]  # taken out
    return _hall()


def _hall() -> FastAPI:
    settings = Settings.load()
    return api.create_app(settings, Endpoints.configured(settings))


async def _progress(request: Request) -> Response:
    who = Member(UUID(request.query_params["who"]), UUID(int=0), Role.MEMBER, "UTC", 0)
    return json_answer(await queries.my_progress(hall_of(request), who))


@asynccontextmanager
async def _reads_of(database: Database, _: UUID) -> AsyncIterator[Any]:
    async with database.reads.acquire() as connection:
        yield connection
