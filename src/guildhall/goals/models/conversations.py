"""Tables of conversations about goals, and of the changes proposed in them."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from guildhall.infra.database import Base

__all__ = ["Conversation", "ConversationEntry", "ConversationProposal"]


class Conversation(Base):
    """A member and the hall, talking about goals."""

    __tablename__ = "conversations"

    user_id: Mapped[UUID] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    id: Mapped[UUID] = mapped_column(primary_key=True)
    last_seq: Mapped[int] = mapped_column(server_default="0")
    answering: Mapped[UUID | None]
    """The request whose answer is under way: there is one at a time."""
    answering_seq: Mapped[int | None]
    """The entry that it answers."""
    answer_until: Mapped[datetime | None]
    """Past this nobody waits for it any more."""
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    __table_args__ = (
        CheckConstraint(
            "num_nulls(answering, answering_seq, answer_until) IN (0, 3)", name="answering"
        ),
    )


class ConversationEntry(Base):
    """One thing that was said or came about in a conversation. Only ever added."""

    __tablename__ = "conversation_entries"

    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    conversation_id: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """Counts up from 1 within the conversation, without gaps."""
    kind: Mapped[str] = mapped_column(Text)
    client_id: Mapped[str | None] = mapped_column(Text)
    """What the member's program calls a message, so that it is taken once."""
    frame: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """What is told of it: see `frames`."""
    created_at: Mapped[datetime]

    __table_args__ = (
        CheckConstraint("kind IN ('said', 'answered', 'interrupted', 'decided')", name="kind"),
        ForeignKeyConstraint(
            ["user_id", "conversation_id"],
            ["conversations.user_id", "conversations.id"],
            ondelete="CASCADE",
        ),
        Index(
            "uq_conversation_entries_client_id",
            "user_id",
            "client_id",
            unique=True,
            postgresql_where=text("client_id IS NOT NULL"),
        ),
    )


class ConversationProposal(Base):
    """A change that waits for a member's yes. It is made by that, and by nothing else."""

    __tablename__ = "conversation_proposals"

    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    conversation_id: Mapped[UUID]
    change: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """One of the closed list in `changes`."""
    state: Mapped[str] = mapped_column(Text, server_default="open")
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("state IN ('open', 'confirmed', 'declined', 'refused')", name="state"),
        ForeignKeyConstraint(
            ["user_id", "conversation_id"],
            ["conversations.user_id", "conversations.id"],
            ondelete="CASCADE",
        ),
        Index(None, "user_id", "conversation_id"),
    )
