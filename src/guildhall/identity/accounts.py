"""Opening an account, whoever it is for."""

from __future__ import annotations

from sqlalchemy.dialects.postgresql import insert

from guildhall.identity import rules
from guildhall.identity.audit_trail import record
from guildhall.identity.events import UserRegistered
from guildhall.identity.models import User
from guildhall.infra.unit_of_work import UnitOfWork
from guildhall.kernel.clock import local_day
from guildhall.kernel.ids import new_id
from guildhall.kernel.member import Role

__all__ = ["open_account"]


async def open_account(
    uow: UnitOfWork,
    username: str,
    email: str,
    *,
    verified: bool,
    password_hash: str | None = None,
    role: Role = Role.MEMBER,
    **details: object,
) -> User | None:
    """Open an account; None if its name, or an address that is to be verified, is somebody's.

    Emits UserRegistered. Audited, with the details.
    """
    opened: User | None = await uow.session.scalar(
        insert(User)
        .values(
            id=new_id(),
            username=username,
            username_key=rules.name_key(username),
            email=email,
            email_key=rules.name_key(email),
            email_verified_at=uow.now if verified else None,
            first_verified_at=uow.now if verified else None,
            password_hash=password_hash,
            role=role.value,
            created_at=uow.now,
        )
        # Somebody had it, or took it a moment ago.
        .on_conflict_do_nothing()
        .returning(User)
    )
    if opened is None:
        return None
    record(uow, "user_registered", actor_id=opened.id, target_id=None, role=role.value, **details)
    uow.emit(
        UserRegistered(
            subject_id=opened.id,
            occurred_at=uow.now,
            local_day=local_day(uow.now, opened.time_zone, opened.day_starts_at),
        )
    )
    return opened
