"""Tables of challenges and attempts."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Double,
    ForeignKey,
    Index,
    SmallInteger,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from guildhall.infra.database import Base
from guildhall.kernel.member import Member

__all__ = [
    "Attempt",
    "Challenge",
    "ChallengeRating",
    "ChallengeRecord",
    "ChallengeRequirement",
    "MemberAbility",
    "SelfXpDay",
]


class Challenge(Base):
    """Something to be mastered. A directory table."""

    __tablename__ = "challenges"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    slug: Mapped[str | None] = mapped_column(Text, unique=True)
    title: Mapped[str] = mapped_column(Text)
    description: Mapped[str] = mapped_column(Text)
    explanation: Mapped[str | None] = mapped_column(Text)
    xp: Mapped[int]
    difficulty: Mapped[str] = mapped_column(Text)
    tags: Mapped[list[str]] = mapped_column(ARRAY(Text))
    domain: Mapped[str | None] = mapped_column(ForeignKey("domains.slug"))
    grader: Mapped[dict[str, Any]] = mapped_column(JSONB)
    grader_version: Mapped[int] = mapped_column(server_default="1")
    max_attempts: Mapped[int | None]
    retry_wait_seconds: Mapped[int | None]
    created_by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    published_at: Mapped[datetime | None]
    deleted_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("difficulty IN ('easy', 'medium', 'hard', 'expert')", name="difficulty"),
        CheckConstraint("xp BETWEEN 0 AND 100000", name="xp"),
        Index(
            "ix_challenges_open",
            "id",
            postgresql_where=text("published_at IS NOT NULL AND deleted_at IS NULL"),
        ),
        Index(None, "tags", postgresql_using="gin"),
        Index(None, "created_by", "id"),
    )

    def is_visible_to(self, reader: Member) -> bool:
        """Tell whether it is there for a reader: drafts are for those who may change them."""
        if self.deleted_at is not None:
            return False
        return self.published_at is not None or self.may_be_changed_by(reader)

    def may_be_changed_by(self, member: Member) -> bool:
        return member.may_moderate or self.created_by == member.id


class ChallengeRequirement(Base):
    """A challenge that must be passed before another opens."""

    __tablename__ = "challenge_requirements"

    challenge_id: Mapped[UUID] = mapped_column(
        ForeignKey("challenges.id", ondelete="CASCADE"), primary_key=True
    )
    requires_id: Mapped[UUID] = mapped_column(
        ForeignKey("challenges.id", ondelete="CASCADE"), primary_key=True
    )

    __table_args__ = (
        CheckConstraint("challenge_id <> requires_id", name="not_itself"),
        Index(None, "requires_id"),
    )


class ChallengeRating(Base):
    """How hard a challenge has proved to be (Glicko-1)."""

    __tablename__ = "challenge_ratings"

    challenge_id: Mapped[UUID] = mapped_column(
        ForeignKey("challenges.id", ondelete="CASCADE"), primary_key=True
    )
    rating: Mapped[float] = mapped_column(Double)
    deviation: Mapped[float] = mapped_column(Double)
    games: Mapped[int] = mapped_column(server_default="0")

    __table_args__ = ({"postgresql_with": {"fillfactor": 50}},)


class MemberAbility(Base):
    """How able a member has proved to be in a domain (Glicko-1); `''` is no domain."""

    __tablename__ = "member_abilities"

    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    domain: Mapped[str] = mapped_column(Text, primary_key=True)
    rating: Mapped[float] = mapped_column(Double)
    deviation: Mapped[float] = mapped_column(Double)
    games: Mapped[int] = mapped_column(server_default="0")


class Attempt(Base):
    """One try at a challenge: started, submitted, then passed or failed."""

    __tablename__ = "attempts"

    user_id: Mapped[UUID] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    id: Mapped[UUID] = mapped_column(primary_key=True)
    challenge_id: Mapped[UUID] = mapped_column(ForeignKey("challenges.id"))
    status: Mapped[str] = mapped_column(Text, server_default="started")
    answer: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    score: Mapped[int | None] = mapped_column(SmallInteger)
    xp_awarded: Mapped[int] = mapped_column(server_default="0")
    feedback: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    grader_version: Mapped[int | None]
    reviewer_id: Mapped[UUID | None]
    started_at: Mapped[datetime]
    submitted_at: Mapped[datetime | None]
    graded_at: Mapped[datetime | None]
    local_day: Mapped[date | None]

    __table_args__ = (
        CheckConstraint("status IN ('started', 'submitted', 'passed', 'failed')", name="status"),
        CheckConstraint("score BETWEEN 0 AND 100", name="score"),
        # One open attempt per member and challenge: starting twice gives the same one.
        Index(
            "uq_attempts_open",
            "user_id",
            "challenge_id",
            unique=True,
            postgresql_where=text("status = 'started'"),
        ),
        Index(
            "ix_attempts_to_review",
            "id",
            postgresql_where=text("status = 'submitted'"),
        ),
        {"postgresql_with": {"fillfactor": 80}},
    )


class ChallengeRecord(Base):
    """What a member has to show for a challenge, over all attempts at it."""

    __tablename__ = "challenge_records"

    user_id: Mapped[UUID] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    challenge_id: Mapped[UUID] = mapped_column(ForeignKey("challenges.id"), primary_key=True)
    submissions: Mapped[int] = mapped_column(server_default="0")
    last_submitted_at: Mapped[datetime | None]
    graded: Mapped[int] = mapped_column(server_default="0")
    best_score: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    xp_earned: Mapped[int] = mapped_column(server_default="0")
    passed_at: Mapped[datetime | None]
    calibrated: Mapped[bool] = mapped_column(server_default="false")

    __table_args__ = ({"postgresql_with": {"fillfactor": 80}},)


class SelfXpDay(Base):
    """XP that a member has granted themselves on a day: by their own clock, and by UTC."""

    __tablename__ = "self_xp_days"

    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    clock: Mapped[str] = mapped_column(Text, primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    xp: Mapped[int]

    __table_args__ = (CheckConstraint("clock IN ('own', 'utc')", name="clock"),)
