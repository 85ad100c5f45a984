"""What keeps the house in order: proof that workers work, and the removal of what is over."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from sqlalchemy import Text, text
from sqlalchemy.orm import Mapped, mapped_column

from guildhall.infra.database import Base
from guildhall.infra.tasks import TaskRun
from guildhall.infra.telemetry import WORKER_LAST_PROBE
from guildhall.infra.unit_of_work import UnitOfWork

__all__ = ["Heartbeat", "beat", "probe", "tidy"]

FINISHED_EVENTS_KEPT = timedelta(days=7)
FINISHED_TASKS_KEPT = timedelta(days=7)
ROUTINE_TASKS_KEPT = timedelta(hours=1)
IDEMPOTENCY_KEYS_KEPT = timedelta(hours=48)
ROWS_AT_ONCE = 10_000


class Heartbeat(Base):
    """When a kind of process last completed work."""

    __tablename__ = "heartbeats"

    process: Mapped[str] = mapped_column(Text, primary_key=True)
    completed_at: Mapped[datetime]


async def beat(uow: UnitOfWork, process: str) -> None:
    """Note that a kind of process has just completed work."""
    await uow.session.execute(
        text(
            "INSERT INTO heartbeats VALUES (:process, :now)"
            " ON CONFLICT (process) DO UPDATE SET completed_at = excluded.completed_at"
        ),
        {"process": process, "now": uow.now},
    )


async def probe(run: TaskRun) -> None:
    """Complete: that this runs proves scheduler, relay, broker and worker at once."""
    WORKER_LAST_PROBE.set_to_current_time()
    async with run.write() as uow:
        await beat(uow, "worker")


async def tidy(run: TaskRun) -> dict[str, int]:
    """Remove what is finished and old, a bounded number of rows at a time."""
    async with run.read() as uow:
        cache = uow.cache
    removed = {"cache_files": await asyncio.to_thread(cache.remove_expired_files)}
    for name, statement, kept in (
        (
            "events",
            (
                "DELETE FROM outbox_events WHERE id IN (SELECT id FROM outbox_events"
                " WHERE state = 'done' AND finished_at < :before ORDER BY id LIMIT :rows)"
            ),
            FINISHED_EVENTS_KEPT,
        ),
        (
            "tasks",
            (
                "DELETE FROM task_executions WHERE id IN (SELECT id FROM task_executions"
                " WHERE finished_at < :before ORDER BY id LIMIT :rows)"
            ),
            FINISHED_TASKS_KEPT,
        ),
        (
            "routine_tasks",
            (
                "DELETE FROM task_executions WHERE id IN (SELECT id FROM task_executions"
                " WHERE finished_at < :before AND once IS NOT NULL AND requested_by IS NULL"
                " AND state = 'succeeded' ORDER BY id LIMIT :rows)"
            ),
            ROUTINE_TASKS_KEPT,
        ),
        (
            "idempotency_keys",
            (
                "DELETE FROM idempotency_keys WHERE (user_id, key) IN (SELECT user_id, key"
                " FROM idempotency_keys WHERE created_at < :before LIMIT :rows)"
            ),
            IDEMPOTENCY_KEYS_KEPT,
        ),
    ):
        removed[name] = await _remove(run, statement, kept)
    return removed


async def _remove(run: TaskRun, statement: str, kept: timedelta) -> int:
    removed = 0
    while True:
        async with run.write() as uow:
            page = await uow.session.execute(
                text(f"WITH gone AS ({statement} RETURNING 1) SELECT count(*) FROM gone"),
                {"before": uow.now - kept, "rows": ROWS_AT_ONCE},
            )
            count: int = page.scalar_one()
        removed += count
        if count < ROWS_AT_ONCE:
            return removed
