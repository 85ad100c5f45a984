"""The cache: three tiers in front of something slow, and one caller at a time behind them.

Memory (this process, seconds), Redis (all processes) and files (what never changes and is large).
Nothing lives only here: wiping every tier costs time, nothing else.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable, Sequence
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

LOOKUPS = Counter("guildhall_cache_lookups_total", "Cache lookups.", ["tier", "found"])

Load = Callable[[], Awaitable[Any]]
LoadMany = Callable[[Sequence[str]], Awaitable[dict[str, Any]]]


class Tier(Flag):
    MEMORY = auto()
    REDIS = auto()
    FILE = auto()


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
        if (running := self._loading.get(key)) is not None:
            return await asyncio.shield(running)
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
            if Tier.MEMORY in tiers:
                self._memory[key] = value
            return value
        finally:
            del self._loading[key]

    async def get_many(
        self, kind: str, keys: Sequence[str], load: LoadMany, *, ttl_seconds: int
    ) -> dict[str, Any]:
        """Give the values of one kind under many keys, loading those missing in one call.

        A key that `load` does not know is not in the answer, and is asked for again next time.
        A dropped one may live on in other processes' memory for ten seconds.
        """
        memory = self._directory_memory
        found = {key: memory[name] for key in keys if (name := f"{kind}:{key}") in memory}
        missing = [key for key in dict.fromkeys(keys) if key not in found]
        if not missing:
            return found
        names = [f"cache:{kind}:{key}" for key in missing]
        try:
            stored = await self._redis.mget(names)
        except RedisError:
            stored = [None] * len(missing)
        values = {
            key: orjson.loads(value)
            for key, value in zip(missing, stored, strict=True)
            if value is not None
        }
        unknown = [key for key in missing if key not in values]
        if unknown:
            loaded = await load(unknown)
            values |= loaded
            try:
                pipe = self._redis.pipeline(transaction=False)
                for key, value in loaded.items():
                    pipe.set(f"cache:{kind}:{key}", orjson.dumps(value), ex=ttl_seconds)
                await pipe.execute()
            except RedisError:
                log.warning("cache_without_redis", key=kind)
        memory.update({f"{kind}:{key}": value for key, value in values.items()})
        return found | values

    async def drop(self, *keys: str) -> None:
        """Forget keys: at once here and in Redis, within a second in other processes' memory."""
        for key in keys:
            self._memory.pop(key, None)
            self._directory_memory.pop(key, None)
            await asyncio.to_thread(self._path(key).unlink, missing_ok=True)
        try:
            await self._redis.delete(*(f"cache:{key}" for key in keys))
        except RedisError:
            log.warning("cache_drop_failed", keys=keys, exc_info=True)

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
        name, lock, token = f"cache:{key}", f"lock:cache:{key}", str(new_id())
        waited_until = time.monotonic() + LOCK_SECONDS
        while True:
            stored = await self._redis.get(name)
            if stored is not None:
                LOOKUPS.labels("redis", "yes").inc()
                return orjson.loads(stored)
            alone = await self._redis.set(lock, token, nx=True, ex=LOCK_SECONDS)
            if alone or time.monotonic() > waited_until:
                break
            await asyncio.sleep(LOCK_POLL_SECONDS)
        LOOKUPS.labels("redis", "no").inc()
        try:
            value = await load()
            await self._redis.set(name, orjson.dumps(value), ex=ttl_seconds)
            return value
        finally:
            if alone:
                await self._redis.delete(lock)

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
