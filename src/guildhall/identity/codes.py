"""Codes that stand beside a password: of an authenticator app (TOTP, RFC 6238), and for recovery.

A code has six digits and can be guessed at, so guesses are counted, and while Redis cannot count
them no code is taken. A recovery code has 120 random bits and cannot: it is taken always, so who
makes a member wait by wrong codes does not keep them out. Each is good once, as the database sees
it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from datetime import datetime
from uuid import UUID

import pyotp
from redis.exceptions import RedisError
from sqlalchemy import delete, update

from guildhall.identity.audit_trail import record
from guildhall.identity.errors import (
    SecondFactorThrottled,
    SecondFactorUnavailable,
    SecondFactorWrong,
)
from guildhall.identity.guesses import Guesses, forgive_guess, guard_guess
from guildhall.identity.letters import mail_proofs_changed, start_letter
from guildhall.identity.models import TOTP_SECRET, RecoveryCode, TotpSecret
from guildhall.identity.schemas import Proof
from guildhall.infra.hall import Hall
from guildhall.infra.unit_of_work import UnitOfWork

__all__ = [
    "count_code",
    "forgive_code",
    "matching_step",
    "note_change",
    "prove",
    "replace_recovery_codes",
]

STEP_SECONDS = 30
DRIFT_STEPS = 1
RECOVERY_CODES = 10
RECOVERY_CODE_BYTES = 15
WRONG_CODES = 5  # Without a wait; with three codes right at a time, one guess in 333,333 is.


async def prove(hall: Hall, user_id: UUID, proof: Proof) -> None:
    """Take a code or a recovery code, which is used up.

    Raises SecondFactorWrong, on record; SecondFactorThrottled; SecondFactorUnavailable.
    """
    if proof.code is not None:
        await count_code(hall, user_id)
    async with hall.units.write(member=user_id) as uow:
        if proof.code is not None:
            right = await _use_code(hall, uow, user_id, proof.code)
        else:
            right = await _use_recovery_code(uow, user_id, proof.recovery_code or "")
        if not right:
            record(uow, "second_factor_failed", target_id=user_id)
        elif proof.code is None:
            await note_change(uow, "recovery_code_used", user_id)
    if not right:
        raise SecondFactorWrong
    if proof.code is not None:
        await forgive_code(hall, user_id)


async def _use_code(hall: Hall, uow: UnitOfWork, user_id: UUID, code: str) -> bool:
    secret = await uow.session.get(TotpSecret, user_id)
    step = matching_step(hall, secret, code, uow.now) if secret else None
    if step is None:
        return False
    # A compare-and-set: of many who show the same code at once, one was first.
    taken = await uow.session.scalar(
        update(TotpSecret)
        .where(
            TotpSecret.user_id == user_id,
            TotpSecret.confirmed_at.is_not(None),
            TotpSecret.last_step < step,
        )
        .values(last_step=step)
        .returning(TotpSecret.user_id)
        .execution_options(synchronize_session=False)
    )
    return taken is not None


async def _use_recovery_code(uow: UnitOfWork, user_id: UUID, code: str) -> bool:
    taken = await uow.session.scalar(
        delete(RecoveryCode)
        .where(RecoveryCode.user_id == user_id, RecoveryCode.code_hash == _hashed(code))
        .returning(RecoveryCode.user_id)
        .execution_options(synchronize_session=False)
    )
    return taken is not None


async def replace_recovery_codes(uow: UnitOfWork, user_id: UUID) -> list[str]:
    await uow.session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))
    codes = [
        base64.b32encode(secrets.token_bytes(RECOVERY_CODE_BYTES)).decode()
        for _ in range(RECOVERY_CODES)
    ]
    uow.session.add_all(RecoveryCode(user_id=user_id, code_hash=_hashed(code)) for code in codes)
    return ["-".join(code[n : n + 4] for n in range(0, len(code), 4)) for code in codes]


async def note_change(
    uow: UnitOfWork,
    act: str,
    user_id: UUID,
    *,
    actor_id: UUID | None = None,
    **details: object,
) -> None:
    """Put a change of what opens somebody's account on record, and tell them by mail."""
    record(
        uow,
        act,
        actor_id=actor_id or user_id,
        target_id=user_id if actor_id else None,
        **details,
    )
    await start_letter(
        uow, mail_proofs_changed, user_id=str(user_id), act=act, at=uow.now.isoformat()
    )


async def count_code(hall: Hall, user_id: UUID) -> None:
    """Count a guess at a code. Raises SecondFactorThrottled, or SecondFactorUnavailable."""
    try:
        await hall.redis.ping()
    except RedisError:
        raise SecondFactorUnavailable from None
    await guard_guess(hall.redis, [_guesses(user_id)], SecondFactorThrottled)


async def forgive_code(hall: Hall, user_id: UUID) -> None:
    """Take back a guess that was right."""
    await forgive_guess(hall.redis, [_guesses(user_id)])


def _guesses(user_id: UUID) -> Guesses:
    return Guesses(f"code:{user_id}", WRONG_CODES)


def matching_step(hall: Hall, secret: TotpSecret, code: str, now: datetime) -> int | None:
    """Give the newest time step, of those that a clock may be at, that a code belongs to."""
    opened = hall.sealer.open(secret.sealed, TOTP_SECRET.place(secret.user_id))
    totp = pyotp.TOTP(opened.decode(), interval=STEP_SECONDS)
    current = totp.timecode(now)
    steps = range(current - DRIFT_STEPS, current + DRIFT_STEPS + 1)
    matching = [step for step in steps if hmac.compare_digest(totp.generate_otp(step), code)]
    return max(matching, default=None)


def _hashed(recovery_code: str) -> bytes:
    """Hash a recovery code: of 120 random bits, which no slow hash could protect better."""
    return hashlib.sha256(recovery_code.encode()).digest()
