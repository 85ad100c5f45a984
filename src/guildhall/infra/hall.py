"""The open hall: what every process holds while it works."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import ConnectionError as RedisConnectionError

from guildhall.infra.cache import Cache
from guildhall.infra.claims import Claims
from guildhall.infra.database import WHOLE_HALL, Database, open_database
from guildhall.infra.delivery import Deliveries, Subscription
from guildhall.infra.endpoints import Endpoints
from guildhall.infra.issuers import Issuers, open_outbound
from guildhall.infra.llm import Llm, open_llm
from guildhall.infra.mail import Post, open_post
from guildhall.infra.sealing import SealedColumn, Sealer
from guildhall.infra.settings import Settings
from guildhall.infra.tasks import TaskDefinition, TaskRunner
from guildhall.infra.unit_of_work import UnitsOfWork
from guildhall.infra.views import SuggestionSource
from guildhall.kernel.clock import Clock, SystemClock

__all__ = ["Hall", "Wiring", "open_hall", "open_redis"]


@dataclass(frozen=True)
class Wiring:
    """Who listens to what: the tables of `entrypoints/wiring.py`."""

    subscriptions: Sequence[Subscription]
    tasks: Sequence[TaskDefinition]
    sealed: Sequence[SealedColumn] = ()
    suggestions: Sequence[SuggestionSource] = ()

    @property
    def readers(self) -> dict[str, list[str]]:
        """Give the handlers' names by the event's name."""
        readers: dict[str, list[str]] = {}
        for subscription in self.subscriptions:
            readers.setdefault(subscription.event.name, []).append(subscription.reader)
        return readers

    @property
    def topics(self) -> frozenset[str]:
        """Give the names, without versions, of the events that badges can count."""
        return frozenset(s.event.topic() for s in self.subscriptions if s.countable)

    @property
    def paces(self) -> dict[str, float]:
        """Give the seconds between two calls for each reader: the shortest that a line asks."""
        return {
            reader: min(s.pace_seconds for s in self.subscriptions if s.reader == reader)
            for reader in self.queues
        }

    @property
    def queues(self) -> dict[str, str]:
        """Give each reader's queue."""
        return {s.reader: s.queue for s in self.subscriptions}


@dataclass(frozen=True)
class Hall:
    """Settings, pools and mechanisms of one process."""

    settings: Settings
    endpoints: Endpoints = field(repr=False)
    wiring: Wiring
    clock: Clock
    database: Database
    redis: Redis
    cache: Cache
    units: UnitsOfWork
    deliveries: Deliveries
    task_runner: TaskRunner
    post: Post
    sealer: Sealer = field(repr=False)
    issuers: Issuers
    llm: Llm


@asynccontextmanager
async def open_hall(
    settings: Settings,
    endpoints: Endpoints,
    wiring: Wiring,
    *,
    clock: Clock | None = None,
    pool_size: int | None = None,
    reach: str = WHOLE_HALL,
) -> AsyncIterator[Hall]:
    """Open everything a process needs, and close it in the end. `reach`: see `open_database`."""
    clock = clock or SystemClock()
    async with (
        open_database(
            endpoints.database_url, settings.database, pool_size=pool_size, reach=reach
        ) as database,
        open_redis(endpoints.redis_url) as redis,
        open_outbound() as outbound,
        open_llm(settings.llm, clock) as llm,
    ):
        cache = Cache(redis, settings.hall.data_dir / "cache", settings.cache)
        units = UnitsOfWork(database.sessions, clock, wiring.readers, redis, cache, reach)
        post = open_post(settings, clock)
        yield Hall(
            settings=settings,
            endpoints=endpoints,
            wiring=wiring,
            clock=clock,
            database=database,
            redis=redis,
            cache=cache,
            units=units,
            deliveries=Deliveries(
                units,
                Claims(database.claims, settings.outbox),
                wiring.subscriptions,
                max_attempts=settings.outbox.outbox_max_attempts,
            ),
            task_runner=TaskRunner(
                units,
                {task.name: task for task in wiring.tasks},
                post=post,
                llm=llm,
                settings=settings,
            ),
            post=post,
            sealer=Sealer.of(settings.security, endpoints.secret_key),
            issuers=Issuers(outbound, redis, clock, settings.sign_in),
            llm=llm,
        )


@asynccontextmanager
async def open_redis(url: str) -> AsyncIterator[Redis]:
    """Open a Redis client that gives a restarting server half a second, and then gives up."""
    client = Redis.from_url(
        url,
        socket_timeout=2,
        socket_connect_timeout=1,
        retry=Retry(
            ExponentialWithJitterBackoff(cap=0.2, base=0.02),
            retries=4,
            supported_errors=(RedisConnectionError,),
        ),
    )
    try:
        yield client
    finally:
        await client.aclose()
