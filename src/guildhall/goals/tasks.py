"""Background work of goals."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Text, cast, exists, literal, select

from guildhall.goals import answering, calendars, outcomes, planning, repository, rescheduling
from guildhall.goals.conversations import CONVERSE_TASK
from guildhall.goals.models import Goal, Task
from guildhall.goals.schemas import Findings, PlanRequest
from guildhall.goals.service import PLAN_TASK, start_planning
from guildhall.infra.tasks import TaskExecution, TaskRun
from guildhall.infra.views import drop_view

__all__ = ["CONVERSE_TASK", "PLAN_TASK", "close_days", "converse", "plan_goal", "take_up_lost"]

log = structlog.get_logger()

MEMBERS_AT_ONCE = 200
LOST_AFTER = timedelta(minutes=20)
MOST_TIMES_TAKEN_UP = 3
GIVEN_UP = Findings(
    provider="none",
    notes=["The plan could not be made, however often it was tried. Ask for it again later."],
)


async def plan_goal(
    run: TaskRun,
    user_id: str,
    goal_id: str,
    request_id: str,
    wish: str,
    same_tasks: bool,  # arguments of a task come by name
    taken_up: int = 0,
) -> dict[str, Any]:
    """Analyse a goal and propose a plan for it. `taken_up` is for who takes it up once more."""
    return await planning.plan(
        run,
        UUID(user_id),
        UUID(goal_id),
        UUID(request_id),
        wish=wish,
        same_tasks=same_tasks,
    )


async def take_up_lost(run: TaskRun) -> dict[str, Any]:
    """Ask again, in the same words, for plans that somebody waits for and nobody makes any more.

    What was taken up three times is given up, and the goal says so: each try may cost. What only
    waits for its turn is let be: asked for anew, it would wait from the beginning.
    """
    async with run.write() as uow:
        once = literal(f"{PLAN_TASK}:").concat(cast(Goal.planning, Text))
        to_come = exists().where(
            TaskExecution.once == once, TaskExecution.state.in_(("queued", "sent", "running"))
        )
        lost = (
            await uow.session.scalars(
                select(Goal)
                .where(Goal.planning.is_not(None), Goal.updated_at < uow.now - LOST_AFTER, ~to_come)
                .with_for_update(skip_locked=True)
                .limit(MEMBERS_AT_ONCE)
            )
        ).all()
        keys = [f"{PLAN_TASK}:{goal.planning}" for goal in lost]
        rows = await uow.session.execute(
            select(TaskExecution.once, TaskExecution.arguments).where(TaskExecution.once.in_(keys))
        )
        asked = {row.once: row.arguments for row in rows}
        given_up = 0
        for key, goal in zip(keys, lost, strict=True):
            words = asked.get(key, {})
            body = PlanRequest(
                wish=words.get("wish", ""), same_tasks=words.get("same_tasks", False)
            )
            taken_up = words.get("taken_up", 0) + 1
            if taken_up > MOST_TIMES_TAKEN_UP:
                given_up += 1
                goal.planning, goal.updated_at = None, uow.now
                goal.findings = goal.findings or GIVEN_UP.model_dump(mode="json")
                drop_view(uow, goal.user_id)
                log.error("plan_given_up", goal_id=str(goal.id))
                continue
            await start_planning(uow, goal, body, taken_up=taken_up)
        return {"taken_up": len(lost) - given_up, "given_up": given_up}


async def close_days(run: TaskRun) -> dict[str, Any]:
    """Note as missed what was open on days that are over where its member lives, and preview new
    days for it. Who cannot be served does not stop the rest: they are tried again next time."""
    closed = missed = failed = 0
    after = UUID(int=0)
    while True:
        async with run.read() as uow:
            # Nowhere is it later than fourteen hours after UTC.
            latest = (uow.now + timedelta(hours=14)).date()
            user_ids = (
                await uow.session.scalars(
                    select(Task.user_id)
                    .join(Goal, (Goal.user_id == Task.user_id) & (Goal.id == Task.goal_id))
                    .where(
                        Task.status == "open",
                        Task.scheduled_on < latest,
                        Task.user_id > after,
                        Goal.status == "active",
                    )
                    .distinct()
                    .order_by(Task.user_id)
                    .limit(MEMBERS_AT_ONCE)
                )
            ).all()
        for user_id in user_ids:
            try:
                left = await _close_days_of(run, user_id)
            except Exception:
                log.exception("days_not_closed", user_id=str(user_id))
                failed += 1
                continue
            missed += left
            closed += 1 if left else 0
        if len(user_ids) < MEMBERS_AT_ONCE:
            return {"members": closed, "missed": missed, "failed": failed}
        after = user_ids[-1]


async def _close_days_of(run: TaskRun, user_id: UUID) -> int:
    async with run.units.write(member=user_id) as uow:
        room = await calendars.room_of(uow, user_id)
        if room is None:
            return 0
        await repository.lock_schedule(uow, user_id)
        late = [
            (task, goal)
            for task, goal in await repository.unfinished(uow, user_id)
            if task.status == "open"
            and task.scheduled_on is not None
            and task.scheduled_on < room.today
        ]
        planned: dict[Any, int] = {}
        for task, goal in late:
            assert task.scheduled_on is not None
            planned[task.scheduled_on] = planned.get(task.scheduled_on, 0) + task.minutes
            if task.kind == "review":
                task.status = "dropped"  # What it is about is still due, and gets another one.
                continue
            task.status, task.updated_at = "missed", uow.now
            outcomes.note(uow, task, "missed", task.scheduled_on)
            if room.minutes_on(task.scheduled_on) == 0:
                continue  # They were away, or rested: that says nothing about what they can do.
            task.misses += 1
            await outcomes.learn_from(uow, task, goal.domain, finished=False)
        for day, minutes in planned.items():
            done = await repository.done_minutes(uow, user_id, day)
            await repository.note_work(uow, user_id, day, planned=min(done + minutes, 1440))
        if late:
            drop_view(uow, user_id)
    if late:
        await rescheduling.propose(run.units, user_id)
    return len(late)


async def converse(
    run: TaskRun,
    user_id: str,
    conversation_id: str,
    seq: int,
    request_id: str,  # arguments of a task come by name
) -> dict[str, Any]:
    """Answer what a member said in a conversation."""
    return await answering.answer(run, UUID(user_id), UUID(conversation_id), seq, UUID(request_id))
