"""The cache: three tiers in front of something slow, and one caller at a time behind them.

Memory (this process, seconds), Redis (all processes) and files (what never changes and is large).
Nothing lives only here: wiping every tier costs time, nothing else.

A drop wins over every load that began before it. It leaves a mark in Redis, and what a load brings
is kept only under the mark that was there when it began.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from enum import Flag, auto
from pathlib import Path
from typing import Any

import orjson
import structlog
from cachetools import TTLCache
from prometheus_client import Counter
from redis.asyncio import Redis
from redis.exceptions import RedisError

from guildhall.infra.settings import CacheSettings
from guildhall.kernel.ids import new_id

__all__ = ["Cache", "Tier"]

log = structlog.get_logger()

# A drop reaches the memory of other processes by expiry, so this bounds how stale they can be.
MEMORY_TTL_SECONDS = 1.0
DIRECTORY_TTL_SECONDS = 10.0
DIRECTORY_ENTRIES = 50_000
LOCK_SECONDS = 10
LOCK_POLL_SECONDS = 0.02
MARK_SECONDS = 600  # Longer than any load: Celery ends a task before that, and a proxy a request.

LOOKUPS = Counter("guildhall_cache_lookups_total", "Cache lookups.", ["tier", "found"])

Load = Callable[[], Awaitable[Any]]
LoadMany = Callable[[Sequence[str]], Awaitable[dict[str, Any]]]


# Names, then their marks; seconds, then values, then the marks seen before loading. Gives which
# were kept.
KEEP = """
local kept, n = {}, #KEYS / 2
for i = 1, n do
  kept[i] = 0
  if (redis.call('GET', KEYS[n + i]) or '') == ARGV[1 + n + i] then
    redis.call('SET', KEYS[i], ARGV[1 + i], 'EX', ARGV[1])
    kept[i] = 1
  end
end
return kept
"""

UNLOCK = """
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
"""


class Tier(Flag):
    MEMORY = auto()
    REDIS = auto()
    FILE = auto()


ALL_TIERS = Tier.MEMORY | Tier.REDIS | Tier.FILE


class Cache:
    """Reads through its tiers. Values are whatever JSON can say."""

    def __init__(self, redis: Redis, directory: Path, settings: CacheSettings) -> None:
        self._redis = redis
        self._directory = directory
        self._settings = settings
        self._memory: TTLCache[str, Any] = TTLCache(settings.cache_max_size, MEMORY_TTL_SECONDS)
        # Small values of many keys, such as names: more of them, and for longer.
        self._directory_memory: TTLCache[str, Any] = TTLCache(
            DIRECTORY_ENTRIES, DIRECTORY_TTL_SECONDS
        )
        self._loading: dict[str, asyncio.Future[Any]] = {}
        self._drops = 0
        self._keep_script = redis.register_script(KEEP)
        self._unlock = redis.register_script(UNLOCK)

    async def get(
        self,
        key: str,
        load: Load,
        *,
        ttl_seconds: int | None = None,
        tiers: Tier = Tier.MEMORY | Tier.REDIS,
    ) -> Any:
        """Give the value under a key, loading it at most once at a time across the hall."""
        if Tier.MEMORY in tiers and key in self._memory:
            LOOKUPS.labels("memory", "yes").inc()
            return self._memory[key]
        while (running := self._loading.get(key)) is not None:
            await asyncio.wait([running])
            if not running.cancelled():
                return running.result()
            # Whoever loaded was called off, and what it loaded with is gone: one of us loads.
        future = self._loading[key] = asyncio.get_running_loop().create_future()
        try:
            value = await self._through(key, load, ttl_seconds or self._settings.cache_ttl, tiers)
        except BaseException as error:
            if isinstance(error, Exception):
                future.set_exception(error)
                future.exception()  # Seen: waiting callers, if any, get it; else nobody asks.
            else:
                future.cancel()
            raise
        else:
            future.set_result(value)
            if self._loading.get(key) is future:  # Else it was dropped meanwhile.
                if Tier.MEMORY in tiers:
                    self._memory[key] = value
            elif Tier.FILE in tiers:
                await asyncio.to_thread(self._path(key).unlink, missing_ok=True)
            return value
        finally:
            if self._loading.get(key) is future:
                del self._loading[key]

    async def get_many(
        self, kind: str, keys: Sequence[str], load: LoadMany, *, ttl_seconds: int
    ) -> dict[str, Any]:
        """Give the values of one kind under many keys, loading those missing in one call.

        A key that `load` does not know is not in the answer, and is asked for again next time.
        A dropped one may live on in other processes' memory for ten seconds.
        """
        memory, drops = self._directory_memory, self._drops
        found = {key: memory[name] for key in keys if (name := f"{kind}:{key}") in memory}
        missing = [key for key in dict.fromkeys(keys) if key not in found]
        if not missing:
            return found
        names = [f"{kind}:{key}" for key in missing]
        try:
            stored = await self._redis.mget([*map(_name, names), *map(_mark, names)])
        except RedisError:
            stored = [None for _ in names * 2]
        marks = dict(zip(missing, stored[len(missing) :], strict=True))
        values = {
            key: orjson.loads(value)
            for key, value in zip(missing, stored, strict=False)
            if value is not None
        }
        unknown = [key for key in missing if key not in values]
        lasting = dict(values)
        if unknown:
            loaded = await load(unknown)
            values |= loaded
            kept = await self._keep(
                {f"{kind}:{key}": (value, marks[key]) for key, value in loaded.items()},
                ttl_seconds,
            )
            lasting |= {key: loaded[key] for key in loaded if f"{kind}:{key}" in kept}
        if drops == self._drops:
            memory.update({f"{kind}:{key}": value for key, value in lasting.items()})
        return found | values

    async def drop(self, *keys: str, tiers: Tier = ALL_TIERS) -> None:
        """Forget keys: at once here and in Redis, within a second in other processes' memory.

        What is being loaded is given to those who asked before, and not kept. `tiers` are those
        that the keys can be in.
        """
        try:
            for key in keys if Tier.FILE in tiers else ():
                await asyncio.to_thread(self._path(key).unlink, missing_ok=True)
            pipe = self._redis.pipeline()
            for key in keys:
                pipe.set(_mark(key), str(new_id()), ex=MARK_SECONDS)
                # With the lock, so that whoever asks from now on need not wait for the old load.
                pipe.delete(_name(key), _lock(key))
            await pipe.execute()
        except RedisError:
            log.warning("cache_drop_failed", keys=keys, exc_info=True)
        finally:
            # Last: until now somebody may have read the old value out of the other tiers.
            for key in keys:
                self._forget_here(key)

    def _forget_here(self, key: str) -> None:
        self._drops += 1
        self._memory.pop(key, None)
        self._directory_memory.pop(key, None)
        self._loading.pop(key, None)

    async def _through(self, key: str, load: Load, ttl_seconds: int, tiers: Tier) -> Any:
        if Tier.FILE in tiers:
            stored = await asyncio.to_thread(self._read_file, key)
            LOOKUPS.labels("file", "yes" if stored else "no").inc()
            if stored:
                return stored[0]
        if Tier.REDIS in tiers:
            try:
                value = await self._through_redis(key, load, ttl_seconds)
            except RedisError:
                log.warning("cache_without_redis", key=key)
                value = await load()
        else:
            value = await load()
        if Tier.FILE in tiers:
            await asyncio.to_thread(self._write_file, key, value, ttl_seconds)
        return value

    async def _through_redis(self, key: str, load: Load, ttl_seconds: int) -> Any:
        """Read through Redis; of many processes that miss, one loads and the others wait."""
        token = str(new_id())
        waited_until = time.monotonic() + LOCK_SECONDS
        while True:
            stored = await self._redis.get(_name(key))
            if stored is not None:
                LOOKUPS.labels("redis", "yes").inc()
                return orjson.loads(stored)
            # Looked at again with the lock in hand: who had it may have just brought the value.
            pipe = self._redis.pipeline()
            pipe.set(_lock(key), token, nx=True, ex=LOCK_SECONDS)
            pipe.mget(_name(key), _mark(key))
            alone, (stored, mark) = await pipe.execute()
            if alone or time.monotonic() > waited_until:
                break
            await asyncio.sleep(LOCK_POLL_SECONDS)
        LOOKUPS.labels("redis", "yes" if stored is not None else "no").inc()
        try:
            if stored is not None:
                return orjson.loads(stored)
            value = await load()
            if not await self._keep({key: (value, mark)}, ttl_seconds):
                self._forget_here(key)  # Another process has dropped it meanwhile.
            return value
        finally:
            if alone:
                with contextlib.suppress(RedisError):  # Then it runs out.
                    await self._unlock([_lock(key)], [token])

    async def _keep(
        self, values: Mapping[str, tuple[Any, bytes | str | None]], ttl_seconds: int
    ) -> set[str]:
        """Store values by key, each with the mark seen before it was loaded; give those kept.

        Without Redis, that is all of them: nobody can tell better.
        """
        if not values:
            return set()
        try:
            kept = await self._keep_script(
                [*map(_name, values), *map(_mark, values)],
                [
                    ttl_seconds,
                    *(orjson.dumps(value) for value, _ in values.values()),
                    *(mark or b"" for _, mark in values.values()),
                ],
            )
        except RedisError:
            log.warning("cache_without_redis", keys=list(values))
            return set(values)
        return {key for key, was_kept in zip(values, kept, strict=True) if was_kept}

    def _path(self, key: str) -> Path:
        return self._directory / f"{hashlib.sha256(key.encode()).hexdigest()}.json"

    def _read_file(self, key: str) -> tuple[Any] | None:
        try:
            expires_at, value = orjson.loads(self._path(key).read_bytes())
        except (FileNotFoundError, ValueError):
            return None
        return (value,) if expires_at > time.time() else None

    def _write_file(self, key: str, value: Any, ttl_seconds: int) -> None:
        self._directory.mkdir(parents=True, exist_ok=True)
        path = self._path(key)
        half = path.with_suffix(f".{new_id()}")
        half.write_bytes(orjson.dumps([time.time() + ttl_seconds, value]))
        half.replace(path)

    def remove_expired_files(self) -> int:
        """Delete what has expired from the file tier; give how many. Blocks: call in a thread."""
        removed = 0
        for path in self._directory.glob("*.json") if self._directory.is_dir() else ():
            try:
                if orjson.loads(path.read_bytes())[0] <= time.time():
                    path.unlink(missing_ok=True)
                    removed += 1
            except (FileNotFoundError, ValueError):
                path.unlink(missing_ok=True)
        return removed


def _name(key: str) -> str:
    return f"cache:{key}"


def _mark(key: str) -> str:
    return f"dropped:cache:{key}"


def _lock(key: str) -> str:
    return f"lock:cache:{key}"
