"""The reading side of the outbox: a leased batch of events becomes effects, once.

A handler takes a batch and does its work in one transaction, in which the batch is also marked
done. The lease fences it: whoever comes late, or twice, finds no row left under that lease.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from asgi_correlation_id import correlation_id
from pydantic import TypeAdapter
from sqlalchemy import Row, text

from guildhall.infra.database import is_away
from guildhall.infra.telemetry import EVENTS_DELIVERED
from guildhall.infra.unit_of_work import UnitOfWork, UnitsOfWork
from guildhall.kernel.events import Event

__all__ = ["Deliveries", "Handler", "Subscription"]

log = structlog.get_logger()

Handler = Callable[[UnitOfWork, Sequence[Any]], Awaitable[None]]

FIRST_RETRY_SECONDS = 1.0
LONGEST_RETRY_SECONDS = 300.0


@dataclass(frozen=True)
class Subscription:
    """One line of the wiring: this event is read by that handler, on that queue."""

    event: type[Event]
    handler: Handler
    queue: str
    pace_seconds: float = 0.0
    """At least so long from one batch to the next: what can wait is done in fewer, larger ones."""
    countable: bool = False
    """Whether the handler writes the event into a subject's record, where badges can count it."""

    @property
    def reader(self) -> str:
        """Give the handler's name in the outbox: `slice.function`."""
        return f"{self.handler.__module__.split('.')[1]}.{self.handler.__name__}"


LEASED = text("""
SELECT id, name, subject_id, payload::text AS payload, correlation_id, attempts
FROM outbox_events
WHERE lease_id = :lease_id AND state = 'claimed' AND (CAST(:only AS bigint) IS NULL OR id = :only)
ORDER BY id
FOR UPDATE
""")

# The notice that its reader has room again rides on the commit.
FINISH = text("""
WITH finished AS (
    UPDATE outbox_events SET state = 'done', finished_at = :now, lease_id = NULL, error = NULL
    WHERE id = ANY(:ids)
)
SELECT pg_notify('outbox', :reader)
""")

FAIL = text("""
UPDATE outbox_events
SET state = :state, error = :error, available_at = :available_at, lease_id = NULL
WHERE id = :id AND lease_id = :lease_id AND state = 'claimed'
""")

RELEASE = text("""
UPDATE outbox_events SET state = 'waiting', lease_id = NULL, attempts = attempts - 1
WHERE lease_id = :lease_id AND state = 'claimed'
""")


class Deliveries:
    """Hands leased batches to their handlers."""

    def __init__(
        self, units: UnitsOfWork, subscriptions: Sequence[Subscription], *, max_attempts: int
    ) -> None:
        self._units = units
        self._max_attempts = max_attempts
        self._handlers: Mapping[str, Handler] = {s.reader: s.handler for s in subscriptions}
        self._readers: Mapping[str, TypeAdapter[Event]] = {
            s.event.name: TypeAdapter(s.event) for s in subscriptions
        }

    async def deliver(self, reader: str, lease_id: UUID) -> int:
        """Handle what is under a lease; give the number of events done.

        A batch that fails is tried again event by event, so that one poisonous event stops only
        the later ones of its own subject. A lost database is not the events' fault: it is raised,
        and the lease runs out.
        """
        try:
            done = await self._deliver(reader, lease_id, only=None)
        except Exception as error:
            if is_away(error):
                raise
            log.warning("batch_failed", reader=reader, exc_info=True)
            done = await self._deliver_singly(reader, lease_id)
        EVENTS_DELIVERED.labels(reader).inc(done)
        return done

    async def _deliver(self, reader: str, lease_id: UUID, only: int | None) -> int:
        async with self._units.write() as uow:
            rows = (await uow.session.execute(LEASED, {"lease_id": lease_id, "only": only})).all()
            if not rows:
                return 0
            correlation_id.set(rows[0].correlation_id)
            events = [self._readers[row.name].validate_json(row.payload) for row in rows]
            await self._handlers[reader](uow, events)
            await uow.session.flush()
            await uow.session.execute(
                FINISH, {"ids": [row.id for row in rows], "now": uow.now, "reader": reader}
            )
            return len(rows)

    async def _deliver_singly(self, reader: str, lease_id: UUID) -> int:
        async with self._units.read() as uow:
            rows = (
                await uow.session.execute(
                    text(
                        "SELECT id, subject_id, attempts FROM outbox_events"
                        " WHERE lease_id = :lease_id AND state = 'claimed' ORDER BY id"
                    ),
                    {"lease_id": lease_id},
                )
            ).all()
        done = 0
        stopped: set[UUID] = set()
        for row in rows:
            if row.subject_id in stopped:
                continue
            try:
                done += await self._deliver(reader, lease_id, only=row.id)
            except Exception as error:
                if is_away(error):
                    raise
                if row.subject_id is not None:
                    stopped.add(row.subject_id)
                await self._fail(reader, lease_id, row, error)
        async with self._units.write() as uow:
            await uow.session.execute(RELEASE, {"lease_id": lease_id})
        return done

    async def _fail(self, reader: str, lease_id: UUID, row: Row[Any], error: Exception) -> None:
        """Note a failure, unless the lease has run out and somebody else has the event."""
        parked = row.attempts >= self._max_attempts
        log.error("event_failed", reader=reader, id=row.id, parked=parked, exc_info=error)
        async with self._units.write() as uow:
            await uow.session.execute(
                FAIL,
                {
                    "id": row.id,
                    "lease_id": lease_id,
                    "state": "parked" if parked else "waiting",
                    "error": f"{type(error).__name__}: {error}"[:2000],
                    "available_at": uow.now + retry_delay(row.attempts),
                },
            )


def retry_delay(attempts: int) -> timedelta:
    """Give the wait after the nth failure: doubling from a second to five minutes.

    Full jitter (Brooker, "Exponential Backoff and Jitter", 2015) on the upper half, so that what
    failed together does not come back together.
    """
    ceiling = min(LONGEST_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2 ** max(0, attempts - 1))
    return timedelta(seconds=ceiling * random.uniform(0.5, 1.0))
