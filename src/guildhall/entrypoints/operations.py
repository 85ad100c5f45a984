"""HTTP of operations: tasks and events, as members and admins may see them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Query, Request
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import or_, select, text

from guildhall.identity import record
from guildhall.infra.http import CurrentMember, Reads, Writes, access_routers, hall_of
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
    requested_by: UUID | None


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


class HandlerOfEvents(BaseModel):
    model_config = ConfigDict(extra="forbid")

    handler: Annotated[str, Field(min_length=1, max_length=200)]


class Replayed(BaseModel):
    replayed: int


class Overview(BaseModel):
    """How a hall is, in numbers."""

    members_active: int
    members_suspended: int
    reviews_waiting: int
    tasks_waiting: int
    tasks_running: int
    tasks_failed: int = Field(description="In the last 24 hours.")
    events_waiting: int
    events_parked: int


@member.get("/task-executions")
async def list_tasks(
    who: CurrentMember,
    uow: Reads,
    request: Request,
    limit: Limit = 20,
    cursor: str | None = None,
    state: TaskState | None = None,
    routine: Annotated[
        bool, Query(description="Also those that the clock starts, even if they did not fail.")
    ] = True,
) -> Page[TaskExecutionOut]:
    """List background tasks, newest first: one's own, or for an admin all."""
    query = select(TaskExecution).order_by(TaskExecution.id.desc()).limit(limit)
    if not who.may_administer:
        query = query.where(TaskExecution.requested_by == who.id)
    if state is not None:
        query = query.where(TaskExecution.state == state)
    if not routine:
        by_the_clock = [task.name for task in hall_of(request).wiring.tasks if task.every]
        query = query.where(
            or_(TaskExecution.name.not_in(by_the_clock), TaskExecution.state == "failed")
        )
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


# One count for each state of events: it has an index of its own, and what is done is much more.
OVERVIEW = text("""
SELECT (SELECT count(*) FROM users WHERE status = 'active') AS members_active,
       (SELECT count(*) FROM users WHERE status = 'suspended') AS members_suspended,
       (SELECT count(*) FROM attempts a JOIN challenges c ON c.id = a.challenge_id
        WHERE a.status = 'submitted' AND c.grader->>'type' = 'review') AS reviews_waiting,
       (SELECT count(*) FROM task_executions WHERE state = 'queued') AS tasks_waiting,
       (SELECT count(*) FROM task_executions WHERE state IN ('sent', 'running')) AS tasks_running,
       (SELECT count(*) FROM task_executions WHERE state = 'failed' AND finished_at > :since)
           AS tasks_failed,
       (SELECT count(*) FROM outbox_events WHERE state = 'waiting')
           + (SELECT count(*) FROM outbox_events WHERE state = 'claimed') AS events_waiting,
       (SELECT count(*) FROM outbox_events WHERE state = 'parked') AS events_parked
""")
LATELY = timedelta(days=1)


@admin.get("/admin/overview")
async def overview(uow: Reads) -> Overview:
    """Count members, and what waits, runs, or went wrong."""
    row = (await uow.session.execute(OVERVIEW, {"since": uow.now - LATELY})).one()
    return Overview(**row._asdict())


@admin.get("/admin/events")
async def list_events(
    uow: Reads,
    state: EventState = "parked",
    handler: Annotated[str | None, Query(max_length=200)] = None,
    limit: Limit = 50,
    cursor: str | None = None,
) -> Page[EventOut]:
    """List events in the outbox, newest first."""
    query = (
        select(OutboxEvent)
        .where(OutboxEvent.state == state)
        .order_by(OutboxEvent.id.desc())
        .limit(limit)
    )
    if handler is not None:
        query = query.where(OutboxEvent.handler == handler)
    if cursor is not None:
        query = query.where(OutboxEvent.id < position_in(cursor, int)[0])
    found = (await uow.session.scalars(query)).all()
    return page_of(found, limit, EventOut.model_validate)


@admin.get("/admin/events/{event_id}")
async def read_event(event_id: int, uow: Reads) -> EventOut:
    """Read an event in the outbox, and how its delivery stands."""
    event = await uow.session.get(OutboxEvent, event_id)
    if event is None:
        raise EventNotFound
    return EventOut.model_validate(event)


@admin.post("/admin/events/replay")
async def replay_events(body: HandlerOfEvents, who: CurrentMember, uow: Writes) -> Replayed:
    """Deliver all parked events of one handler once more. Audited."""
    replayed: int = (
        await uow.session.execute(REPLAY, {"handler": body.handler, "now": uow.now})
    ).scalar_one()
    if replayed:
        record(uow, "events_replayed", actor_id=who.id, handler=body.handler, events=replayed)
        await _ring(uow, body.handler)
    return Replayed(replayed=replayed)


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
    await _ring(uow, event.handler)
    return EventOut.model_validate(event)


REPLAY = text("""
WITH replayed AS (
    UPDATE outbox_events SET state = 'waiting', attempts = 0, available_at = :now
    WHERE state = 'parked' AND handler = :handler
    RETURNING 1
)
SELECT count(*) FROM replayed
""")


async def _ring(uow: UnitOfWork, handler: str) -> None:
    await uow.session.execute(text("SELECT pg_notify('outbox', :reader)"), {"reader": handler})


async def _task(
    uow: UnitOfWork, who: Member, execution_id: UUID, *, lock: bool = False
) -> TaskExecution:
    task = await uow.session.get(TaskExecution, execution_id, with_for_update=lock or None)
    if task is None or not (who.may_administer or task.requested_by == who.id):
        raise TaskNotFound
    return task
