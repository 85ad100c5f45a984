"""Tables of what opens the door for a while: devices, sessions, keys."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    Text,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from guildhall.infra.database import Base

__all__ = ["ActiveSession", "ApiKey", "Device", "ExternalIdentity"]


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
    parent, is worth anything. `authenticated_at` is when the member last proved who they are, and
    `second_factor` whether by more than one thing; a new proof opens a new session.
    """

    __tablename__ = "active_sessions"

    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    device_id: Mapped[UUID]
    generation: Mapped[int] = mapped_column(server_default="0")
    rotated_at: Mapped[datetime]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    authenticated_at: Mapped[datetime]
    second_factor: Mapped[bool] = mapped_column(server_default=text("false"))
    transport: Mapped[str] = mapped_column(Text, server_default="bearer")
    ended_at: Mapped[datetime | None]
    end_reason: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (
        CheckConstraint("transport IN ('bearer', 'cookie')", name="transport"),
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


class ApiKey(Base):
    """A key that a member gave to a program. Of the key itself only a hash is kept.

    One that was revoked or has expired stays for the record.
    """

    __tablename__ = "api_keys"

    user_id: Mapped[UUID] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    hint: Mapped[str] = mapped_column(Text)
    secret_hash: Mapped[bytes] = mapped_column(LargeBinary)
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]


class ExternalIdentity(Base):
    """Whom an issuer's subject is here. Asked before the member is known: a directory table."""

    __tablename__ = "external_identities"

    issuer: Mapped[str] = mapped_column(Text, primary_key=True)
    subject: Mapped[str] = mapped_column(Text, primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
