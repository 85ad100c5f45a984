"""The stage of a benchmark: servers, a fresh database, and the hall's real processes on it."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
from redis.asyncio import Redis
from sqlalchemy import make_url

from bench.processes import START_SECONDS, answering, free_port, processes
from guildhall.entrypoints.seeding import read_content, seed, starter_content
from guildhall.entrypoints.wiring import WIRING
from guildhall.infra.database import asyncpg_arguments
from guildhall.infra.embedded import servers_for
from guildhall.infra.endpoints import Endpoints
from guildhall.infra.hall import Hall, open_hall
from guildhall.infra.migrations import upgrade
from guildhall.infra.settings import Settings
from guildhall.progression import Audit, audit, boards

__all__ = ["API_WORKERS", "Servers", "Stage", "broker_url", "open_servers"]

API_WORKERS = 2
CACHE_DATABASE, BROKER_DATABASE = 8, 9
ADDRESSES = ("DATABASE_URL", "REDIS_URL", "BROKER_URL", "SECRET_KEY")


@dataclass(frozen=True)
class Servers:
    """PostgreSQL and Redis to make stages on."""

    endpoints: Endpoints
    directory: Path

    @asynccontextmanager
    async def stage(self, name: str) -> AsyncIterator[Stage]:
        """Open a migrated database with the starter content, and an empty Redis."""
        async with self.database(f"guildhall_bench_{name}") as url:
            # Both in one Redis, as `guildhall up` has it; an AMQP broker is not measured here.
            broker = _redis_database(self.endpoints.redis_url, BROKER_DATABASE)
            endpoints = replace(
                self.endpoints,
                database_url=url,
                owner_url=url,
                redis_url=_redis_database(self.endpoints.redis_url, CACHE_DATABASE),
                broker_url=broker_url(broker),
            )
            async with Redis.from_url(broker) as redis:
                await redis.flushdb()
            await asyncio.to_thread(upgrade, url)
            directory = self.directory / name
            directory.mkdir()
            settings = Settings.load()
            async with (
                open_hall(settings, endpoints, WIRING, pool_size=4) as hall,
                asyncpg.create_pool(**asyncpg_arguments(url), min_size=1, max_size=4) as pool,
            ):
                await hall.redis.flushdb()
                await seed(hall, read_content(starter_content(), WIRING.topics))
                stage = Stage(name, endpoints, hall, pool, directory)
                await stage.rebuild_boards()
                yield stage

    @asynccontextmanager
    async def database(self, name: str) -> AsyncIterator[str]:
        """Create an empty database, and drop it in the end."""
        admin = await asyncpg.connect(**asyncpg_arguments(self.endpoints.owner_url))
        try:
            await admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            await admin.execute(f'CREATE DATABASE "{name}"')
            url = make_url(self.endpoints.owner_url).set(database=name)
            yield url.render_as_string(hide_password=False)
        finally:
            await admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            await admin.close()


@dataclass(frozen=True)
class Stage:
    """A hall of our own: its database, its Redis, and what runs on them."""

    name: str
    endpoints: Endpoints
    hall: Hall
    pool: asyncpg.Pool
    directory: Path

    @property
    def redis(self) -> Redis:
        return self.hall.redis

    @asynccontextmanager
    async def running(self, *names: str, **settings: str) -> AsyncIterator[int]:
        """Run some of api, worker, relay and scheduler; give the port of the API.

        Everything is as it comes, but for the quota of a member: a few members ask for many here,
        so it is raised. The limiter itself stays on and counts every request.
        """
        port = free_port()
        metrics = self.directory / "metrics"
        metrics.mkdir(exist_ok=True)
        environment = {
            **self.endpoints.as_environment(),
            "API_PORT": str(port),
            "API_WORKERS": str(API_WORKERS),
            "DRAIN_SECONDS": "2",
            "RATE_LIMIT_MEMBER_PER_MINUTE": "1000000",
            "PROMETHEUS_MULTIPROC_DIR": str(metrics),
            **settings,
        }
        commands = {name: ["-m", "guildhall", name] for name in names}
        await self.pool.execute("DELETE FROM heartbeats")
        async with processes(commands, environment, self.directory):
            if "api" in names:
                await answering(port, self.directory, "api")
            await self._at_work([name for name in names if name != "api"])
            yield port

    async def _at_work(self, names: Sequence[str]) -> None:
        """Wait until each of these processes has completed something."""
        async with asyncio.timeout(START_SECONDS):
            while await self.pool.fetchval(ABSENT, list(names)):  # noqa: ASYNC110  # a database
                await asyncio.sleep(0.05)

    async def rebuild_boards(self) -> int:
        """Fill Redis from the database; give the entries written."""
        return await boards.rebuild(self.hall.units, self.redis, self.hall.clock.now())

    async def drained(self, *handlers: str, patience_seconds: float = 120) -> None:
        """Wait until no event waits for these handlers, or for any if none is named."""
        names = list(handlers or WIRING.queues)
        try:
            async with asyncio.timeout(patience_seconds):
                while await self.pool.fetchval(WAITING, names):  # noqa: ASYNC110  # a database
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"{self.name}: events still wait for {names}") from None

    async def audited(self) -> Audit:
        """Wait until all events are handled; then ledger, totals and boards must agree."""
        await self.drained()
        found = await audit(self.hall.units, self.redis)
        assert found.all_equal, f"{self.name}: {found.difference_count}: {found.differences}"
        assert not found.parked_events, f"{self.name}: {found.parked_events} events are parked"
        return found


ABSENT = """
SELECT EXISTS (SELECT FROM unnest($1::text[]) AS name
               WHERE name NOT IN (SELECT process FROM heartbeats))
"""

WAITING = """
SELECT EXISTS (SELECT FROM outbox_events WHERE handler = ANY($1) AND state = 'waiting')
    OR EXISTS (SELECT FROM outbox_events WHERE handler = ANY($1) AND state = 'claimed')
"""


@asynccontextmanager
async def open_servers(*, configured: bool) -> AsyncIterator[Servers]:
    """Open servers in a temporary folder; or take those that the environment names.

    Nothing of a configured server is touched but databases `guildhall_bench_*` and Redis 8 and 9.
    """
    with tempfile.TemporaryDirectory(prefix="guildhall-bench-") as folder:
        directory = Path(folder)
        os.environ["DATA_DIR"] = folder
        if configured:
            yield Servers(Endpoints.configured(Settings.load()), directory)
            return
        for name in ADDRESSES:
            os.environ.pop(name, None)
        async with servers_for(Settings.load()) as endpoints:
            yield Servers(endpoints, directory)


def broker_url(redis_url: str) -> str:
    """Give a Redis as Celery wants to be told."""
    parts = urlsplit(redis_url)
    if parts.scheme == "unix":
        return f"redis+socket://{parts.path}?virtual_host={parts.query.removeprefix('db=')}"
    return redis_url


def _redis_database(url: str, number: int) -> str:
    """Give another database of the server behind a Redis address."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return f"unix://{parts.path}?db={number}"
    return urlunsplit(parts._replace(path=f"/{number}"))
