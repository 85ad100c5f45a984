"""How progression reacts to events. Every handler may be called twice with the same event."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter

from guildhall.identity import MemberMovedZone
from guildhall.infra.unit_of_work import UnitOfWork
from guildhall.progression import boards, rules, service
from guildhall.progression.events import Achievement, BoardsMoved, Happening

__all__ = ["award_achievements", "excuse_moved_days", "note_happenings", "publish_boards"]


async def award_achievements(uow: UnitOfWork, events: Sequence[Achievement]) -> None:
    """Turn scores into XP, a whole batch at once."""
    await service.award(uow, events)


async def note_happenings(uow: UnitOfWork, events: Sequence[Happening]) -> None:
    """Count what can earn a badge."""
    await service.note(uow, events)


async def excuse_moved_days(uow: UnitOfWork, events: Sequence[MemberMovedZone]) -> None:
    """Keep a streak over a change of the wall clock."""
    moves = [(e.subject_id, e) for e in events if e.subject_id and e.left_day != e.entered_day]
    for subject_id, move in sorted(moves, key=itemgetter(0)):  # As awards lock them.
        await service.excuse(uow, move.event_id, subject_id, move.left_day, move.entered_day)


async def publish_boards(uow: UnitOfWork, events: Sequence[BoardsMoved]) -> None:
    """Make certain that Redis has the entries that moved. Idempotent by their versions."""
    subject_ids = sorted({id_ for event in events for id_ in event.subject_ids})
    periods = set[str]()
    for at in (uow.now, *(event.occurred_at for event in events)):
        periods.update(rules.periods_at(at).values())
    await boards.publish(uow.redis, await boards.entries_of(uow, subject_ids, sorted(periods)))
