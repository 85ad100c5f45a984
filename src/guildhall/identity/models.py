"""Tables of identity."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    SmallInteger,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from guildhall.infra.database import Base

__all__ = ["ActiveSession", "AuditEntry", "Device", "SetupToken", "User"]


class User(Base):
    """An account. A directory table: small rows, read by everyone."""

    __tablename__ = "users"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    username: Mapped[str] = mapped_column(Text)
    username_key: Mapped[str] = mapped_column(Text, unique=True)
    email: Mapped[str] = mapped_column(Text)
    email_key: Mapped[str] = mapped_column(Text, unique=True)
    password_hash: Mapped[str] = mapped_column(Text)
    role: Mapped[str] = mapped_column(Text, server_default="member")
    status: Mapped[str] = mapped_column(Text, server_default="active")
    time_zone: Mapped[str] = mapped_column(Text, server_default="UTC")
    day_starts_at: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    created_at: Mapped[datetime]

    __table_args__ = (
        CheckConstraint("role IN ('member', 'moderator', 'admin')", name="role"),
        CheckConstraint("status IN ('active', 'suspended')", name="status"),
        CheckConstraint("day_starts_at BETWEEN 0 AND 23", name="day_starts_at"),
        Index("ix_users_active", "id", postgresql_where=text("status = 'active'")),
    )


class Device(Base):
    """Something a member signs in from."""

    __tablename__ = "devices"

    user_id: Mapped[UUID] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    user_agent: Mapped[str] = mapped_column(Text)
    address: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]

    __table_args__ = (Index(None, "user_id", "name", unique=True),)


class ActiveSession(Base):
    """One sign-in and the family of refresh tokens that came from it.

    A refresh token names a generation of the family; only the newest one, and for a moment its
    parent, is worth anything.
    """

    __tablename__ = "active_sessions"

    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    device_id: Mapped[UUID]
    generation: Mapped[int] = mapped_column(server_default="0")
    rotated_at: Mapped[datetime]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    end_reason: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (
        ForeignKeyConstraint(
            ["user_id", "device_id"], ["devices.user_id", "devices.id"], ondelete="CASCADE"
        ),
        Index(
            "ix_active_sessions_alive",
            "user_id",
            "device_id",
            postgresql_where=text("ended_at IS NULL"),
        ),
    )


class SetupToken(Base):
    """The one-time token that lets the first admin in; stored hashed, at most one row."""

    __tablename__ = "setup_tokens"

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    token_hash: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]

    __table_args__ = (CheckConstraint("id = 1", name="only_one"),)


class AuditEntry(Base):
    """A security-relevant act. Append-only; outlives the accounts it names."""

    __tablename__ = "audit_log"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    occurred_at: Mapped[datetime]
    action: Mapped[str] = mapped_column(Text)
    actor_id: Mapped[UUID | None]
    target_id: Mapped[UUID | None]
    address: Mapped[str | None] = mapped_column(Text)
    details: Mapped[dict[str, Any]] = mapped_column(JSONB)
    request_id: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (
        Index(None, "action", "id"),
        Index(None, "actor_id", "id"),
        Index(None, "target_id", "id"),
    )
