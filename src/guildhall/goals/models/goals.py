"""Tables of goals and of the plans for them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from pgvector.sqlalchemy import Vector
from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    SmallInteger,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from guildhall.infra.database import Base
from guildhall.infra.llm.words import EMBEDDING_DIMENSIONS

__all__ = ["DomainPoint", "Goal", "GoalTemplate", "Plan"]

NEAR = {"embedding": "vector_cosine_ops"}


class GoalTemplate(Base):
    """A plan that has worked for others. A directory table, filled from content files."""

    __tablename__ = "goal_templates"

    slug: Mapped[str] = mapped_column(Text, primary_key=True)
    title: Mapped[str] = mapped_column(Text)
    description: Mapped[str] = mapped_column(Text)
    domain: Mapped[str | None] = mapped_column(ForeignKey("domains.slug", ondelete="SET NULL"))
    keywords: Mapped[list[str]] = mapped_column(ARRAY(Text))
    content: Mapped[dict[str, Any]] = mapped_column(JSONB)
    version: Mapped[int] = mapped_column(server_default="1")
    embedding: Mapped[list[float] | None] = mapped_column(Vector(EMBEDDING_DIMENSIONS))
    embedding_model: Mapped[str | None] = mapped_column(Text)
    """Only points of one model can be compared; another model makes them anew."""

    __table_args__ = (
        Index(
            "ix_goal_templates_near",
            "embedding",
            postgresql_using="hnsw",
            postgresql_ops=NEAR,
        ),
    )


class DomainPoint(Base):
    """Where a domain lies among texts, by one model. A directory table, filled when it is asked."""

    __tablename__ = "domain_points"

    domain: Mapped[str] = mapped_column(
        ForeignKey("domains.slug", ondelete="CASCADE"), primary_key=True
    )
    said: Mapped[str] = mapped_column(Text)
    """The text that was placed."""
    embedding: Mapped[list[float]] = mapped_column(Vector(EMBEDDING_DIMENSIONS))
    embedding_model: Mapped[str] = mapped_column(Text)


class Goal(Base):
    """What a member wants to reach, and by when."""

    __tablename__ = "goals"

    user_id: Mapped[UUID] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    id: Mapped[UUID] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(Text)
    description: Mapped[str] = mapped_column(Text)
    deadline: Mapped[date]
    minutes_per_day: Mapped[int | None] = mapped_column(SmallInteger)
    domain: Mapped[str | None] = mapped_column(ForeignKey("domains.slug", ondelete="SET NULL"))
    template: Mapped[str | None] = mapped_column(
        ForeignKey("goal_templates.slug", ondelete="SET NULL")
    )
    status: Mapped[str] = mapped_column(Text, server_default="analysing")
    findings: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    rank: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    embedding: Mapped[list[float] | None] = mapped_column(Vector(EMBEDDING_DIMENSIONS))
    embedding_model: Mapped[str | None] = mapped_column(Text)
    last_version: Mapped[int] = mapped_column(server_default="0")
    """The version of the newest plan, accepted or not."""
    planning: Mapped[UUID | None]
    """The request that a plan is being made for; a later one takes its place."""
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    completed_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint(
            "status IN ('analysing', 'proposed', 'active', 'completed', 'abandoned')",
            name="status",
        ),
        CheckConstraint("minutes_per_day BETWEEN 5 AND 1440", name="minutes_per_day"),
        Index(
            "ix_goals_active",
            "user_id",
            "id",
            postgresql_where=text("status NOT IN ('completed', 'abandoned')"),
        ),
        Index("ix_goals_near", "embedding", postgresql_using="hnsw", postgresql_ops=NEAR),
    )


class Plan(Base):
    """One version of a plan: proposed, then accepted, or overtaken by the next."""

    __tablename__ = "plans"

    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    goal_id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    state: Mapped[str] = mapped_column(Text, server_default="proposed")
    provider: Mapped[str] = mapped_column(Text)
    model: Mapped[str] = mapped_column(Text)
    prompt: Mapped[str] = mapped_column(Text)
    layout: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """Milestones with their tasks and days, what does not fit, and the change against the plan
    before: see `schemas.PlanOut`."""
    created_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("state IN ('proposed', 'accepted', 'overtaken')", name="state"),
        ForeignKeyConstraint(
            ["user_id", "goal_id"], ["goals.user_id", "goals.id"], ondelete="CASCADE"
        ),
    )
