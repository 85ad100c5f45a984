"""What every test stands on: real servers, a database of one's own, a clock that can be set.

One pair of servers serves the whole run: those of `DATABASE_URL` and `REDIS_URL` if they are set,
else the hall's own, kept in a temporary directory. The controller starts them and migrates one
template database; each xdist worker clones the template and has a Redis database of its own.

Two flavours of the hall:

- `hall`: everything happens on one connection inside a transaction that is rolled back. For use
  cases called directly. `database.reads`, the relay and a second connection do not see it.
- `committed`: real commits, wiped after the test. For HTTP, the relay, tasks, and races.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import asyncpg
import hypothesis
import pytest
import pytest_asyncio
from sqlalchemy import make_url
from sqlalchemy.ext.asyncio import async_sessionmaker

from guildhall.entrypoints.api import create_app, furnish
from guildhall.entrypoints.wiring import WIRING
from guildhall.infra.claims import Claims
from guildhall.infra.database import Base, asyncpg_arguments
from guildhall.infra.delivery import Deliveries
from guildhall.infra.embedded import servers_for
from guildhall.infra.endpoints import Endpoints
from guildhall.infra.hall import Hall, open_hall
from guildhall.infra.http.hot import SharedAnswers
from guildhall.infra.migrations import upgrade
from guildhall.infra.settings import ApiSettings, HallSettings, Settings
from guildhall.infra.tasks import TaskRunner
from guildhall.infra.unit_of_work import UnitOfWork, UnitsOfWork
from guildhall.kernel.ids import new_id
from guildhall.kernel.member import Role
from tests import factories
from tests.factories import Person
from tests.world import Client, SettableClock, settle_hall

FIRST_REDIS_DATABASE = 5  # Those below belong to whoever else uses a configured server.
POOL_SIZE = 20
FIRST = {"web": 0, "system": 1, "fuzz": 2, "entrypoints": 3}

# Tests never assert a time, and two cores shared with a database are not quiet.
hypothesis.settings.register_profile("hall", deadline=None, database=None)
hypothesis.settings.load_profile("hall")


@dataclass(frozen=True)
class Servers:
    """What the controller tells the workers."""

    database_url: str
    redis_url: str
    template: str


SERVERS = pytest.StashKey[Servers]()
CLOSING = pytest.StashKey[Callable[[], None]]()


def _start_servers(config: pytest.Config) -> Servers:
    """Start servers, or find those configured, and migrate the template. Once per run."""
    if SERVERS in config.stash:
        return config.stash[SERVERS]
    runner, open_things = asyncio.Runner(), AsyncExitStack()
    folder = tempfile.TemporaryDirectory(prefix="guildhall-tests-")
    settings = replace(Settings.load(), hall=HallSettings(data_dir=Path(folder.name)))
    template = f"hall_test_{new_id().hex[-12:]}"

    def close() -> None:
        runner.run(_drop_databases(endpoints.owner_url, template))
        runner.run(open_things.aclose())
        runner.close()
        folder.cleanup()

    endpoints = runner.run(open_things.enter_async_context(servers_for(settings)))
    config.stash[CLOSING] = close
    runner.run(_execute(endpoints.owner_url, f'CREATE DATABASE "{template}"'))
    upgrade(_on_database(endpoints.owner_url, template))
    servers = Servers(endpoints.owner_url, endpoints.redis_url, template)
    config.stash[SERVERS] = servers
    return servers


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest: at the end no worker is left alone with a long file."""
    items.sort(key=lambda item: FIRST.get(item.path.parent.name, len(FIRST)))


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell an xdist worker where the servers are."""
    servers = _start_servers(node.config)
    node.workerinput["servers"] = [servers.database_url, servers.redis_url, servers.template]


def pytest_unconfigure(config: pytest.Config) -> None:
    close = config.stash.get(CLOSING, None)
    if close is not None:
        close()


async def _execute(database_url: str, *statements: str) -> None:
    connection = await asyncpg.connect(**asyncpg_arguments(database_url))
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def _drop_databases(database_url: str, prefix: str) -> None:
    connection = await asyncpg.connect(**asyncpg_arguments(database_url))
    try:
        for (name,) in await connection.fetch(
            "SELECT datname FROM pg_database WHERE datname LIKE $1", f"{prefix}%"
        ):
            await connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    finally:
        await connection.close()


def _on_database(url: str, name: str) -> str:
    return make_url(url).set(database=name).render_as_string(hide_password=False)


def _on_redis_database(url: str, number: int) -> str:
    if url.startswith("unix:"):
        return f"{url.partition('?')[0]}?db={number}"
    base, _, last = url.rpartition("/")
    return f"{base if last.isdigit() else url}/{number}"


@pytest.fixture(scope="session")
def servers(request: pytest.FixtureRequest) -> Servers:
    told = getattr(request.config, "workerinput", {}).get("servers")
    return Servers(*told) if told else _start_servers(request.config)


@pytest.fixture(scope="session")
def new_database(servers: Servers) -> Callable[..., Awaitable[str]]:
    """Make a database and give its URL: a clone of the migrated template, or an empty one."""

    async def make(*, empty: bool = False) -> str:
        name = f"{servers.template}_{new_id().hex[-8:]}"
        like = "" if empty else f' TEMPLATE "{servers.template}" STRATEGY FILE_COPY'
        await _execute(
            servers.database_url,
            f'CREATE DATABASE "{name}"{like}',
            # What a crash of the server would lose, a test does not need.
            f'ALTER DATABASE "{name}" SET synchronous_commit = off',
        )
        return _on_database(servers.database_url, name)

    return make


@pytest.fixture(scope="session")
def endpoints_of(servers: Servers) -> Callable[[str], Endpoints]:
    """Give the endpoints of a database, with this worker's Redis."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    redis_url = _on_redis_database(servers.redis_url, FIRST_REDIS_DATABASE + int(worker))

    def make(database_url: str) -> Endpoints:
        return Endpoints(
            database_url=database_url,
            redis_url=redis_url,
            broker_url=redis_url,
            secret_key="tests-only-0123456789-abcdefghijk",
            owner_url=database_url,
        )

    return make


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return replace(
        Settings.load(),
        hall=HallSettings(data_dir=tmp_path_factory.mktemp("hall")),
        api=ApiSettings(trusted_hosts=("hall",)),  # The name that the tests' client calls.
    )


@pytest.fixture(scope="session")
def session_clock() -> SettableClock:
    return SettableClock()


@pytest_asyncio.fixture(scope="session")
async def worker_hall(
    settings: Settings,
    new_database: Callable[..., Awaitable[str]],
    endpoints_of: Callable[[str], Endpoints],
    session_clock: SettableClock,
) -> AsyncIterator[Hall]:
    """The hall of this xdist worker. Tests use `hall` or `committed`."""
    endpoints = endpoints_of(await new_database())
    async with open_hall(
        settings, endpoints, WIRING, clock=session_clock, pool_size=POOL_SIZE, reach=""
    ) as hall:
        yield hall


@pytest_asyncio.fixture(scope="session")
async def owner(worker_hall: Hall) -> AsyncIterator[asyncpg.Connection]:
    """A connection to the hall's database as its owner, past every policy."""
    connection = await asyncpg.connect(**asyncpg_arguments(worker_hall.endpoints.database_url))
    yield connection
    await connection.close()


@pytest.fixture
def clock(session_clock: SettableClock) -> Iterator[SettableClock]:
    """The hall's clock, which stands still until it is moved."""
    yield session_clock
    session_clock.reset()


@pytest_asyncio.fixture
async def _empty_redis(worker_hall: Hall) -> None:
    worker_hall.cache._memory.clear()
    worker_hall.cache._directory_memory.clear()
    await worker_hall.redis.flushdb()


@pytest_asyncio.fixture
async def hall(worker_hall: Hall, clock: SettableClock, _empty_redis: None) -> AsyncIterator[Hall]:
    """An open hall on one connection; nothing done to its database outlives the test."""
    async with worker_hall.database.engine.connect() as connection:
        outer = await connection.begin()
        sessions = async_sessionmaker(
            connection, expire_on_commit=False, join_transaction_mode="create_savepoint"
        )
        units = UnitsOfWork(
            sessions, clock, WIRING.readers, worker_hall.redis, worker_hall.cache, reach=""
        )
        yield replace(
            worker_hall,
            database=replace(worker_hall.database, sessions=sessions),
            units=units,
            deliveries=Deliveries(
                units,
                Claims(worker_hall.database.claims, worker_hall.settings.outbox),
                WIRING.subscriptions,
                max_attempts=8,
            ),
            task_runner=TaskRunner(
                units,
                {task.name: task for task in WIRING.tasks},
                post=worker_hall.post,
                llm=worker_hall.llm,
                settings=worker_hall.settings,
            ),
        )
        await outer.rollback()


# One statement, children first: a small table is emptied faster by DELETE than by TRUNCATE.
WIPE = ";".join(f"DELETE FROM {table.name}" for table in reversed(Base.metadata.sorted_tables))


@pytest_asyncio.fixture
async def committed(
    worker_hall: Hall, clock: SettableClock, owner: asyncpg.Connection, _empty_redis: None
) -> AsyncIterator[Hall]:
    """An open hall whose commits are real; its database is wiped after the test."""
    yield worker_hall
    await owner.execute(WIPE)


@pytest_asyncio.fixture
async def uow(hall: Hall) -> AsyncIterator[UnitOfWork]:
    """A unit of work that is committed (into the test's transaction) when the test ends."""
    async with hall.units.write() as unit:
        yield unit


@pytest.fixture(scope="session")
def application(settings: Settings) -> Any:
    """The application, unfurnished."""
    return create_app(settings)


@pytest_asyncio.fixture
async def client(application: Any, committed: Hall) -> AsyncIterator[Client]:
    """A client that is not signed in; `client.of(person)` is."""
    furnish(application, committed)
    application.state.shared = SharedAnswers(seconds=0)  # A test reads its own writes at once.
    async with Client(application) as new:
        yield new


@pytest.fixture
def settle(committed: Hall) -> Callable[[], Awaitable[None]]:
    """Deliver every event and run every task that waits, and what follows from them."""
    return lambda: settle_hall(committed)


@pytest_asyncio.fixture
async def member(committed: Hall) -> Person:
    return await factories.person(committed)


@pytest_asyncio.fixture
async def other(committed: Hall) -> Person:
    return await factories.person(committed)


@pytest_asyncio.fixture
async def moderator(committed: Hall) -> Person:
    return await factories.person(committed, role=Role.MODERATOR)


@pytest_asyncio.fixture
async def admin(committed: Hall) -> Person:
    return await factories.person(committed, role=Role.ADMIN)
