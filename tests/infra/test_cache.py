"""The cache: one load at a time, dropped on write, and never the only place."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from guildhall.infra.cache import Cache, Tier
from guildhall.infra.hall import Hall


class Slow:
    """Something slow behind a cache, which counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.value: Any = {"n": 1}
        self.go = asyncio.Event()
        self.go.set()

    async def load(self) -> Any:
        self.asked += 1
        await self.go.wait()
        return self.value


def cache_of(hall: Hall, folder: Path) -> Cache:
    return Cache(hall.redis, folder, hall.settings.cache)


async def begun(slow: Slow, times: int = 1) -> None:
    async with asyncio.timeout(5):
        while slow.asked < times:  # noqa: ASYNC110  # a load has no other way to say so
            await asyncio.sleep(0)


@asynccontextmanager
async def doomed_redis(hall: Hall) -> AsyncIterator[tuple[Redis, Callable[[], Awaitable[None]]]]:
    """Give a client that reaches the hall's Redis through a door, and what shuts it for good."""
    there = hall.redis.connection_pool.connection_kwargs
    writers: list[asyncio.StreamWriter] = []
    tasks = []

    async def pour(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while chunk := await source.read(65_536):
                target.write(chunk)
                await target.drain()

    async def admit(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await (
            asyncio.open_unix_connection(there["path"])
            if "path" in there
            else asyncio.open_connection(there["host"], there["port"])
        )
        writers.extend([writer, inner_writer])
        tasks.extend(
            asyncio.create_task(pour(*ends))
            for ends in ((reader, inner_writer), (inner_reader, writer))
        )

    door = await asyncio.start_server(admit, "127.0.0.1", 0)

    async def kill() -> None:
        door.close()
        for writer in writers:
            writer.close()
        await asyncio.gather(*tasks)

    login = {name: there[name] for name in ("db", "username", "password") if name in there}
    port = door.sockets[0].getsockname()[1]
    async with Redis(host="127.0.0.1", port=port, retry=Retry(NoBackoff(), 0), **login) as redis:
        yield redis, kill
        await kill()


async def test_of_fifty_callers_at_once_one_loads(committed: Hall, tmp_path: Path) -> None:
    cache, slow = cache_of(committed, tmp_path), Slow()
    slow.go.clear()
    callers = [asyncio.create_task(cache.get("k", slow.load)) for _ in range(50)]
    await begun(slow)
    slow.go.set()
    assert await asyncio.gather(*callers) == [{"n": 1}] * 50
    assert slow.asked == 1


async def test_of_two_processes_one_loads(committed: Hall, tmp_path: Path) -> None:
    slow = Slow()
    processes = [cache_of(committed, tmp_path) for _ in range(5)]
    values = await asyncio.gather(*(cache.get("k", slow.load) for cache in processes))
    assert values == [{"n": 1}] * 5
    assert slow.asked == 1


async def test_what_is_dropped_is_loaded_again(committed: Hall, tmp_path: Path) -> None:
    cache, slow = cache_of(committed, tmp_path), Slow()
    for tiers in (Tier.MEMORY | Tier.REDIS, Tier.FILE):
        slow.value = {"n": 1}
        await cache.get("k", slow.load, tiers=tiers)
        slow.value = {"n": 2}
        assert await cache.get("k", slow.load, tiers=tiers) == {"n": 1}
        await cache.drop("k")
        assert await cache.get("k", slow.load, tiers=tiers) == {"n": 2}
        await cache.drop("k")


@pytest.mark.parametrize(
    ("tiers", "process"),
    [
        (Tier.MEMORY | Tier.REDIS, "the same process"),
        (Tier.MEMORY | Tier.REDIS, "another process"),
        (Tier.REDIS, "another process"),
        (Tier.MEMORY, "the same process"),  # What is not in Redis, others cannot hear of.
        (Tier.FILE, "the same process"),
    ],
)
async def test_a_drop_wins_over_a_load_that_began_before_it(
    committed: Hall, tmp_path: Path, tiers: Tier, process: str
) -> None:
    cache, old, new = cache_of(committed, tmp_path), Slow(), Slow()
    dropper = cache if process == "the same process" else cache_of(committed, tmp_path)
    new.value = {"n": 2}
    old.go.clear()
    early = asyncio.create_task(cache.get("k", old.load, tiers=tiers))
    await begun(old)
    await dropper.drop("k")
    old.go.set()
    assert await early == {"n": 1}  # It asked before the drop.
    for reader in (cache, dropper):
        assert await reader.get("k", new.load, tiers=tiers) == {"n": 2}


async def test_who_asks_after_a_drop_does_not_wait_for_the_load_before_it(
    committed: Hall, tmp_path: Path
) -> None:
    cache, old, new = cache_of(committed, tmp_path), Slow(), Slow()
    new.value = {"n": 2}
    old.go.clear()
    early = asyncio.create_task(cache.get("k", old.load))
    await begun(old)
    await cache.drop("k")
    async with asyncio.timeout(5):
        for reader in (cache, cache_of(committed, tmp_path)):
            assert await reader.get("k", new.load) == {"n": 2}
    old.go.set()
    await early
    assert await cache.get("k", new.load) == {"n": 2}
    assert new.asked == 1


async def test_a_late_load_does_not_unlock_what_another_loads(
    committed: Hall, tmp_path: Path
) -> None:
    first, second, third = (cache_of(committed, tmp_path) for _ in range(3))
    old, new = Slow(), Slow()
    old.go.clear()
    new.go.clear()
    early = asyncio.create_task(first.get("k", old.load))
    await begun(old)
    await first.drop("k")
    late = asyncio.create_task(second.get("k", new.load))
    await begun(new)
    old.go.set()
    await early
    waiting = asyncio.create_task(third.get("k", new.load))
    await asyncio.sleep(0.1)  # Long enough to look for the lock a few times.
    new.go.set()
    await asyncio.gather(late, waiting)
    assert new.asked == 1


@pytest.mark.parametrize("process", ["the same process", "another process"])
async def test_a_drop_wins_over_a_load_of_many(
    committed: Hall, tmp_path: Path, process: str
) -> None:
    cache, go, loading = cache_of(committed, tmp_path), asyncio.Event(), asyncio.Event()
    dropper = cache if process == "the same process" else cache_of(committed, tmp_path)

    async def load_old(keys: Sequence[str]) -> dict[str, str]:
        loading.set()
        await go.wait()
        return dict.fromkeys(keys, "old")

    async def load_new(keys: Sequence[str]) -> dict[str, str]:
        return dict.fromkeys(keys, "new")

    early = asyncio.create_task(cache.get_many("name", ["a", "b"], load_old, ttl_seconds=60))
    await loading.wait()
    await dropper.drop("name:a")
    go.set()
    assert await early == {"a": "old", "b": "old"}
    late = await cache.get_many("name", ["a", "b"], load_new, ttl_seconds=60)
    assert late == {"a": "new", "b": "old"}


async def test_what_was_read_beside_a_load_is_not_remembered_over_a_drop(
    committed: Hall, tmp_path: Path
) -> None:
    cache, go, loading = cache_of(committed, tmp_path), asyncio.Event(), asyncio.Event()

    async def load(keys: Sequence[str]) -> dict[str, str]:
        return dict.fromkeys(keys, "old")

    async def load_slowly(keys: Sequence[str]) -> dict[str, str]:
        loading.set()
        await go.wait()
        return dict.fromkeys(keys, "new")

    await cache_of(committed, tmp_path).get_many("name", ["a"], load, ttl_seconds=60)
    early = asyncio.create_task(cache.get_many("name", ["a", "b"], load_slowly, ttl_seconds=60))
    await loading.wait()
    await cache.drop("name:a")
    go.set()
    assert await early == {"a": "old", "b": "new"}
    assert await cache.get_many("name", ["a"], load_slowly, ttl_seconds=60) == {"a": "new"}


async def test_a_caller_who_is_called_off_does_not_take_the_others_with_it(
    committed: Hall, tmp_path: Path
) -> None:
    cache, slow = cache_of(committed, tmp_path), Slow()
    slow.go.clear()
    callers = [asyncio.create_task(cache.get("k", slow.load)) for _ in range(5)]
    await begun(slow)
    callers[0].cancel()
    await begun(slow, times=2)
    callers[1].cancel()  # Who loads now, or one of those who wait.
    slow.go.set()
    outcomes = await asyncio.gather(*callers, return_exceptions=True)
    assert all(isinstance(outcome, asyncio.CancelledError) for outcome in outcomes[:2])
    assert outcomes[2:] == [{"n": 1}] * 3


async def test_a_redis_that_dies_under_a_load_does_not_have_it_done_twice(
    committed: Hall, tmp_path: Path
) -> None:
    async with doomed_redis(committed) as (redis, kill):
        cache, asked = Cache(redis, tmp_path, committed.settings.cache), 0

        async def load() -> int:
            nonlocal asked
            asked += 1
            await kill()
            return asked

        async def load_many(keys: Sequence[str]) -> dict[str, int]:
            return {key: await load() for key in keys}

        assert [await cache.get("k", load) for _ in range(2)] == [1, 1]
        for _ in range(2):
            assert await cache.get_many("n", ["a"], load_many, ttl_seconds=60) == {"a": 2}
        await cache.drop("k", "n:a")
        assert await cache.get("k", load) == 3


async def test_a_failed_load_reaches_everyone_who_waits_and_is_tried_again(
    committed: Hall, tmp_path: Path
) -> None:
    cache, asked = cache_of(committed, tmp_path), 0

    async def fail() -> None:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0)
        raise LookupError

    for _ in range(2):
        outcomes = await asyncio.gather(
            *(cache.get("k", fail) for _ in range(5)), return_exceptions=True
        )
        assert all(isinstance(outcome, LookupError) for outcome in outcomes)
    assert asked == 2


@pytest.mark.parametrize("value", [None, 0, "", [], {"a": [1, None]}])
async def test_values_are_what_json_can_say_and_nothing_counts_as_a_value(
    committed: Hall, tmp_path: Path, value: Any
) -> None:
    for tiers in (Tier.REDIS, Tier.FILE, Tier.MEMORY):
        cache, slow = cache_of(committed, tmp_path), Slow()
        slow.value = value
        await cache.drop("k")
        assert [await cache.get("k", slow.load, tiers=tiers) for _ in range(2)] == [value] * 2
        assert slow.asked == 1


async def test_a_file_that_is_no_value_is_loaded_again(committed: Hall, tmp_path: Path) -> None:
    cache, slow = cache_of(committed, tmp_path), Slow()
    await cache.get("k", slow.load, tiers=Tier.FILE)
    (file,) = tmp_path.glob("*.json")  # noqa: ASYNC240  # one file
    file.write_bytes(b"[1")
    assert await cache.get("k", slow.load, tiers=Tier.FILE) == {"n": 1}
    assert slow.asked == 2
