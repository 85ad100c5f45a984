"""A member at work on a goal, as tests of goals see them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import date
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import event

from guildhall.entrypoints.api import furnish
from guildhall.infra.hall import Hall
from guildhall.infra.settings import RateLimitSettings
from tests.world import Client

__all__ = [
    "happened",
    "held_up",
    "minutes_by_day",
    "ok",
    "planned",
    "shorten",
    "statements",
    "tasks_of",
    "unlimited",
    "wait_in_line",
]


def unlimited(application: Any, hall: Hall) -> None:
    """Lift the limits a minute: they go by the clock of Redis, which cannot be moved."""
    settings = replace(hall.settings, rate_limit=RateLimitSettings(rate_limit_enabled=False))
    furnish(application, replace(hall, settings=settings))


def ok(answer: Any, status: int = 200) -> Any:
    """Give the body of an answer that was hoped for."""
    assert answer.status_code == status, answer.text
    return answer.json()


async def planned(client: Client, goal_id: UUID | str) -> dict[str, Any]:
    """Read a goal."""
    found: dict[str, Any] = ok(await client.get(f"/goals/{goal_id}"))
    return found


def tasks_of(goal: Mapping[str, Any], which: str = "plan") -> list[dict[str, Any]]:
    """Give the tasks of a goal's plan in its order."""
    return [task for milestone in goal[which]["milestones"] for task in milestone["tasks"]]


def minutes_by_day(tasks: Sequence[Mapping[str, Any]]) -> dict[date, int]:
    """Give the minutes that stand on each day."""
    minutes: dict[date, int] = {}
    for task in tasks:
        if task["scheduled_on"] is not None:
            day = date.fromisoformat(task["scheduled_on"])
            minutes[day] = minutes.get(day, 0) + task["minutes"]
    return minutes


async def shorten(owner: asyncpg.Connection, goal_id: UUID | str, keep: int) -> list[UUID]:
    """Cut a plan to its first tasks, all in the first milestones; give their ids in order."""
    rows = await owner.fetch(
        "SELECT id FROM tasks WHERE goal_id = $1 AND status = 'open' ORDER BY position",
        UUID(str(goal_id)),
    )
    ids: list[UUID] = [row["id"] for row in rows]
    await owner.execute("UPDATE tasks SET status = 'dropped' WHERE id = ANY($1)", ids[keep:])
    return ids[:keep]


async def happened(owner: asyncpg.Connection, name: str) -> list[dict[str, Any]]:
    """Give what was told of one kind of event, once for each event."""
    rows = await owner.fetch(
        "SELECT DISTINCT event_id, payload->>'cause_id' AS cause, payload->>'xp' AS xp"
        " FROM outbox_events WHERE name = $1",
        name,
    )
    return [dict(row) for row in rows]


@contextmanager
def statements(hall: Hall) -> Iterator[list[str]]:
    """Note what the database is asked."""
    seen: list[str] = []

    def asked(_: object, __: object, statement: str, *___: object) -> None:
        seen.append(statement)

    engine = hall.database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", asked)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", asked)


@asynccontextmanager
async def held_up(owner: asyncpg.Connection, user_id: UUID) -> AsyncIterator[None]:
    """Hold up whoever changes what a member does on which day; then let them in as they came."""
    name = f"schedule:{user_id}"
    await owner.execute("SELECT pg_advisory_lock(hashtextextended($1, 0))", name)
    try:
        yield
    finally:
        await owner.execute("SELECT pg_advisory_unlock(hashtextextended($1, 0))", name)


async def wait_in_line(owner: asyncpg.Connection, *calls: asyncio.Task[Any]) -> list[int]:
    """Wait until all of these are held up; give the processes of the server that work for them."""
    while True:
        rows = await owner.fetch(
            "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database ="
            " (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        if len(rows) >= len(calls):
            return [row["pid"] for row in rows]
        assert not any(call.done() for call in calls), "one of them did not wait"
        await asyncio.sleep(0)
