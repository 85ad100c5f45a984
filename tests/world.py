"""The world around the hall in tests: its clock, its callers, and workers without processes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Self
from uuid import UUID

import asyncpg
import httpx

from guildhall.infra.database import asyncpg_arguments
from guildhall.infra.hall import Hall
from guildhall.infra.relay import Relay
from tests.factories import Person

# A Wednesday in the middle of a month and a quarter. In the future, so that nothing that Redis
# keeps until some instant of the hall's time is over already by its own.
NOON = datetime(2031, 5, 14, 12, tzinfo=UTC)
MOST_ROUNDS = 200


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


class InProcess:
    """A broker whose workers are this process: what is published is done before it returns."""

    def __init__(self, hall: Hall) -> None:
        self._hall = hall
        self.failure: Exception | None = None

    async def publish_batch(self, reader: str, lease_id: UUID) -> None:
        await self._do(lambda: self._hall.deliveries.deliver(reader, lease_id))

    async def publish_task(self, execution_id: UUID, queue: str, priority: int) -> None:
        await self._do(lambda: self._hall.task_runner.run(execution_id))

    async def _do(self, act: Callable[[], Awaitable[object]]) -> None:
        try:
            await act()
        except Exception as error:
            self.failure = error
            raise


def relay_of(hall: Hall, broker: Any) -> Relay:
    """Make the relay of a hall, to be driven by hand."""

    async def connect(**arguments: Any) -> asyncpg.Connection:
        return await asyncpg.connect(**asyncpg_arguments(hall.endpoints.database_url), **arguments)

    paces = dict.fromkeys(hall.wiring.queues, 0.0)  # Nothing lingers in a test.
    return Relay(connect, broker, paces, hall.settings.outbox)


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
    broker = InProcess(hall)
    relay = relay_of(hall, broker)
    connection = await asyncpg.connect(**asyncpg_arguments(hall.endpoints.database_url))
    try:
        for _ in range(MOST_ROUNDS):
            await connection.execute(BRING_FORWARD)
            relay._called.update(relay._paces)
            await relay._claim_for_called(connection)
            if broker.failure is None:
                await relay._claim_tasks(connection)
            if broker.failure is not None:
                raise broker.failure
            if not await connection.fetchval(LEFT):
                return
        raise AssertionError("the outbox does not come to rest")
    finally:
        await connection.close()
