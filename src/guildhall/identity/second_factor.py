"""Use cases of the second factor: an authenticator app, and recovery codes for when it is lost.

Each code is good once, as the database sees it. So a `second_factor_token` that is shown twice
opens nothing without another code; that Redis remembers which were used is a wall behind that one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import pyotp
from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert

from guildhall.identity import codes, repository
from guildhall.identity.audit_trail import record
from guildhall.identity.errors import (
    SecondFactorTokenInvalid,
    SecondFactorWrong,
    TotpConfirmed,
    TotpNotFound,
    TotpNotStarted,
)
from guildhall.identity.logins import SECOND_FACTOR_LIFETIME, SECOND_FACTOR_TOKEN, let_in
from guildhall.identity.models import TOTP_SECRET, Passkey, RecoveryCode, TotpSecret, User
from guildhall.identity.schemas import Proof, SecondFactorOut, TotpOut, Transport
from guildhall.identity.sessions import SignedIn, check_proven, end_all
from guildhall.infra import once
from guildhall.infra.hall import Hall
from guildhall.infra.tokens import TokenRefused, Tokens
from guildhall.infra.unit_of_work import UnitOfWork
from guildhall.kernel.client import RequestClient
from guildhall.kernel.member import Member

__all__ = [
    "Pending",
    "confirm",
    "enrol",
    "new_recovery_codes",
    "pending",
    "remove",
    "remove_of",
    "sign_in",
    "state",
]

ISSUER = "Guildhall"


@dataclass(frozen=True)
class Pending:
    """Somebody who has shown one thing, and has to show another."""

    user_id: UUID
    token_id: str
    device: str
    transport: Transport
    method: str
    standing: str
    """What `rules.standing` was when they showed the first."""


async def enrol(hall: Hall, who: Member) -> TotpOut:
    """Make a secret for an authenticator app. It is asked for once a code of it was shown."""
    secret = pyotp.random_base32()
    sealed = hall.sealer.seal(secret.encode(), TOTP_SECRET.place(who.id))
    async with hall.units.write(member=who.id) as uow:
        if await repository.has_passkey(uow, who.id):
            await check_proven(uow, who)
        values = {"sealed": sealed, "created_at": uow.now, "last_step": 0}
        begun = await uow.session.scalar(
            insert(TotpSecret)
            .values(user_id=who.id, **values)
            .on_conflict_do_update(
                index_elements=["user_id"], set_=values, where=TotpSecret.confirmed_at.is_(None)
            )
            .returning(TotpSecret.user_id)
        )
        if begun is None:
            raise TotpConfirmed
        username = (await uow.session.get_one(User, who.id)).username
        record(uow, "totp_started", actor_id=who.id)
    uri = pyotp.TOTP(secret).provisioning_uri(name=username, issuer_name=ISSUER)
    return TotpOut(secret=secret, uri=uri)


async def confirm(hall: Hall, who: Member, code: str) -> list[str]:
    """Ask for codes from now on, and end all other sessions; give the recovery codes."""
    await codes.count_code(hall, who.id)
    shown: list[str] = []
    async with hall.units.write(member=who.id) as uow:
        await repository.lock_account(uow, who.id)
        if await repository.has_passkey(uow, who.id):
            await check_proven(uow, who)
        secret = await uow.session.get(TotpSecret, who.id, with_for_update=True)
        if secret is None:
            raise TotpNotStarted
        if secret.confirmed_at is not None:
            raise TotpConfirmed
        step = codes.matching_step(hall, secret, code, uow.now)
        if step is None:
            record(uow, "second_factor_failed", target_id=who.id)
        else:
            secret.confirmed_at, secret.last_step = uow.now, step
            shown = await codes.replace_recovery_codes(uow, who.id)
            await end_all(uow, who.id, "second_factor", but=who.session_id)
            await codes.note_change(uow, "totp_confirmed", who.id)
    if not shown:
        raise SecondFactorWrong
    await codes.forgive_code(hall, who.id)
    return shown


async def remove(uow: UnitOfWork, who: Member) -> None:
    """Ask for codes no more. Whoever has a second factor must have signed in with it."""
    await repository.lock_account(uow, who.id)
    await check_proven(uow, who)
    secret = await uow.session.get(TotpSecret, who.id)
    if secret is None:
        raise TotpNotFound
    await uow.session.delete(secret)
    await uow.session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == who.id))
    await codes.note_change(uow, "totp_removed", who.id)


async def remove_of(uow: UnitOfWork, admin: Member, user_id: UUID) -> None:
    """Let a member who was locked out sign in with the password alone, and end their sessions.

    Their passkeys go too: what held the app may have held those, and somebody else may hold it.
    """
    await repository.lock_account(uow, user_id, even_suspended=True)
    for table in (TotpSecret, RecoveryCode, Passkey):
        await uow.session.execute(delete(table).where(table.user_id == user_id))
    await end_all(uow, user_id, "second_factor_removed")
    await codes.note_change(uow, "second_factor_removed", user_id, actor_id=admin.id)


async def new_recovery_codes(hall: Hall, who: Member) -> list[str]:
    """Give new recovery codes; those before them are void."""
    async with hall.units.write(member=who.id) as uow:
        await repository.lock_account(uow, who.id)
        if not await repository.has_second_factor(uow, who.id):
            raise TotpNotFound
        await check_proven(uow, who)
        await codes.note_change(uow, "recovery_codes_replaced", who.id)
        return await codes.replace_recovery_codes(uow, who.id)


async def state(uow: UnitOfWork, user_id: UUID) -> SecondFactorOut:
    """Tell what an account can show: its password, and what there is beside it."""

    async def number_of(table: type[RecoveryCode | Passkey]) -> int:
        counted = select(func.count()).select_from(table).where(table.user_id == user_id)
        return (await uow.session.execute(counted)).scalar_one()

    return SecondFactorOut(
        password=(await uow.session.get_one(User, user_id)).password_hash is not None,
        totp=await repository.has_second_factor(uow, user_id),
        recovery_codes_left=await number_of(RecoveryCode),
        passkeys=await number_of(Passkey),
    )


def pending(tokens: Tokens, token: str, now: datetime) -> Pending:
    """Read who has to show a code. Raises SecondFactorTokenInvalid."""
    try:
        claims = tokens.read(token, SECOND_FACTOR_TOKEN, now)
    except TokenRefused:
        raise SecondFactorTokenInvalid from None
    return Pending(
        UUID(claims["sub"]),
        claims["jti"],
        claims["device"],
        Transport(claims["transport"]),
        claims["method"],
        claims.get("standing", ""),
    )


async def sign_in(
    hall: Hall, tokens: Tokens, who: Pending, proof: Proof, client: RequestClient
) -> SignedIn:
    """Open the session that a sign-in was for, now that the second thing is shown as well."""
    key = f"second-factor-token:{who.token_id}"
    if await once.used(hall.redis, key):
        raise SecondFactorTokenInvalid
    await codes.prove(hall, who.user_id, proof)
    if not await once.first_time(hall.redis, key, SECOND_FACTOR_LIFETIME):
        raise SecondFactorTokenInvalid
    return await let_in(
        hall,
        tokens,
        who.user_id,
        who.device,
        client,
        transport=who.transport,
        method=f"{who.method}+{'totp' if proof.code else 'recovery_code'}",
        second_factor=True,
        standing=who.standing,
    )
