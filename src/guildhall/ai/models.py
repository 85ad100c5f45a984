"""Tables of what is asked of models, and what that costs.

`ai_calls` is the ledger: a row is written before a call is made and closed once. `ai_budgets` are
sums of it, counted in the same transactions. What the hall asks for itself is kept under
OPERATOR_ID, which is nobody's.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Index, SmallInteger, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from guildhall.infra.database import Base

__all__ = ["Budget", "Call", "Turn"]


class Turn(Base):
    """A question put to models until there is an answer, in one call or several.

    One with a cause is asked once: whoever has the lease asks, and the answer is kept for them
    until they have made something of it.
    """

    __tablename__ = "ai_turns"

    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    feature: Mapped[str] = mapped_column(Text)
    cause: Mapped[str | None] = mapped_column(Text)
    prompt: Mapped[str] = mapped_column(Text)
    prompt_version: Mapped[int]
    state: Mapped[str] = mapped_column(Text, server_default="open")
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default="1")
    lease_until: Mapped[datetime]
    answer: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    provider: Mapped[str | None] = mapped_column(Text)
    model: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]

    __table_args__ = (
        # Dropped: it ended without an answer, and nobody can take it up.
        CheckConstraint("state IN ('open', 'settled', 'dropped')", name="state"),
        Index(
            "uq_ai_turns_cause",
            "user_id",
            "cause",
            unique=True,
            postgresql_where=text("cause IS NOT NULL"),
        ),
        Index(None, "created_at"),
        Index(
            "ix_ai_turns_abandoned",
            "lease_until",
            postgresql_where=text("state = 'open' AND cause IS NULL"),
        ),
        Index("ix_ai_turns_answers", "settled_at", postgresql_where=text("answer IS NOT NULL")),
    )


class Call(Base):
    """A call to a provider. Reserved before it is made, then settled, or lost with its caller.

    A lost one may still come to be known: it then has its tokens and cost, which the hall bears
    and not the member.
    """

    __tablename__ = "ai_calls"

    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    turn_id: Mapped[UUID | None]  # Outlives the turn, so it is no foreign key.
    feature: Mapped[str] = mapped_column(Text)
    provider: Mapped[str] = mapped_column(Text)
    model: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text, server_default="reserved")
    reserved_micros: Mapped[int] = mapped_column(BigInteger)
    cost_micros: Mapped[int] = mapped_column(BigInteger, server_default="0")
    input_tokens: Mapped[int | None]
    output_tokens: Mapped[int | None]
    cached_tokens: Mapped[int | None]
    estimated: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    fault: Mapped[str | None] = mapped_column(Text)
    day: Mapped[date]  # In UTC, when it was reserved: that day's budgets it counts against.
    reserved_at: Mapped[datetime]
    lease_until: Mapped[datetime]
    settled_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("state IN ('reserved', 'settled', 'lost')", name="state"),
        CheckConstraint("reserved_micros >= 0 AND cost_micros >= 0", name="micros"),
        Index(None, "day", "feature"),
        Index("ix_ai_calls_leases", "lease_until", postgresql_where=text("state = 'reserved'")),
        Index(None, "user_id", "turn_id"),
    )


class Budget(Base):
    """What one budget has counted in one period, a day such as 2031-05-14 or a month, 2031-05."""

    __tablename__ = "ai_budgets"

    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    scope: Mapped[str] = mapped_column(Text, primary_key=True)
    name: Mapped[str] = mapped_column(Text, primary_key=True)
    period: Mapped[str] = mapped_column(Text, primary_key=True)
    limit_micros: Mapped[int | None] = mapped_column(BigInteger)
    limit_calls: Mapped[int | None]
    reserved_micros: Mapped[int] = mapped_column(BigInteger, server_default="0")
    spent_micros: Mapped[int] = mapped_column(BigInteger, server_default="0")
    calls: Mapped[int] = mapped_column(server_default="0")

    __table_args__ = (
        CheckConstraint("scope IN ('member', 'feature', 'hall')", name="scope"),
        CheckConstraint("reserved_micros >= 0 AND spent_micros >= 0", name="micros"),
        Index(None, "period", "scope"),
        # Counted over and over: what changes is in no index, so it stays on its page.
        {"postgresql_with": {"fillfactor": 70}},
    )
