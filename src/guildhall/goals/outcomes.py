"""What becomes of tasks: done, missed, taken up again; and what follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import exists, select, update
from sqlalchemy.dialects.postgresql import insert

from guildhall.goals import ability, recall, repository, rules
from guildhall.goals.assessment import NO_DOMAIN
from guildhall.goals.errors import (
    DayBeyondDeadline,
    DayPast,
    GoalClosed,
    TaskClosed,
    TooManyGoals,
)
from guildhall.goals.events import GoalCompleted, TaskCompleted
from guildhall.goals.models import Activity, Goal, Task, TaskAbility
from guildhall.goals.schemas import ActivityIn
from guildhall.infra.unit_of_work import UnitOfWork
from guildhall.infra.views import drop_view
from guildhall.kernel.ids import new_id
from guildhall.kernel.member import Member
from guildhall.kernel.ratings import NEWCOMER, Rating

__all__ = ["Outcome", "add_activity", "learn_from", "note", "settle"]

WHOLE_PERCENT = 100


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a member says about a task; None is left as it is."""

    status: str | None = None
    minutes: int | None = None
    """Minutes spent, to be added."""
    percent: int | None = None
    passed: bool = True
    scheduled_on: date | None = None


async def settle(uow: UnitOfWork, who: Member, task_id: UUID, outcome: Outcome) -> Task:
    """Note what became of a task. Emits TaskCompleted the first time that it is done, and
    GoalCompleted with the last one of a plan. Saying the same twice changes nothing."""
    # Whoever changes tasks takes this first, and the goal before its tasks: of two that are done at
    # the same instant one is the last, and nobody waits for somebody who waits for them.
    await repository.lock_schedule(uow, who.id)
    goal_id = (await repository.task(uow, who.id, task_id)).goal_id
    goal = await repository.goal_for_update(uow, who.id, goal_id)
    task = await repository.task_for_update(uow, who.id, task_id)
    if task.status == "dropped":
        raise TaskClosed
    wanted = outcome.status or ("done" if outcome.percent == WHOLE_PERCENT else None)
    if goal.status == "completed" and wanted == task.status == "done" and not outcome.minutes:
        return task  # The last task of a plan is said to be done twice, too.
    reopens = wanted == "open" and task.status != "open"
    if goal.status != "active" and not (goal.status == "completed" and reopens):
        raise GoalClosed
    today = who.local_day(uow.now)
    if reopens:
        await _reopen(uow, goal, task, today)
    if outcome.scheduled_on is not None and task.status != "done":
        _move(uow, goal, task, outcome.scheduled_on, today)
    if task.status != "done" and outcome.percent is not None:
        task.percent = outcome.percent
        note(uow, task, "worked", today, minutes=outcome.minutes or None, percent=outcome.percent)
    elif outcome.minutes:
        note(uow, task, "worked", today, minutes=outcome.minutes)
    await _spend(uow, task, today, outcome.minutes or 0)
    if wanted == "done" and task.status != "done":
        await _done(uow, goal, task, today, passed=outcome.passed)
    elif wanted == "missed" and task.status != "missed":
        if task.status == "done":
            await _undone(uow, goal, task, today)
        await _missed(uow, goal, task, today)
    task.updated_at = uow.now
    drop_view(uow, who.id)
    return task


async def add_activity(uow: UnitOfWork, who: Member, task_id: UUID, body: ActivityIn) -> Activity:
    """Write down work on a task, or a word about it. A goal that is closed takes words too."""
    await repository.lock_schedule(uow, who.id)
    task = await repository.task_for_update(uow, who.id, task_id)
    if task.status == "dropped":
        raise TaskClosed
    today = who.local_day(uow.now)
    task.updated_at = uow.now
    await _spend(uow, task, today, body.minutes or 0)
    drop_view(uow, who.id)
    kind = "worked" if body.minutes else "noted"
    return note(uow, task, kind, today, minutes=body.minutes, text=body.note)


def note(
    uow: UnitOfWork,
    task: Task,
    kind: str,
    day: date,
    *,
    minutes: int | None = None,
    percent: int | None = None,
    text: str | None = None,
) -> Activity:
    """Write down that something happened on a task."""
    activity = Activity(
        user_id=task.user_id,
        id=new_id(),
        task_id=task.id,
        kind=kind,
        minutes=minutes,
        percent=percent,
        note=text,
        occurred_at=uow.now,
        local_day=day,
    )
    uow.session.add(activity)
    return activity


async def learn_from(uow: UnitOfWork, task: Task, domain: str | None, *, finished: bool) -> None:
    """Let the first outcome of a task tell something about the member's ability."""
    if task.first_outcome is not None or task.kind == "review":
        return
    task.first_outcome = "done" if finished else "missed"
    key = (task.user_id, domain or NO_DOMAIN)
    await uow.session.execute(
        insert(TaskAbility)
        .values(user_id=key[0], domain=key[1], rating=NEWCOMER.rating, deviation=NEWCOMER.deviation)
        .on_conflict_do_nothing()
    )
    known = await uow.session.get_one(
        TaskAbility, key, with_for_update=True, populate_existing=True
    )
    learnt = ability.updated(
        Rating(known.rating, known.deviation, known.games), task.difficulty, finished
    )
    known.rating, known.deviation, known.games = learnt.rating, learnt.deviation, learnt.games


def _move(uow: UnitOfWork, goal: Goal, task: Task, day: date, today: date) -> None:
    if day < today:
        raise DayPast
    # What is late already can still be done today.
    if day > max(goal.deadline, today):
        raise DayBeyondDeadline
    if day != task.scheduled_on:
        task.scheduled_on = day
        task.status = "open"
        note(uow, task, "moved", today)


async def _spend(uow: UnitOfWork, task: Task, today: date, minutes: int) -> None:
    if not minutes:
        return
    await _forget_guess(uow, task)
    task.spent_minutes += minutes
    await repository.note_work(uow, task.user_id, today, done=minutes)


async def _forget_guess(uow: UnitOfWork, task: Task) -> None:
    """Take back the minutes that a task was taken to have needed, for want of any other word."""
    if task.status == "done" and task.spent_minutes == 0 and task.done_on is not None:
        await repository.note_work(uow, task.user_id, task.done_on, done=-task.minutes)


async def _reopen(uow: UnitOfWork, goal: Goal, task: Task, today: date) -> None:
    if task.review_of is not None and await _review_is_open(uow, task.user_id, task.review_of):
        raise TaskClosed
    if task.status == "done":
        await _undone(uow, goal, task, today)
    else:
        task.status = "open"
    if task.scheduled_on is not None and task.scheduled_on < today:
        task.scheduled_on = today  # On a day that is over it would be missed again at once.
    note(uow, task, "reopened", today)


async def _review_is_open(uow: UnitOfWork, user_id: UUID, of_id: UUID) -> bool:
    """Tell whether the same matter asks again already: once at a time is enough."""
    of_matter = exists().where(
        Task.user_id == user_id, Task.review_of == of_id, Task.status == "open"
    )
    return bool(await uow.session.scalar(select(of_matter)))


async def _done(uow: UnitOfWork, goal: Goal, task: Task, today: date, *, passed: bool) -> None:
    task.status, task.percent = "done", 100
    task.done_at, task.done_on = uow.now, today
    note(uow, task, "done", today)
    # Who never said how long it took is taken to have needed what was planned.
    if task.spent_minutes == 0:
        await repository.note_work(uow, task.user_id, today, done=task.minutes)
    await learn_from(uow, task, goal.domain, finished=True)
    if task.kind == "practise":
        await recall.review(uow, task.user_id, task.id, today, passed=True)
    elif task.kind == "review" and task.review_of is not None:
        await recall.review(uow, task.user_id, task.review_of, today, passed=passed)
    if task.xp is None:
        worth = rules.xp_for_task(task.kind, task.difficulty)
        task.xp = await repository.take_xp(uow, task.user_id, today, worth, rules.MOST_XP_A_DAY)
        uow.emit(
            TaskCompleted(
                subject_id=task.user_id,
                occurred_at=uow.now,
                local_day=today,
                cause_id=task.id,
                goal_id=goal.id,
                xp=task.xp,
                domain=goal.domain,
            )
        )
    await _complete(uow, goal, today)


async def _undone(uow: UnitOfWork, goal: Goal, task: Task, today: date) -> None:
    await _forget_guess(uow, task)
    task.status, task.percent, task.done_at, task.done_on = "open", 0, None, None
    if goal.status == "completed":
        if await repository.active_goals(uow, task.user_id) >= rules.MOST_GOALS:
            raise TooManyGoals
        goal.status = "active"


async def _missed(uow: UnitOfWork, goal: Goal, task: Task, today: date) -> None:
    task.status = "missed"
    task.misses += 1
    note(uow, task, "missed", today)
    await learn_from(uow, task, goal.domain, finished=False)


async def _complete(uow: UnitOfWork, goal: Goal, today: date) -> None:
    """Complete a goal of whose plan nothing is left. That is worked out, never said."""
    await uow.session.flush()
    left = exists().where(
        Task.user_id == goal.user_id,
        Task.goal_id == goal.id,
        Task.kind != "review",
        Task.status.in_(("open", "missed")),
    )
    if await uow.session.scalar(select(left)):
        return
    first = goal.completed_at is None
    goal.status, goal.planning = "completed", None  # Nobody needs a plan any more.
    await uow.session.execute(
        update(Task)
        .where(
            Task.user_id == goal.user_id,
            Task.goal_id == goal.id,
            Task.status.in_(("open", "missed")),
        )
        .values(status="dropped", updated_at=uow.now)
    )
    if not first:  # Who takes up a task of a goal they had reached does not reach it twice.
        return
    goal.completed_at = uow.now
    uow.emit(
        GoalCompleted(
            subject_id=goal.user_id,
            occurred_at=uow.now,
            local_day=today,
            goal_id=goal.id,
            domain=goal.domain,
        )
    )
