"""Tracked tasks: once, watched, tried again, ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import fields, replace
from inspect import signature
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from guildhall.infra import housekeeping, tasks
from guildhall.infra.hall import Hall
from guildhall.infra.tasks import TaskDefinition, TaskRun, TaskRunner
from tests import factories
from tests.factories import Person
from tests.world import Client, SettableClock, settle_hall

Function = Callable[..., Any]


def house_with(hall: Hall, function: Function) -> Hall:
    tasks = {"t": TaskDefinition("t", function)}
    runner = TaskRunner(hall.units, tasks, post=hall.post, llm=hall.llm, settings=hall.settings)
    return replace(hall, task_runner=runner)


async def start(hall: Hall, **options: Any) -> UUID | None:
    async with hall.units.write() as uow:
        return await tasks.start(uow, "t", options.pop("arguments", None), **options)


async def read(client: Client, execution_id: UUID | None) -> Any:
    return (await client.get(f"/task-executions/{execution_id}")).json()


async def test_a_task_runs_to_its_result_and_tells_its_progress(
    client: Client, committed: Hall, member: Person
) -> None:
    async def count(run: TaskRun, to: int) -> dict[str, int]:
        await run.progress(to, 10)
        return {"counted": to}

    started = await start(committed, arguments={"to": 7}, requested_by=member.id)
    assert (await read(client.of(member), started))["state"] == "queued"
    await settle_hall(house_with(committed, count))
    task = await read(client.of(member), started)
    assert (task["state"], task["result"], task["attempts"]) == ("succeeded", {"counted": 7}, 1)
    assert (task["progress_done"], task["progress_total"]) == (7, 10)
    assert task["finished_at"]


async def test_a_failing_task_is_tried_again_and_then_given_up(
    client: Client, committed: Hall, member: Person
) -> None:
    tries = []

    async def fail(run: TaskRun) -> None:
        tries.append(run.execution_id)
        raise ValueError("no luck")

    started = await start(committed, max_attempts=3, requested_by=member.id)
    await settle_hall(house_with(committed, fail))
    task = await read(client.of(member), started)
    assert (task["state"], task["attempts"], len(tries)) == ("failed", 3, 3)
    assert task["error"] == "ValueError: no luck"


async def test_a_task_started_in_a_transaction_that_fails_never_was(committed: Hall) -> None:
    with pytest.raises(RuntimeError):  # noqa: PT012  # what is tested is the block
        async with committed.units.write() as uow:
            await tasks.start(uow, "t")
            raise RuntimeError
    async with committed.units.read() as uow:
        assert await uow.session.scalar(text("SELECT count(*) FROM task_executions")) == 0


async def test_a_task_under_a_key_starts_once_of_twenty_times(committed: Hall) -> None:
    started = await asyncio.gather(*(start(committed, once="t:1") for _ in range(20)))
    assert len([one for one in started if one is not None]) == 1


async def test_a_key_is_free_again_when_what_it_started_is_tidied_away(
    committed: Hall, clock: SettableClock
) -> None:
    async def nothing(run: TaskRun) -> None:
        pass

    async def tidy() -> None:
        clock.advance(seconds=housekeeping.ROUTINE_TASKS_KEPT.total_seconds() + 1)
        await housekeeping.tidy(factories.task_run(committed))

    await start(committed, once="t:1")
    await tidy()
    assert await start(committed, once="t:1") is None  # It has not ended yet.
    await settle_hall(house_with(committed, nothing))
    assert await start(committed, once="t:1") is None
    await tidy()
    assert await start(committed, once="t:1") is not None


async def test_who_starts_a_task_says_where_it_runs_and_how_often_it_is_tried(
    committed: Hall,
) -> None:
    started = await start(committed, queue="awards", max_attempts=2)
    async with committed.units.read() as uow:
        execution = await uow.session.get_one(tasks.TaskExecution, started)
    assert (execution.queue, execution.max_attempts) == ("awards", 2)
    said = {field.name for field in fields(TaskDefinition)} & set(signature(tasks.start).parameters)
    assert said == {"name"}  # Nothing is said twice, so that it cannot be said differently.


async def test_of_many_workers_with_one_execution_one_runs_it(committed: Hall) -> None:
    ran = []

    async def note(run: TaskRun) -> None:
        ran.append(run.execution_id)

    started = await start(committed)
    assert started is not None
    async with committed.units.write() as uow:
        await uow.session.execute(text("UPDATE task_executions SET state = 'sent'"))
    runner = house_with(committed, note).task_runner
    await asyncio.gather(*(runner.run(started) for _ in range(8)))
    assert ran == [started]


async def test_a_waiting_task_is_cancelled_at_once(
    client: Client, committed: Hall, member: Person, settle: Any
) -> None:
    started = await start(committed, requested_by=member.id)
    mine = client.of(member)
    assert (await mine.post(f"/task-executions/{started}/cancel")).json()["state"] == "cancelled"
    over = await mine.post(f"/task-executions/{started}/cancel")
    assert (over.status_code, over.json()["error"]) == (409, "task_execution_over")
    await settle()


async def test_a_running_task_is_cancelled(
    client: Client, committed: Hall, member: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "WATCH_SECONDS", 0.01)
    begun = asyncio.Event()

    async def linger(run: TaskRun) -> None:
        begun.set()
        await asyncio.Event().wait()

    started = await start(committed, requested_by=member.id)
    running = asyncio.create_task(settle_hall(house_with(committed, linger)))
    await begun.wait()
    mine = client.of(member)
    assert (await mine.post(f"/task-executions/{started}/cancel")).json()["cancel_requested"]
    await running
    assert (await read(mine, started))["state"] == "cancelled"


async def test_tasks_are_seen_by_who_asked_for_them_and_by_admins(
    client: Client, committed: Hall, member: Person, other: Person, admin: Person
) -> None:
    await start(committed, requested_by=member.id)
    counts = [
        len((await client.of(who).get("/task-executions")).json()["items"])
        for who in (member, other, admin)
    ]
    assert counts == [1, 0, 1]


async def test_the_list_leaves_out_what_the_clock_starts_unless_it_failed(
    client: Client, committed: Hall, admin: Person, member: Person
) -> None:
    async with committed.units.write() as uow:
        asked = await tasks.start(uow, "t", requested_by=member.id)
        probe = await tasks.start(uow, "infra.probe")
        failed = await tasks.start(uow, "infra.tidy")
        await uow.session.execute(
            text("UPDATE task_executions SET state = 'failed' WHERE id = :id"), {"id": failed}
        )
    chief = client.of(admin)
    listed = (await chief.get("/task-executions")).json()["items"]
    assert [task["id"] for task in listed] == [str(failed), str(probe), str(asked)]
    told = (await chief.get("/task-executions", params={"routine": False})).json()["items"]
    assert [task["id"] for task in told] == [str(failed), str(asked)]
    assert [task["requested_by"] for task in told] == [None, str(member.id)]
