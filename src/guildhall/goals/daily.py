"""DynamicTaskGenerator: a day's tasks, from the plans and what is due again, as it has room."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import exists, insert, select
from sqlalchemy.orm import aliased

from guildhall.goals import assessment, calendars, outcomes, recall, repository, selection
from guildhall.goals.calendars import Room
from guildhall.goals.errors import DayPast, GoalNotFound
from guildhall.goals.models import Goal, ReviewCard, Task
from guildhall.goals.reviews import Card
from guildhall.goals.schemas import TodayOut, TodayTaskOut
from guildhall.goals.selection import Candidate, Chosen, Claim, Today
from guildhall.infra.unit_of_work import UnitOfWork, UnitsOfWork
from guildhall.infra.views import drop_view
from guildhall.kernel.ids import new_id
from guildhall.kernel.member import Member
from guildhall.kernel.ratings import Rating

__all__ = ["generate"]

AHEAD_TASKS = 50
"""Of tasks that could be done ahead, so many of the next ones are looked at."""
REVIEW_MINUTES = 5
REVIEW_SHARE_OF_TASK = 4
TRIES = 3
MOST_REVIEWS = 100


@dataclass(frozen=True, slots=True)
class Morning:
    """What a day could hold, as it was when it was asked."""

    day: date
    room: Room
    tasks: Mapping[UUID, tuple[Task, Goal]]
    due: Mapping[UUID, tuple[Task, Goal, Card]]
    """Tasks of which the matter is due again, by their ids."""
    waits_for: Mapping[UUID, frozenset[UUID]]
    ability: Rating
    done_minutes: int

    @property
    def capacity_minutes(self) -> int:
        """Give what the day holds: what days like it have shown, or else the shortest next task.

        Who was away for long would otherwise find day after day empty, and could never show more.
        """
        usual = self.room.minutes_on(self.day)
        return max(usual, self._shortest) if usual else 0

    @property
    def capacity_reason(self) -> str:
        reason = self.room.reason_for(self.day)
        if self.capacity_minutes == self.room.minutes_on(self.day):
            return reason
        return f"{reason} Your next task takes {self._shortest}: there is room for that."

    @property
    def minutes(self) -> int:
        """Give what is left of the day for what is not done yet."""
        return max(0, self.capacity_minutes - self.done_minutes)

    @property
    def _shortest(self) -> int:
        """Give the minutes of the shortest task that can be begun, if a day was ever meant to hold
        it."""
        ready = [one.minutes for one in self.candidates() if one.card is None and not one.waits_for]
        shortest = min(ready, default=0)
        return shortest if shortest <= self.room.days.capacity_minutes else 0

    def candidates(self) -> list[Candidate]:
        found = [
            Candidate(
                key=str(task.id),
                minutes=_minutes_left(task),
                difficulty=task.difficulty,
                planned_on=task.scheduled_on,
                due_on=goal.deadline,
                waits_for=frozenset(str(other) for other in self.waits_for.get(task.id, ())),
            )
            for task, goal in self.tasks.values()
            if task.review_of is None
        ]
        found += [
            Candidate(key=str(task.id), minutes=_review_minutes(task), card=card)
            for task, _, card in self.due.values()
        ]
        return found


async def generate(units: UnitsOfWork, who: Member, day: date | None) -> TodayOut:
    """Choose a day's tasks and put them on that day.

    What is chosen ahead of its day moves there; what is due again gets a task of its own. Asked
    again, it chooses again from what is not done.
    """
    for _ in range(TRIES):
        morning = await _look(units, who, day)
        chosen = await asyncio.to_thread(
            selection.today,
            morning.candidates(),
            morning.minutes,
            morning.day,
            morning.ability,
        )
        async with units.write(member=who.id) as uow:
            await repository.lock_schedule(uow, who.id)
            if await _still_so(uow, who.id, morning):
                return await _put_down(uow, who, morning, chosen)
    # They go on working while we choose: what stands now is as good an answer.
    async with units.write(member=who.id) as uow:
        await repository.lock_schedule(uow, who.id)
        return await _put_down(uow, who, morning, chosen)


async def _look(units: UnitsOfWork, who: Member, day: date | None) -> Morning:
    async with units.read(member=who.id, one_snapshot=True) as uow:
        room = await calendars.room_of(uow, who.id)
        if room is None:
            raise GoalNotFound
        day = room.today if day is None else day
        if day < room.today:
            raise DayPast
        unfinished = await repository.unfinished(uow, who.id)
        # What is planned for the days before a later one will be done on those.
        before = {task.id for task, _ in unfinished if _is_between(task, room.today, day)}
        unfinished = [
            (task, goal)
            for task, goal in unfinished
            if task.id not in before and not room.today <= goal.deadline < day
        ]
        # What waits for something that was given up waits on, though that is not asked for.
        open_ids = {task.id for task, _ in unfinished}
        unfinished = [pair for pair in unfinished if not _is_given_up(pair[0], day)]
        ahead = [pair for pair in unfinished if not _asks_for(pair[0], day)][:AHEAD_TASKS]
        tasks = {
            task.id: (task, goal)
            for task, goal in [*(pair for pair in unfinished if _asks_for(pair[0], day)), *ahead]
        }
        waits_for = await _open_dependencies(uow, who.id, open_ids)
        domains = [goal.domain for _, goal in tasks.values()]
        usual = max(set(domains), key=domains.count) if domains else None
        return Morning(
            day,
            room,
            tasks,
            await _due(uow, who.id, room.today, day),
            waits_for,
            await assessment.ability_in(uow, who.id, usual),
            (await repository.done_minutes(uow, who.id, day)),
        )


def _is_between(task: Task, today: date, day: date) -> bool:
    return task.scheduled_on is not None and today <= task.scheduled_on < day


def _is_given_up(task: Task, day: date) -> bool:
    """Tell whether its owner has said already that it will not be done on its day."""
    return task.status == "missed" and task.scheduled_on is not None and task.scheduled_on >= day


def _asks_for(task: Task, day: date) -> bool:
    return task.scheduled_on is not None and task.scheduled_on <= day


async def _open_dependencies(
    uow: UnitOfWork, user_id: UUID, open_ids: set[UUID]
) -> dict[UUID, frozenset[UUID]]:
    return {
        task_id: frozenset(others & open_ids)
        for task_id, others in (await repository.dependencies(uow, user_id, open_ids)).items()
    }


async def _due(
    uow: UnitOfWork, user_id: UUID, today: date, day: date
) -> dict[UUID, tuple[Task, Goal, Card]]:
    review = aliased(Task)
    rows = await uow.session.execute(
        select(Task, Goal, ReviewCard)
        .join(ReviewCard, (ReviewCard.user_id == Task.user_id) & (ReviewCard.task_id == Task.id))
        .join(Goal, (Goal.user_id == Task.user_id) & (Goal.id == Task.goal_id))
        .where(
            ReviewCard.user_id == user_id,
            ReviewCard.due_day <= day,
            Goal.status == "active",
            Task.status == "done",
            ~exists().where(
                review.user_id == user_id,
                review.review_of == Task.id,
                review.status == "open",
                review.scheduled_on >= today,
                review.scheduled_on < day,
            ),
        )
        .order_by(ReviewCard.due_day, Task.id)
        .limit(MOST_REVIEWS)
    )
    return {task.id: (task, goal, recall.card_of(known)) for task, goal, known in rows}


async def _still_so(uow: UnitOfWork, user_id: UUID, morning: Morning) -> bool:
    """Tell whether the tasks that were chosen from are as they were."""
    now = {task.id: task for task, _ in await repository.unfinished(uow, user_id)}
    due = await _due(uow, user_id, morning.room.today, morning.day)
    done = await repository.done_minutes(uow, user_id, morning.day)
    if due.keys() != morning.due.keys() or done != morning.done_minutes:
        return False
    return all(
        id_ in now
        and now[id_].scheduled_on == task.scheduled_on
        and now[id_].spent_minutes == task.spent_minutes
        for id_, (task, _) in morning.tasks.items()
    )


async def _put_down(uow: UnitOfWork, who: Member, morning: Morning, today: Today) -> TodayOut:
    now = {task.id: task for task, _ in await repository.unfinished(uow, who.id)}
    due = await _due(uow, who.id, morning.room.today, morning.day)
    reviews = {
        task.review_of: task
        for task in now.values()
        if task.review_of is not None and task.status == "open"
    }
    items = []
    for chosen in today.chosen:
        id_ = UUID(chosen.key)
        if id_ in due:
            review = reviews.get(id_) or await _open_review(uow, morning, id_)
            if review.scheduled_on != morning.day:
                review.scheduled_on = morning.day
            items.append(_shown(review, morning.due[id_][1], chosen))
        elif id_ in now:
            task = now[id_]
            if task.scheduled_on != morning.day:
                task.scheduled_on, task.updated_at = morning.day, uow.now
                task.status = "open"
                outcomes.note(uow, task, "moved", morning.room.today)
            items.append(_shown(task, morning.tasks[id_][1], chosen))
    await uow.session.flush()
    if morning.day == morning.room.today:  # Until a later day comes, its plan may well change.
        planned = morning.done_minutes + sum(item.minutes for item in items)
        await repository.note_work(uow, who.id, morning.day, planned=min(planned, 1440))
    drop_view(uow, who.id)
    return TodayOut(
        date=morning.day,
        capacity_minutes=morning.capacity_minutes,
        capacity_reason=morning.capacity_reason,
        items=items,
        left_out=[
            _shown(*morning.tasks[UUID(left.key)], left)
            if UUID(left.key) in morning.tasks
            else _shown(*morning.due[UUID(left.key)][:2], left)
            for left in today.left
            if left.claim is not Claim.NEXT
        ],
    )


async def _open_review(uow: UnitOfWork, morning: Morning, of_id: UUID) -> Task:
    """Give a task for what is due again, a new one: there is at most one open."""
    of, _, _ = morning.due[of_id]
    id_ = new_id()
    values = {
        "user_id": of.user_id,
        "id": id_,
        "goal_id": of.goal_id,
        "milestone_id": of.milestone_id,
        "key": f"{of.key}@{morning.day}",
        "kind": "review",
        "review_of": of.id,
        "position": of.position,
        "title": of.title,
        "minutes": _review_minutes(of),
        "difficulty": of.difficulty,
        "scheduled_on": morning.day,
        "created_at": uow.now,
        "updated_at": uow.now,
    }
    await uow.session.execute(insert(Task), [values])
    return await repository.task(uow, of.user_id, id_)


def _minutes_left(task: Task) -> int:
    """Give what a task still takes: what was begun is shorter, by what its owner says of it."""
    return max(1, task.minutes - task.minutes * task.percent // 100)


def _review_minutes(task: Task) -> int:
    return min(task.minutes, max(REVIEW_MINUTES, task.minutes // REVIEW_SHARE_OF_TASK))


def _shown(task: Task, goal: Goal, chosen: Chosen) -> TodayTaskOut:
    return TodayTaskOut(
        id=task.id,
        goal_id=goal.id,
        title=task.title,
        minutes=chosen.minutes,
        difficulty=task.difficulty,
        due_on=goal.deadline,
        reason=chosen.reason,
    )
