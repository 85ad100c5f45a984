"""Tables of accounts, and of what was done with them."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Identity, Index, SmallInteger, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from guildhall.infra.database import Base

__all__ = ["AuditEntry", "SetupToken", "User"]


class User(Base):
    """An account. A directory table: small rows, read by everyone.

    Of one that was erased the row stays, with a made-up name and nothing else of the person: what
    it earned still adds up.
    """

    __tablename__ = "users"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    username: Mapped[str] = mapped_column(Text)
    username_key: Mapped[str] = mapped_column(Text, unique=True)
    email: Mapped[str] = mapped_column(Text)
    email_key: Mapped[str] = mapped_column(Text)
    email_verified_at: Mapped[datetime | None]
    first_verified_at: Mapped[datetime | None]
    """When its owner first showed that they read an address of theirs. From then on a new address
    opens nothing before it is verified, too."""
    password_hash: Mapped[str | None] = mapped_column(Text)
    role: Mapped[str] = mapped_column(Text, server_default="member")
    status: Mapped[str] = mapped_column(Text, server_default="active")
    time_zone: Mapped[str] = mapped_column(Text, server_default="UTC")
    day_starts_at: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    daily_capacity_minutes: Mapped[int] = mapped_column(SmallInteger, server_default="60")
    rest_days: Mapped[list[int]] = mapped_column(ARRAY(SmallInteger), server_default="{}")
    """Weekdays without tasks, 0 for Monday."""
    created_at: Mapped[datetime]
    erase_after: Mapped[datetime | None]

    def verify_email(self, at: datetime) -> None:
        """Note that its owner reads what comes to its address."""
        self.email_verified_at = at
        self.first_verified_at = self.first_verified_at or at

    @property
    def email_verified(self) -> bool:
        return self.email_verified_at is not None

    __table_args__ = (
        CheckConstraint("role IN ('member', 'moderator', 'admin')", name="role"),
        CheckConstraint("status IN ('active', 'suspended', 'erased')", name="status"),
        CheckConstraint("day_starts_at BETWEEN 0 AND 23", name="day_starts_at"),
        CheckConstraint("daily_capacity_minutes BETWEEN 5 AND 960", name="daily_capacity_minutes"),
        # An address is somebody's once they have shown that they read what comes there.
        Index(
            "ix_users_verified_email",
            "email_key",
            unique=True,
            postgresql_where=text("email_verified_at IS NOT NULL"),
        ),
        Index("ix_users_email", "email_key", "id"),
        # Admins search by how a name or address begins, in whatever collation.
        Index(
            "ix_users_username_start",
            "username_key",
            postgresql_ops={"username_key": "text_pattern_ops"},
        ),
        Index(
            "ix_users_email_start", "email_key", postgresql_ops={"email_key": "text_pattern_ops"}
        ),
        Index("ix_users_erase", "erase_after", postgresql_where=text("erase_after IS NOT NULL")),
        Index("ix_users_active", "id", postgresql_where=text("status = 'active'")),
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
        Index(None, "address", "id"),
    )
