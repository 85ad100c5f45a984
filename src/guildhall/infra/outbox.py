"""The outbox: events waiting in the database for their readers.

One row is one event for one reader, written in the transaction of what it tells. The row is the
truth about the delivery: the broker only carries calls for somebody to see to it, and a call that
is lost costs a second, never an event.

A row is `waiting` until a worker claims it, `claimed` while it holds the lease, then `done`;
or `waiting` again with a later `available_at` after a failure; or, after too many, `parked` until
somebody replays it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import orjson
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Identity,
    Index,
    SmallInteger,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from guildhall.infra.database import Base
from guildhall.kernel.events import Event

__all__ = ["CHANNEL", "TASKS", "OutboxEvent", "Readers", "Told", "append"]

CHANNEL = "outbox"
"""Carries the names of readers that may have something to do, and `TASKS` for tracked tasks."""

TASKS = "tasks"

Readers = Mapping[str, Sequence[str]]
"""Names of the handlers that read an event, by the event's name."""


class OutboxEvent(Base):
    """An event on its way to one handler. Lives whole on the coordinator (ADR 0003)."""

    __tablename__ = "outbox_events"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    event_id: Mapped[UUID]
    handler: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    subject_id: Mapped[UUID | None]
    payload: Mapped[dict[str, object]] = mapped_column(JSONB)
    correlation_id: Mapped[str | None] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text, server_default="waiting")
    available_at: Mapped[datetime]
    lease_id: Mapped[UUID | None]
    lease_until: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    losses: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    error: Mapped[str | None] = mapped_column(Text)
    finished_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("state IN ('waiting', 'claimed', 'done', 'parked')", name="state"),
        UniqueConstraint("event_id", "handler"),
        Index(None, "handler", "id", postgresql_where=text("state = 'waiting'")),
        Index(None, "lease_id", postgresql_where=text("state = 'claimed'")),
        # What stands in the way of later events of the same subject.
        Index(
            "ix_outbox_events_in_the_way",
            "handler",
            "subject_id",
            postgresql_where=text("state = 'claimed' OR (state = 'waiting' AND attempts > 0)"),
        ),
        Index(None, "state", "id", postgresql_where=text("state IN ('parked', 'done')")),
    )


@dataclass(frozen=True, slots=True)
class Told:
    """An event that a unit of work remembers until it ends."""

    event: Event
    delay: timedelta


# Two transactions that tell of the same subject must take their ids in the order in which they
# commit, or a reader could see the second first. So each takes the subject's lock before it takes
# an id, and holds it until it ends. The locks come last in a transaction and in sorted order:
# nobody who holds one waits for anything else.
APPEND = text("""
WITH told AS (
    SELECT * FROM unnest(
        CAST(:event_ids AS uuid[]), CAST(:handlers AS text[]), CAST(:names AS text[]),
        CAST(:subject_ids AS uuid[]), CAST(:payloads AS text[]), CAST(:delays AS interval[])
    ) WITH ORDINALITY AS t(event_id, handler, name, subject_id, payload, delay, position)
), locks AS MATERIALIZED (
    SELECT pg_advisory_xact_lock(key) FROM (
        SELECT DISTINCT hashtextextended(subject_id::text, 0) AS key
        FROM told WHERE subject_id IS NOT NULL ORDER BY 1
    ) AS keys
), locked AS MATERIALIZED (SELECT count(*) FROM locks), appended AS (
    INSERT INTO outbox_events
        (event_id, handler, name, subject_id, payload, available_at, correlation_id)
    SELECT event_id, handler, name, subject_id, payload::jsonb,
           least(CAST(:now AS timestamptz), now()) + delay,  -- By a fast clock it would come late.
           CAST(:correlation_id AS text)
    FROM locked, told ORDER BY position
), withdrawn AS (
    UPDATE outbox_events SET state = 'done', finished_at = :now
    WHERE event_id = ANY(CAST(:withdrawn AS uuid[])) AND state = 'waiting'
)
SELECT pg_notify('outbox', reader) FROM unnest(CAST(:rung AS text[])) AS reader
""")


async def append(
    session: AsyncSession,
    told: Sequence[Told],
    readers: Readers,
    *,
    now: datetime,
    correlation_id: str | None,
    withdrawn: Sequence[UUID] = (),
    followed: Collection[str] = (),
) -> set[str]:
    """Write each event once per reader and ring for the relay, in the caller's transaction.

    `withdrawn` are ids of events that nobody has to read any more; those not yet claimed are
    marked done by the way. For the readers in `followed` the caller claims by itself after the
    commit: the relay is not rung for them, and those that were told something are given back.
    """
    rows = [(each, handler) for each in told for handler in readers[each.event.name]]
    payloads = {id(each): orjson.dumps(each.event, default=str).decode() for each in told}
    handlers = {handler for _, handler in rows}
    await session.execute(
        APPEND,
        {
            "event_ids": [each.event.event_id for each, _ in rows],
            "handlers": [handler for _, handler in rows],
            "names": [each.event.name for each, _ in rows],
            "subject_ids": [each.event.subject_id for each, _ in rows],
            "payloads": [payloads[id(each)] for each, _ in rows],
            "delays": [each.delay for each, _ in rows],
            "now": now,
            "correlation_id": correlation_id,
            "withdrawn": list(withdrawn),
            "rung": sorted(handlers.difference(followed)),
        },
    )
    return handlers.intersection(followed)
