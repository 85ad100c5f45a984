"""Passwords: Argon2id, off the event loop, a few at a time."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from pwdlib.hashers.bcrypt import BcryptHasher

__all__ = ["hash_password", "verify_password"]

# OWASP's second Argon2id setting: 19 MiB, two passes, one lane.
HASHER = PasswordHash(
    (Argon2Hasher(time_cost=2, memory_cost=19_456, parallelism=1), BcryptHasher())
)
# Hashing is costly on purpose; more than this many at once would starve the requests beside it.
THREADS = ThreadPoolExecutor(2, "passwords")

# Verified when there is no such account, so that the answer takes as long as a wrong password.
NOBODY = HASHER.hash("nobody has this password")


async def hash_password(password: str) -> str:
    """Give the hash to store."""
    return await asyncio.get_running_loop().run_in_executor(THREADS, HASHER.hash, password)


async def verify_password(password: str, stored: str | None) -> tuple[bool, str | None]:
    """Tell whether a password is right, and give a new hash if the stored one is outdated.

    `stored` is None for an unknown account: the same work is done, and it is never right.
    """
    right, upgraded = await asyncio.get_running_loop().run_in_executor(
        THREADS, HASHER.verify_and_update, password, stored or NOBODY
    )
    return (right, upgraded) if stored is not None else (False, None)
