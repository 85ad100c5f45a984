"""Tracked tasks: background work that somebody can watch, that is retried, and can be cancelled.

A task is started by writing its row in the transaction that wants it (`start`), so it happens
exactly when that transaction does. The relay sends the row to the broker; a worker runs it, and
every step of its life is in `task_executions`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Any
from uuid import UUID

import orjson
import structlog
from asgi_correlation_id import correlation_id
from sqlalchemy import Boolean, CheckConstraint, Index, Row, SmallInteger, Text, text
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Mapped, mapped_column

from guildhall.infra.database import Base
from guildhall.infra.delivery import retry_delay
from guildhall.infra.llm import Llm
from guildhall.infra.mail import MailRefused, Post
from guildhall.infra.settings import Settings
from guildhall.infra.telemetry import TASKS_FINISHED
from guildhall.infra.unit_of_work import UnitOfWork, UnitsOfWork
from guildhall.kernel.ids import new_id

__all__ = ["Priority", "TaskDefinition", "TaskExecution", "TaskRun", "TaskRunner", "start"]

log = structlog.get_logger()

LEASE_SECONDS = 20  # Renewed every second; what is left of it is how long a dead worker is missed.
WATCH_SECONDS = 1.0
NO_DELAY = timedelta()


class Priority(IntEnum):
    """How urgent a task is. The broker's own numbers (0 first on Redis, 9 first on RabbitMQ) stay
    behind `infra.celery`."""

    LOW = 0
    NORMAL = 1
    HIGH = 2


class TaskExecution(Base):
    """One run of a task, retries included. Lives whole on the coordinator, like the outbox."""

    __tablename__ = "task_executions"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    arguments: Mapped[dict[str, Any]] = mapped_column(JSONB)
    queue: Mapped[str] = mapped_column(Text)
    priority: Mapped[int] = mapped_column(SmallInteger)
    state: Mapped[str] = mapped_column(Text, server_default="queued")
    cancel_requested: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    progress_done: Mapped[int] = mapped_column(server_default="0")
    progress_total: Mapped[int | None]
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    max_attempts: Mapped[int] = mapped_column(SmallInteger)
    available_at: Mapped[datetime]
    lease_until: Mapped[datetime | None]
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    error: Mapped[str | None] = mapped_column(Text)
    result: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    correlation_id: Mapped[str | None] = mapped_column(Text)
    requested_by: Mapped[UUID | None]
    once: Mapped[str | None] = mapped_column(Text, unique=True)

    __table_args__ = (
        CheckConstraint(
            "state IN ('queued', 'sent', 'running', 'succeeded', 'failed', 'cancelled')",
            name="state",
        ),
        Index(None, "priority", "id", postgresql_where=text("state = 'queued'")),
        Index(None, "lease_until", postgresql_where=text("state IN ('sent', 'running')")),
        Index(None, "requested_by", "id", postgresql_where=text("requested_by IS NOT NULL")),
    )


@dataclass(frozen=True)
class TaskDefinition:
    """One line of the wiring: a name and its function. Where it runs, and how often it is tried,
    says who starts it.

    `every` makes the scheduler start it once per period.
    """

    name: str
    function: Callable[..., Awaitable[dict[str, Any] | None]]
    every: timedelta | None = None


async def start(
    uow: UnitOfWork,
    name: str,
    arguments: Mapping[str, Any] | None = None,
    *,
    queue: str = "default",
    priority: Priority = Priority.NORMAL,
    max_attempts: int = 5,
    requested_by: UUID | None = None,
    once: str | None = None,
) -> UUID | None:
    """Start a task when this unit of work commits; give the id of its execution.

    With `once`, nothing is started, and None given, while a task that was started under that key
    is on record, in whatever state: `housekeeping.tidy` strikes it off some time after its end.
    """
    execution_id = new_id()
    statement = (
        insert(TaskExecution)
        .values(
            id=execution_id,
            name=name,
            arguments=dict(arguments or {}),
            queue=queue,
            priority=int(priority),
            max_attempts=max_attempts,
            available_at=uow.now,
            created_at=uow.now,
            correlation_id=correlation_id.get(),
            requested_by=requested_by,
            once=once,
        )
        .on_conflict_do_nothing(index_elements=["once"])
        .returning(TaskExecution.id)
    )
    started = (await uow.session.execute(statement)).scalar_one_or_none()
    if started is not None:
        await uow.session.execute(text("SELECT pg_notify('outbox', 'tasks')"))
    return started


class TaskRun:
    """What a running task holds: its units of work, its progress, its id, the post,
    and the models."""

    def __init__(
        self,
        execution_id: UUID,
        units: UnitsOfWork,
        *,
        post: Post,
        llm: Llm,
        settings: Settings,
        attempt: int = 1,
    ) -> None:
        self.execution_id = execution_id
        self.units = units
        self.post = post
        self.llm = llm
        self.settings = settings
        self.attempt = attempt

    @asynccontextmanager
    async def write(self) -> AsyncIterator[UnitOfWork]:
        async with self.units.write() as uow:
            yield uow

    @asynccontextmanager
    async def read(self) -> AsyncIterator[UnitOfWork]:
        async with self.units.read() as uow:
            yield uow

    async def progress(self, done: int, total: int | None = None) -> None:
        """Say how far it is; `total` once it is known."""
        async with self.units.write() as uow:
            await uow.session.execute(
                text(
                    "UPDATE task_executions SET progress_done = :done,"
                    " progress_total = coalesce(:total, progress_total) WHERE id = :id"
                ),
                {"id": self.execution_id, "done": done, "total": total},
            )


# A compare-and-set: of two workers that were sent the same execution, one begins it. `attempts`
# fences it from then on: whose lease has run out has no say in what the next attempt does.
BEGIN = text("""
UPDATE task_executions
SET state = 'running', attempts = attempts + 1, started_at = coalesce(started_at, :now),
    lease_until = CAST(:now AS timestamptz) + make_interval(secs => :lease_seconds)
WHERE id = :id AND state = 'sent' AND NOT cancel_requested
RETURNING name, arguments, attempts, max_attempts, correlation_id
""")

WATCH = text("""
UPDATE task_executions
SET lease_until = CAST(:now AS timestamptz) + make_interval(secs => :lease_seconds)
WHERE id = :id AND state = 'running' AND attempts = :attempt
RETURNING cancel_requested
""")

END = text("""
UPDATE task_executions
SET state = :state, error = :error, result = CAST(:result AS jsonb), finished_at = :finished_at,
    available_at = :available_at
WHERE id = :id AND state = 'running' AND attempts = :attempt
""")


class TaskRunner:
    """Runs tasks on the worker's side."""

    def __init__(
        self,
        units: UnitsOfWork,
        tasks: Mapping[str, TaskDefinition],
        *,
        post: Post,
        llm: Llm,
        settings: Settings,
    ) -> None:
        self._units = units
        self._tasks = tasks
        self._post = post
        self._llm = llm
        self._settings = settings

    async def run(self, execution_id: UUID) -> None:
        """Run one execution to its end, its next retry, or its cancellation."""
        async with self._units.write() as uow:
            row = (
                await uow.session.execute(
                    BEGIN,
                    {"id": execution_id, "now": uow.now, "lease_seconds": LEASE_SECONDS},
                )
            ).one_or_none()
        if row is None:
            await self._cancel_unbegun(execution_id)
            return
        correlation_id.set(row.correlation_id)
        run = TaskRun(
            execution_id,
            self._units,
            post=self._post,
            llm=self._llm,
            settings=self._settings,
            attempt=row.attempts,
        )
        work = asyncio.ensure_future(self._tasks[row.name].function(run, **row.arguments))
        watch = asyncio.create_task(self._watch(execution_id, row.attempts, work))
        try:
            result = await work
        except asyncio.CancelledError:
            if await self._was_cancelled(execution_id):
                await self._end(execution_id, row, "cancelled")
            else:
                await self._retry_or_fail(execution_id, row, TimeoutError("It ran too long"))
        except MailRefused as refusal:
            log.warning("task_refused", task=row.name, error=str(refusal))
            await self._end(execution_id, row, "failed", refusal)
        except Exception as error:
            log.exception("task_failed", task=row.name, attempt=row.attempts)
            await self._retry_or_fail(execution_id, row, error)
        else:
            await self._end(execution_id, row, "succeeded", result=result)
        finally:
            watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watch

    async def _watch(self, execution_id: UUID, attempt: int, work: asyncio.Future[Any]) -> None:
        """Keep the lease; end the work when somebody asked for that, or when the lease is lost."""
        while not (await asyncio.wait([work], timeout=WATCH_SECONDS))[0]:
            try:
                async with self._units.write() as uow:
                    asked = (
                        await uow.session.execute(
                            WATCH,
                            {
                                "id": execution_id,
                                "attempt": attempt,
                                "now": uow.now,
                                "lease_seconds": LEASE_SECONDS,
                            },
                        )
                    ).scalar_one_or_none()
            except Exception:
                # The work may get through without the database for a while; the watch goes on.
                log.warning("task_watch_failed", exc_info=True)
                continue
            if asked is None or asked:
                work.cancel()

    async def _was_cancelled(self, execution_id: UUID) -> bool:
        """Tell whether somebody asked for the end, rather than Celery's soft time limit."""
        async with self._units.read() as uow:
            execution = await uow.session.get_one(TaskExecution, execution_id)
            return execution.cancel_requested

    async def _retry_or_fail(self, execution_id: UUID, row: Row[Any], error: Exception) -> None:
        state = "queued" if row.attempts < row.max_attempts else "failed"
        await self._end(execution_id, row, state, error)

    async def _cancel_unbegun(self, execution_id: UUID) -> None:
        async with self._units.write() as uow:
            await uow.session.execute(
                text(
                    "UPDATE task_executions SET state = 'cancelled', finished_at = :now"
                    " WHERE id = :id AND state = 'sent' AND cancel_requested"
                ),
                {"id": execution_id, "now": uow.now},
            )

    async def _end(
        self,
        execution_id: UUID,
        begun: Row[Any],
        state: str,
        error: Exception | None = None,
        *,
        result: dict[str, Any] | None = None,
    ) -> None:
        TASKS_FINISHED.labels(begun.name, state).inc()
        again = state == "queued"
        async with self._units.write() as uow:
            await uow.session.execute(
                END,
                {
                    "id": execution_id,
                    "attempt": begun.attempts,
                    "state": state,
                    "error": f"{type(error).__name__}: {error}"[:2000] if error else None,
                    "result": orjson.dumps(result).decode() if result is not None else None,
                    "finished_at": None if again else uow.now,
                    "available_at": uow.now + (retry_delay(begun.attempts) if again else NO_DELAY),
                },
            )
