"""What challenges hold of a member."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import Select, delete, exists, literal, select, update

from guildhall.challenges.models import Attempt, Challenge
from guildhall.infra.personal import Personal
from guildhall.infra.unit_of_work import UnitOfWork

__all__ = ["PERSONAL"]


def _reviews(_: UUID) -> Select[Any]:
    """Give what a reviewer wrote, not what they wrote it about."""
    return select(
        Attempt.user_id,
        Attempt.id,
        Attempt.challenge_id,
        Attempt.score,
        Attempt.feedback,
        Attempt.graded_at,
    )


async def _withdraw_reviewer(uow: UnitOfWork, user_id: UUID) -> int:
    await uow.see_all()
    changed = await uow.session.execute(
        update(Attempt)
        .where(Attempt.reviewer_id == user_id)
        .values(reviewer_id=None)
        .returning(literal(1))
    )
    return len(changed.all())


async def _withdraw_author(uow: UnitOfWork, user_id: UUID) -> int:
    await uow.see_all()  # A draft that somebody took all the same must stay.
    theirs = Challenge.created_by == user_id
    gone = await uow.session.execute(
        delete(Challenge)
        .where(
            theirs,
            Challenge.published_at.is_(None),
            ~exists().where(Attempt.challenge_id == Challenge.id),
        )
        .returning(literal(1))
    )
    stays = await uow.session.execute(
        update(Challenge).where(theirs).values(created_by=None).returning(literal(1))
    )
    return len(gone.all()) + len(stays.all())


PERSONAL = (
    # What a challenge learned from a first attempt is in its own rating, which names nobody.
    Personal("attempts"),
    Personal(
        "attempts",
        ("reviewer_id",),
        hidden=frozenset({"user_id"}),
        file="reviews",
        shown=_reviews,
        of_others=True,
        erase=_withdraw_reviewer,
        kept="A verdict is part of the attempt that it was given on, which is another member's.",
    ),
    Personal("challenge_records"),
    Personal("member_abilities"),
    Personal("self_xp_days"),
    Personal(
        "challenges",
        ("created_by",),
        erase=_withdraw_author,
        kept="What was published is the hall's, and others have worked on it. Drafts are deleted.",
    ),
)
