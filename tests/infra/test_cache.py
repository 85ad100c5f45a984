"""The cache: one load at a time, dropped on write, and never the only place."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

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


async def test_of_fifty_callers_at_once_one_loads(committed: Hall, tmp_path: Path) -> None:
    cache, slow = cache_of(committed, tmp_path), Slow()
    slow.go.clear()
    callers = [asyncio.create_task(cache.get("k", slow.load)) for _ in range(50)]
    while not slow.asked:  # noqa: ASYNC110  # a turn of the loop, not a wait
        await asyncio.sleep(0)
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
