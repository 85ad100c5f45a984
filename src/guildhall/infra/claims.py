"""Claims: a worker takes what waits for a reader, under a lease."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

import asyncpg

from guildhall.infra.outbox import CHANNEL
from guildhall.infra.settings import OutboxSettings
from guildhall.kernel.ids import new_id

__all__ = ["Claims"]


class Claims:
    """Claims batches, each in a transaction of its own, so that all the others see it at once."""

    def __init__(self, connections: asyncpg.Pool, settings: OutboxSettings) -> None:
        self._connections = connections
        self.batch_size = settings.outbox_batch_size
        self._lease_seconds = settings.outbox_lease_seconds

    async def claim(self, reader: str) -> UUID | None:
        """Take what waits for a reader and may be handled now; give the lease, if there is any."""
        lease_id = new_id()
        claimed = await self._connections.fetchval(
            "SELECT claim_events($1, $2, $3, $4)",
            reader,
            lease_id,
            self.batch_size,
            self._lease_seconds,
        )
        return lease_id if claimed else None

    async def ring(self, readers: Iterable[str]) -> None:
        """Have the relay call a worker for each of these readers."""
        await self._connections.execute(
            "SELECT pg_notify($1, reader) FROM unnest($2::text[]) AS reader",
            CHANNEL,
            list(readers),
        )
