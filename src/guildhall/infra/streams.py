"""Live streams: what concerns a member now, for as long as what they came in with opens the door.

Each API process listens to Redis while it has a stream open: to what is told to members, and to
which sessions changed. A stream whose session changed asks the door again, and ends if it is shut.
A message can be lost (Redis keeps none for who is away), so all streams ask again whenever the
listener has connected anew, and every ten seconds besides. A process hears of all members, and
looks in a dictionary for those who listen here: no subscription comes and goes with each stream.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
import structlog
from redis.asyncio import Redis
from redis.asyncio.client import Pipeline
from redis.exceptions import RedisError

from guildhall.infra.channels import Channel, channel_of
from guildhall.infra.door import Credential, Door
from guildhall.infra.telemetry import OPEN_STREAMS
from guildhall.infra.tokens import TokenRefused
from guildhall.kernel.clock import Clock
from guildhall.kernel.errors import TooManyRequests, Unavailable
from guildhall.kernel.member import Member

__all__ = [
    "LiveEvent",
    "Reason",
    "Stream",
    "Streams",
    "TooManyStreams",
    "tell_hall",
    "tell_member",
    "tell_members",
]

log = structlog.get_logger()

MOST_STREAMS = 10  # Of one member, in one process: a browser with a tab too many.
MOST_WAITING = 100  # Events that a reader may be behind.
CHECK_SECONDS = 10
RECONNECT_SECONDS = 0.5
LISTENING_SECONDS = 1
SILENCE_SECONDS = 30
HALL_SECONDS = 1  # Between two tellings of the same to everybody, by one process.
RETRY_AFTER_SECONDS = 5


class TooManyStreams(TooManyRequests):
    code = "too_many_streams"
    detail = f"You have {MOST_STREAMS} streams open. Close one first."


class Draining(Unavailable):
    code = "hall_draining"
    detail = "This process is about to stop. Try again in a moment."


class Reason:
    """Why a stream ended, as its reader is told."""

    SESSION_ENDED = "session_ended"
    TOKEN_EXPIRED = "token_expired"  # noqa: S105  # a word for a reader, no secret
    DRAINING = "draining"
    TOO_SLOW = "too_slow"
    TOO_LARGE = "too_large"
    TOO_MANY = "too_many_messages"
    FAILED = "internal_error"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class LiveEvent:
    """Something that a stream tells."""

    name: str
    data: Any = None


async def tell_member(redis: Redis, user_id: UUID, event: str, data: Any) -> None:
    """Tell a member something, on every stream they have open, in whatever process.

    Who is not listening misses it: it is told for liveliness, never to be relied on.
    """
    await tell_members(redis, [(user_id, event, data)])


async def tell_members(redis: Redis, news: Sequence[tuple[UUID, str, Any]]) -> None:
    """Tell several members something each, `(who, event, data)`, as one message: most of them have
    no stream open, and whom each process serves it looks up faster than a server is asked."""
    if news:
        said = orjson.dumps(news, default=str)  # Drivers have ids of their own.
        await redis.publish(channel_of(redis, Channel.MEMBERS), said)


def tell_hall(pipe: Pipeline, event: str, names: Collection[str]) -> None:
    """Tell everybody who listens what has changed, with what else is in the pipe.

    They hear `{event: [names]}`. However often it is told, each process says it about once a
    second, with all the names that came up meanwhile.
    """
    pipe.publish(channel_of(pipe, Channel.HALL), orjson.dumps([event, list(names)]))


class Stream:
    """One reader, and what they have yet to read."""

    def __init__(self, credential: Credential, member: Member) -> None:
        self.credential = credential
        self.member = member
        # Of one identity elsewhere there may be several tokens, each with an end of its own.
        self.token_ends_at: float = (credential.claims or {}).get("exp", math.inf)
        self.reason: str | None = None
        self._waiting: deque[LiveEvent] = deque()
        self._news = asyncio.Event()

    def tell(self, event: LiveEvent) -> None:
        """Hand over an event. A reader too far behind is ended: the rest must not pay for it."""
        if len(self._waiting) >= MOST_WAITING:
            self.end(Reason.TOO_SLOW)
        else:
            self._waiting.append(event)
            self._news.set()

    def greet(self, event: LiveEvent) -> None:
        """Hand over what is read first, whatever the stream has heard since it was registered."""
        self._waiting.appendleft(event)
        self._news.set()

    def end(self, reason: str) -> None:
        """End the stream; the first reason counts, and what waits is dropped."""
        if self.reason is None:
            self.reason = reason
            self._waiting.clear()
            self._news.set()

    async def next(self, seconds: float) -> LiveEvent | None:
        """Give what comes next, in the end `ended`; None if nothing comes in so many seconds."""
        if self.reason is None and not self._waiting:
            self._news.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._news.wait()
        if self.reason is not None:
            return LiveEvent("ended", {"reason": self.reason})
        return self._waiting.popleft() if self._waiting else None


class Streams:
    """The open streams of a process."""

    def __init__(self, redis: Redis, door: Door, clock: Clock) -> None:
        self._redis = redis
        self._door = door
        self._clock = clock
        self._of_member: defaultdict[UUID, set[Stream]] = defaultdict(set)
        self._of_credential: defaultdict[UUID, set[Stream]] = defaultdict(set)
        self._changed: defaultdict[str, set[str]] = defaultdict(set)
        self._change = asyncio.Event()
        self._listening = asyncio.Event()
        self._listener: asyncio.Task[None] | None = None
        self._draining = False

    @asynccontextmanager
    async def open(self, credential: Credential, member: Member) -> AsyncIterator[Stream]:
        """Open a stream for somebody who has been let in.

        Raises TooManyStreams, Draining, or TokenRefused if they were put out meanwhile.
        """
        if self._draining:
            raise Draining
        if len(self._of_member.get(member.id, ())) >= MOST_STREAMS:
            raise TooManyStreams(retry_after_seconds=RETRY_AFTER_SECONDS)
        stream = Stream(credential, member)
        self._of_member[member.id].add(stream)
        self._of_credential[credential.id].add(stream)
        if self._listener is None:
            self._listener = asyncio.create_task(self._keep_watch())
        OPEN_STREAMS.inc()
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LISTENING_SECONDS):
                    await self._listening.wait()
            # What was said between their admission and now, nobody here has heard.
            await self._door.check(credential)
            stream.greet(LiveEvent("hello", {"session_id": str(member.session_id)}))
            yield stream
        finally:
            OPEN_STREAMS.dec()
            _forget(self._of_member, member.id, stream)
            _forget(self._of_credential, credential.id, stream)
            if not self._of_credential and self._listener is not None:
                self._listener.cancel()
                self._listener = None
                self._listening = asyncio.Event()

    def drain(self) -> None:
        """End all streams and open no more: the process is about to stop."""
        self._draining = True
        for stream in self._all():
            stream.end(Reason.DRAINING)

    def _all(self) -> list[Stream]:
        return [stream for streams in self._of_credential.values() for stream in streams]

    async def _keep_watch(self) -> None:
        async with asyncio.TaskGroup() as watch:
            watch.create_task(self._listen(self._listening))
            watch.create_task(self._check_now_and_then())
            watch.create_task(self._tell_hall_now_and_then())

    async def _listen(self, listening: asyncio.Event) -> None:
        channels = {channel_of(self._redis, channel): channel for channel in Channel}
        last = list(channels)[-1]
        while True:
            try:
                async with self._redis.pubsub() as pubsub:
                    await pubsub.subscribe(*channels)
                    while True:
                        message = await pubsub.get_message(timeout=SILENCE_SECONDS)
                        if message is None:
                            continue
                        channel = message["channel"].decode()
                        if message["type"] == "message":
                            await self._hear(channels[channel], message["data"])
                        elif channel == last:  # Again, if it broke.
                            listening.set()
                            await self._check(self._of_credential.keys())
            except (RedisError, OSError):
                log.warning("streams_without_redis")
            listening.clear()
            await asyncio.sleep(RECONNECT_SECONDS)

    async def _hear(self, channel: Channel, data: bytes) -> None:
        try:
            if channel is Channel.SESSIONS:
                await self._check(set(_ids_in(data)) & self._of_credential.keys())
            elif channel is Channel.MEMBERS:
                for user_id, event, told in orjson.loads(data):
                    for stream in self._of_member.get(UUID(user_id), ()):
                        stream.tell(LiveEvent(event, told))
            else:
                event, names = orjson.loads(data)
                self._changed[event].update(names)
                self._change.set()
        except (ValueError, TypeError, AttributeError):
            log.warning("live_message_unreadable", channel=channel)

    async def _tell_hall_now_and_then(self) -> None:
        while True:
            await self._change.wait()
            self._change.clear()
            changed, self._changed = self._changed, defaultdict(set)
            for event, names in changed.items():
                for stream in self._all():
                    stream.tell(LiveEvent(event, {event: sorted(names)}))
            await asyncio.sleep(HALL_SECONDS)

    async def _check_now_and_then(self) -> None:
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            await self._check(self._of_credential.keys())

    async def _check(self, credential_ids: Collection[UUID]) -> None:
        """Ask the door again for what streams came in with, and end those that it shuts out."""
        for credential_id in list(credential_ids):
            streams = list(self._of_credential.get(credential_id, ()))
            now = self._clock.now().timestamp()
            _end([s for s in streams if s.token_ends_at <= now], Reason.TOKEN_EXPIRED)
            if not (streams := [s for s in streams if s.token_ends_at > now]):
                continue
            try:
                await self._door.check(streams[0].credential)
            except TokenRefused:
                _end(streams, Reason.SESSION_ENDED)
            except Exception:
                # The database is away too: what cannot be asked now is asked again soon.
                log.warning("stream_not_checked", exc_info=True)


def _end(streams: Iterable[Stream], reason: str) -> None:
    for stream in streams:
        stream.end(reason)


def _forget(places: defaultdict[UUID, set[Stream]], key: UUID, stream: Stream) -> None:
    places[key].discard(stream)
    if not places[key]:
        del places[key]


def _ids_in(data: bytes) -> Iterable[UUID]:
    return map(UUID, data.decode().split())
