"""Use cases of accounts. Those of sessions stand in `sessions.py`."""

from __future__ import annotations

import hmac
from uuid import UUID

from sqlalchemy import exists, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError

from guildhall.identity import letters, repository, rules
from guildhall.identity.accounts import open_account
from guildhall.identity.audit_trail import record
from guildhall.identity.errors import (
    AddressTaken,
    SetupClosed,
    UsernameTaken,
    UserNotFound,
)
from guildhall.identity.events import MemberMovedZone
from guildhall.identity.models import SetupToken, User
from guildhall.identity.passwords import PasswordPolicy, hash_password
from guildhall.identity.schemas import Register, Setup, UserChange
from guildhall.identity.sessions import ask_again
from guildhall.infra.handles import mint, read_handle
from guildhall.infra.unit_of_work import UnitOfWork
from guildhall.kernel.clock import local_day
from guildhall.kernel.member import Member, Role

__all__ = [
    "change_self",
    "create_admin",
    "hash_chosen",
    "new_setup_token",
    "register",
    "setup",
    "user",
]

SETUP_PREFIX = "ghs"


async def hash_chosen(policy: PasswordPolicy, body: Register) -> str:
    """Give the hash of the password that somebody chose. Raises PasswordTooCommon or HallBusy.

    It takes long on purpose: what anybody may ask for has it made before the first statement
    of their unit of work, so that no connection waits for it.
    """
    policy.check(body.password, body.username, body.email)
    return await hash_password(body.password)


async def register(
    uow: UnitOfWork,
    body: Register,
    password_hash: str,
    *,
    role: Role = Role.MEMBER,
    verified: bool = False,
) -> User:
    """Open an account. Emits UserRegistered; a mail goes to its address.

    The address is only claimed until it is verified, and others may claim it too: that somebody
    has an account is told to who reads its mail, and not to whoever asks.
    """
    opened = await open_account(
        uow,
        body.username,
        body.email,
        verified=verified,
        password_hash=password_hash,
        role=role,
    )
    if opened is None:
        raise UsernameTaken
    if not verified:
        await letters.start_letter(uow, letters.mail_verification, user_id=str(opened.id))
    return opened


async def create_admin(uow: UnitOfWork, policy: PasswordPolicy, body: Register) -> User:
    """Open an admin's account from the operator's shell, which needs no token.

    Whose address it is, the operator knows.
    """
    holder = await repository.holder_of_address(uow, rules.name_key(body.email))
    if holder is not None and holder.email_verified:
        raise AddressTaken
    await _close_setup(uow)
    password_hash = await hash_chosen(policy, body)
    return await register(uow, body, password_hash, role=Role.ADMIN, verified=True)


async def new_setup_token(uow: UnitOfWork) -> str | None:
    """Make the token that lets the first admin in; None once there is an admin.

    The one before it, if any, is void: only a hash was kept, so it cannot be shown again.
    """
    if await uow.session.scalar(select(exists().where(User.role == Role.ADMIN.value))):
        return None
    token, secret_hash = mint(SETUP_PREFIX)
    values = {"token_hash": secret_hash.hex(), "created_at": uow.now}
    await uow.session.execute(
        insert(SetupToken)
        .values(id=1, **values)
        .on_conflict_do_update(index_elements=["id"], set_=values)
    )
    return token


async def setup(uow: UnitOfWork, policy: PasswordPolicy, body: Setup) -> User:
    """Open the first admin's account for whoever holds the setup token."""
    handle = read_handle(body.token, SETUP_PREFIX, 0)
    if handle is None:
        raise SetupClosed
    stored = await repository.setup_token_for_update(uow)
    if stored is None or not hmac.compare_digest(stored.token_hash, handle.secret_hash.hex()):
        raise SetupClosed
    await _close_setup(uow)
    return await register(uow, body, await hash_chosen(policy, body), role=Role.ADMIN)


async def user(uow: UnitOfWork, user_id: UUID) -> User:
    """Give an account."""
    found = await uow.session.get(User, user_id)
    if found is None:
        raise UserNotFound
    return found


async def change_self(uow: UnitOfWork, member: Member, body: UserChange) -> User:
    """Change one's own account. Emits MemberMovedZone if the wall clock changed.

    A new address is only claimed, as in `register`; who reads the old one is told.
    """
    changed = await uow.session.get(User, member.id, with_for_update=True)
    if changed is None:
        raise UserNotFound
    if body.username is not None and body.username != changed.username:
        key = rules.name_key(body.username)
        if await uow.session.scalar(
            select(exists().where(User.username_key == key, User.id != member.id))
        ):
            raise UsernameTaken
        record(
            uow,
            "username_changed",
            actor_id=member.id,
            before=changed.username,
            after=body.username,
        )
        changed.username, changed.username_key = body.username, key
        try:
            await uow.session.flush()
        except IntegrityError:  # The unique index: somebody took it since we asked.
            raise UsernameTaken from None
        uow.after_commit(lambda: uow.cache.drop(f"username:{member.id}"))
    if body.email is not None and body.email != changed.email:
        await _claim(uow, changed, body.email)
    zone = body.time_zone or changed.time_zone
    day_starts_at = changed.day_starts_at if body.day_starts_at is None else body.day_starts_at
    if (zone, day_starts_at) != (changed.time_zone, changed.day_starts_at):
        uow.emit(
            MemberMovedZone(
                subject_id=member.id,
                occurred_at=uow.now,
                left_day=local_day(uow.now, changed.time_zone, changed.day_starts_at),
                entered_day=local_day(uow.now, zone, day_starts_at),
            )
        )
        changed.time_zone, changed.day_starts_at = zone, day_starts_at
        await ask_again(uow, member.id)
    if body.daily_capacity_minutes is not None:
        changed.daily_capacity_minutes = body.daily_capacity_minutes
    if body.rest_days is not None:
        changed.rest_days = sorted(body.rest_days)
    return changed


async def _claim(uow: UnitOfWork, account: User, email: str) -> None:
    """Give an account another address. Written in another way it stays the same address."""
    key = rules.name_key(email)
    if key != account.email_key:
        await letters.start_letter(
            uow,
            letters.mail_address_changed,
            user_id=str(account.id),
            address=account.email,
            at=uow.now.isoformat(),
        )
        await letters.start_letter(uow, letters.mail_verification, user_id=str(account.id))
        account.email_verified_at = None
        record(uow, "email_changed", actor_id=account.id)
    account.email, account.email_key = email, key


async def _close_setup(uow: UnitOfWork) -> None:
    await uow.session.execute(text("DELETE FROM setup_tokens"))
