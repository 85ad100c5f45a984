"""The door: who is asking, and how much more they may ask, in one round trip to Redis.

A session that is alive is kept in Redis for two minutes; one that was ended leaves a tombstone
there, so that its access token opens nothing from that moment on. Redis only remembers: what is
not there is asked of the database, and without Redis everything is.

Who asks the database holds a lease meanwhile, in the session's own place ("Scaling Memcache at
Facebook", NSDI 2013, section 3.2.1). A change that becomes known in between takes the lease away
with whatever else is there, and an answer without a lease is not kept: it may be of before.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Network, ip_address
from typing import Any, Self
from uuid import UUID

import orjson
import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from guildhall.infra.channels import Channel, channel_of
from guildhall.infra.settings import RateLimitSettings
from guildhall.infra.tokens import TokenRefused
from guildhall.kernel.errors import TooManyRequests
from guildhall.kernel.member import Member, Role

__all__ = [
    "Admitted",
    "Allowance",
    "Credential",
    "Door",
    "Kind",
    "Limit",
    "RateLimited",
    "Recall",
    "forget_session",
    "subscriber",
    "tombstone",
]

log = structlog.get_logger()

SESSION_TTL_SECONDS = 120
LEASE_TTL_SECONDS = 10  # One that runs out costs another question, nothing else.
LEASE = b"?"
TOMBSTONE = b"ended"
MINUTE_SECONDS = 60

# GCRA: the generic cell rate algorithm (ITU-T I.371). One number per key, the theoretical arrival
# time in microseconds; no burst at the seam of two windows, exact however many processes ask.
# Redis's own clock is used, so that the hosts of the hall need not agree on the time.
ENTER = """
local time = redis.call('TIME')
local session = KEYS[2] and redis.call('GET', KEYS[2]) or false
if KEYS[2] and not session then
    session = '?' .. time[1] .. '.' .. time[2]
    redis.call('SET', KEYS[2], session, 'EX', ARGV[3])
end
local interval = tonumber(ARGV[1])
if interval == 0 then return {session, 1, 0, 0, 0} end
local span = tonumber(ARGV[2])
local now = time[1] * 1000000 + time[2]
local arrival = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now)
local room = span - (arrival + interval - now)
if room < 0 then
    return {session, 0, 0, math.ceil((arrival - now) / 1000000), math.ceil(-room / 1000000)}
end
redis.call('SET', KEYS[1], string.format('%.0f', arrival + interval),
           'PX', math.ceil((arrival + interval - now) / 1000))
return {session, 1, math.floor(room / interval), math.ceil((arrival + interval - now) / 1000000), 0}
"""

# Keeps an answer of the database, for whoever still holds the lease under which they asked.
KEEP = """
if redis.call('GET', KEYS[1]) == ARGV[1] then
    redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
end
"""


class RateLimited(TooManyRequests):
    code = "rate_limited"
    detail = "Too many requests. Wait a little, then go on."


@dataclass(frozen=True, slots=True)
class Limit:
    """So many requests a minute, under a name."""

    name: str
    per_minute: int

    @property
    def interval_microseconds(self) -> int:
        return MINUTE_SECONDS * 1_000_000 // self.per_minute


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left of a limit after this request."""

    limit: Limit
    remaining: int
    reset_seconds: int

    def headers(self) -> Sequence[tuple[bytes, bytes]]:
        """Give the fields of draft-ietf-httpapi-ratelimit-headers-11."""
        name, quota = self.limit.name, self.limit.per_minute
        return (
            (b"ratelimit-policy", f'"{name}";q={quota};w={MINUTE_SECONDS}'.encode()),
            (b"ratelimit", f'"{name}";r={self.remaining};t={self.reset_seconds}'.encode()),
        )


class Kind(StrEnum):
    """What somebody came in with."""

    SESSION = "session"
    KEY = "key"
    ISSUER = "issuer"


@dataclass(frozen=True, slots=True)
class Credential:
    """What somebody shows at the door: it reads well, and may have been withdrawn since.

    `id` is that of the session, of the API key, or of the external identity. Whose it is, a token
    of another issuer does not say; `claims` are what it does say.
    """

    kind: Kind
    id: UUID
    user_id: UUID | None
    secret_hash: bytes = b""
    claims: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Admitted:
    """Who a credential lets in, and the hash of the secret that goes with it, if one does."""

    member: Member
    secret_hash: bytes = b""
    seconds_left: float = SESSION_TTL_SECONDS
    """How much longer it opens at least."""

    def packed(self) -> bytes:
        member = self.member
        return orjson.dumps(
            [
                str(member.id),
                member.role,
                member.time_zone,
                member.day_starts_at,
                member.second_factor,
                sorted(member.scopes) if member.scopes is not None else None,
                self.secret_hash.hex(),
            ]
        )

    @classmethod
    def unpacked(cls, stored: bytes, session_id: UUID) -> Self:
        user_id, role, zone, day_starts_at, second_factor, scopes, secret = orjson.loads(stored)
        member = Member(
            UUID(user_id),
            session_id,
            Role(role),
            zone,
            day_starts_at,
            second_factor,
            frozenset(scopes) if scopes is not None else None,
        )
        return cls(member, bytes.fromhex(secret))


Recall = Callable[[Credential], Awaitable[Admitted | None]]
"""Asks the database whom a credential lets in; None if it ended or they may not come in."""


class Door:
    """Lets requests in. One per process."""

    def __init__(
        self,
        redis: Redis,
        recall: Recall,
        settings: RateLimitSettings,
    ) -> None:
        self._enter = redis.register_script(ENTER)
        self._keep = redis.register_script(KEEP)
        self._recall = recall
        self._enabled = settings.rate_limit_enabled
        self.member_limit = Limit("member", settings.rate_limit_member_per_minute)
        self.public_limit = Limit("public", settings.rate_limit_public_per_minute)
        self.sign_in_limit = Limit("sign-in", settings.rate_limit_sign_in_per_minute)

    async def admit_stranger(self, address: str, limit: Limit | None = None) -> Allowance | None:
        """Count a request of somebody not signed in. Raises RateLimited."""
        limit = limit or self.public_limit
        _, allowance = await self._ask(f"limit:{limit.name}:{subscriber(address)}", None, limit)
        return allowance

    async def admit(
        self, credential: Credential, limit: Limit | None = None, *, address: str | None = None
    ) -> tuple[Member, Allowance | None]:
        """Check that a credential still opens, and count the request.

        Anybody can make up an API key that reads well. One that has to be asked about is a
        stranger's at `address` until the answer is there, and may be more than they may ask.
        Raises TokenRefused or RateLimited.
        """
        limit = limit or self.member_limit
        # Whose a key is, it says itself: under the member, a made-up one would use up their limit.
        counted = credential.id if credential.kind is Kind.KEY else credential.user_id
        stored, allowance = await self._ask(
            f"limit:{limit.name}:{counted or credential.id}", session_key(credential.id), limit
        )
        unknown = stored is None or stored.startswith(LEASE)
        if unknown and address is not None and credential.kind is Kind.KEY:
            await self.admit_stranger(address)
        admitted = await self._let_in(credential, stored)
        return admitted.member, allowance

    async def count(self, limit: Limit, member_id: UUID) -> Allowance | None:
        """Count a request of a member against one more limit. Raises RateLimited."""
        _, allowance = await self._ask(f"limit:{limit.name}:{member_id}", None, limit)
        return allowance

    async def check(self, credential: Credential) -> Admitted:
        """Check that a credential still opens, without counting it. Raises TokenRefused."""
        stored, _ = await self._ask("", session_key(credential.id), None)
        return await self._let_in(credential, stored)

    async def _let_in(self, credential: Credential, stored: bytes | None) -> Admitted:
        if stored is None or stored.startswith(LEASE):
            admitted = await self._look_up(credential, stored)
        elif stored == TOMBSTONE:
            raise TokenRefused
        else:
            admitted = Admitted.unpacked(stored, credential.id)
        if not hmac.compare_digest(admitted.secret_hash, credential.secret_hash):
            raise TokenRefused
        return admitted

    async def _ask(
        self, limit_key: str, session: str | None, limit: Limit | None
    ) -> tuple[bytes | None, Allowance | None]:
        keys = [limit_key] if session is None else [limit_key, session]
        interval = limit.interval_microseconds if limit and self._enabled else 0
        span = interval * limit.per_minute if limit else 0
        try:
            stored, admitted, remaining, reset, retry_after = await self._enter(
                keys, [interval, span, LEASE_TTL_SECONDS]
            )
        except RedisError:
            # The limiter is away. Reading and writing go on, uncounted; sign-in is guarded by
            # the cost of its password hash and the cap on how many are worked out at once.
            log.warning("door_without_redis")
            return None, None
        allowance = Allowance(limit, remaining, reset) if limit and interval else None
        if not admitted:
            raise RateLimited(retry_after_seconds=retry_after, allowance=allowance)
        return stored, allowance

    async def _look_up(self, credential: Credential, lease: bytes | None) -> Admitted:
        admitted = await self._recall(credential)
        if admitted is None:
            raise TokenRefused
        if lease is None:
            return admitted
        remembered_seconds = max(1, int(min(SESSION_TTL_SECONDS, admitted.seconds_left)))
        try:
            await self._keep(
                [session_key(credential.id)], [lease, admitted.packed(), remembered_seconds]
            )
        except RedisError:
            log.warning("door_without_redis")
        return admitted


def subscriber(address: str) -> str:
    """Give what is counted as one place: an IPv4 address, however it is written, or the /64 that
    one subscriber has of IPv6, who could else come from another address each time."""
    try:
        place = ip_address(address)
    except ValueError:
        return address
    if isinstance(place, IPv4Address):
        return address
    # As a socket for both calls who came by IPv4: all of them are in one /64.
    if place.ipv4_mapped is not None:
        return str(place.ipv4_mapped)
    return str(IPv6Network((int(place), 64), strict=False))


def session_key(session_id: UUID) -> str:
    return f"session:{session_id}"


async def tombstone(redis: Redis, session_ids: Sequence[UUID]) -> None:
    """Close the door to sessions that have just been ended, on every process at once."""
    pipe = redis.pipeline(transaction=False)
    for session_id in session_ids:
        pipe.set(session_key(session_id), TOMBSTONE, ex=2 * SESSION_TTL_SECONDS)
    pipe.publish(channel_of(redis, Channel.SESSIONS), " ".join(map(str, session_ids)))
    await pipe.execute()


async def forget_session(redis: Redis, session_ids: Sequence[UUID]) -> None:
    """Make the door ask the database again: a role or a time zone has changed."""
    pipe = redis.pipeline(transaction=False)
    pipe.delete(*map(session_key, session_ids))
    pipe.publish(channel_of(redis, Channel.SESSIONS), " ".join(map(str, session_ids)))
    await pipe.execute()
