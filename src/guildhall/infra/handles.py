"""Handles: random secrets that say whose they are, for API keys and for links in mails.

A handle is a prefix, so that people and scanners see what it is; the ids under which its hash is
kept, so that it is found by the member's key and no other; 256 random bits; and a checksum, so that
a mistyped or made-up one is refused before anything is asked.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import zlib
from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

__all__ = ["Handle", "mint", "read_handle"]

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
VALUES = {digit: value for value, digit in enumerate(DIGITS)}
UUID_DIGITS = 22
SECRET_BYTES = 32
SECRET_DIGITS = 43
CHECK_DIGITS = 6
WORD = re.compile("[0-9A-Za-z]+")


class Handle(NamedTuple):
    """A handle that reads well. What it opens is asked of the database."""

    ids: tuple[UUID, ...]
    secret_hash: bytes
    """SHA-256 of the whole text: of 256 random bits, which no salt or slow hash could protect
    better."""


def mint(prefix: str, *ids: UUID) -> tuple[str, bytes]:
    """Make a handle; give its text, which is shown once, and the hash to keep."""
    body = "".join(_digits(id_.int, UUID_DIGITS) for id_ in ids)
    body += _digits(int.from_bytes(secrets.token_bytes(SECRET_BYTES)), SECRET_DIGITS)
    text = f"{prefix}_{body}{_checksum(body)}"
    return text, _hashed(text)


def read_handle(text: str, prefix: str, id_count: int) -> Handle | None:
    """Take a handle apart; None for what was not made by `mint` with as many ids."""
    start, _, rest = text.partition("_")
    length = id_count * UUID_DIGITS + SECRET_DIGITS + CHECK_DIGITS
    if start != prefix or len(rest) != length or WORD.fullmatch(rest) is None:
        return None
    body, check = rest[:-CHECK_DIGITS], rest[-CHECK_DIGITS:]
    if check != _checksum(body):
        return None
    numbers = [_number(body[n * UUID_DIGITS : (n + 1) * UUID_DIGITS]) for n in range(id_count)]
    if any(number >= 1 << 128 for number in numbers):
        return None
    return Handle(tuple(UUID(int=number) for number in numbers), _hashed(text))


def _hashed(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def _checksum(body: str) -> str:
    return _digits(zlib.crc32(body.encode()), CHECK_DIGITS)


def _digits(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, digit = divmod(number, len(DIGITS))
        digits.append(DIGITS[digit])
    return "".join(reversed(digits))


def _number(digits: Sequence[str]) -> int:
    number = 0
    for digit in digits:
        number = number * len(DIGITS) + VALUES[digit]
    return number
