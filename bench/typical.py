"""The typical implementation as an opponent: its database, its processes, its backlog."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg
from celery import Celery
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import create_async_engine

from bench.baselines import typical
from bench.harness import API_WORKERS, Servers, Stage, broker_url
from bench.processes import answering, free_port, processes, uvicorn
from guildhall.infra.database import asyncpg_arguments, driver_url

__all__ = ["Typical", "open_typical"]

WORKER = ["-m", "celery", "-A", "bench.baselines.typical", "worker", "--concurrency=2"]
FLAG = "open sesame"


@dataclass(frozen=True)
class Typical:
    """The typical implementation on the servers of a stage."""

    stage: Stage
    database_url: str
    pool: asyncpg.Pool
    members: int

    @asynccontextmanager
    async def running(self, *names: str) -> AsyncIterator[int]:
        """Run its `api` and `worker`, with as many processes as ours have."""
        port = free_port()
        environment = {
            "TYPICAL_DATABASE_URL": driver_url(self.database_url).render_as_string(
                hide_password=False
            ),
            "TYPICAL_REDIS_URL": self.stage.endpoints.redis_url,
            # By this name: Celery's command line reads it, and lets it win over the code.
            "BROKER_URL": broker_url(self.stage.endpoints.redis_url),
        }
        api = uvicorn("bench.baselines.typical:api", port, API_WORKERS)
        commands = {f"typical-{name}": {"api": api, "worker": WORKER}[name] for name in names}
        async with processes(commands, environment, self.stage.directory):
            if "api" in names:
                await answering(port, self.stage.directory, "typical-api")
            yield port

    async def add_attempts(self, first: int, number: int, status: str) -> list[int]:
        """Add attempts with consecutive ids, members taking turns."""
        answer = FLAG if status == "submitted" else None
        ids = list(range(first, first + number))
        await self.pool.copy_records_to_table(
            "attempts",
            records=[(id_, id_ % self.members, 1, status, answer) for id_ in ids],
            columns=["id", "user_id", "challenge_id", "status", "answer"],
        )
        await self.pool.execute("VACUUM ANALYZE attempts")
        return ids

    async def enqueue(self, attempt_ids: Sequence[int]) -> None:
        """Send a task for each attempt, as its endpoint does."""
        app = Celery(
            "enqueue", broker=broker_url(self.stage.endpoints.redis_url), set_as_current=False
        )

        def send() -> None:
            with app.connection_for_write() as connection, app.amqp.Producer(connection) as to:
                for id_ in attempt_ids:
                    app.send_task(
                        typical.TASK,
                        args=[id_],
                        queue=typical.QUEUE,
                        producer=to,
                        ignore_result=True,
                    )

        await asyncio.to_thread(send)

    async def awards(self) -> int:
        """Count what it has awarded."""
        return int(await self.pool.fetchval("SELECT count(*) FROM xp_events"))

    async def settled(self) -> None:
        """Wait until it awards nothing any more."""
        before = -1
        while (awards := await self.awards()) != before:
            before = awards
            await asyncio.sleep(1)

    async def audited(self) -> None:
        """Its totals must be those of its events: nothing it did may be wrong."""
        wrong = await self.pool.fetchval(
            "SELECT count(*) FROM users u WHERE total_xp <>"
            " (SELECT coalesce(sum(amount), 0) FROM xp_events e WHERE e.user_id = u.id)"
        )
        assert not wrong, f"typical: {wrong} totals are wrong"


@asynccontextmanager
async def open_typical(servers: Servers, stage: Stage, members: int) -> AsyncIterator[Typical]:
    """Make its database, with members and a challenge."""
    async with servers.database(f"guildhall_bench_{stage.name}_typical") as url:
        engine = create_async_engine(driver_url(url))
        async with engine.begin() as connection:
            await connection.run_sync(typical.Base.metadata.create_all)
        await engine.dispose()
        async with (
            asyncpg.create_pool(**asyncpg_arguments(url), min_size=1, max_size=2) as pool,
            Redis.from_url(stage.endpoints.redis_url) as redis,
        ):
            await redis.delete(typical.BOARD, typical.QUEUE, "unacked", "unacked_index")
            await pool.copy_records_to_table(
                "users",
                records=[(id_, f"member-{id_}", 0) for id_ in range(members)],
                columns=["id", "username", "total_xp"],
            )
            await pool.execute("INSERT INTO challenges VALUES (1, 'A challenge', $1, 50)", FLAG)
            yield Typical(stage, url, pool, members)
