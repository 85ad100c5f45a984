"""Challenges that passkeys sign: random, good once, for five minutes, and for one purpose.

Redis remembers them. Without it there is no signing in with a passkey; one that was wiped costs
another try.
"""

from __future__ import annotations

import secrets
from datetime import timedelta

from redis.asyncio import Redis
from webauthn.helpers import base64url_to_bytes, parse_client_data_json

from guildhall.identity.errors import PasskeyChallengeInvalid, PasskeysUnavailable
from guildhall.infra import once

__all__ = ["CHALLENGE_SECONDS", "new_challenge", "take_challenge"]

CHALLENGE_BYTES = 32
CHALLENGE_SECONDS = 300


async def new_challenge(redis: Redis, purpose: str) -> bytes:
    """Give a challenge, and remember it. Raises PasskeysUnavailable."""
    challenge = secrets.token_bytes(CHALLENGE_BYTES)
    lifetime = timedelta(seconds=CHALLENGE_SECONDS)
    key = _key(purpose, challenge)
    await once.put(redis, key, b"", lifetime, otherwise=PasskeysUnavailable)
    return challenge


async def take_challenge(redis: Redis, purpose: str, client_data_json: str) -> bytes:
    """Give the challenge that was answered, if it was given out for this and not used before.

    Raises PasskeyChallengeInvalid, or PasskeysUnavailable.
    """
    try:
        client_data = parse_client_data_json(base64url_to_bytes(client_data_json))
    except Exception:
        # The library raises whatever its parsers raise on bytes that a stranger made up.
        raise PasskeyChallengeInvalid from None
    key = _key(purpose, client_data.challenge)
    known = await once.take(redis, key, otherwise=PasskeysUnavailable)
    # No page of another site shows one of ours inside: it would ask in our name.
    if known is None or client_data.cross_origin:
        raise PasskeyChallengeInvalid
    return client_data.challenge


def _key(purpose: str, challenge: bytes) -> str:
    return f"passkey-challenge:{purpose}:{challenge.hex()}"
