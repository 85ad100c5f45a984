"""AdaptiveScheduler: new days for what was missed, over all goals, within what a day really holds.

Every member's preview waits for their answer; nothing is moved without it.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import select, update

from guildhall.goals import calendars, outcomes, repository
from guildhall.goals.calendars import Room
from guildhall.goals.composition import REASONS, WEIGHT_MINUTES
from guildhall.goals.errors import GoalNotFound, ReschedulingNotFound, ReschedulingStale
from guildhall.goals.models import Goal, Rescheduling, Task
from guildhall.goals.scheduling import Calendar, Placement, Work, place
from guildhall.goals.schemas import MoveOut, ReschedulingOut, UnplacedOut
from guildhall.infra.unit_of_work import UnitOfWork, UnitsOfWork
from guildhall.infra.views import drop_view
from guildhall.kernel.ids import new_id

__all__ = ["accept", "current", "propose", "shown"]


class Dayless(UnplacedOut):
    """What finds no day, and where it stood."""

    was_on: date | None = None


class Content(BaseModel):
    """A rescheduling as it is stored."""

    moves: list[MoveOut]
    unplaced: list[Dayless]
    optimal: bool


@dataclass(frozen=True, slots=True)
class Agenda:
    """What a member still has to do, and the days for it."""

    room: Room
    tasks: Sequence[tuple[Task, Goal]]
    waits_for: Mapping[UUID, frozenset[UUID]]
    taken: Mapping[date, int]
    """Minutes of each day that are done already, or reviews."""

    def placed(self) -> Placement:
        """Find days for all of it. Works for up to two seconds: not for the event loop."""
        work = [
            Work(
                key=str(task.id),
                minutes=task.minutes,
                latest=goal.deadline,
                earliest=self._not_before(task),
                depends_on=frozenset(str(other) for other in self.waits_for.get(task.id, ())),
                weight=max(1, task.minutes // WEIGHT_MINUTES),
                was_on=self._stands_on(task),
            )
            for task, goal in self.tasks
        ]
        if not work:
            return Placement({}, {}, optimal=True)
        last = max(goal.deadline for _, goal in self.tasks)
        return place(work, Calendar(self.room.free(self.room.today, last, self.taken)))

    def _not_before(self, task: Task) -> date | None:
        """Give the day after a day of which its owner has said already that it is missed."""
        on = task.scheduled_on
        if task.status != "missed" or on is None or on < self.room.today:
            return None
        return on + timedelta(days=1)

    def _stands_on(self, task: Task) -> date | None:
        missed = task.status == "missed" or task.scheduled_on is None
        past = task.scheduled_on is not None and task.scheduled_on < self.room.today
        return None if missed or past else task.scheduled_on


async def propose(units: UnitsOfWork, user_id: UUID) -> Rescheduling | None:
    """Preview new days for what was missed or has no day; what stands in time stays where it can.

    Takes the place of an earlier preview. None if everything may stay as it is.
    """
    async with units.read(member=user_id, one_snapshot=True) as uow:
        agenda = await _agenda(uow, user_id)
    placement = await asyncio.to_thread(agenda.placed)
    content = _content(agenda, placement)
    async with units.write(member=user_id) as uow:
        await repository.lock_schedule(uow, user_id)
        await _overtake(uow, user_id)
        drop_view(uow, user_id)
        if not content.moves and not content.unplaced:
            return None
        proposed = Rescheduling(
            user_id=user_id,
            id=new_id(),
            state="proposed",
            layout=content.model_dump(mode="json"),
            created_at=uow.now,
        )
        uow.session.add(proposed)
        return proposed


async def accept(uow: UnitOfWork, user_id: UUID, rescheduling_id: UUID) -> Rescheduling:
    """Move tasks as a preview said. Raises ReschedulingStale if one has changed since."""
    await repository.lock_schedule(uow, user_id)
    found = await uow.session.get(Rescheduling, (user_id, rescheduling_id), with_for_update=True)
    if found is None:
        raise ReschedulingNotFound
    if found.state == "overtaken":
        raise ReschedulingStale
    if found.state == "accepted":
        return found
    room = await calendars.room_of(uow, user_id)
    if room is None:
        raise GoalNotFound
    unfinished = {task.id: (task, goal) for task, goal in await repository.unfinished(uow, user_id)}
    content = Content.model_validate(found.layout)
    for move in content.moves:
        task, goal = unfinished.get(move.task_id, (None, None))
        if task is None or goal is None or task.scheduled_on != move.was_on:
            raise ReschedulingStale
        if not room.today <= move.moves_to <= goal.deadline:
            raise ReschedulingStale
        task.scheduled_on, task.status, task.updated_at = move.moves_to, "open", uow.now
        outcomes.note(uow, task, "moved", room.today)
    for unplaced in content.unplaced:
        task, _ = unfinished.get(unplaced.id, (None, None))
        if task is None or task.scheduled_on != unplaced.was_on:
            raise ReschedulingStale
        # What has no day says so, rather than stand on one that has no room for it.
        if task.scheduled_on is not None:
            task.scheduled_on, task.status, task.updated_at = None, "open", uow.now
            outcomes.note(uow, task, "moved", room.today)
    await _check_room(uow, user_id, room, content)
    await _check_order(uow, user_id, {move.task_id for move in content.moves})
    found.state, found.decided_at = "accepted", uow.now
    drop_view(uow, user_id)
    return found


async def current(uow: UnitOfWork, user_id: UUID) -> Rescheduling | None:
    """Give the preview that waits for an answer."""
    return await uow.session.scalar(
        select(Rescheduling).where(
            Rescheduling.user_id == user_id, Rescheduling.state == "proposed"
        )
    )


def shown(rescheduling: Rescheduling) -> ReschedulingOut:
    """Give a preview as it travels."""
    content = Content.model_validate(rescheduling.layout)
    return ReschedulingOut(
        id=rescheduling.id,
        state=rescheduling.state,
        moves=content.moves,
        unplaced=[UnplacedOut.model_validate(one.model_dump()) for one in content.unplaced],
        optimal=content.optimal,
        created_at=rescheduling.created_at,
    )


async def _check_room(uow: UnitOfWork, user_id: UUID, room: Room, content: Content) -> None:
    """Refuse moves onto days whose room another plan has taken since."""
    days = {move.moves_to for move in content.moves}
    if not days:
        return
    wanted = await _spoken_for(uow, user_id, room.today)
    for task, _ in await repository.unfinished(uow, user_id):
        counts = task.status == "open" and task.kind != "review"
        if counts and task.scheduled_on in days:
            wanted[task.scheduled_on] += task.minutes
    if any(wanted[day] > room.minutes_on(day) for day in days):
        raise ReschedulingStale


async def _check_order(uow: UnitOfWork, user_id: UUID, moved: Set[UUID]) -> None:
    """Refuse moves past what was moved by hand since, and has to come before or after."""
    days = {task.id: task.scheduled_on for task, _ in await repository.unfinished(uow, user_id)}
    for task_id, others in (await repository.dependencies(uow, user_id, set(days))).items():
        for other in others & days.keys():
            day, before = days[task_id], days[other]
            if moved & {task_id, other} and day and (before is None or before > day):
                raise ReschedulingStale


async def _spoken_for(uow: UnitOfWork, user_id: UUID, today: date) -> defaultdict[date, int]:
    """Give the minutes of days that nothing can be moved to: done already, or for reviews."""
    taken = defaultdict[date, int](int)
    taken[today] = await repository.done_minutes(uow, user_id, today)
    for task, _ in await repository.unfinished(uow, user_id):
        if task.kind == "review" and task.status == "open" and task.scheduled_on is not None:
            taken[task.scheduled_on] += task.minutes
    return taken


async def _agenda(uow: UnitOfWork, user_id: UUID) -> Agenda:
    room = await calendars.room_of(uow, user_id)
    if room is None:
        raise GoalNotFound
    tasks = [
        (task, goal)
        for task, goal in await repository.unfinished(uow, user_id)
        if task.kind != "review"
    ]
    open_ids = {task.id for task, _ in tasks}
    return Agenda(
        room,
        tasks,
        {
            task_id: frozenset(others & open_ids)
            for task_id, others in (await repository.dependencies(uow, user_id, open_ids)).items()
        },
        await _spoken_for(uow, user_id, room.today),
    )


def _content(agenda: Agenda, placement: Placement) -> Content:
    by_key = {str(task.id): task for task, _ in agenda.tasks}
    return Content(
        moves=[
            MoveOut(
                task_id=by_key[key].id,
                title=by_key[key].title,
                was_on=by_key[key].scheduled_on,
                moves_to=day,
            )
            for key, day in placement.days.items()
            if by_key[key].scheduled_on != day
        ],
        unplaced=[
            Dayless(
                id=by_key[key].id,
                title=by_key[key].title,
                minutes=by_key[key].minutes,
                why=REASONS[why],
                was_on=by_key[key].scheduled_on,
            )
            for key, why in placement.unplaced.items()
        ],
        optimal=placement.optimal,
    )


async def _overtake(uow: UnitOfWork, user_id: UUID) -> None:
    await uow.session.execute(
        update(Rescheduling)
        .where(Rescheduling.user_id == user_id, Rescheduling.state == "proposed")
        .values(state="overtaken", decided_at=uow.now)
    )
