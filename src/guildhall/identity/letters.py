"""Letters: what starts them, and the tasks that write and send them.

A letter that holds a token mints it itself: the token stands in the letter and, hashed, in its
table, and neither in the arguments of a task nor in the outbox nor in a log.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from redis.asyncio import Redis
from sqlalchemy import literal, or_
from sqlalchemy.dialects.postgresql import insert

from guildhall.identity import repository, rules, wording
from guildhall.identity.guesses import Guesses, count_guess
from guildhall.identity.models import Device, EmailVerificationToken, PasswordResetToken, User
from guildhall.infra import tasks
from guildhall.infra.handles import mint
from guildhall.infra.mail import Letter
from guildhall.infra.tasks import TaskRun
from guildhall.infra.unit_of_work import UnitOfWork

__all__ = [
    "BETWEEN_LETTERS",
    "RESET_LIFETIME",
    "RESET_PREFIX",
    "VERIFICATION_LIFETIME",
    "VERIFICATION_PREFIX",
    "mail_address_changed",
    "mail_leaving",
    "mail_new_device",
    "mail_password_changed",
    "mail_proofs_changed",
    "mail_reset",
    "mail_verification",
    "start_letter",
]

log = structlog.get_logger()

RESET_PREFIX = "ghr"
VERIFICATION_PREFIX = "ghv"
RESET_LIFETIME = timedelta(minutes=10)
VERIFICATION_LIFETIME = timedelta(hours=24)
BETWEEN_LETTERS = timedelta(seconds=60)
# Letters that a stranger can cause: so many to one address, then each has to wait for longer.
LETTERS_TO_AN_ADDRESS = 10
MAX_ATTEMPTS = 10  # About ten minutes.

LetterTask = Callable[..., Awaitable[None]]


async def start_letter(uow: UnitOfWork, letter: LetterTask, **arguments: str) -> None:
    """Have one of the tasks below write a letter when this unit of work commits."""
    await tasks.start(
        uow,
        f"identity.{letter.__name__}",
        arguments,
        queue="mail",
        max_attempts=MAX_ATTEMPTS,
    )


async def mail_reset(run: TaskRun, email: str) -> None:
    """Send whoever has that address a link to a new password; nobody, if nobody has it."""
    async with run.read() as uow:
        account = await repository.holder_of_address(uow, rules.name_key(email))
        redis = uow.redis
    if account is None or account.status != "active":
        return
    if not await _may_write(run, redis, account.email_key):
        return
    token, secret_hash = mint(RESET_PREFIX, account.id)
    if await _kept(run, PasswordResetToken, account, secret_hash, RESET_LIFETIME):
        minutes = int(RESET_LIFETIME / timedelta(minutes=1))
        await _send(
            run,
            account.email,
            wording.reset_link(account.username, run.settings.api.origin, token, minutes),
        )


async def mail_verification(run: TaskRun, user_id: str) -> None:
    """Send a member a link that shows that the address is theirs.

    Whom it belongs to already is told that somebody else gave it, and the member nothing.
    """
    async with run.read() as uow:
        account = await uow.session.get(User, UUID(user_id))
        if account is None or account.status != "active" or account.email_verified:
            return
        holder = await repository.holder_of_address(uow, account.email_key)
        redis = uow.redis
    if not await _may_write(run, redis, account.email_key):
        return
    origin = run.settings.api.origin
    token, secret_hash = mint(VERIFICATION_PREFIX, account.id)
    # Kept in both cases: what the member is told about the next letter must not differ.
    if not await _kept(run, EmailVerificationToken, account, secret_hash, VERIFICATION_LIFETIME):
        return
    if holder is None or not holder.email_verified:
        hours = int(VERIFICATION_LIFETIME / timedelta(hours=1))
        words = wording.verification_link(account.username, origin, token, hours)
        await _send(run, account.email, words)
    else:
        await _send(run, holder.email, wording.already_known(holder.username, origin))


async def mail_password_changed(run: TaskRun, user_id: str, at: str) -> None:
    """Tell a member that their password is another one now."""
    account = await _addressee(run, UUID(user_id))
    if account is not None:
        words = wording.password_changed(
            account.username, run.settings.api.origin, datetime.fromisoformat(at)
        )
        await _send(run, account.email, words)


async def mail_leaving(run: TaskRun, user_id: str, at: str, erase_after: str) -> None:
    """Tell a member that their account will be erased, while they can still keep it."""
    account = await _addressee(run, UUID(user_id))
    if account is not None and account.erase_after is not None:
        words = wording.leaving(
            account.username,
            run.settings.api.origin,
            datetime.fromisoformat(at),
            datetime.fromisoformat(erase_after),
        )
        await _send(run, account.email, words)


async def mail_address_changed(run: TaskRun, user_id: str, address: str, at: str) -> None:
    """Tell who reads a member's old address that there is a new one."""
    async with run.read() as uow:
        account = await uow.session.get(User, UUID(user_id))
        redis = uow.redis
    if account is not None and await _may_write(run, redis, rules.name_key(address)):
        words = wording.address_changed(
            account.username, run.settings.api.origin, datetime.fromisoformat(at)
        )
        await _send(run, address, words)


async def mail_proofs_changed(run: TaskRun, user_id: str, act: str, at: str) -> None:
    """Tell a member that what opens their account beside their password is something else now."""
    account = await _addressee(run, UUID(user_id))
    if account is not None:
        words = wording.proofs_changed(
            account.username, run.settings.api.origin, datetime.fromisoformat(at), act
        )
        await _send(run, account.email, words)


async def mail_new_device(run: TaskRun, user_id: str, device_id: str) -> None:
    """Tell a member of a device that signed in for the first time."""
    account = await _addressee(run, UUID(user_id))
    async with run.units.read(member=UUID(user_id)) as uow:
        device = await uow.session.get(Device, (UUID(user_id), UUID(device_id)))
    # Not to an address that is only claimed: a stranger would have the hall write what they want,
    # as the name of a device, to whom they want.
    if account is not None and account.email_verified and device is not None:
        words = wording.new_device(
            account.username,
            run.settings.api.origin,
            device.created_at,
            device=device.name,
            address=device.address,
            user_agent=device.user_agent,
        )
        await _send(run, account.email, words)


async def _addressee(run: TaskRun, user_id: UUID) -> User | None:
    """Find whom to write to. An address that is only claimed may be anybody's."""
    async with run.read() as uow:
        account = await uow.session.get(User, user_id)
        redis = uow.redis
    if account is None or account.status == "erased":
        return None
    if not account.email_verified and not await _may_write(run, redis, account.email_key):
        return None
    return account


async def _may_write(run: TaskRun, redis: Redis, email_key: str) -> bool:
    """Count a letter that a stranger may have caused. One that is tried again was counted."""
    if run.attempt > 1:
        return True
    wait_seconds = await count_guess(
        redis, [Guesses(f"letters:{email_key}", LETTERS_TO_AN_ADDRESS)]
    )
    if wait_seconds:
        log.warning("letter_throttled", wait_seconds=wait_seconds)
    return not wait_seconds


async def _kept(
    run: TaskRun,
    table: type[PasswordResetToken] | type[EmailVerificationToken],
    account: User,
    secret_hash: bytes,
    lifetime: timedelta,
) -> bool:
    """Keep the hash of a token, in place of the one before; False while that one is too young.

    A task that is tried again has written that one itself, and did not get to send it.
    """
    async with run.units.write(member=account.id) as uow:
        values = {
            "token_hash": secret_hash,
            "email_key": account.email_key,
            "created_at": uow.now,
            "expires_at": uow.now + lifetime,
        }
        kept = await uow.session.scalar(
            insert(table)
            .values(user_id=account.id, **values)
            .on_conflict_do_update(
                index_elements=["user_id"],
                set_=values,
                where=or_(
                    table.created_at <= uow.now - BETWEEN_LETTERS,
                    table.email_key != account.email_key,
                    literal(run.attempt > 1),
                ),
            )
            .returning(table.user_id)
        )
        return kept is not None


async def _send(run: TaskRun, to: str, words: wording.Words) -> None:
    subject, text = words
    await run.post.send(Letter(to, subject, text))
