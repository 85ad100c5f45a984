"""The reading side of the outbox: batches of events become effects, once.

A worker that is called claims what waits, under a lease, and hands it to its handler. The handler
does its work in one transaction, in which the batch is also marked done. The lease fences it:
whoever comes late, or twice, finds no row left under that lease.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from operator import attrgetter
from typing import Any
from uuid import UUID

import structlog
from asgi_correlation_id import correlation_id
from pydantic import TypeAdapter
from sqlalchemy import Row, text

from guildhall.infra.claims import Claims
from guildhall.infra.database import is_away
from guildhall.infra.telemetry import EVENTS_DELIVERED
from guildhall.infra.unit_of_work import UnitOfWork, UnitsOfWork
from guildhall.kernel.events import Event

__all__ = ["Deliveries", "Handler", "Subscription"]

log = structlog.get_logger()

Handler = Callable[[UnitOfWork, Sequence[Any]], Awaitable[None]]

FIRST_RETRY_SECONDS = 1.0
LONGEST_RETRY_SECONDS = 300.0
TURN_SECONDS = 1.0


@dataclass(frozen=True)
class Subscription:
    """One line of the wiring: this event is read by that handler, on that queue."""

    event: type[Event]
    handler: Handler
    queue: str
    pace_seconds: float = 0.0
    """At least so long from one call to the next: what can wait is done in fewer, larger batches.
    Who told the event does not go on with it either."""
    countable: bool = False
    """Whether the handler writes the event into a subject's record, where badges can count it."""

    @property
    def reader(self) -> str:
        """Give the handler's name in the outbox: `slice.function`."""
        return f"{self.handler.__module__.split('.')[1]}.{self.handler.__name__}"


# Marks the batch done before its effects are made, in the same transaction: that locks it, fences
# off whoever comes late, and reads it, in one statement.
TAKE = text("""
UPDATE outbox_events
SET state = 'done', finished_at = :now, lease_id = NULL, error = NULL
WHERE lease_id = :lease_id AND state = 'claimed' AND (CAST(:only AS bigint) IS NULL OR id = :only)
RETURNING id, name, payload::text AS payload, correlation_id
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
    """Claims batches of events and hands them to their handlers."""

    def __init__(
        self,
        units: UnitsOfWork,
        claims: Claims,
        subscriptions: Sequence[Subscription],
        *,
        max_attempts: int,
    ) -> None:
        self._units = units
        self._claims = claims
        self._max_attempts = max_attempts
        self._handlers: Mapping[str, Handler] = {s.reader: s.handler for s in subscriptions}
        self._prompt = frozenset(s.reader for s in subscriptions if not s.pace_seconds)
        self._events: Mapping[str, TypeAdapter[Event]] = {
            s.event.name: TypeAdapter(s.event) for s in subscriptions
        }

    async def work(self, reader: str) -> int:
        """Handle what waits for a reader, then what that led to; give the number of events done.

        Whoever is at work goes on until nothing is left: only the idle have to be called. A turn
        ends all the same after a while, so that the other queues have theirs; the relay is rung
        for what may be left.
        """
        done, turn_ends = 0, time.monotonic() + TURN_SECONDS
        waiting = [reader]  # What came of the last batch is handled first.
        while waiting and time.monotonic() < turn_ends:
            reader = waiting.pop()
            lease_id = await self._claims.claim(reader)
            if lease_id is None:
                continue
            number, followed = await self.deliver(reader, lease_id, turn_ends)
            done += number
            if number == self._claims.batch_size:
                await self._claims.ring([reader])  # There is work for two.
            waiting = [each for each in [*waiting, reader] if each not in followed]
            waiting += sorted(followed)
        if waiting:
            await self._claims.ring(waiting)
        return done

    async def deliver(
        self, reader: str, lease_id: UUID, turn_ends: float = math.inf
    ) -> tuple[int, set[str]]:
        """Handle what is under a lease; give the events done, and the readers to go on with.

        A batch that fails is tried again event by event, so that one poisonous event stops only
        the later ones of its own subject; what the turn has no time for is given back. A lost
        database is not the events' fault: it is raised, and the lease runs out.
        """
        try:
            done, followed = await self._deliver(reader, lease_id, only=None)
        except Exception as error:
            if is_away(error):
                # A connection that was lost while it was idle says so when it is used: once more.
                done, followed = await self._deliver(reader, lease_id, only=None)
            else:
                log.warning("batch_failed", reader=reader, exc_info=True)
                done, followed = await self._deliver_singly(reader, lease_id, turn_ends)
        EVENTS_DELIVERED.labels(reader).inc(done)
        return done, followed

    async def _deliver(self, reader: str, lease_id: UUID, only: int | None) -> tuple[int, set[str]]:
        async with self._units.write(follow=self._prompt) as uow:
            rows = (
                await uow.session.execute(
                    TAKE, {"lease_id": lease_id, "only": only, "now": uow.now}
                )
            ).all()
            if rows:
                rows = sorted(rows, key=attrgetter("id"))
                correlation_id.set(rows[0].correlation_id)
                await self._handlers[reader](
                    uow, [self._events[row.name].validate_json(row.payload) for row in rows]
                )
        return len(rows), uow.followed

    async def _deliver_singly(
        self, reader: str, lease_id: UUID, turn_ends: float
    ) -> tuple[int, set[str]]:
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
        done, followed = 0, set[str]()
        stopped: set[UUID] = set()
        for row in rows:
            if row.subject_id in stopped:
                continue
            if time.monotonic() > turn_ends:
                break
            try:
                number, told = await self._deliver(reader, lease_id, only=row.id)
            except Exception as error:
                if is_away(error):
                    raise
                if row.subject_id is not None:
                    stopped.add(row.subject_id)
                await self._fail(reader, lease_id, row, error)
            else:
                done, followed = done + number, followed | told
        async with self._units.write() as uow:
            await uow.session.execute(RELEASE, {"lease_id": lease_id})
        return done, followed

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
