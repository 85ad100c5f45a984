"""Use cases of getting back in, of a new password, and of an address that is shown to be one's."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from sqlalchemy import delete, exists, select
from sqlalchemy.exc import IntegrityError

from guildhall.identity import api_keys, letters, sessions
from guildhall.identity.audit_trail import record
from guildhall.identity.errors import (
    AddressTaken,
    AddressVerified,
    CurrentPasswordWrong,
    MailThrottled,
    ResetTokenInvalid,
    UserNotFound,
    VerificationTokenInvalid,
)
from guildhall.identity.guesses import Guesses, guard_guess
from guildhall.identity.models import (
    EmailVerificationToken,
    ExternalIdentity,
    Passkey,
    PasswordResetToken,
    RecoveryCode,
    TotpSecret,
    User,
)
from guildhall.identity.passwords import PasswordPolicy, hash_password
from guildhall.identity.proofs import prove_password
from guildhall.identity.repository import door_ids
from guildhall.identity.schemas import PasswordChange, PasswordResetConfirm
from guildhall.infra.door import tombstone
from guildhall.infra.hall import Hall
from guildhall.infra.handles import Handle, read_handle
from guildhall.infra.unit_of_work import UnitOfWork
from guildhall.kernel.member import Member

__all__ = [
    "ask_for_reset",
    "ask_to_verify",
    "change_password",
    "check_may_move",
    "reset_password",
    "verify_email",
]

ADDRESSES_CLAIMED = 5


async def ask_for_reset(uow: UnitOfWork, email: str) -> None:
    """Have a letter written to whoever has that address. Whether anybody has, the task finds out:
    here the same is done in any case."""
    await letters.start_letter(uow, letters.mail_reset, email=email)


async def reset_password(hall: Hall, policy: PasswordPolicy, body: PasswordResetConfirm) -> None:
    """Set a new password for whoever reads the account's mail; end all of its sessions.

    Signs nobody in, and a second factor stays what it is. But where the address was never
    verified, somebody else may have opened the account and be waiting for its owner (Sudhodanan
    and Paverd, "Pre-hijacked accounts", USENIX Security 2022): whatever could let them in goes.
    """
    handle = read_handle(body.token, letters.RESET_PREFIX, 1)
    if handle is None:
        raise ResetTokenInvalid
    user_id = handle.ids[0]
    async with hall.units.read(member=user_id) as uow:
        good = exists().where(
            PasswordResetToken.user_id == user_id,
            PasswordResetToken.token_hash == handle.secret_hash,
            PasswordResetToken.expires_at > uow.now,
        )
        account = await uow.session.scalar(select(User).where(User.id == user_id, good))
    if account is None:
        raise ResetTokenInvalid
    policy.check(body.password, account.username, account.email)
    password_hash = await hash_password(body.password)
    async with hall.units.write(member=user_id) as uow:
        email_key = await _taken(uow, PasswordResetToken, handle)
        account = await uow.session.get(User, user_id, with_for_update=True)
        if account is None or account.email_key != email_key or account.status != "active":
            raise ResetTokenInvalid
        account.password_hash = password_hash
        if not account.email_verified:
            if account.first_verified_at is not None:
                raise ResetTokenInvalid  # It went to an address that is its owner's no more.
            await _verify(uow, account, ResetTokenInvalid)
            await _take_over(uow, account)
        await sessions.end_all(uow, user_id, "password_reset")
        record(uow, "password_reset", target_id=user_id)
        await _tell_of_new_password(uow, user_id)


async def change_password(
    hall: Hall, policy: PasswordPolicy, who: Member, body: PasswordChange
) -> None:
    """Set a new password for a member who knows the old one; end their other sessions.

    An account without one, of somebody who signs in elsewhere, gets its first after a recent
    sign-in.
    """
    async with hall.units.read(member=who.id) as uow:
        account = await uow.session.get(User, who.id)
    if account is None:
        raise UserNotFound
    old_hash = account.password_hash
    if old_hash is None:
        await sessions.check_recent(hall, who)
    else:
        await prove_password(
            hall,
            who.id,
            body.current_password,
            old_hash,
            act="password_change",
            wrong=CurrentPasswordWrong(),
        )
    policy.check(body.new_password, account.username, account.email)
    password_hash = await hash_password(body.new_password)
    async with hall.units.write(member=who.id) as uow:
        account = await uow.session.get(User, who.id, with_for_update=True)
        if account is None or account.password_hash != old_hash:
            raise CurrentPasswordWrong  # It was, until somebody else was quicker.
        account.password_hash = password_hash
        # A link that was mailed before opens nothing after.
        await uow.session.execute(
            delete(PasswordResetToken).where(PasswordResetToken.user_id == who.id)
        )
        await sessions.end_all(uow, who.id, "password_changed", but=who.session_id)
        record(uow, "password_changed", actor_id=who.id)
        await _tell_of_new_password(uow, who.id)


async def ask_to_verify(uow: UnitOfWork, member: Member) -> None:
    """Have another letter written with a link that shows that the member's address is theirs."""
    account = await uow.session.get_one(User, member.id)
    if account.email_verified:
        raise AddressVerified
    token = await uow.session.get(EmailVerificationToken, member.id)
    if token is not None and token.email_key == account.email_key:
        wait = token.created_at + letters.BETWEEN_LETTERS - uow.now
        if wait > timedelta():
            raise MailThrottled(retry_after_seconds=int(wait.total_seconds()) + 1)
    await letters.start_letter(uow, letters.mail_verification, user_id=str(member.id))


async def verify_email(hall: Hall, token: str) -> None:
    """Note that whoever has this token reads what comes to their account's address."""
    handle = read_handle(token, letters.VERIFICATION_PREFIX, 1)
    if handle is None:
        raise VerificationTokenInvalid
    user_id = handle.ids[0]
    async with hall.units.write(member=user_id) as uow:
        email_key = await _taken(uow, EmailVerificationToken, handle)
        account = await uow.session.get(User, user_id, with_for_update=True)
        if account is None or account.email_key != email_key or account.status != "active":
            raise VerificationTokenInvalid
        if not account.email_verified:
            await _verify(uow, account, AddressTaken)
            record(uow, "email_verified", actor_id=user_id)


async def check_may_move(hall: Hall, member: Member) -> None:
    """Raises what `check_recent` does, or MailThrottled for who gives one address after another."""
    await sessions.check_recent(hall, member)
    async with hall.units.read(member=member.id) as uow:
        await sessions.check_proven(uow, member)
    claims = [Guesses(f"addresses:{member.id}", ADDRESSES_CLAIMED)]
    await guard_guess(hall.redis, claims, MailThrottled)


async def _taken(
    uow: UnitOfWork,
    table: type[PasswordResetToken] | type[EmailVerificationToken],
    handle: Handle,
) -> str | None:
    """Use a token up, and give the address it was sent to; None if it is good for nothing. Of
    many who show it at once one gets it."""
    email_key: str | None = await uow.session.scalar(
        delete(table)
        .where(
            table.user_id == handle.ids[0],
            table.token_hash == handle.secret_hash,
            table.expires_at > uow.now,
        )
        .returning(table.email_key)
    )
    return email_key


async def _verify(
    uow: UnitOfWork, account: User, otherwise: type[AddressTaken] | type[ResetTokenInvalid]
) -> None:
    account.verify_email(uow.now)
    try:
        await uow.session.flush()
    except IntegrityError:  # The unique index: it was verified for somebody else meanwhile.
        raise otherwise from None


async def _take_over(uow: UnitOfWork, account: User) -> None:
    """Remove all that lets anybody in beside the password, and what they had begun."""
    user_id = account.id
    account.erase_after = None
    sessions.tell_door(uow, user_id, await door_ids(uow, user_id), tombstone)
    await api_keys.revoke_all(uow, user_id)
    for table in (Passkey, TotpSecret, RecoveryCode, ExternalIdentity, EmailVerificationToken):
        await uow.session.execute(delete(table).where(table.user_id == user_id))


async def _tell_of_new_password(uow: UnitOfWork, user_id: UUID) -> None:
    await letters.start_letter(
        uow, letters.mail_password_changed, user_id=str(user_id), at=uow.now.isoformat()
    )
