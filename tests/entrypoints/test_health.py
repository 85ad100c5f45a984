"""Health: alive without asking anybody, ready only with everything, and what is not is named."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from redis.asyncio import Redis
from sqlalchemy import text
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine

from guildhall.entrypoints.api import furnish
from guildhall.entrypoints.health import SILENT_AFTER
from guildhall.entrypoints.scheduler import TICK_SECONDS
from guildhall.entrypoints.wiring import TASKS
from guildhall.infra.hall import Hall
from guildhall.infra.housekeeping import beat, probe
from guildhall.infra.settings import OutboxSettings
from guildhall.infra.unit_of_work import UnitsOfWork
from tests.world import Client, SettableClock

NOBODY_LISTENS = "redis://127.0.0.1:1"
PROCESSES = ["worker", "relay", "scheduler"]
MOMENT = timedelta(seconds=1)


async def ask(client: Client) -> tuple[int, dict[str, Any]]:
    answer = await client.get("http://hall/health/ready")
    return answer.status_code, answer.json()


def at_fault(body: dict[str, Any]) -> list[str]:
    return [name for name, part in body["parts"].items() if not part["ok"]]


async def beat_all(hall: Hall) -> None:
    async with hall.units.write() as uow:
        for process in PROCESSES:
            await beat(uow, process)


async def test_a_hall_whose_processes_all_work_is_ready(client: Client, committed: Hall) -> None:
    await beat_all(committed)
    status, body = await ask(client)
    assert (status, body["status"]) == (200, "ready")
    assert sorted(body["parts"]) == sorted(["database", "redis", *PROCESSES])


@pytest.mark.parametrize("process", PROCESSES)
async def test_a_process_that_has_stopped_is_named_when_its_time_is_up(
    client: Client, committed: Hall, clock: SettableClock, process: str
) -> None:
    await beat_all(committed)
    clock.advance(seconds=(SILENT_AFTER[process] - MOMENT).total_seconds())
    async with committed.units.write() as uow:
        for other in PROCESSES:
            if other != process:
                await beat(uow, other)
    assert (await ask(client))[0] == 200
    clock.advance(seconds=1)
    status, body = await ask(client)
    assert (status, body["status"], at_fault(body)) == (503, "not ready", [process])
    assert body["parts"][process]["last_completed"]


@pytest.mark.parametrize("process", PROCESSES)
async def test_a_process_that_never_worked_is_named(
    client: Client, committed: Hall, process: str
) -> None:
    await beat_all(committed)
    async with committed.units.write() as uow:
        await uow.session.execute(
            text("DELETE FROM heartbeats WHERE process = :process"), {"process": process}
        )
    status, body = await ask(client)
    assert (status, at_fault(body)) == (503, [process])
    assert body["parts"][process]["last_completed"] is None


@pytest.mark.parametrize(
    ("process", "every"),
    [
        ("worker", next(task.every for task in TASKS if task.function is probe)),
        ("relay", timedelta(seconds=OutboxSettings().outbox_poll_seconds)),
        ("scheduler", timedelta(seconds=TICK_SECONDS)),
    ],
)
def test_a_process_that_works_has_several_chances_to_say_so(process: str, every: timedelta) -> None:
    assert 3 * every < SILENT_AFTER[process] <= timedelta(seconds=30)


async def test_a_schema_of_another_release_is_named(
    client: Client, committed: Hall, owner: asyncpg.Connection
) -> None:
    move = "UPDATE alembic_version SET version_num = $1"
    await beat_all(committed)
    head = await owner.fetchval("SELECT version_num FROM alembic_version")
    await owner.execute(move, "0000")
    try:
        status, body = await ask(client)
    finally:
        await owner.execute(move, head)
    assert (status, at_fault(body)) == (503, ["database"])
    assert "migrate" in body["parts"]["database"]["fault"]


async def test_a_redis_that_is_away_is_named(
    client: Client, committed: Hall, application: Any
) -> None:
    await beat_all(committed)
    async with Redis.from_url(NOBODY_LISTENS) as away:
        furnish(application, replace(committed, redis=away))
        status, body = await ask(client)
    assert (status, at_fault(body)) == (503, ["redis"])


async def test_without_its_database_a_process_is_not_ready_and_yet_alive(
    client: Client, committed: Hall, application: Any
) -> None:
    engine = create_async_engine("postgresql+asyncpg://nobody@127.0.0.1:1/nothing")
    units = UnitsOfWork(
        async_sessionmaker(engine),
        committed.clock,
        {},
        committed.redis,
        committed.cache,
        reach="",
    )
    furnish(application, replace(committed, units=units))
    status, body = await ask(client)
    assert (status, at_fault(body)) == (503, ["database"])
    alive = await client.get("http://hall/health")
    assert (alive.status_code, alive.json()) == (200, {"status": "alive"})
