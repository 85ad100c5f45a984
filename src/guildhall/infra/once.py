"""Things that are good once. Redis remembers them until they are used, or too old.

Each use says what it is worth without Redis. What was put down to be taken is refused then, by
the refusal that the caller names: nobody could tell whether it was taken before. What is only
counted (`first_time`, `used`) counts as new, with a warning in the log: so it is a second wall,
for what is good once without it as well.
"""

from __future__ import annotations

from datetime import timedelta
from typing import cast

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from guildhall.kernel.errors import Unavailable

__all__ = ["first_time", "put", "take", "used"]

log = structlog.get_logger()


async def put(
    redis: Redis, key: str, value: bytes, lifetime: timedelta, *, otherwise: type[Unavailable]
) -> None:
    """Put something down, to be taken once. Raises `otherwise` without Redis."""
    try:
        await redis.set(key, value, ex=lifetime)
    except RedisError:
        raise otherwise from None


async def take(redis: Redis, key: str, *, otherwise: type[Unavailable]) -> bytes | None:
    """Take what was put down; None if it was taken, is too old, or never was.

    Of many who ask at once, one gets it. Raises `otherwise` without Redis.
    """
    try:
        return cast("bytes | None", await redis.getdel(key))
    except RedisError:
        raise otherwise from None


async def first_time(redis: Redis, key: str, lifetime: timedelta) -> bool:
    """Tell whether this is the first use of something, and remember it. True without Redis."""
    try:
        return bool(await redis.set(key, b"", nx=True, ex=lifetime))
    except RedisError:
        log.warning("once_not_counted", kind=_kind(key))
        return True


async def used(redis: Redis, key: str) -> bool:
    """Tell whether `first_time` has seen something, and remember nothing. False without Redis."""
    try:
        return bool(await redis.exists(key))
    except RedisError:
        log.warning("once_not_counted", kind=_kind(key))
        return False


def _kind(key: str) -> str:
    return key.partition(":")[0]
