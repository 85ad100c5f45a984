"""Handles: random secrets that say whose they are: API keys, links in mails, the setup token.

A handle is a prefix, so that people and scanners see what it is; the ids under which its hash is
kept, if there is more than one such hash, so that it is found by the member's key and no other; 256
random bits; and a checksum, so that a mistyped or made-up one is refused before anything is asked.
"""

from __future__ import annotations

import hashlib
import secrets
import zlib
from typing import NamedTuple
from uuid import UUID

from guildhall.kernel.encoding import base64url, from_base64url

__all__ = ["API_KEY_PREFIX", "Handle", "mint", "read_handle"]

API_KEY_PREFIX = "ghk"
UUID_BYTES = 16
SECRET_BYTES = 32
CHECK_DIGITS = 6
SHORTEST, LONGEST = 32, 256


class Handle(NamedTuple):
    """A handle that reads well. What it opens is asked of the database."""

    ids: tuple[UUID, ...]
    secret_hash: bytes
    """SHA-256 of the whole text: of 256 random bits, which no salt or slow hash could protect
    better."""


def mint(prefix: str, *ids: UUID) -> tuple[str, bytes]:
    """Make a handle; give its text, which is shown once, and the hash to keep."""
    random = secrets.token_bytes(SECRET_BYTES)
    body = base64url(b"".join(id_.bytes for id_ in ids) + random)
    text = f"{prefix}_{body}{_checksum(body)}"
    return text, _hashed(text)


def read_handle(text: str, prefix: str, id_count: int) -> Handle | None:
    """Take a handle apart; None for what was not made by `mint` with as many ids."""
    start, _, rest = text.partition("_")
    if start != prefix or not SHORTEST <= len(rest) <= LONGEST or not rest.isascii():
        return None
    body, check = rest[:-CHECK_DIGITS], rest[-CHECK_DIGITS:]
    if check != _checksum(body):
        return None
    try:
        content = from_base64url(body)
    except ValueError:
        return None
    if len(content) != id_count * UUID_BYTES + SECRET_BYTES:
        return None
    ids = tuple(UUID(bytes=content[n * UUID_BYTES : (n + 1) * UUID_BYTES]) for n in range(id_count))
    return Handle(ids, _hashed(text))


def _hashed(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def _checksum(body: str) -> str:
    return base64url(zlib.crc32(body.encode()).to_bytes(4))
