"""Guesses at secrets, counted in Redis: who is wrong too often has to wait."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from guildhall.kernel.errors import TooManyRequests

__all__ = ["Guesses", "count_guess", "forgive_guess", "guard_guess"]

log = structlog.get_logger()

# A guess is counted before it is known to be wrong, so of many at once no more get through than
# one after the other. Past the free ones each has to wait twice as long as the one before. Where
# no free ones are named, a guess adds to the tries and nothing else: it does not wait, and starts
# no wait for others, which one that turns out right could not take back. The next of them does.
GUESS = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local wait = 0
for number, key in ipairs(KEYS) do
    if ARGV[number + 3] ~= '' then
        wait = math.max(wait, tonumber(redis.call('HGET', key, 'until') or 0) - now)
    end
end
if wait > 0 then return math.ceil(wait / 1000) end
for number, key in ipairs(KEYS) do
    local tries = redis.call('HINCRBY', key, 'tries', 1)
    local free = tonumber(ARGV[number + 3])
    if free and tries >= free then
        local seconds = math.min(ARGV[1] * 2 ^ math.min(tries - free, 32), ARGV[2])
        redis.call('HSET', key, 'until', string.format('%.0f', now + seconds * 1000))
    end
    redis.call('EXPIRE', key, ARGV[3])
end
return 0
"""

# What was right was no guess: a count of one's own starts anew, a shared one is as if it had not
# been. Were that to start anew too, who has an account could guess at others without end; as they
# could if who does not wait were to end the wait of others.
FORGIVE = """
for number, key in ipairs(KEYS) do
    if ARGV[number] == 'own' or redis.call('HINCRBY', key, 'tries', -1) <= 0 then
        redis.call('DEL', key)
    elseif ARGV[number] == 'waited' then
        redis.call('HDEL', key, 'until')
    end
end
"""
FIRST_WAIT_SECONDS = 30
LONGEST_WAIT_SECONDS = 900
GUESSES_TTL_SECONDS = 3600


class Guesses(NamedTuple):
    """Guesses under a name, so many of them without a wait."""

    name: str
    free: int | None
    """None where who guesses is counted, but the wait is for others only."""
    shared: bool = False
    """Whether others than who guesses are counted here too."""


async def count_guess(redis: Redis, guesses: Sequence[Guesses]) -> int:
    """Count a guess in each, and give 0; or count nothing, and give the seconds to wait.

    Without Redis it is not counted: the cost of what is guessed at, a hash, has to do.
    """
    arguments = [FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS, GUESSES_TTL_SECONDS]
    try:
        wait_seconds: int = await redis.register_script(GUESS)(
            [_guesses_key(each) for each in guesses],
            [*arguments, *("" if each.free is None else each.free for each in guesses)],
        )
    except RedisError:
        log.warning("door_without_redis")
        return 0
    return wait_seconds


async def guard_guess(
    redis: Redis, guesses: Sequence[Guesses], refusal: type[TooManyRequests]
) -> None:
    """Count a guess as `count_guess`; raises the refusal where it has to wait."""
    wait_seconds = await count_guess(redis, guesses)
    if wait_seconds:
        raise refusal(retry_after_seconds=wait_seconds)


async def forgive_guess(redis: Redis, guesses: Sequence[Guesses]) -> None:
    """Take back a guess that was right."""

    def kind(each: Guesses) -> str:
        if not each.shared:
            return "own"
        return "counted" if each.free is None else "waited"

    try:
        await redis.register_script(FORGIVE)(
            [_guesses_key(each) for each in guesses], [kind(each) for each in guesses]
        )
    except RedisError:
        log.warning("door_without_redis")


def _guesses_key(guesses: Guesses) -> str:
    return f"guesses:{guesses.name}"
