"""What the tests of leaving have in common."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from redis.asyncio import Redis

from guildhall import progression
from guildhall.entrypoints.wiring import PERSONAL
from guildhall.identity import deletion
from guildhall.infra.hall import Hall
from tests import factories
from tests.factories import Person
from tests.world import Client, SettableClock

Settle = Callable[[], Awaitable[None]]

ME = "/users/me"
KEEP = "/users/me/keep"
GRACE = timedelta(days=14)


async def erase_due(hall: Hall, personal: Any = PERSONAL) -> dict[str, int]:
    return await deletion.erase_due(factories.task_run(hall), personal=personal)


async def erased(hall: Hall, client: Client, clock: SettableClock, who: Person) -> None:
    """Have somebody leave, and let the grace period pass."""
    assert (await client.of(who).delete(ME)).status_code == 202
    clock.advance(seconds=GRACE.total_seconds())
    assert (await erase_due(hall))["erased"] == 1


async def earn(hall: Hall, settle: Settle, *people: Person, xp: int = 100, **fields: Any) -> None:
    async with hall.units.write() as uow:
        for who in people:
            uow.emit(factories.achievement(who.member, uow.now, xp=xp, **fields))
    await settle()


async def assert_sums_are_true(hall: Hall) -> None:
    await progression.fill_boards(hall.units, hall.redis, hall.clock.now())
    found = await progression.audit(hall.units, hall.redis)
    assert found.all_equal, found.differences


async def redis_with(redis: Redis, canary: str) -> list[bytes]:
    """Give the keys of Redis that have a canary in their name or value."""
    found = []
    async for key in redis.scan_iter():
        kind = await redis.type(key)
        values: Any
        match kind:
            case b"string":
                values = [await redis.get(key)]
            case b"hash":
                values = [part for pair in (await redis.hgetall(key)).items() for part in pair]
            case b"zset":
                values = await redis.zrange(key, 0, -1)
            case b"set":
                values = await redis.smembers(key)
            case _:
                values = await redis.lrange(key, 0, -1)
        if any(canary.encode() in bytes(value) for value in [key, *values]):
            found.append(key)
    return found
