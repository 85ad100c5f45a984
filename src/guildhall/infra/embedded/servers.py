"""The servers that nobody has configured, and the one door to them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from pydantic import SecretStr

from guildhall.infra.embedded.lock import HallLock, Occupancy
from guildhall.infra.embedded.postgres import EmbeddedPostgres
from guildhall.infra.embedded.premises import Premises
from guildhall.infra.embedded.processes import Output, ServerFailed
from guildhall.infra.embedded.secrets import kept_secret
from guildhall.infra.embedded.valkey import EmbeddedValkey
from guildhall.infra.endpoints import Endpoints, broker_beside
from guildhall.infra.settings import Settings, SettingsFault

__all__ = ["EmbeddedServers", "servers_for"]

WAIT_FOR_OTHERS_SECONDS = 60.0
LOOK_EVERY_SECONDS = 0.05
LOG_KEPT_BYTES = 10_000_000


class EmbeddedServers:
    """What a hall runs itself: what is not configured of PostgreSQL and Valkey."""

    def __init__(self, settings: Settings, premises: Premises) -> None:
        self._settings = settings
        self.premises = premises
        self.postgres = (
            EmbeddedPostgres(premises) if settings.database.database_url is None else None
        )
        self.valkey = EmbeddedValkey(premises) if settings.redis.redis_url is None else None

    @property
    def all(self) -> list[EmbeddedPostgres | EmbeddedValkey]:
        return [server for server in (self.postgres, self.valkey) if server is not None]

    @property
    def endpoints(self) -> Endpoints:
        """The addresses, configured or our own. They hold before the servers run."""
        database = self._settings.database.database_url
        redis = self._settings.redis.redis_url
        broker = self._settings.broker.broker_url
        secret = self._settings.security.secret_key
        database_url = self.postgres.url if self.postgres else _value(database)
        owner = self._settings.database.database_owner_url or database
        redis_url = self.valkey.url if self.valkey else _value(redis)
        return Endpoints(
            database_url=database_url,
            redis_url=redis_url,
            broker_url=broker.get_secret_value() if broker else broker_beside(redis_url),
            secret_key=(
                secret.get_secret_value()
                if secret
                else kept_secret(self.premises.secrets / "secret_key")[0]
            ),
            owner_url=self.postgres.owner_url if self.postgres else _value(owner),
        )

    async def start(self, output_of: Callable[[str], Output]) -> None:
        """Start all of them at once. The caller holds the lock; if one fails, none is left.

        Raises ServerFailed.
        """
        self.premises.furnish()
        try:
            async with asyncio.TaskGroup() as starting:
                for server in self.all:
                    starting.create_task(server.start(output_of(server.name)))
        except BaseException as failure:
            await self.stop()
            if isinstance(failure, BaseExceptionGroup):
                raise failure.exceptions[0] from None
            raise

    async def stop(self) -> None:
        """Stop them cleanly, all at once."""
        await asyncio.gather(*(server.stop() for server in self.all))


def _value(secret: SecretStr | None) -> str:
    return secret.get_secret_value() if secret else ""


@asynccontextmanager
async def servers_for(settings: Settings) -> AsyncIterator[Endpoints]:
    """Give the servers to work on: configured ones; else those of the running hall of DATA_DIR;
    else our own, started now and stopped in the end.

    Waits for another command that has started them. Call it from the main thread: servers that are
    started here end with the thread. Raises SettingsFault when neither is possible.
    """
    if settings.database.database_url is not None and settings.redis.redis_url is not None:
        yield Endpoints.configured(settings)
        return
    premises = Premises.of(settings.hall.data_dir)
    premises.establish()
    lock = HallLock(premises.run)
    servers = EmbeddedServers(settings, premises)
    if not await _acquired(lock, premises):
        occupancy = lock.occupancy()
        for server, runs, setting in (
            (servers.postgres, occupancy and occupancy.postgres, "DATABASE_URL"),
            (servers.valkey, occupancy and occupancy.valkey, "REDIS_URL"),
        ):
            if server is not None and not runs:
                raise SettingsFault(
                    [f"{setting}: is not set, but was for the hall running in {premises.data_dir}"]
                )
        yield servers.endpoints
        return
    try:
        lock.announce(_command(servers))
        await _start_with_logs(servers)
        try:
            yield servers.endpoints
        finally:
            await servers.stop()
    finally:
        lock.release()


async def _acquired(lock: HallLock, premises: Premises) -> bool:
    """Wait for the lock (True) or for a hall that serves (False)."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + WAIT_FOR_OTHERS_SECONDS
    while not lock.acquire():
        occupancy = lock.occupancy()
        if occupancy is not None and occupancy.kind == "hall" and occupancy.serving:
            return False
        if loop.time() > deadline:
            who = f"process {occupancy.pid}" if occupancy else "another process"
            raise SettingsFault([f"DATA_DIR: {premises.data_dir} is in use by {who}; wait for it"])
        await asyncio.sleep(LOOK_EVERY_SECONDS)
    return True


def _command(servers: EmbeddedServers) -> Occupancy:
    return Occupancy(
        pid=os.getpid(),
        kind="command",
        url=None,
        postgres=servers.postgres is not None,
        valkey=servers.valkey is not None,
        serving=False,
    )


async def _start_with_logs(servers: EmbeddedServers) -> None:
    """Start the servers, with their words in files: nobody reads a pipe while a command works."""
    logs = servers.premises.logs
    files = {}
    try:
        for server in servers.all:
            path = logs / f"{server.name}.log"
            full = path.exists() and path.stat().st_size > LOG_KEPT_BYTES
            files[server.name] = path.open("wb" if full else "ab")
        await servers.start(lambda name: files[name])
    except ServerFailed as failure:
        raise SettingsFault([f"{failure} ({logs})"]) from failure
    finally:
        for file in files.values():
            file.close()
