"""Documents of others, kept: in memory, in Redis for all processes, and asked for rarely.

Who needs one that is not kept, or needs it newer, asks its publisher only if no process has done so
for a while: however many strangers send tokens under keys that nobody has, the publisher does not
notice. Without Redis each process counts for itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

import orjson
import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from guildhall.infra.issuers.outbound import Outbound, RemoteRefused, RemoteUnavailable
from guildhall.kernel.clock import Clock

__all__ = ["RemoteDocument"]

log = structlog.get_logger()

FRESH = timedelta(hours=1)
USABLE = timedelta(hours=24)
WAIT_SECONDS = 5.0  # As long as another process may take to ask.
POLL_SECONDS = 0.05
ASKING = b"asking"
ASKED = b"asked"

T = TypeVar("T")


class RemoteDocument(Generic[T]):
    """A JSON document that somebody publishes, as this hall understands it."""

    def __init__(
        self,
        outbound: Outbound,
        redis: Redis,
        clock: Clock,
        name: str,
        *,
        address: Callable[[], Awaitable[str]],
        understand: Callable[[Mapping[str, Any]], T],
        rest_seconds: int,
    ) -> None:
        """`understand` raises ValueError; `rest_seconds` is the least time from one question to
        the next."""
        self._outbound, self._redis, self._clock = outbound, redis, clock
        self._address, self._understand = address, understand
        self._rest_seconds = rest_seconds
        digest = hashlib.sha256(name.encode()).hexdigest()[:32]
        self.kept_key, self.asked_key = f"issuer:kept:{digest}", f"issuer:asked:{digest}"
        self._name = name
        self._known: tuple[T, datetime] | None = None
        self._taken: bytes | None = None
        self._asked_at: float | None = None
        self._search: asyncio.Task[None] | None = None

    async def get(self, fits: Callable[[T], bool] = lambda _: True) -> T | None:
        """Give the document, newer if what is kept is old or does not fit; None if there is none
        that is less than a day old. All who ask at once share one question."""
        if not self._is_good(fits, FRESH):
            if self._search is None or self._search.done():
                self._search = asyncio.create_task(self._look(fits))
            await asyncio.shield(self._search)
        known = self._known
        return known[0] if known and self._clock.now() - known[1] < USABLE else None

    def _is_good(self, fits: Callable[[T], bool], age: timedelta) -> bool:
        known = self._known
        return known is not None and self._clock.now() - known[1] < age and fits(known[0])

    async def _look(self, fits: Callable[[T], bool]) -> None:
        """Take what another process has found, or ask, if it is time to."""
        try:
            until = time.monotonic() + WAIT_SECONDS
            while True:
                kept, may_ask, asked = await self._in_redis()
                self._take(kept)
                if self._is_good(fits, FRESH):
                    if may_ask:
                        await self._redis.delete(self.asked_key)
                    return
                if may_ask or asked != ASKING or time.monotonic() > until:
                    break
                await asyncio.sleep(POLL_SECONDS)
        except RedisError:
            asked_at = self._asked_at
            may_ask = asked_at is None or time.monotonic() - asked_at >= self._rest_seconds
        if may_ask:
            await self._ask()

    async def _in_redis(self) -> tuple[bytes | None, bool, bytes | None]:
        pipe = self._redis.pipeline(transaction=False)
        pipe.set(self.asked_key, ASKING, nx=True, ex=self._rest_seconds)
        pipe.get(self.asked_key)
        # The last: who says that they have asked has kept the answer by then.
        pipe.get(self.kept_key)
        may_ask, asked, kept = await pipe.execute()
        return kept, bool(may_ask), asked

    def _take(self, kept: bytes | None) -> None:
        if kept is None or kept == self._taken:
            return
        document, at = orjson.loads(kept)
        fetched_at = datetime.fromisoformat(at)
        if self._known is None or fetched_at >= self._known[1]:
            self._taken = kept
            # Whoever kept it has understood it, in this version of the hall or in another.
            with contextlib.suppress(ValueError):
                self._known = self._understand(document), fetched_at

    async def _ask(self) -> None:
        document, self._asked_at = None, time.monotonic()
        try:
            document = await self._outbound.get(await self._address())
            understood, now = self._understand(document), self._clock.now()
            self._known = understood, now
        except (RemoteUnavailable, RemoteRefused, ValueError) as error:
            document = None
            log.warning("issuer_document_not_had", document=self._name, reason=str(error))
        try:
            pipe = self._redis.pipeline(transaction=False)
            if document is not None:
                kept = orjson.dumps([document, now.isoformat()])
                pipe.set(self.kept_key, kept, ex=int(USABLE.total_seconds()))
            pipe.set(self.asked_key, ASKED, xx=True, keepttl=True)
            await pipe.execute()
        except RedisError:
            log.warning("issuer_document_not_shared", document=self._name)
