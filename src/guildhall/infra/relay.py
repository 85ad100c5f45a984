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
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol
from uuid import UUID

import asyncpg
import structlog

from guildhall.infra.outbox import CHANNEL
from guildhall.infra.settings import OutboxSettings
from guildhall.infra.telemetry import RELAY_CLAIMED, RELAY_LAST_ROUND
from guildhall.kernel.ids import new_id

__all__ = ["Broker", "Relay"]

log = structlog.get_logger()

OFFICE = 0x6775696C64  # The advisory lock of the one working relay: "guild".
FROZEN_AFTER_SECONDS = 10
RECONNECT_SECONDS = 0.5
TASK_SENT_LEASE_SECONDS = 120  # A task sent but not begun by then is sent again.

# Claims at most one batch per reader, for readers with room. Rows are claimed by state, never by
# "id above the last one": ids become visible out of order. A subject with an event under way, or
# with an earlier one waiting for its retry, is passed over, which keeps its events in order.
CLAIM = """
WITH readers AS (
    SELECT * FROM unnest($1::text[], $2::uuid[]) AS r(handler, lease_id)
), free AS (
    SELECT * FROM readers r WHERE (
        SELECT count(DISTINCT c.lease_id) FROM outbox_events c
        WHERE c.handler = r.handler AND c.state = 'claimed'
    ) < $3
), candidates AS (
    SELECT c.id, f.lease_id FROM free f CROSS JOIN LATERAL (
        SELECT o.id FROM outbox_events o
        WHERE o.handler = f.handler AND o.state = 'waiting' AND o.available_at <= now()
          AND NOT EXISTS (
            SELECT 1 FROM outbox_events e
            WHERE e.handler = o.handler AND e.subject_id = o.subject_id
              AND (e.state = 'claimed' OR (e.state = 'waiting' AND e.attempts > 0))
              AND (e.state = 'claimed' OR (e.id < o.id AND e.available_at > now()))
          )
        ORDER BY o.id LIMIT $4
        FOR UPDATE SKIP LOCKED
    ) c
), claimed AS (
    UPDATE outbox_events o
    SET state = 'claimed', lease_id = c.lease_id, attempts = o.attempts + 1,
        lease_until = now() + make_interval(secs => $5)
    FROM candidates c WHERE o.id = c.id
    RETURNING o.handler, o.lease_id
)
SELECT handler, lease_id, count(*) AS size FROM claimed GROUP BY 1, 2
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
WHERE lease_id = ANY($1::uuid[]) AND state = 'claimed'
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
        readers: Sequence[str],
        settings: OutboxSettings,
    ) -> None:
        self._connect = connect
        self._broker = broker
        self._readers = list(readers)
        self._settings = settings
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
            }
        )
        try:
            while not await connection.fetchval("SELECT pg_try_advisory_lock($1)", OFFICE):
                RELAY_LAST_ROUND.set_to_current_time()
                await asyncio.sleep(self._settings.outbox_poll_seconds)
            await connection.add_listener(CHANNEL, lambda *_: self._rung.set())
            log.info("relay_in_office", readers=len(self._readers))
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
                swept_at = time.monotonic()
            while await self._claim(connection):
                pass
            await self._claim_tasks(connection)
            RELAY_LAST_ROUND.set_to_current_time()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._rung.wait(), self._settings.outbox_poll_seconds)

    async def _claim(self, connection: asyncpg.Connection) -> bool:
        batches = await connection.fetch(
            CLAIM,
            self._readers,
            [new_id() for _ in self._readers],
            self._settings.outbox_batches_in_flight,
            self._settings.outbox_batch_size,
            self._settings.outbox_lease_seconds,
        )
        for number, batch in enumerate(batches):
            RELAY_CLAIMED.labels(batch["handler"]).inc(batch["size"])
            try:
                await self._broker.publish_batch(batch["handler"], batch["lease_id"])
            except Exception as error:
                # The broker is away. The rows go back at once, so that they are handed over as
                # soon as it returns instead of when their lease runs out.
                log.warning("relay_lost_broker", error=str(error))
                unpublished = [each["lease_id"] for each in batches[number:]]
                await connection.execute(HAND_BACK, unpublished)
                await asyncio.sleep(RECONNECT_SECONDS)
                return False
        return bool(batches)

    async def _claim_tasks(self, connection: asyncpg.Connection) -> None:
        for task in await connection.fetch(CLAIM_TASKS, TASK_SENT_LEASE_SECONDS):
            try:
                await self._broker.publish_task(task["id"], task["queue"], task["priority"])
            except Exception as error:
                log.warning("relay_lost_broker", error=str(error))
                await connection.execute(
                    "UPDATE task_executions SET state = 'queued' WHERE id = $1 AND state = 'sent'",
                    task["id"],
                )
