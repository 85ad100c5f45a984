"""Queries of tasks, milestones, and of what was done on a day."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy import case, delete, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import distinct_on

from guildhall.goals.errors import TaskNotFound
from guildhall.goals.models import (
    Activity,
    Goal,
    Milestone,
    MilestoneChallenge,
    Task,
    TaskDependency,
    WorkDay,
)
from guildhall.infra.unit_of_work import UnitOfWork

__all__ = [
    "activities_page",
    "challenges_of",
    "dependencies",
    "done_minutes",
    "drop_tasks",
    "forget_dependencies",
    "lock_schedule",
    "milestones_of",
    "next_tasks",
    "note_work",
    "scheduled_minutes",
    "take_xp",
    "task",
    "task_for_update",
    "tasks_of",
    "tasks_on",
    "unfinished",
    "work_days",
]

SCHEDULE_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('schedule:' || :user_id, 0))")

NOTE_WORK = text("""
INSERT INTO work_days (user_id, local_day, planned_minutes, done_minutes)
VALUES (:user_id, :day, :planned, greatest(0, least(:done, 1440)))
ON CONFLICT (user_id, local_day) DO UPDATE SET
    planned_minutes = greatest(work_days.planned_minutes, excluded.planned_minutes),
    done_minutes = greatest(0, least(work_days.done_minutes + :done, 1440))
""")

BEGIN_DAY = text("""
INSERT INTO work_days (user_id, local_day) VALUES (:user_id, :day) ON CONFLICT DO NOTHING
""")

# What was earned before is read under a lock: of two tasks done at the same instant the second
# sees the first.
TAKE_XP = text("""
UPDATE work_days d SET xp = least(before.xp + :worth, :most)
FROM (
    SELECT user_id, local_day, xp FROM work_days
    WHERE user_id = :user_id AND local_day = :day FOR UPDATE
) before
WHERE d.user_id = before.user_id AND d.local_day = before.local_day
RETURNING d.xp - before.xp
""")


async def lock_schedule(uow: UnitOfWork, user_id: UUID) -> None:
    """Let nobody else change which of a member's tasks stand on which day, until the commit."""
    await uow.session.execute(SCHEDULE_LOCK, {"user_id": str(user_id)})


async def task(uow: UnitOfWork, user_id: UUID, task_id: UUID) -> Task:
    """Give a member's task. Raises TaskNotFound."""
    found = await uow.session.get(Task, (user_id, task_id))
    if found is None:
        raise TaskNotFound
    return found


async def task_for_update(uow: UnitOfWork, user_id: UUID, task_id: UUID) -> Task:
    """Give a member's task, locked. Raises TaskNotFound."""
    found = await uow.session.get(
        Task, (user_id, task_id), with_for_update=True, populate_existing=True
    )
    if found is None:
        raise TaskNotFound
    return found


async def tasks_of(uow: UnitOfWork, user_id: UUID, goal_id: UUID) -> Sequence[Task]:
    """Give the tasks of a goal in the order of the plan, dropped ones left out."""
    return (
        await uow.session.scalars(
            select(Task)
            .where(Task.user_id == user_id, Task.goal_id == goal_id, Task.status != "dropped")
            .order_by(Task.position, Task.id)
        )
    ).all()


async def tasks_on(
    uow: UnitOfWork,
    user_id: UUID,
    day: date,
    limit: int,
    after: UUID | None,
    *,
    late_too: bool,
) -> Sequence[Task]:
    """Give the tasks of a day by id; with `late_too` also those that were left before it."""
    of_day = Task.scheduled_on == day
    if late_too:
        # Of a review that was missed nothing is left: its matter asks again by itself.
        missed = (Task.status == "missed") & (Task.kind != "review")
        late = (Task.scheduled_on < day) & ((Task.status == "open") | missed)
        of_day = or_(of_day, late)
    query = (
        select(Task)
        .join(Goal, (Goal.user_id == Task.user_id) & (Goal.id == Task.goal_id))
        .where(
            Task.user_id == user_id,
            Task.status != "dropped",
            # What was given up asks for nothing any more; what was done of it was done.
            (Task.status == "done") | (Goal.status != "abandoned"),
            of_day,
        )
        .order_by(Task.id)
        .limit(limit)
    )
    if after is not None:
        query = query.where(Task.id > after)
    return (await uow.session.scalars(query)).all()


async def next_tasks(
    uow: UnitOfWork, user_id: UUID, goal_ids: Collection[UUID]
) -> dict[UUID, Task]:
    """Give what is to be done next for each of these goals; one that needs nothing is not in it."""
    found = await uow.session.scalars(
        select(Task)
        .join(Goal, (Goal.user_id == Task.user_id) & (Goal.id == Task.goal_id))
        .ext(distinct_on(Task.goal_id))
        .where(
            Task.user_id == user_id,
            Task.goal_id.in_(goal_ids),
            or_(Task.status == "open", (Task.status == "missed") & (Task.kind != "review")),
            Goal.status == "active",
        )
        .order_by(Task.goal_id, Task.scheduled_on.asc().nulls_last(), Task.position, Task.id)
    )
    return {task.goal_id: task for task in found}


async def unfinished(uow: UnitOfWork, user_id: UUID) -> Sequence[tuple[Task, Goal]]:
    """Give what a member still has to do, over all active goals, in the order of the plans.

    Not a review that was missed: its matter asks again by another one.
    """
    rows = await uow.session.execute(
        select(Task, Goal)
        .join(Goal, (Goal.user_id == Task.user_id) & (Goal.id == Task.goal_id))
        .where(
            Task.user_id == user_id,
            or_(Task.status == "open", (Task.status == "missed") & (Task.kind != "review")),
            Goal.status == "active",
        )
        .order_by(Goal.deadline, Task.goal_id, Task.position, Task.id)
    )
    return [(row[0], row[1]) for row in rows]


async def dependencies(
    uow: UnitOfWork, user_id: UUID, task_ids: Collection[UUID]
) -> dict[UUID, set[UUID]]:
    """Give what tasks depend on, done or not; a task that depends on nothing is not in it."""
    rows = await uow.session.execute(
        select(TaskDependency.task_id, TaskDependency.depends_on).where(
            TaskDependency.user_id == user_id, TaskDependency.task_id.in_(task_ids)
        )
    )
    found: dict[UUID, set[UUID]] = defaultdict(set)
    for row in rows:
        found[row.task_id].add(row.depends_on)
    return dict(found)


async def forget_dependencies(uow: UnitOfWork, user_id: UUID, goal_id: UUID) -> None:
    """Forget what the tasks of a goal depend on."""
    of_goal = select(Task.id).where(Task.user_id == user_id, Task.goal_id == goal_id)
    await uow.session.execute(
        delete(TaskDependency).where(
            TaskDependency.user_id == user_id, TaskDependency.task_id.in_(of_goal)
        )
    )


async def drop_tasks(
    uow: UnitOfWork, user_id: UUID, goal_id: UUID, *, but: Collection[UUID] = ()
) -> None:
    """Take out of the plan what is not done, but for some tasks, and reviews of what is."""
    await uow.session.execute(
        update(Task)
        .where(
            Task.user_id == user_id,
            Task.goal_id == goal_id,
            Task.status.in_(("open", "missed")),
            Task.kind != "review",
            Task.id.not_in(but),
        )
        .values(status="dropped", updated_at=uow.now)
    )


async def milestones_of(uow: UnitOfWork, user_id: UUID, goal_id: UUID) -> Sequence[Milestone]:
    """Give the milestones of the plan that holds, in their order."""
    return (
        await uow.session.scalars(
            select(Milestone)
            .where(
                Milestone.user_id == user_id,
                Milestone.goal_id == goal_id,
                Milestone.position >= 0,
            )
            .order_by(Milestone.position, Milestone.id)
        )
    ).all()


async def challenges_of(
    uow: UnitOfWork, user_id: UUID, milestone_ids: Collection[UUID]
) -> dict[UUID, list[UUID]]:
    """Give the challenges that prove milestones; one without is not in it."""
    rows = await uow.session.execute(
        select(MilestoneChallenge.milestone_id, MilestoneChallenge.challenge_id)
        .where(
            MilestoneChallenge.user_id == user_id,
            MilestoneChallenge.milestone_id.in_(milestone_ids),
        )
        .order_by(MilestoneChallenge.challenge_id)
    )
    found: dict[UUID, list[UUID]] = defaultdict(list)
    for row in rows:
        found[row.milestone_id].append(row.challenge_id)
    return dict(found)


async def scheduled_minutes(
    uow: UnitOfWork, user_id: UUID, first: date, last: date, *, but_goal: UUID | None = None
) -> dict[date, int]:
    """Give the minutes that each day holds already, what is done included: on the day it was."""
    # Done ahead of its day, it leaves that day its room.
    day = case((Task.status == "done", Task.done_on), else_=Task.scheduled_on)
    query = (
        select(day, func.sum(Task.minutes))
        .join(Goal, (Goal.user_id == Task.user_id) & (Goal.id == Task.goal_id))
        .where(
            Task.user_id == user_id,
            day.between(first, last),
            # What is done has had its part of the day; what is missed has it no more.
            or_(Task.status == "done", (Task.status == "open") & (Goal.status == "active")),
        )
        .group_by(day)
    )
    if but_goal is not None:
        query = query.where(or_(Task.goal_id != but_goal, Task.status == "done"))
    rows = await uow.session.execute(query)
    return {on: int(minutes) for on, minutes in rows}


async def work_days(uow: UnitOfWork, user_id: UUID, today: date, days: int) -> Sequence[WorkDay]:
    """Give what was planned and done on the days before today."""
    return (
        await uow.session.scalars(
            select(WorkDay)
            .where(
                WorkDay.user_id == user_id,
                WorkDay.local_day < today,
                WorkDay.local_day >= today - timedelta(days=days),
            )
            .order_by(WorkDay.local_day)
        )
    ).all()


async def done_minutes(uow: UnitOfWork, user_id: UUID, day: date) -> int:
    """Give the minutes that were done on a day."""
    return (
        await uow.session.scalar(
            select(WorkDay.done_minutes).where(WorkDay.user_id == user_id, WorkDay.local_day == day)
        )
        or 0
    )


async def note_work(
    uow: UnitOfWork, user_id: UUID, day: date, *, planned: int = 0, done: int = 0
) -> None:
    """Note the most that was planned for a day, and add what was done on it; minutes each.

    What was taken back is added as less than nothing.
    """
    await uow.session.execute(
        NOTE_WORK, {"user_id": user_id, "day": day, "planned": planned, "done": done}
    )


async def take_xp(uow: UnitOfWork, user_id: UUID, day: date, worth: int, most: int) -> int:
    """Take from what a day's tasks may still earn; give how much there was."""
    await uow.session.execute(BEGIN_DAY, {"user_id": user_id, "day": day})
    taken = await uow.session.execute(
        TAKE_XP, {"user_id": user_id, "day": day, "worth": worth, "most": most}
    )
    return int(taken.scalar_one())


async def activities_page(
    uow: UnitOfWork, user_id: UUID, task_id: UUID, limit: int, after: UUID | None
) -> Sequence[Activity]:
    """Give what happened on a task, newest first."""
    query = (
        select(Activity)
        .where(Activity.user_id == user_id, Activity.task_id == task_id)
        .order_by(Activity.id.desc())
        .limit(limit)
    )
    if after is not None:
        query = query.where(Activity.id < after)
    return (await uow.session.scalars(query)).all()
