"""Showing once more who one is, before a sensitive change: as much as signing in would take."""

from __future__ import annotations

from guildhall.identity import codes, passkeys, repository
from guildhall.identity.errors import (
    CredentialsWrong,
    PasskeyRefused,
    SecondFactorCodeMissing,
    SessionNotFound,
)
from guildhall.identity.models import Device, User
from guildhall.identity.proofs import prove_password
from guildhall.identity.schemas import Proof, Reauthenticate, Transport
from guildhall.identity.sessions import SignedIn, open_session, signed_in, tell_door
from guildhall.infra.door import tombstone
from guildhall.infra.hall import Hall
from guildhall.infra.tokens import Tokens
from guildhall.kernel.client import RequestClient
from guildhall.kernel.member import Member

__all__ = ["reauthenticate"]

NOT_YOURS = "This is not your password."


async def reauthenticate(
    hall: Hall, tokens: Tokens, who: Member, body: Reauthenticate, client: RequestClient
) -> SignedIn:
    """Open a session on the same device in place of the one that this request came from.

    The old one ends at once. The new one knows of a second factor only if that was shown now.
    """
    if body.credential is not None:
        if await passkeys.verify(hall, body.credential) != who.id:
            raise PasskeyRefused
        method, second = "passkey", True
    else:
        second = await _check_password(hall, who, body)
        method = "password+second_factor" if second else "password"
    return await _replace_session(hall, tokens, who, client, method=method, second_factor=second)


async def _check_password(hall: Hall, who: Member, body: Reauthenticate) -> bool:
    """Check the password, then the code if there has to be one; tell whether there had to."""
    async with hall.units.read(member=who.id) as uow:
        stored = (await uow.session.get_one(User, who.id)).password_hash
        asked_for_more = await repository.has_second_factor(uow, who.id)
    if asked_for_more and body.code is None and body.recovery_code is None:
        raise SecondFactorCodeMissing
    wrong = CredentialsWrong(NOT_YOURS)
    await prove_password(hall, who.id, body.password, stored, act="reauthentication", wrong=wrong)
    if asked_for_more:
        proof = Proof(code=body.code, recovery_code=body.recovery_code)
        await codes.prove(hall, who.id, proof)
    return asked_for_more


async def _replace_session(
    hall: Hall,
    tokens: Tokens,
    who: Member,
    client: RequestClient,
    *,
    method: str,
    second_factor: bool,
) -> SignedIn:
    async with hall.units.write(member=who.id) as uow:
        await repository.lock_account(uow, who.id, otherwise=SessionNotFound)
        old = await repository.session_for_update(uow, who.id, who.session_id)
        if old is None or old.ended_at is not None or old.expires_at <= uow.now:
            raise SessionNotFound
        device = await uow.session.get_one(Device, (who.id, old.device_id))
        await repository.end_sessions(uow, who.id, "reauthenticated", session_id=old.id)
        opened = await open_session(
            uow,
            who.id,
            device.name,
            client,
            transport=Transport(old.transport),
            second_factor=second_factor,
            method=f"again:{method}",
            settings=hall.settings.security,
        )
        tell_door(uow, who.id, [old.id], tombstone)
    return signed_in(tokens, opened, hall.settings.security)
