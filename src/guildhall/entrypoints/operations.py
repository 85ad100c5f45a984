"""HTTP of operations: tasks and events, as members and admins may see them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from sqlalchemy import select, text

from guildhall.identity import record
from guildhall.infra.http import CurrentMember, Reads, Writes, access_routers
from guildhall.infra.outbox import OutboxEvent
from guildhall.infra.tasks import TaskExecution
from guildhall.infra.unit_of_work import UnitOfWork
from guildhall.kernel.errors import Conflict, NotFound
from guildhall.kernel.member import Member
from guildhall.kernel.paging import Limit, Page, page_of, position_in

__all__ = ["routers"]

routers = access_routers("operations")
public, member, admin = routers

TaskState = Literal["queued", "sent", "running", "succeeded", "failed", "cancelled"]
EventState = Literal["waiting", "claimed", "done", "parked"]


class TaskNotFound(NotFound):
    code = "task_execution_not_found"
    detail = "You have no such task."


class TaskOver(Conflict):
    code = "task_execution_over"
    detail = "This task has ended already."


class EventNotFound(NotFound):
    code = "event_not_found"
    detail = "There is no such event."


class EventNotParked(Conflict):
    code = "event_not_parked"
    detail = "Only a parked event can be replayed."


class TaskExecutionOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str
    state: TaskState
    queue: str
    cancel_requested: bool
    progress_done: int
    progress_total: int | None
    attempts: int
    max_attempts: int
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    error: str | None
    result: dict[str, Any] | None
    correlation_id: str | None


class EventOut(BaseModel):
    """An event on its way to one reader."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    event_id: UUID
    name: str
    handler: str
    subject_id: UUID | None
    state: EventState
    attempts: int
    error: str | None
    available_at: datetime
    finished_at: datetime | None
    payload: dict[str, Any]
    correlation_id: str | None


@member.get("/task-executions")
async def list_tasks(
    who: CurrentMember,
    uow: Reads,
    limit: Limit = 20,
    cursor: str | None = None,
    state: TaskState | None = None,
) -> Page[TaskExecutionOut]:
    """List background tasks, newest first: one's own, or for an admin all."""
    query = select(TaskExecution).order_by(TaskExecution.id.desc()).limit(limit)
    if not who.may_administer:
        query = query.where(TaskExecution.requested_by == who.id)
    if state is not None:
        query = query.where(TaskExecution.state == state)
    if cursor is not None:
        query = query.where(TaskExecution.id < position_in(cursor, UUID)[0])
    found = (await uow.session.scalars(query)).all()
    return page_of(found, limit, TaskExecutionOut.model_validate)


@member.get("/task-executions/{execution_id}")
async def read_task(execution_id: UUID, who: CurrentMember, uow: Reads) -> TaskExecutionOut:
    """Read how far a task is."""
    return TaskExecutionOut.model_validate(await _task(uow, who, execution_id))


@member.post("/task-executions/{execution_id}/cancel", status_code=202)
async def cancel_task(execution_id: UUID, who: CurrentMember, uow: Writes) -> TaskExecutionOut:
    """Ask a task to end. One that waits ends at once, one that runs within a second or two."""
    task = await _task(uow, who, execution_id, lock=True)
    if task.finished_at is not None:
        raise TaskOver
    task.cancel_requested = True
    if task.state == "queued":
        task.state, task.finished_at = "cancelled", uow.now
    return TaskExecutionOut.model_validate(task)


@admin.get("/admin/events")
async def list_events(
    uow: Reads, state: EventState = "parked", limit: Limit = 50, cursor: str | None = None
) -> Page[EventOut]:
    """List events in the outbox, newest first."""
    query = (
        select(OutboxEvent)
        .where(OutboxEvent.state == state)
        .order_by(OutboxEvent.id.desc())
        .limit(limit)
    )
    if cursor is not None:
        query = query.where(OutboxEvent.id < position_in(cursor, int)[0])
    found = (await uow.session.scalars(query)).all()
    return page_of(found, limit, EventOut.model_validate)


@admin.post("/admin/events/{event_id}/replay")
async def replay_event(event_id: int, who: CurrentMember, uow: Writes) -> EventOut:
    """Deliver a parked event once more. Its handler does nothing twice. Audited."""
    event = await uow.session.get(OutboxEvent, event_id, with_for_update=True)
    if event is None:
        raise EventNotFound
    if event.state != "parked":
        raise EventNotParked
    event.state, event.attempts, event.available_at = "waiting", 0, uow.now
    record(uow, "event_replayed", actor_id=who.id, event_id=event_id, name=event.name)
    await uow.session.flush()
    await uow.session.execute(
        text("SELECT pg_notify('outbox', :reader)"), {"reader": event.handler}
    )
    return EventOut.model_validate(event)


async def _task(
    uow: UnitOfWork, who: Member, execution_id: UUID, *, lock: bool = False
) -> TaskExecution:
    task = await uow.session.get(TaskExecution, execution_id, with_for_update=lock or None)
    if task is None or not (who.may_administer or task.requested_by == who.id):
        raise TaskNotFound
    return task
