"""Tables of progression.

`xp_ledger` and `activities` are what happened and are only ever added to. Everything else that
belongs to a subject is derived from them, kept beside them for speed, and can be rebuilt.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    ForeignKey,
    Index,
    Text,
    UniqueConstraint,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from guildhall.infra.database import Base

__all__ = [
    "Activity",
    "Badge",
    "BoardEntry",
    "Domain",
    "DomainRank",
    "RankSystem",
    "Season",
    "SeasonResult",
    "StreakFreezeUse",
    "StreakPause",
    "SubjectBadge",
    "SubjectProgress",
    "XpEntry",
]


class XpEntry(Base):
    """One award or correction. Never updated, never deleted."""

    __tablename__ = "xp_ledger"

    subject_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    xp: Mapped[int]
    cause_type: Mapped[str] = mapped_column(Text)
    cause_id: Mapped[UUID]
    rule_id: Mapped[str] = mapped_column(Text)
    rule_version: Mapped[int]
    domain: Mapped[str | None] = mapped_column(Text)
    reason: Mapped[str | None] = mapped_column(Text)
    reverses_id: Mapped[UUID | None]
    occurred_at: Mapped[datetime]
    local_day: Mapped[date]

    __table_args__ = (
        UniqueConstraint("subject_id", "cause_type", "cause_id", "rule_id"),
        Index(
            "uq_xp_ledger_reversed_once",
            "subject_id",
            "reverses_id",
            unique=True,
            postgresql_where=text("reverses_id IS NOT NULL"),
        ),
    )


class Activity(Base):
    """Something a subject did or reached: what streaks and badges are counted from."""

    __tablename__ = "activities"

    subject_id: Mapped[UUID] = mapped_column(primary_key=True)
    event_id: Mapped[UUID] = mapped_column(primary_key=True)
    topic: Mapped[str] = mapped_column(Text)
    outcome: Mapped[str | None] = mapped_column(Text)
    domain: Mapped[str | None] = mapped_column(Text)
    keeps_streak: Mapped[bool] = mapped_column(Boolean)
    occurred_at: Mapped[datetime]
    local_day: Mapped[date]

    __table_args__ = (
        Index("ix_activities_counted", "subject_id", "topic", "outcome", "domain"),
        Index(
            "ix_activities_days", "subject_id", "local_day", postgresql_where=text("keeps_streak")
        ),
    )


class SubjectProgress(Base):
    """Where a subject stands. Its row is also the lock under which the subject's XP changes."""

    __tablename__ = "subject_progress"

    subject_id: Mapped[UUID] = mapped_column(primary_key=True)
    total_xp: Mapped[int] = mapped_column(BigInteger, server_default="0")
    level: Mapped[int] = mapped_column(server_default="1")
    streak_days: Mapped[int] = mapped_column(server_default="0")
    streak_longest: Mapped[int] = mapped_column(server_default="0")
    streak_last_day: Mapped[date | None]
    streak_freezes: Mapped[int] = mapped_column(server_default="0")
    on_leaderboards: Mapped[bool] = mapped_column(Boolean, server_default=text("true"))

    __table_args__ = ({"postgresql_with": {"fillfactor": 80}},)


class BoardEntry(Base):
    """A subject's XP on one board in one period.

    `version` rises with every change, so that whoever writes it to Redis late does no harm.
    """

    __tablename__ = "board_entries"

    subject_id: Mapped[UUID] = mapped_column(primary_key=True)
    board: Mapped[str] = mapped_column(Text, primary_key=True)
    period: Mapped[str] = mapped_column(Text, primary_key=True)
    xp: Mapped[int] = mapped_column(BigInteger)
    reached_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(BigInteger, server_default="1")

    __table_args__ = (
        # Not on xp: a board is ranked by Redis, and PostgreSQL ranks it only while Redis is being
        # filled again. So an award changes no index (a heap-only update).
        Index(None, "board", "period"),
        {"postgresql_with": {"fillfactor": 70}},
    )


class Domain(Base):
    """A field of learning. A directory table; the slug is its name everywhere."""

    __tablename__ = "domains"

    slug: Mapped[str] = mapped_column(Text, primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    description: Mapped[str] = mapped_column(Text)

    __table_args__ = (CheckConstraint("slug <> 'global'", name="not_global"),)


class RankSystem(Base):
    """The ranks E to S of a domain and the domain XP that each takes."""

    __tablename__ = "rank_systems"

    domain: Mapped[str] = mapped_column(
        ForeignKey("domains.slug", ondelete="CASCADE"), primary_key=True
    )
    thresholds: Mapped[dict[str, int]] = mapped_column(JSONB)
    version: Mapped[int] = mapped_column(server_default="1")


class DomainRank(Base):
    """The highest rank that a subject reached in a domain. Never lowered by a new threshold."""

    __tablename__ = "domain_ranks"

    subject_id: Mapped[UUID] = mapped_column(primary_key=True)
    domain: Mapped[str] = mapped_column(Text, primary_key=True)
    rank: Mapped[str] = mapped_column(Text)
    reached_at: Mapped[datetime]


class Badge(Base):
    """Something to be earned once. A directory table."""

    __tablename__ = "badges"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(Text, unique=True)
    name: Mapped[str] = mapped_column(Text)
    description: Mapped[str] = mapped_column(Text)
    condition: Mapped[dict[str, Any]] = mapped_column(JSONB)
    active: Mapped[bool] = mapped_column(Boolean)
    version: Mapped[int] = mapped_column(server_default="1")
    created_at: Mapped[datetime]


class SubjectBadge(Base):
    """A badge that a subject has."""

    __tablename__ = "subject_badges"

    subject_id: Mapped[UUID] = mapped_column(primary_key=True)
    badge_id: Mapped[UUID] = mapped_column(
        ForeignKey("badges.id", ondelete="CASCADE"), primary_key=True
    )
    badge_version: Mapped[int]
    awarded_at: Mapped[datetime]


class StreakPause(Base):
    """Days that nobody holds against a subject: illness, a holiday, a flight over the date line."""

    __tablename__ = "streak_pauses"

    subject_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    starts_on: Mapped[date]
    ends_on: Mapped[date]
    reason: Mapped[str] = mapped_column(Text)
    planned: Mapped[bool] = mapped_column(server_default=true())
    """By the subject, who does nothing on these days; else the hall has excused them."""

    __table_args__ = (CheckConstraint("starts_on <= ends_on", name="order"),)


class StreakFreezeUse(Base):
    """A missed day that a freeze was spent on."""

    __tablename__ = "streak_freeze_uses"

    subject_id: Mapped[UUID] = mapped_column(primary_key=True)
    local_day: Mapped[date] = mapped_column(primary_key=True)


class Season(Base):
    """A quarter of the calendar. Its row is what makes its closing happen once."""

    __tablename__ = "seasons"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]


class SeasonResult(Base):
    """A line of the final table of a closed season."""

    __tablename__ = "season_results"

    subject_id: Mapped[UUID] = mapped_column(primary_key=True)
    season: Mapped[str] = mapped_column(Text, primary_key=True)
    board: Mapped[str] = mapped_column(Text, primary_key=True)
    rank: Mapped[int]
    xp: Mapped[int] = mapped_column(BigInteger)
    reached_at: Mapped[datetime]

    __table_args__ = (Index(None, "season", "board", "rank"),)
