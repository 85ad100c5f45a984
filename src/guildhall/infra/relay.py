"""The relay: hears what is told, and calls workers to it.

A call names a reader and nothing more. Whoever is called claims what waits, so a call that comes
late, twice or for nothing does no harm, and one that is lost is made again when the relay looks.

One relay works at a time. It does everything on one connection, which also holds the advisory
lock that makes it the one: when the connection dies, so does the claim to the office, and a relay
standing by takes over. `idle_session_timeout` ends the session of a relay that is frozen rather
than dead.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol
from uuid import UUID

import asyncpg
import structlog

from guildhall.infra.endpoints import APP_ROLE
from guildhall.infra.outbox import CHANNEL, TASKS
from guildhall.infra.settings import OutboxSettings
from guildhall.infra.telemetry import RELAY_CALLS, RELAY_LAST_ROUND

__all__ = ["Broker", "Relay"]

log = structlog.get_logger()

OFFICE = 0x6775696C64  # The advisory lock of the one working relay: "guild".
FROZEN_AFTER_SECONDS = 10
RECONNECT_SECONDS = 0.5
SHORTEST_PACE = 0.02  # Events that come thicker than this share a call, and a batch.
LONGEST_PACE = 30.0
TASK_SENT_LEASES = 4  # A task sent but not begun after so many leases of a batch is sent again.

# A lease runs out when a worker died or lost the database, which is rarely the event's fault: it
# is no failed attempt, and it takes four times as many losses as failures to park an event. Rows
# that are locked have a worker that is late but at work, or frozen: the others' events do not wait
# for it here.
EXPIRE = """
UPDATE outbox_events
SET state = CASE WHEN losses + 1 >= 4 * $1 THEN 'parked' ELSE 'waiting' END,
    error = CASE WHEN losses + 1 >= 4 * $1 THEN 'Its lease ran out too often' ELSE error END,
    attempts = attempts - 1, losses = losses + 1, lease_id = NULL
WHERE id IN (
    SELECT id FROM outbox_events WHERE state = 'claimed' AND lease_until < now()
    ORDER BY id FOR UPDATE SKIP LOCKED
)
"""

# For each reader: the first event that could be claimed, and whether somebody is at work.
LOOK = """
SELECT reader,
       (SELECT o.id FROM outbox_events o
        WHERE o.handler = reader AND o.state = 'waiting' AND o.available_at <= now()
          AND NOT EXISTS (
            SELECT FROM outbox_events e
            WHERE e.handler = reader AND e.subject_id = o.subject_id
              AND (e.state = 'claimed' OR (e.state = 'waiting' AND e.attempts > 0))
              AND (e.state = 'claimed' OR e.available_at > now()))
        ORDER BY o.id LIMIT 1) AS first,
       EXISTS (SELECT FROM outbox_events WHERE handler = reader AND state = 'claimed') AS at_work
FROM unnest($1::text[]) AS reader
"""

BEAT = """
INSERT INTO heartbeats VALUES ('relay', now())
ON CONFLICT (process) DO UPDATE SET completed_at = excluded.completed_at
"""

CLAIM_TASKS = """
UPDATE task_executions t
SET state = 'sent', lease_until = now() + make_interval(secs => $1)
FROM (
    SELECT id FROM task_executions
    WHERE state = 'queued' AND available_at <= now()
    ORDER BY priority DESC, id LIMIT 100
    FOR UPDATE SKIP LOCKED
) AS next WHERE t.id = next.id
RETURNING t.id, t.queue, t.priority
"""

EXPIRE_TASKS = """
UPDATE task_executions
SET state = CASE WHEN cancel_requested THEN 'cancelled'
                 WHEN attempts >= max_attempts THEN 'failed' ELSE 'queued' END,
    error = CASE WHEN attempts >= max_attempts THEN 'Its worker died too often' ELSE error END,
    finished_at = CASE WHEN cancel_requested OR attempts >= max_attempts THEN now() END
WHERE state IN ('sent', 'running') AND lease_until < now()
"""


class Broker(Protocol):
    """Carries the news to the workers. Raises anything when it cannot."""

    async def call(self, reader: str) -> None: ...

    async def publish_task(self, execution_id: UUID, queue: str, priority: int) -> None: ...


class Relay:
    """Calls workers until it is cancelled."""

    def __init__(
        self,
        connect: Callable[..., Awaitable[asyncpg.Connection]],
        broker: Broker,
        paces: Mapping[str, float],
        settings: OutboxSettings,
    ) -> None:
        """`paces` has every reader, with the seconds from one of its calls to the next."""
        self._connect = connect
        self._broker = broker
        self._paces = {reader: max(pace, SHORTEST_PACE) for reader, pace in paces.items()}
        self._settings = settings
        self._not_before = dict.fromkeys(paces, 0.0)
        self._rung: set[str] = set()
        self._bell = asyncio.Event()
        self._first: dict[str, int] = {}
        self._unanswered = dict.fromkeys(paces, 0)

    async def run(self) -> None:
        """Work for ever, over lost connections and an absent broker."""
        while True:
            try:
                await self._work_on_one_connection()
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                log.warning("relay_lost_database", error=str(error))
                await asyncio.sleep(RECONNECT_SECONDS)

    async def _work_on_one_connection(self) -> None:
        connection = await self._connect(
            server_settings={
                "application_name": "guildhall-relay",
                "role": APP_ROLE,
                "idle_session_timeout": str(FROZEN_AFTER_SECONDS * 1000),
                # The outbox swings between empty and full faster than its statistics. Every
                # statement here is meant to walk a partial index, whatever they say.
                "enable_seqscan": "off",
            }
        )
        try:
            while not await connection.fetchval("SELECT pg_try_advisory_lock($1)", OFFICE):
                RELAY_LAST_ROUND.set_to_current_time()
                await asyncio.sleep(self._settings.outbox_poll_seconds)
            await connection.add_listener(CHANNEL, self._hear)
            log.info("relay_in_office", readers=len(self._paces))
            await self._rounds(connection)
        finally:
            with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                await connection.close(timeout=2)

    async def _rounds(self, connection: asyncpg.Connection) -> None:
        looked_at = float("-inf")
        while True:
            self._bell.clear()
            if time.monotonic() - looked_at >= self._settings.outbox_poll_seconds:
                await self._look(connection)
                looked_at = time.monotonic()
            if TASKS in self._rung:
                self._rung.discard(TASKS)
                await self._send_tasks(connection)
            await self._call_for_rung()
            RELAY_LAST_ROUND.set_to_current_time()
            # Not `wait_for`, which in Python 3.11 can lose a cancellation.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._patience()):
                    await self._bell.wait()

    def _hear(self, *notice: object) -> None:
        """Note for whom a NOTIFY rings; its payload comes last."""
        self._rung.add(str(notice[-1]))
        self._bell.set()

    async def _look(self, connection: asyncpg.Connection) -> None:
        """Take back what was lost, and ring for what waits: no NOTIFY tells of either."""
        await connection.execute(EXPIRE, self._settings.outbox_max_attempts)
        await connection.execute(EXPIRE_TASKS)
        await connection.execute(BEAT)
        self._rung.add(TASKS)
        for reader, first, at_work in await connection.fetch(LOOK, list(self._paces)):
            if first is None or at_work or first != self._first.get(reader):
                if self._unanswered[reader]:
                    self._unanswered[reader] = 0
                    self._not_before[reader] = 0.0
            else:
                # Called for in vain: no worker runs. Calls would heap up in the broker.
                self._unanswered[reader] += 1
            if first is not None:
                self._first[reader] = first
                self._rung.add(reader)

    async def _call_for_rung(self) -> None:
        """Call a worker for each reader that was rung for and whose pace allows a call."""
        now = time.monotonic()
        for reader, not_before in self._not_before.items():
            if reader in self._rung and not_before <= now:
                wait = min(LONGEST_PACE, 2 ** self._unanswered[reader] - 1)
                self._not_before[reader] = now + max(self._paces[reader], wait)
                try:
                    await self._broker.call(reader)
                except Exception as error:
                    log.warning("relay_lost_broker", error=str(error))
                    self._not_before[reader] = now + self._paces[reader]
                    await asyncio.sleep(RECONNECT_SECONDS)
                    return  # The others would wait for the same broker, and the look for them.
                self._rung.discard(reader)
                RELAY_CALLS.labels(reader).inc()

    def _patience(self) -> float:
        """Give the seconds to wait for a ring: to the next look, or until one rung for is due."""
        now = time.monotonic()
        waits = [self._not_before[reader] - now for reader in self._rung & self._paces.keys()]
        return max(0.0, min([self._settings.outbox_poll_seconds, *waits]))

    async def _send_tasks(self, connection: asyncpg.Connection) -> None:
        lease_seconds = TASK_SENT_LEASES * self._settings.outbox_lease_seconds
        for task in await connection.fetch(CLAIM_TASKS, lease_seconds):
            try:
                await self._broker.publish_task(task["id"], task["queue"], task["priority"])
            except Exception as error:
                log.warning("relay_lost_broker", error=str(error))
                await connection.execute(
                    "UPDATE task_executions SET state = 'queued' WHERE id = $1 AND state = 'sent'",
                    task["id"],
                )
