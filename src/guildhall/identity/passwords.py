"""Passwords: which are good enough; Argon2id, off the event loop, a few at a time."""

from __future__ import annotations

import asyncio
import re
import secrets
import threading
from array import array
from bisect import bisect_left
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b
from pathlib import Path
from typing import ParamSpec, TypeVar

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from pwdlib.hashers.bcrypt import BcryptHasher
from zxcvbn.frequency_lists import FREQUENCY_LISTS

from guildhall.identity.errors import HallBusy, PasswordTooCommon

__all__ = ["BannedPasswords", "PasswordPolicy", "hash_password", "verify_password"]

P = ParamSpec("P")
T = TypeVar("T")

# OWASP's second Argon2id setting: 19 MiB, two passes, one lane.
HASHER = PasswordHash(
    (Argon2Hasher(time_cost=2, memory_cost=19_456, parallelism=1), BcryptHasher())
)
# Hashing is costly on purpose; more than this many at once would starve the requests beside it.
THREADS = ThreadPoolExecutor(2, "passwords")
# Those under way and those that wait for them: a few seconds of work. Who comes then would wait
# for longer than they do; to tell them so costs nothing, and the memory of a process is bounded.
MOST_AT_ONCE = 128
ROOM = threading.BoundedSemaphore(MOST_AT_ONCE)
RETRY_SECONDS = 3

# Verified when there is no such account, so that the answer takes as long as a wrong password.
# Of a password that nobody knows: should the answer ever be believed, it opens nothing.
NOBODY = HASHER.hash(secrets.token_urlsafe())

# The 30,000 commonest, from leaks (zxcvbn; Wheeler, USENIX Security 2016).
COMMONEST = frozenset(password.casefold() for password in FREQUENCY_LISTS["passwords"])
PRODUCT = "guildhall"
SHORTEST_OWN_WORD = 3
MOST_OTHER_LETTERS = 2
NO_LETTER = re.compile(r"[\W\d_]+")
BUCKETS = 256


class BannedPasswords:
    """The lines of a file, as 64-bit hashes: 8 bytes a line, about a second to read a million.

    Of a million passwords that are not in a file of ten million lines, one in a million times is
    one taken for one that is.
    """

    def __init__(self, path: Path | None) -> None:
        # By the first byte: sorting makes each number an object for a moment, in a 256th of them.
        self._buckets = [array("Q") for _ in range(BUCKETS)]
        if path is not None:
            with path.open(encoding="utf-8", errors="replace") as lines:
                for line in lines:
                    if password := line.rstrip("\r\n"):
                        number = self._number(password)
                        self._buckets[number % BUCKETS].append(number)
            self._buckets = [array("Q", sorted(bucket)) for bucket in self._buckets]

    def __contains__(self, password: str) -> bool:
        number = self._number(password)
        bucket = self._buckets[number % BUCKETS]
        place = bisect_left(bucket, number)
        return place < len(bucket) and bucket[place] == number

    @staticmethod
    def _number(password: str) -> int:
        folded = password.casefold().encode(errors="replace")
        return int.from_bytes(blake2b(folded, digest_size=8).digest())


class PasswordPolicy:
    """Says which passwords are too easily guessed. Length is a matter of the schemas.

    No rules on what a password is composed of, and no forced changes (NIST SP 800-63B-4, 3.1.1.2).
    """

    def __init__(self, banned: BannedPasswords) -> None:
        self._banned = banned

    def check(self, password: str, *own: str) -> None:
        """Raises PasswordTooCommon. `own` are names and addresses of whoever chooses it."""
        folded = password.casefold()
        if folded in COMMONEST or password in self._banned or _is_made_of(folded, own):
            raise PasswordTooCommon


def _is_made_of(folded: str, own: tuple[str, ...]) -> bool:
    """Tell whether a password says nothing beside somebody's own words, or the product's."""
    words = {PRODUCT}
    for text in own:
        words |= {text.casefold(), *NO_LETTER.split(text.casefold())}
    left = folded
    for word in sorted(words, key=len, reverse=True):
        if len(word) >= SHORTEST_OWN_WORD:
            left = left.replace(word, " ")
    return left != folded and len(NO_LETTER.sub("", left)) <= MOST_OTHER_LETTERS


async def hash_password(password: str) -> str:
    """Give the hash to store. Raises HallBusy."""
    return await _in_a_thread(HASHER.hash, password)


async def verify_password(password: str, stored: str | None) -> tuple[bool, str | None]:
    """Tell whether a password is right, and give a new hash if the stored one is outdated.

    `stored` is None or empty where there is no account, or one without a password: the same work
    is done, and it is never right. Raises HallBusy.
    """
    right, upgraded = await _in_a_thread(HASHER.verify_and_update, password, stored or NOBODY)
    return (right, upgraded) if stored else (False, None)


async def _in_a_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Do it in a thread, unless too much waits for one.

    Its room is free again when the work is over, or was given up before it began; not when
    whoever asked for it goes away.
    """
    if not ROOM.acquire(blocking=False):
        raise HallBusy(retry_after_seconds=RETRY_SECONDS)
    future = THREADS.submit(work, *args, **kwargs)
    future.add_done_callback(lambda _: ROOM.release())
    return await asyncio.wrap_future(future)
