"""Tables of what members have shown: reviews, ability, and how much they get done in a day."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Double, ForeignKey, ForeignKeyConstraint, Index, SmallInteger, Text
from sqlalchemy.orm import Mapped, mapped_column

from guildhall.infra.database import Base

__all__ = ["Review", "ReviewCard", "TaskAbility", "WorkDay"]


class Review(Base):
    """One try at remembering. Only ever added: cards can be worked out from these."""

    __tablename__ = "task_reviews"

    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    task_id: Mapped[UUID]
    local_day: Mapped[date]
    passed: Mapped[bool]
    occurred_at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(
            ["user_id", "task_id"], ["tasks.user_id", "tasks.id"], ondelete="CASCADE"
        ),
        Index(None, "user_id", "task_id", "id"),
    )


class ReviewCard(Base):
    """How well the matter of a practised task is remembered (FSRS), and when it is due."""

    __tablename__ = "review_cards"

    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    task_id: Mapped[UUID] = mapped_column(primary_key=True)
    stability: Mapped[float] = mapped_column(Double)
    difficulty: Mapped[float] = mapped_column(Double)
    due_day: Mapped[date]
    last_day: Mapped[date]
    passes: Mapped[int]
    lapses: Mapped[int]

    __table_args__ = (
        ForeignKeyConstraint(
            ["user_id", "task_id"], ["tasks.user_id", "tasks.id"], ondelete="CASCADE"
        ),
        Index(None, "user_id", "due_day"),
    )


class TaskAbility(Base):
    """How able a member has proved to be at tasks of a domain (Glicko-1); `''` is no domain."""

    __tablename__ = "task_abilities"

    user_id: Mapped[UUID] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    domain: Mapped[str] = mapped_column(Text, primary_key=True)
    rating: Mapped[float] = mapped_column(Double)
    deviation: Mapped[float] = mapped_column(Double)
    games: Mapped[int] = mapped_column(server_default="0")


class WorkDay(Base):
    """What was planned for a member's local day, and what was done on it."""

    __tablename__ = "work_days"

    user_id: Mapped[UUID] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    local_day: Mapped[date] = mapped_column(primary_key=True)
    planned_minutes: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    done_minutes: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    xp: Mapped[int] = mapped_column(server_default="0")
    """What tasks of this day were worth: members say themselves that they are done, so there is a
    cap."""
