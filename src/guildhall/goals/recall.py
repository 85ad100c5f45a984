"""What members remember of what they practised: each review as it was, and what follows from it."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from sqlalchemy import exists, select

from guildhall.goals import reviews
from guildhall.goals.models import Review, ReviewCard
from guildhall.goals.reviews import Card
from guildhall.infra.unit_of_work import UnitOfWork
from guildhall.kernel.ids import new_id

__all__ = ["card_of", "review"]


async def review(uow: UnitOfWork, user_id: UUID, task_id: UUID, day: date, *, passed: bool) -> None:
    """Keep a review as it was, and what follows from it for the next one. The same outcome on the
    same day is the same review: who clicks to and fro has not learnt any more."""
    said = exists().where(
        Review.user_id == user_id,
        Review.task_id == task_id,
        Review.local_day == day,
        Review.passed == passed,
    )
    if await uow.session.scalar(select(said)):
        return
    uow.session.add(
        Review(
            user_id=user_id,
            id=new_id(),
            task_id=task_id,
            local_day=day,
            passed=passed,
            occurred_at=uow.now,
        )
    )
    known = await uow.session.get(ReviewCard, (user_id, task_id), with_for_update=True)
    card = reviews.reviewed(card_of(known) if known else None, day, passed)
    values = {
        "stability": card.stability,
        "difficulty": card.difficulty,
        "due_day": card.due_day,
        "last_day": card.last_day,
        "passes": card.passes,
        "lapses": card.lapses,
    }
    if known is None:
        uow.session.add(ReviewCard(user_id=user_id, task_id=task_id, **values))
    else:
        for name, value in values.items():
            setattr(known, name, value)


def card_of(known: ReviewCard) -> Card:
    """Give what is known of how well something is remembered."""
    return Card(
        known.stability,
        known.difficulty,
        known.due_day,
        known.last_day,
        known.passes,
        known.lapses,
    )
