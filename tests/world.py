"""The world around the hall in tests: its clock, its callers, and workers without processes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Self

import asyncpg
import httpx

from guildhall.infra.database import asyncpg_arguments
from guildhall.infra.hall import Hall
from guildhall.infra.relay import CLAIM_TASKS
from tests.factories import Person

# A Wednesday in the middle of a month and a quarter. In the future, so that nothing that Redis
# keeps until some instant of the hall's time is over already by its own.
NOON = datetime(2031, 5, 14, 12, tzinfo=UTC)
MOST_ROUNDS = 200
TASK_LEASE_SECONDS = 120


class SettableClock:
    """Stands still until somebody moves it, or lets it tick."""

    def __init__(self) -> None:
        self._now, self._step = NOON, timedelta()

    def now(self) -> datetime:
        self._now += self._step
        return self._now

    def tick(self, **step: float) -> None:
        """Go on by so much whenever somebody looks."""
        self._step = timedelta(**step)

    def set(self, at: datetime) -> None:
        self._now = at

    def advance(self, **by: float) -> datetime:
        self._now += timedelta(**by)
        return self._now

    def reset(self) -> None:
        self._now, self._step = NOON, timedelta()


class Client(httpx.AsyncClient):
    """Calls the API in this process, over ASGI; shares no session with the test."""

    def __init__(self, application: Any, token: str | None = None, address: str = "127.0.0.1"):
        super().__init__(
            transport=httpx.ASGITransport(application, client=(address, 40_000)),
            base_url="http://hall/api/v1",
            headers={"Authorization": f"Bearer {token}"} if token else {},
        )
        self._application = application

    def of(self, person: Person) -> Self:
        """Give a client that is signed in as somebody."""
        return self.with_token(person.token)

    def with_token(self, token: str) -> Self:
        return type(self)(self._application, token)

    def at(self, address: str) -> Self:
        """Give a client that calls from another address."""
        return type(self)(self._application, address=address)


# The hall's clock is not the server's, and nobody waits for a retry: what waits is due now.
BRING_FORWARD = """
UPDATE outbox_events SET available_at = now() WHERE state = 'waiting' AND available_at > now();
UPDATE task_executions SET available_at = now() WHERE state = 'queued' AND available_at > now();
"""

LEFT = """
SELECT (SELECT count(*) FROM outbox_events WHERE state IN ('waiting', 'claimed'))
     + (SELECT count(*) FROM task_executions WHERE state IN ('queued', 'sent', 'running'))
"""


async def settle_hall(hall: Hall) -> None:
    """Deliver every event and run every task that waits, and what follows from them."""
    connection = await asyncpg.connect(**asyncpg_arguments(hall.endpoints.database_url))
    try:
        for _ in range(MOST_ROUNDS):
            await connection.execute(BRING_FORWARD)
            for reader in hall.wiring.queues:
                await hall.deliveries.work(reader)
            for task in await connection.fetch(CLAIM_TASKS, TASK_LEASE_SECONDS):
                await hall.task_runner.run(task["id"])
            if not await connection.fetchval(LEFT):
                return
        raise AssertionError("the outbox does not come to rest")
    finally:
        await connection.close()
