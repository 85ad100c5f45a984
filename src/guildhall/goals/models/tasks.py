"""Tables of milestones, tasks and what was done on them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    SmallInteger,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from guildhall.infra.database import Base

__all__ = [
    "Activity",
    "Milestone",
    "MilestoneChallenge",
    "Rescheduling",
    "Task",
    "TaskDependency",
]


class Milestone(Base):
    """A stretch of an accepted plan, with what shows that it is reached."""

    __tablename__ = "milestones"

    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    goal_id: Mapped[UUID]
    position: Mapped[int] = mapped_column(SmallInteger)
    """-1 if the plan that holds does not have it any more; what was done for it stays."""
    title: Mapped[str] = mapped_column(Text)
    evidence: Mapped[str] = mapped_column(Text)
    due_on: Mapped[date | None]
    proven_at: Mapped[datetime | None]
    """When the last of the challenges that prove it was passed."""

    __table_args__ = (
        ForeignKeyConstraint(
            ["user_id", "goal_id"], ["goals.user_id", "goals.id"], ondelete="CASCADE"
        ),
        Index(None, "user_id", "goal_id"),
    )


class MilestoneChallenge(Base):
    """A challenge that proves a milestone."""

    __tablename__ = "milestone_challenges"

    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    milestone_id: Mapped[UUID] = mapped_column(primary_key=True)
    challenge_id: Mapped[UUID] = mapped_column(
        ForeignKey("challenges.id", ondelete="CASCADE"), primary_key=True
    )
    passed_at: Mapped[datetime | None]

    __table_args__ = (
        ForeignKeyConstraint(
            ["user_id", "milestone_id"], ["milestones.user_id", "milestones.id"], ondelete="CASCADE"
        ),
        Index(None, "user_id", "challenge_id"),
    )


class Task(Base):
    """Something to sit down for, from an accepted plan or due for review."""

    __tablename__ = "tasks"

    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    goal_id: Mapped[UUID]
    milestone_id: Mapped[UUID]
    key: Mapped[str] = mapped_column(Text)
    """What the plan calls it; the next version knows it again by this."""
    kind: Mapped[str] = mapped_column(Text)
    review_of: Mapped[UUID | None]
    """For a review: the task whose matter is to stay."""
    position: Mapped[int]
    title: Mapped[str] = mapped_column(Text)
    minutes: Mapped[int] = mapped_column(SmallInteger)
    difficulty: Mapped[str] = mapped_column(Text)
    scheduled_on: Mapped[date | None]
    status: Mapped[str] = mapped_column(Text, server_default="open")
    percent: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    spent_minutes: Mapped[int] = mapped_column(server_default="0")
    misses: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    first_outcome: Mapped[str | None] = mapped_column(Text)
    """How it went the first time. Only that says something about ability."""
    xp: Mapped[int | None]
    """What it was worth, stamped when it was done first. Done again, it is worth nothing more."""
    done_at: Mapped[datetime | None]
    done_on: Mapped[date | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    __table_args__ = (
        CheckConstraint("status IN ('open', 'done', 'missed', 'dropped')", name="status"),
        CheckConstraint("kind IN ('do', 'practise', 'review')", name="kind"),
        CheckConstraint("difficulty IN ('easy', 'medium', 'hard', 'expert')", name="difficulty"),
        CheckConstraint("percent BETWEEN 0 AND 100", name="percent"),
        CheckConstraint("minutes BETWEEN 1 AND 1440", name="minutes"),
        CheckConstraint("first_outcome IN ('done', 'missed')", name="first_outcome"),
        ForeignKeyConstraint(
            ["user_id", "goal_id"], ["goals.user_id", "goals.id"], ondelete="CASCADE"
        ),
        ForeignKeyConstraint(
            ["user_id", "milestone_id"], ["milestones.user_id", "milestones.id"], ondelete="CASCADE"
        ),
        Index("ix_tasks_plan", "user_id", "goal_id", "position"),
        Index("ix_tasks_day", "user_id", "scheduled_on", "id"),
        Index(
            "ix_tasks_open",
            "user_id",
            "scheduled_on",
            postgresql_where=text("status IN ('open', 'missed')"),
        ),
        # Whose day is over is looked for across the hall.
        Index("ix_tasks_overdue", "scheduled_on", postgresql_where=text("status = 'open'")),
        Index(
            "uq_tasks_review",
            "user_id",
            "review_of",
            unique=True,
            postgresql_where=text("status = 'open' AND review_of IS NOT NULL"),
        ),
    )


class TaskDependency(Base):
    """A task that comes before another."""

    __tablename__ = "task_dependencies"

    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    task_id: Mapped[UUID] = mapped_column(primary_key=True)
    depends_on: Mapped[UUID] = mapped_column(primary_key=True)

    __table_args__ = (
        ForeignKeyConstraint(
            ["user_id", "task_id"], ["tasks.user_id", "tasks.id"], ondelete="CASCADE"
        ),
        ForeignKeyConstraint(
            ["user_id", "depends_on"], ["tasks.user_id", "tasks.id"], ondelete="CASCADE"
        ),
        CheckConstraint("task_id <> depends_on", name="not_itself"),
        Index(None, "user_id", "depends_on"),
    )


class Activity(Base):
    """Something that happened on a task. Only ever added."""

    __tablename__ = "task_activities"

    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    task_id: Mapped[UUID]
    kind: Mapped[str] = mapped_column(Text)
    minutes: Mapped[int | None] = mapped_column(SmallInteger)
    percent: Mapped[int | None] = mapped_column(SmallInteger)
    note: Mapped[str | None] = mapped_column(Text)
    occurred_at: Mapped[datetime]
    local_day: Mapped[date]

    __table_args__ = (
        CheckConstraint(
            "kind IN ('worked', 'done', 'missed', 'reopened', 'moved', 'noted')", name="kind"
        ),
        ForeignKeyConstraint(
            ["user_id", "task_id"], ["tasks.user_id", "tasks.id"], ondelete="CASCADE"
        ),
        Index(None, "user_id", "task_id", "id"),
        Index(None, "user_id", "local_day"),
    )


class Rescheduling(Base):
    """New days for what was missed, as a preview; at most one waits for a member's answer."""

    __tablename__ = "reschedulings"

    user_id: Mapped[UUID] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    id: Mapped[UUID] = mapped_column(primary_key=True)
    state: Mapped[str] = mapped_column(Text, server_default="proposed")
    layout: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """Moves and what finds no day: see `schemas.ReschedulingOut`."""
    created_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("state IN ('proposed', 'accepted', 'overtaken')", name="state"),
        Index(
            "uq_reschedulings_open",
            "user_id",
            unique=True,
            postgresql_where=text("state = 'proposed'"),
        ),
    )
