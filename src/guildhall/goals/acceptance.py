"""Accepting a plan: what was proposed becomes milestones and tasks with days."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from datetime import date
from uuid import UUID

from sqlalchemy import insert, update

from guildhall.goals import calendars, repository
from guildhall.goals.composition import PlanContent
from guildhall.goals.errors import (
    GoalClosed,
    GoalNotFound,
    NothingChosen,
    PlanInTheMaking,
    PlanStale,
)
from guildhall.goals.models import Goal, Milestone, Plan, Task, TaskDependency
from guildhall.goals.schemas import MilestoneOut, PlanAccept, PlanDecline, PlannedTaskOut
from guildhall.infra.unit_of_work import UnitOfWork
from guildhall.infra.views import drop_view
from guildhall.kernel.member import Member

__all__ = ["accept", "decline"]


async def accept(uow: UnitOfWork, who: Member, goal_id: UUID, body: PlanAccept) -> Goal:
    """Make the newest version of a plan the one that holds. Accepting it twice changes nothing.

    Raises PlanStale if it is not the newest, or if its days no longer have the room that it needs.
    """
    await repository.lock_schedule(uow, who.id)
    goal = await repository.goal_for_update(uow, who.id, goal_id)
    plan = await repository.plan(uow, who.id, goal_id, body.version)
    if plan is not None and plan.state == "accepted":
        return goal
    if goal.status in ("completed", "abandoned"):
        raise GoalClosed
    if goal.planning is not None:
        raise PlanInTheMaking
    if plan is None or plan.state != "proposed" or plan.version != goal.last_version:
        raise PlanStale
    content = PlanContent.model_validate(plan.layout)
    standing = {
        task.id: task
        for task in await repository.tasks_of(uow, who.id, goal_id)
        if task.kind != "review"
    }
    # Since this was proposed, more may have been done, which nobody can leave out any more.
    done = {id_ for id_, task in standing.items() if task.status == "done"}
    left_out = _with_followers(content, set(body.leave_out) - done) - done
    to_do = [task for task in _tasks(content) if task.id not in left_out | done]
    if not to_do:
        raise NothingChosen
    await _check_room(uow, goal, to_do)
    await _write(uow, goal, content, standing, left_out)
    await repository.overtake_plans(uow, who.id, goal_id, "accepted")
    _close(plan, "accepted", uow)
    goal.status, goal.updated_at = "active", uow.now
    drop_view(uow, who.id)
    return goal


async def decline(uow: UnitOfWork, who: Member, goal_id: UUID, body: PlanDecline) -> None:
    """Turn a version down. Doing so twice changes nothing; what was accepted cannot be."""
    await repository.goal_for_update(uow, who.id, goal_id)
    plan = await repository.plan(uow, who.id, goal_id, body.version)
    if plan is None or plan.state == "accepted":
        raise PlanStale
    if plan.state == "proposed":
        _close(plan, "overtaken", uow)
        drop_view(uow, who.id)


def _close(plan: Plan, state: str, uow: UnitOfWork) -> None:
    plan.state, plan.decided_at = state, uow.now


def _tasks(content: PlanContent) -> Iterator[PlannedTaskOut]:
    for milestone in content.milestones:
        yield from milestone.tasks


def _with_followers(content: PlanContent, left_out: Collection[UUID]) -> set[UUID]:
    """Give the tasks that are left out and all that depend on them."""
    followers: dict[UUID, list[UUID]] = defaultdict(list)
    for task in _tasks(content):
        for other in task.depends_on:
            followers[other].append(task.id)
    gone, waiting = set[UUID](), list(left_out)
    while waiting:
        if (task_id := waiting.pop()) not in gone:
            gone.add(task_id)
            waiting += followers[task_id]
    return gone


async def _check_room(uow: UnitOfWork, goal: Goal, tasks: list[PlannedTaskOut]) -> None:
    """Refuse a plan whose room another one, the time that has passed, or its owner has taken."""
    room = await calendars.room_of(uow, goal.user_id)
    if room is None:
        raise GoalNotFound
    wanted = defaultdict[date, int](int)
    for task in tasks:
        if task.scheduled_on is not None:
            wanted[task.scheduled_on] += task.minutes
            if not room.today <= task.scheduled_on <= goal.deadline:
                raise PlanStale
    taken = await repository.scheduled_minutes(
        uow, goal.user_id, room.today, goal.deadline, but_goal=goal.id
    )
    free = room.free(room.today, goal.deadline, taken, goal.minutes_per_day)
    if any(minutes > free.get(day, 0) for day, minutes in wanted.items()):
        raise PlanStale


async def _write(
    uow: UnitOfWork,
    goal: Goal,
    content: PlanContent,
    standing: Mapping[UUID, Task],
    left_out: Collection[UUID],
) -> None:
    named = {task.id for task in _tasks(content)}
    lived = {
        task.milestone_id
        for task in standing.values()
        if task.status == "done" and task.id not in named
    }
    milestone_of = await _write_milestones(uow, goal, content, lived)
    kept = set[UUID]()
    new: list[dict[str, object]] = []
    position = 0
    for milestone in content.milestones:
        for task in milestone.tasks:
            if task.id in left_out:
                continue
            position += 1
            kept.add(task.id)
            known = standing.get(task.id)
            if known is None:
                new.append(_new_task(uow, goal, task, milestone_of[milestone.id], position))
            else:
                _renew(uow, known, task, milestone_of[milestone.id], position)
    await uow.session.flush()
    await repository.drop_tasks(uow, goal.user_id, goal.id, but=kept)
    if new:
        await uow.session.execute(insert(Task), new)
    await repository.forget_dependencies(uow, goal.user_id, goal.id)
    depends = [
        {"user_id": goal.user_id, "task_id": task.id, "depends_on": other}
        for task in _tasks(content)
        for other in set(task.depends_on)
        if task.id in kept and other in kept
    ]
    if depends:
        await uow.session.execute(insert(TaskDependency), depends)


async def _write_milestones(
    uow: UnitOfWork, goal: Goal, content: PlanContent, lived: Collection[UUID]
) -> dict[UUID, UUID]:
    """Write the milestones; one that is called as before is the same. Those with something done
    that is not in the plan any more stay in front. Give their ids by those of the content."""
    before = {m.title: m for m in await repository.milestones_of(uow, goal.user_id, goal.id)}
    await uow.session.execute(
        update(Milestone)
        .where(Milestone.user_id == goal.user_id, Milestone.goal_id == goal.id)
        .values(position=-1)
        .execution_options(synchronize_session=False)
    )
    titles = {milestone.title for milestone in content.milestones}
    past = [m for m in before.values() if m.id in lived and m.title not in titles]
    for position, left in enumerate(past):
        await _place(uow, left, position)
    ids = {}
    for position, milestone in enumerate(content.milestones, start=len(past)):
        known = before.pop(milestone.title, None)
        ids[milestone.id] = known.id if known else milestone.id
        if known is None:
            uow.session.add(_new_milestone(goal, milestone, position))
        else:
            words = {"evidence": milestone.evidence, "due_on": milestone.due_on}
            await _place(uow, known, position, **words)
    await uow.session.flush()
    return ids


async def _place(uow: UnitOfWork, known: Milestone, position: int, **words: object) -> None:
    await uow.session.execute(
        update(Milestone)
        .where(Milestone.user_id == known.user_id, Milestone.id == known.id)
        .values(position=position, **words)
    )


def _new_milestone(goal: Goal, milestone: MilestoneOut, position: int) -> Milestone:
    return Milestone(
        user_id=goal.user_id,
        id=milestone.id,
        goal_id=goal.id,
        position=position,
        title=milestone.title,
        evidence=milestone.evidence,
        due_on=milestone.due_on,
    )


def _new_task(
    uow: UnitOfWork, goal: Goal, task: PlannedTaskOut, milestone_id: UUID, position: int
) -> dict[str, object]:
    return {
        "user_id": goal.user_id,
        "id": task.id,
        "goal_id": goal.id,
        "milestone_id": milestone_id,
        "key": task.key,
        "kind": task.kind,
        "position": position,
        "title": task.title,
        "minutes": task.minutes,
        "difficulty": task.difficulty,
        "scheduled_on": task.scheduled_on,
        "created_at": uow.now,
        "updated_at": uow.now,
    }


def _renew(
    uow: UnitOfWork, known: Task, task: PlannedTaskOut, milestone_id: UUID, position: int
) -> None:
    known.milestone_id, known.position, known.updated_at = milestone_id, position, uow.now
    if known.status == "done":
        return
    known.status = "open"
    known.title, known.minutes, known.difficulty = task.title, task.minutes, task.difficulty
    known.kind, known.scheduled_on = task.kind, task.scheduled_on
