"""How challenges reacts to events. Every handler may be called twice with the same event."""

from __future__ import annotations

from collections.abc import Sequence

from guildhall.challenges import grading
from guildhall.challenges.events import AttemptGraded, AttemptSubmitted
from guildhall.infra.unit_of_work import UnitOfWork

__all__ = ["calibrate_ratings", "grade_attempts"]


async def grade_attempts(uow: UnitOfWork, events: Sequence[AttemptSubmitted]) -> None:
    """Score what was handed in, a whole batch at once."""
    await grading.grade(
        uow, [(event.subject_id, event.attempt_id) for event in events if event.subject_id]
    )


async def calibrate_ratings(uow: UnitOfWork, events: Sequence[AttemptGraded]) -> None:
    """Let first attempts tell how able members and how hard challenges are."""
    await grading.calibrate(uow, events)
