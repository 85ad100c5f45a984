"""One-time tickets: thirty seconds in which a credential may open one stream from an address.

Neither EventSource nor WebSocket can send a header, and no lasting secret stands in an address. A
ticket opens what the credential opens that asked for it: it passes the door again, so that one
withdrawn meanwhile opens nothing. Redis keeps its hash, and gives it away once.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from uuid import UUID

import orjson
from redis.asyncio import Redis

from guildhall.infra import once
from guildhall.infra.door import Credential, Kind
from guildhall.kernel.errors import Unavailable

__all__ = ["TICKET_SECONDS", "TicketsUnavailable", "issue", "redeem"]

TICKET_SECONDS = 30
TICKET_BYTES = 32
LONGEST = 64


class TicketsUnavailable(Unavailable):
    code = "tickets_unavailable"
    detail = "The hall can neither make nor read tickets right now. Try again in a moment."


async def issue(redis: Redis, credential: Credential) -> str:
    """Make a ticket that opens one stream as this credential. Raises TicketsUnavailable."""
    ticket = secrets.token_urlsafe(TICKET_BYTES)
    claims = dict(credential.claims) if credential.claims is not None else None
    user_id = str(credential.user_id) if credential.user_id else None
    packed = orjson.dumps(
        [credential.kind, str(credential.id), user_id, credential.secret_hash.hex(), claims]
    )
    lifetime = timedelta(seconds=TICKET_SECONDS)
    await once.put(redis, _key(ticket), packed, lifetime, otherwise=TicketsUnavailable)
    return ticket


async def redeem(redis: Redis, ticket: str) -> Credential | None:
    """Take a ticket; None if it is none, was taken before, or is too old.

    Of many who show it at once, one is let in. Raises TicketsUnavailable.
    """
    if len(ticket) > LONGEST:
        return None
    packed = await once.take(redis, _key(ticket), otherwise=TicketsUnavailable)
    if packed is None:
        return None
    kind, id_, user_id, secret_hash, claims = orjson.loads(packed)
    return Credential(
        Kind(kind),
        UUID(id_),
        UUID(user_id) if user_id else None,
        bytes.fromhex(secret_hash),
        claims,
    )


def _key(ticket: str) -> str:
    return f"ticket:{hashlib.sha256(ticket.encode('utf-8', 'surrogatepass')).hexdigest()}"
