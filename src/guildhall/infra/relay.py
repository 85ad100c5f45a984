"""The relay: claims what waits in the outbox and tells the workers.

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

from guildhall.infra.outbox import CHANNEL, TASKS
from guildhall.infra.settings import OutboxSettings
from guildhall.infra.telemetry import RELAY_CLAIMED, RELAY_LAST_ROUND
from guildhall.kernel.ids import new_id

__all__ = ["Broker", "Relay"]

log = structlog.get_logger()

OFFICE = 0x6775696C64  # The advisory lock of the one working relay: "guild".
FROZEN_AFTER_SECONDS = 10
RECONNECT_SECONDS = 0.5
TASK_SENT_LEASES = 4  # A task sent but not begun after so many leases of a batch is sent again.

# Claims a batch for one reader, if it has room for another. Rows are claimed by state, never by
# "id above the last one": ids become visible out of order. A subject with an event under way, or
# with one waiting for its retry, is passed over, which keeps its events in order. Those in the way
# are few and looked up in a hash, so the claim costs what it claims however much is waiting.
CLAIM = """
WITH candidates AS (
    SELECT o.id FROM outbox_events o
    WHERE o.handler = $1 AND o.state = 'waiting' AND o.available_at <= now()
      AND (SELECT count(DISTINCT c.lease_id) FROM outbox_events c
           WHERE c.handler = $1 AND c.state = 'claimed') < $5
      AND (o.subject_id IS NULL OR o.subject_id NOT IN (
        SELECT e.subject_id FROM outbox_events e
        WHERE e.handler = $1 AND e.subject_id IS NOT NULL
          AND (e.state = 'claimed' OR (e.state = 'waiting' AND e.attempts > 0))
          AND (e.state = 'claimed' OR e.available_at > now())))
    ORDER BY o.id LIMIT $3
    FOR UPDATE SKIP LOCKED
), claimed AS (
    UPDATE outbox_events o
    SET state = 'claimed', lease_id = $2, attempts = o.attempts + 1,
        lease_until = now() + make_interval(secs => $4)
    FROM candidates c WHERE o.id = c.id
    RETURNING 1
)
SELECT count(*) FROM claimed
"""

# A lease runs out when a worker died, or when the broker lost the news: neither is the event's
# fault, so it takes four times as many losses as failures to park it. Rows that are locked have a
# worker that is late but at work, or frozen: the others' events do not wait for it here.
EXPIRE = """
UPDATE outbox_events
SET state = CASE WHEN attempts >= 4 * $1 THEN 'parked' ELSE 'waiting' END,
    error = CASE WHEN attempts >= 4 * $1 THEN 'Its lease ran out too often' ELSE error END,
    lease_id = NULL
WHERE id IN (
    SELECT id FROM outbox_events WHERE state = 'claimed' AND lease_until < now()
    ORDER BY id FOR UPDATE SKIP LOCKED
)
"""

HAND_BACK = """
UPDATE outbox_events SET state = 'waiting', lease_id = NULL, attempts = attempts - 1
WHERE lease_id = $1 AND state = 'claimed'
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

    async def publish_batch(self, reader: str, lease_id: UUID) -> None: ...

    async def publish_task(self, execution_id: UUID, queue: str, priority: int) -> None: ...


class Relay:
    """Claims and publishes until it is cancelled."""

    def __init__(
        self,
        connect: Callable[..., Awaitable[asyncpg.Connection]],
        broker: Broker,
        paces: Mapping[str, float],
        settings: OutboxSettings,
    ) -> None:
        """`paces` has every reader, with the seconds from one of its batches to the next."""
        self._connect = connect
        self._broker = broker
        self._paces = paces
        self._settings = settings
        self._not_before = dict.fromkeys(paces, 0.0)
        self._called: set[str] = set()
        self._rung = asyncio.Event()

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
        swept_at = float("-inf")
        while True:
            self._rung.clear()
            if time.monotonic() - swept_at >= self._settings.outbox_poll_seconds:
                await connection.execute(EXPIRE, self._settings.outbox_max_attempts)
                await connection.execute(EXPIRE_TASKS)
                await connection.execute(BEAT)
                self._called.update(self._paces, [TASKS])
                swept_at = time.monotonic()
            if TASKS in self._called:
                self._called.discard(TASKS)
                await self._claim_tasks(connection)
            await self._claim_for_called(connection)
            RELAY_LAST_ROUND.set_to_current_time()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._rung.wait(), self._patience())

    def _hear(self, *notice: object) -> None:
        """Note whom a NOTIFY calls; its payload comes last."""
        self._called.add(str(notice[-1]))
        self._rung.set()

    async def _claim_for_called(self, connection: asyncpg.Connection) -> None:
        """Claim a batch for each reader that was called and whose pace allows one."""
        now = time.monotonic()
        for reader, not_before in self._not_before.items():
            if reader in self._called and not_before <= now:
                await self._claim(connection, reader)

    def _patience(self) -> float:
        """Give the seconds to wait for a ring: to the next look, or until one called is due."""
        now = time.monotonic()
        waits = [self._not_before[reader] - now for reader in self._called & self._paces.keys()]
        return max(0.0, min([self._settings.outbox_poll_seconds, *waits]))

    async def _claim(self, connection: asyncpg.Connection, reader: str) -> None:
        """Claim and publish a batch for a reader; with a backlog it stays called for the next."""
        self._called.discard(reader)
        lease_id = new_id()
        size = await connection.fetchval(
            CLAIM,
            reader,
            lease_id,
            self._settings.outbox_batch_size,
            self._settings.outbox_lease_seconds,
            self._settings.outbox_batches_in_flight,
        )
        if not size:
            return
        RELAY_CLAIMED.labels(reader).inc(size)
        if size == self._settings.outbox_batch_size:
            self._called.add(reader)
        else:
            self._not_before[reader] = time.monotonic() + self._paces[reader]
        await self._publish(connection, reader, lease_id)

    async def _publish(self, connection: asyncpg.Connection, reader: str, lease_id: UUID) -> None:
        try:
            await self._broker.publish_batch(reader, lease_id)
        except Exception as error:
            # The broker is away. The rows go back at once, so that they are handed over as soon
            # as it returns instead of when their lease runs out.
            log.warning("relay_lost_broker", error=str(error))
            await connection.execute(HAND_BACK, lease_id)
            self._called.add(reader)
            await asyncio.sleep(RECONNECT_SECONDS)

    async def _claim_tasks(self, connection: asyncpg.Connection) -> None:
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
