"""The scheduler: what is due is started once in its period, however many look at the clock."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import Process
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest_asyncio
from sqlalchemy import text

from guildhall.entrypoints.scheduler import start_due
from guildhall.entrypoints.wiring import TASKS
from guildhall.infra.hall import Hall
from guildhall.infra.housekeeping import ROUTINE_TASKS_KEPT
from guildhall.infra.tasks import Priority, TaskDefinition, TaskRun
from tests.world import SettableClock

PERIODIC = {task.name: task.every for task in TASKS if task.every is not None}
PERIODS_WATCHED = 2
Start = Callable[[], Awaitable[Process]]

PROMPT = timedelta(seconds=5)


async def nothing(run: TaskRun) -> None:
    pass


HOURLY = TaskDefinition("t", nothing, every=timedelta(hours=1))


async def started(hall: Hall) -> list[tuple[str, datetime]]:
    async with hall.units.read() as uow:
        rows = await uow.session.execute(text("SELECT name, created_at FROM task_executions"))
        return [(row.name, row.created_at) for row in rows]


async def test_a_period_starts_a_task_once_however_often_it_is_due(
    committed: Hall, clock: SettableClock
) -> None:
    await asyncio.gather(*(start_due(committed, HOURLY) for _ in range(20)))
    clock.advance(minutes=59)
    await start_due(committed, HOURLY)
    assert len(await started(committed)) == 1
    clock.advance(minutes=1)
    await asyncio.gather(*(start_due(committed, HOURLY) for _ in range(20)))
    assert len(await started(committed)) == 2


async def test_what_is_due_goes_first_and_is_not_tried_again_before_it_is_due_again(
    committed: Hall,
) -> None:
    await start_due(committed, HOURLY)
    async with committed.units.read() as uow:
        row = (
            await uow.session.execute(text("SELECT priority, max_attempts FROM task_executions"))
        ).one()
    assert (row.priority, row.max_attempts) == (Priority.HIGH, 1)


def test_a_key_is_kept_for_as_long_as_its_period() -> None:
    """Else a scheduler that is started anew in the same period would start the task again."""
    assert max(PERIODIC.values()) <= ROUTINE_TASKS_KEPT


@pytest_asyncio.fixture
async def new_scheduler(committed: Hall, tmp_path: Path) -> AsyncIterator[Start]:
    """Start `guildhall scheduler` on the servers of this test, as often as it is asked for."""
    processes: list[Process] = []

    async def start() -> Process:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "guildhall", "scheduler"),
            env=os.environ | committed.endpoints.as_environment(),
            cwd=tmp_path,
            stdout=asyncio.subprocess.DEVNULL,
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_two_schedulers_start_what_is_due_once(committed: Hall, new_scheduler: Start) -> None:
    both = [await new_scheduler() for _ in range(2)]
    prompt = {name for name, every in PERIODIC.items() if every <= PROMPT}
    async with asyncio.timeout(60):
        while True:
            rows = await started(committed)
            times = Counter(name for name, _ in rows)
            if min(times[name] for name in prompt) > PERIODS_WATCHED and times.keys() >= set(
                PERIODIC
            ):
                break
            assert [process.returncode for process in both] == [None, None]
            await asyncio.sleep(0.1)
    periods = Counter(
        (name, int(at.timestamp() // PERIODIC[name].total_seconds())) for name, at in rows
    )
    assert set(periods.values()) == {1}
    for process in both:
        process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(20):
        assert [await process.wait() for process in both] == [0, 0]
