"""Showing one's password once more, by who is signed in."""

from __future__ import annotations

from uuid import UUID

from guildhall.identity.audit_trail import record
from guildhall.identity.errors import LoginThrottled
from guildhall.identity.guesses import Guesses, forgive_guess, guard_guess
from guildhall.identity.passwords import verify_password
from guildhall.infra.hall import Hall
from guildhall.kernel.errors import Refusal

__all__ = ["prove_password"]

WRONG_PASSWORDS = 10


async def prove_password(
    hall: Hall, user_id: UUID, given: str | None, stored: str | None, *, act: str, wrong: Refusal
) -> None:
    """Check a password against the hash of the account's. Raises LoginThrottled; or `wrong`, which
    is on record as a failure of that act.

    Guesses have a count of their own for each act: whoever took over a session must not keep its
    owner, who can sign in anew or reset the password, from anything else.
    """
    guesses = [Guesses(f"{act}:{user_id}", WRONG_PASSWORDS)]
    await guard_guess(hall.redis, guesses, LoginThrottled)
    right, _ = await verify_password(given or "", stored)
    if not right:
        async with hall.units.write(member=user_id) as uow:
            record(uow, f"{act}_failed", target_id=user_id)
        raise wrong
    await forgive_guess(hall.redis, guesses)
