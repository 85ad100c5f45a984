"""How goals react to events. Every handler may be called twice with the same event."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from sqlalchemy import text

from guildhall.infra.unit_of_work import UnitOfWork
from guildhall.infra.views import drop_views

__all__ = ["ChallengeResult", "prove_milestones"]


class ChallengeResult(Protocol):
    """An event that tells how an attempt at a challenge went.

    Goals and challenges do not know each other; this is what goals ask of such an event.
    """

    @property
    def subject_id(self) -> UUID | None: ...
    @property
    def challenge_id(self) -> UUID: ...
    @property
    def outcome(self) -> str: ...


PASS = text("""
UPDATE milestone_challenges m SET passed_at = :now
FROM unnest(CAST(:user_ids AS uuid[]), CAST(:challenge_ids AS uuid[])) AS p(user_id, challenge_id)
WHERE m.user_id = p.user_id AND m.challenge_id = p.challenge_id AND m.passed_at IS NULL
""")

PROVE = text("""
UPDATE milestones s SET proven_at = :now
WHERE s.user_id = ANY(:user_ids) AND s.proven_at IS NULL AND EXISTS (
    SELECT FROM milestone_challenges m WHERE m.user_id = s.user_id AND m.milestone_id = s.id
) AND NOT EXISTS (
    SELECT FROM milestone_challenges m
    WHERE m.user_id = s.user_id AND m.milestone_id = s.id AND m.passed_at IS NULL
)
""")


async def prove_milestones(uow: UnitOfWork, events: Sequence[ChallengeResult]) -> None:
    """Tick off the challenges that were passed, and the milestones that all of theirs prove."""
    passed = [
        (event.subject_id, event.challenge_id)
        for event in events
        if event.outcome == "passed" and event.subject_id is not None
    ]
    if not passed:
        return
    user_ids = [user_id for user_id, _ in passed]
    await uow.session.execute(
        PASS,
        {
            "now": uow.now,
            "user_ids": user_ids,
            "challenge_ids": [challenge_id for _, challenge_id in passed],
        },
    )
    await uow.session.execute(PROVE, {"now": uow.now, "user_ids": user_ids})
    drop_views(uow, set(user_ids))
