"""How much room a member's days have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from guildhall import identity, progression
from guildhall.goals import capacity, repository, rules
from guildhall.goals.capacity import Capacity, DayRecord
from guildhall.infra.unit_of_work import UnitOfWork

__all__ = ["Room", "room_of"]

LEARNT_FROM_DAYS = 180


@dataclass(frozen=True, slots=True)
class Room:
    """The days of a member: what each weekday holds, what is taken, and what is off."""

    days: identity.Days
    today: date
    by_weekday: Mapping[int, Capacity]
    away: frozenset[date]

    def minutes_on(self, day: date) -> int:
        """Give what may be planned for a day, before what is on it already."""
        if day in self.away or day.weekday() in self.days.rest_days:
            return 0
        return self.by_weekday[day.weekday()].plannable_minutes

    def reason_for(self, day: date) -> str:
        """Give a sentence on why a day holds what it holds."""
        if day in self.away:
            return "You are away on this day."
        if day.weekday() in self.days.rest_days:
            return "This is one of your rest days."
        return self.by_weekday[day.weekday()].reason

    def free(
        self, first: date, last: date, taken: Mapping[date, int], at_most: int | None = None
    ) -> dict[date, int]:
        """Give the minutes left on each day from the first to the last; full days are not in it."""
        return rules.free_minutes(
            {day: self.minutes_on(day) for day in rules.days_between(first, last)}, taken, at_most
        )


async def room_of(uow: UnitOfWork, user_id: UUID) -> Room | None:
    """Give the days of a member as they are known now; None if they are not here any more."""
    days = (await identity.days_of(uow, [user_id])).get(user_id)
    if days is None:
        return None
    today = days.local_day(uow.now)
    away = await progression.days_away(uow, user_id)
    history = [
        DayRecord(day.local_day, day.planned_minutes, day.done_minutes)
        for day in await repository.work_days(uow, user_id, today, LEARNT_FROM_DAYS)
        if day.local_day not in away
    ]
    by_weekday = capacity.learned(history, days.capacity_minutes)
    return Room(days, today, by_weekday, frozenset(away))
