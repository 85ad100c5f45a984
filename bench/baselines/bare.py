"""The bare handlers: Starlette, an asyncpg pool and Redis, running the hall's own statements.

No sign-in, no limits, no validation, no units of work: who asks stands in the address. What an
endpoint costs here is what its statements and its JSON cost, so the ratio to it is the price of
everything else.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import orjson
from redis.asyncio import Redis
from sqlalchemy import TextClause
from sqlalchemy.dialects.postgresql import asyncpg as asyncpg_dialect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from guildhall.challenges import AttemptSubmitted, repository
from guildhall.infra import outbox
from guildhall.infra.database import asyncpg_arguments
from guildhall.progression import boards, queries

__all__ = ["api"]

READER = "challenges.grade_attempts"


def positional(statement: TextClause) -> tuple[str, Callable[[dict[str, Any]], list[Any]]]:
    """Give a statement of the hall in PostgreSQL's own form, and what orders its values."""
    compiled = statement.compile(dialect=asyncpg_dialect.dialect())
    names = list(compiled.positiontup)
    return str(compiled), lambda values: [values[name] for name in names]


SUBMIT, submit_values = positional(repository.SUBMIT)
APPEND, append_values = positional(outbox.APPEND)


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    async with (
        asyncpg.create_pool(
            **asyncpg_arguments(os.environ["DATABASE_URL"]),
            min_size=8,
            max_size=20,
            reset=_leave_as_is,
        ) as app.state.pool,
        Redis.from_url(os.environ["REDIS_URL"]) as app.state.redis,
    ):
        app.state.top = app.state.redis.register_script(boards.TOP)
        app.state.neighbours = app.state.redis.register_script(boards.NEIGHBOURS)
        app.state.names = {}
        yield


async def _leave_as_is(_: asyncpg.Connection) -> None:
    return None


async def health(_: Request) -> Response:
    return _json({"status": "ok"})


async def top(request: Request) -> Response:
    board, _ = boards.keys_of("global", "all")
    start, pairs = await request.app.state.top([board, boards.READY], [10, b"", 0])
    return _json({"items": await _lines(request, start, pairs)})


async def around(request: Request) -> Response:
    subject_id = UUID(request.query_params["who"])
    _, _, start, pairs = await request.app.state.neighbours(
        [*boards.keys_of("global", "all"), boards.READY], [subject_id.bytes, 5]
    )
    return _json({"items": await _lines(request, start, pairs)})


async def challenges(request: Request) -> Response:
    rows = await request.app.state.pool.fetch(
        repository.LIST,
        UUID(request.query_params["who"]),
        None,
        None,
        None,
        False,
        None,
        None,
        20,
        None,
    )
    return _json({"items": [dict(row) for row in rows]})


async def progress(request: Request) -> Response:
    standing = await request.app.state.pool.fetchval(
        queries.STANDING, UUID(request.query_params["who"])
    )
    return Response(standing, media_type="application/json")


async def submit(request: Request) -> Response:
    """Two statements in one transaction: the attempt, and the event that tells of it."""
    user_id = UUID(request.query_params["who"])
    attempt_id = UUID(request.path_params["attempt_id"])
    now = datetime.now(UTC)
    answer = (await request.body()).decode()
    event = AttemptSubmitted(subject_id=user_id, occurred_at=now, attempt_id=attempt_id)
    async with request.app.state.pool.acquire() as connection, connection.transaction():
        row = await connection.fetchrow(
            SUBMIT,
            *submit_values(
                {
                    "user_id": user_id,
                    "id": attempt_id,
                    "answer": answer,
                    "now": now,
                    "local_day": now.date(),
                }
            ),
        )
        if row is None:
            return Response(status_code=409)
        await connection.execute(
            APPEND,
            *append_values(
                {
                    "event_ids": [event.event_id],
                    "handlers": [READER],
                    "names": [event.name],
                    "subject_ids": [user_id],
                    "payloads": [orjson.dumps(event).decode()],
                    "delays": [timedelta()],
                    "now": now,
                    "correlation_id": None,
                    "withdrawn": [],
                    "rung": [READER],
                }
            ),
        )
    return _json({"id": attempt_id, "status": "submitted"}, 202)


async def _lines(request: Request, start: int, pairs: list[Any]) -> list[dict[str, Any]]:
    """Read lines as the hall does; names are asked for once, then kept."""
    names = request.app.state.names
    ids = [UUID(bytes=member[8:]) for member in pairs[::2]]
    if missing := [id_ for id_ in ids if id_ not in names]:
        rows = await request.app.state.pool.fetch(
            "SELECT id, username FROM users WHERE id = ANY($1)", missing
        )
        names.update((row["id"], row["username"]) for row in rows)
    return [
        {
            "rank": start + position + 1,
            "user_id": id_,
            "username": names.get(id_),
            "xp": -int(float(score)),
            "reached_at": int.from_bytes(member[:8], "big"),
        }
        for position, (id_, member, score) in enumerate(
            zip(ids, pairs[::2], pairs[1::2], strict=True)
        )
    ]


def _json(value: Any, status: int = 200) -> Response:
    # asyncpg has a UUID class of its own, which orjson does not know.
    return Response(orjson.dumps(value, default=str), status, media_type="application/json")


Handler = Callable[[Request], Coroutine[Any, Any, Response]]
ROUTES: dict[str, Handler] = {
    "/health": health,
    "/top": top,
    "/around": around,
    "/challenges": challenges,
    "/progress": progress,
}
api = Starlette(
    lifespan=lifespan,
    routes=[
        *(Route(path, handler) for path, handler in ROUTES.items()),
        Route("/attempts/{attempt_id}/submit", submit, methods=["POST"]),
    ],
)
