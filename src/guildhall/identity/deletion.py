"""The end of an account: asked for, perhaps withdrawn, and then nothing personal is left.

What was earned stays under the account's id, so that sums stay true; whose it was, nobody knows.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import structlog
from sqlalchemy import select, text

from guildhall.identity import repository
from guildhall.identity.audit_trail import record
from guildhall.identity.errors import LastAdmin
from guildhall.identity.letters import mail_leaving, start_letter
from guildhall.identity.models import User
from guildhall.identity.sessions import end_all, tell_door
from guildhall.infra.door import tombstone
from guildhall.infra.personal import Personal, erase
from guildhall.infra.settings import SecuritySettings
from guildhall.infra.tasks import TaskRun
from guildhall.infra.unit_of_work import UnitOfWork, UnitsOfWork
from guildhall.kernel.member import Member, Role

__all__ = ["erase_due", "keep", "leave"]

log = structlog.get_logger()

AT_ONCE = 100
MOST_ROUNDS = 10


# Of the letters that are on their way to an address, whoever had them written.
FORGET_LETTERS = text("""
DELETE FROM task_executions
WHERE lower(arguments->>'email') = :address OR lower(arguments->>'address') = :address
""")


class ErasureUnfinished(Exception):
    """Something keeps being written about a member who is being erased. Tried again later."""


async def leave(uow: UnitOfWork, member: Member, settings: SecuritySettings) -> User:
    """Have one's account erased after the grace period, and end all other sessions. Audited.

    Asked again, the first answer stands.
    """
    others = await repository.other_admins(uow, member.id)
    leaving = await repository.lock_account(uow, member.id)
    if leaving.erase_after is not None:
        return leaving
    if leaving.role == Role.ADMIN.value and not others:
        raise LastAdmin
    leaving.erase_after = uow.now + timedelta(days=settings.deletion_grace_days)
    await end_all(uow, member.id, "leaving", but=member.session_id)
    erase_after = leaving.erase_after.isoformat()
    record(uow, "deletion_asked", actor_id=member.id, erase_after=erase_after)
    await start_letter(
        uow,
        mail_leaving,
        user_id=str(member.id),
        at=uow.now.isoformat(),
        erase_after=erase_after,
    )
    return leaving


async def keep(uow: UnitOfWork, member: Member) -> User:
    """Keep an account that was to be erased; one that was not stays as it is. Audited."""
    staying = await repository.lock_account(uow, member.id)
    if staying.erase_after is not None:
        staying.erase_after = None
        record(uow, "deletion_withdrawn", actor_id=member.id)
    return staying


async def erase_due(run: TaskRun, *, personal: Sequence[Personal]) -> dict[str, int]:
    """Erase the accounts whose time is up.

    Each in units of work of its own, and its row in `users` last: whatever happens in between,
    the next run finds it again and goes on. One that fails does not keep the others waiting.
    """
    erased, failed, after = 0, list[UUID](), UUID(int=0)
    while True:
        async with run.read() as uow:
            due = list(
                await uow.session.scalars(
                    select(User.id)
                    .where(User.erase_after <= uow.now, User.id > after)
                    .order_by(User.id)
                    .limit(AT_ONCE)
                )
            )
        if not due:
            break
        after = due[-1]
        for user_id in due:
            try:
                erased += await _erase(run.units, user_id, personal)
            except Exception:
                log.exception("erasure_failed", user_id=str(user_id))
                failed.append(user_id)
            await run.progress(erased)
    if failed:
        raise ErasureUnfinished(f"{len(failed)} accounts, {erased} others are erased")
    return {"erased": erased}


async def _erase(units: UnitsOfWork, user_id: UUID, personal: Sequence[Personal]) -> bool:
    if not await _shut_out(units, user_id):
        return False
    # Handlers at work on what was told before may write once more: rounds, until there is nothing.
    for _ in range(MOST_ROUNDS):
        if not sum([await erase(units, each, user_id) for each in personal]):
            break
    else:
        raise ErasureUnfinished(user_id)
    return await _make_up(units, user_id)


async def _shut_out(units: UnitsOfWork, user_id: UUID) -> bool:
    """Let nobody in with this account any more; False if it is to be kept after all."""
    async with units.write() as uow:
        account = await uow.session.get(User, user_id, with_for_update=True)
        if account is None or account.erase_after is None or account.erase_after > uow.now:
            return False
        account.status = "erased"
        opened = await repository.door_ids(uow, user_id)
        await repository.end_sessions(uow, user_id, "erased")
        tell_door(uow, user_id, opened, tombstone)
        uow.after_commit(lambda: uow.cache.drop(f"username:{user_id}"))
    return True


async def _make_up(units: UnitsOfWork, user_id: UUID) -> bool:
    """Put what says nothing in place of the person; their name and address are free again.

    False if another run has just done it.
    """
    async with units.write() as uow:
        account = await uow.session.get_one(User, user_id, with_for_update=True)
        if account.erase_after is None:
            return False
        await uow.session.execute(FORGET_LETTERS, {"address": account.email_key})
        name, address = f"gone-{secrets.token_hex(8)}", f"{user_id}@erased.invalid"
        account.username = account.username_key = name
        account.email = account.email_key = address
        account.email_verified_at = account.password_hash = account.erase_after = None
        account.role, account.time_zone, account.day_starts_at = Role.MEMBER.value, "UTC", 0
        account.daily_capacity_minutes, account.rest_days = 60, []
        record(uow, "account_erased", target_id=user_id)
    return True
