"""Queries of devices, sessions, and all else that opens the door for a member."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, Row, exists, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from guildhall.identity import rules
from guildhall.identity.models import (
    ActiveSession,
    ApiKey,
    AuditEntry,
    Device,
    ExternalIdentity,
    User,
)
from guildhall.infra.unit_of_work import UnitOfWork
from guildhall.kernel.ids import new_id

__all__ = [
    "device_seen",
    "devices_of",
    "door_ids",
    "end_sessions",
    "has_signed_in",
    "is_usual_device",
    "living_sessions",
    "session_for_update",
    "sessions_of",
]


async def session_for_update(
    uow: UnitOfWork, user_id: UUID, session_id: UUID
) -> ActiveSession | None:
    """Find a session of somebody who may come in; keep others from rotating it meanwhile."""
    found: ActiveSession | None = await uow.session.scalar(
        select(ActiveSession)
        .join(User, User.id == ActiveSession.user_id)
        .where(
            ActiveSession.user_id == user_id,
            ActiveSession.id == session_id,
            User.status == "active",
        )
        .with_for_update(of=ActiveSession)
    )
    return found


async def sessions_of(
    uow: UnitOfWork, user_id: UUID, limit: int, before: UUID | None
) -> Sequence[Row[ActiveSession, str]]:
    """Give a member's living sessions, newest first, each with the name of its device."""
    query = (
        select(ActiveSession, Device.name)
        .join(
            Device,
            (Device.user_id == ActiveSession.user_id) & (Device.id == ActiveSession.device_id),
        )
        .where(*_living(uow, user_id))
        .order_by(ActiveSession.id.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(ActiveSession.id < before)
    return (await uow.session.execute(query)).all()


async def living_sessions(uow: UnitOfWork, user_id: UUID) -> Sequence[UUID]:
    """Give the ids of all of a member's living sessions."""
    return (await uow.session.scalars(select(ActiveSession.id).where(*_living(uow, user_id)))).all()


def _living(uow: UnitOfWork, user_id: UUID) -> Sequence[ColumnElement[bool]]:
    return (
        ActiveSession.user_id == user_id,
        ActiveSession.ended_at.is_(None),
        ActiveSession.expires_at > uow.now,
    )


async def end_sessions(
    uow: UnitOfWork,
    user_id: UUID,
    reason: str,
    *,
    session_id: UUID | None = None,
    device_id: UUID | None = None,
    but: UUID | None = None,
) -> list[UUID]:
    """End a member's living sessions, all or those named, or all but one; give their ids."""
    statement = (
        update(ActiveSession)
        .where(ActiveSession.user_id == user_id, ActiveSession.ended_at.is_(None))
        .values(ended_at=uow.now, end_reason=reason)
        .returning(ActiveSession.id)
    )
    if session_id is not None:
        statement = statement.where(ActiveSession.id == session_id)
    if device_id is not None:
        statement = statement.where(ActiveSession.device_id == device_id)
    if but is not None:
        statement = statement.where(ActiveSession.id != but)
    return list((await uow.session.scalars(statement)).all())


async def device_seen(
    uow: UnitOfWork, user_id: UUID, name: str, *, user_agent: str, address: str
) -> tuple[Device, bool]:
    """Give the member's device of that name, and whether it is new; logins at once share one."""
    id_ = new_id()
    seen = {"user_agent": user_agent, "address": address, "last_seen_at": uow.now}
    device: Device | None = await uow.session.scalar(
        insert(Device)
        .values(user_id=user_id, id=id_, name=name, created_at=uow.now, **seen)
        .on_conflict_do_update(index_elements=["user_id", "name"], set_=seen)
        .returning(Device)
    )
    assert device is not None  # An upsert that updates always returns its row.
    return device, device.id == id_


async def has_signed_in(uow: UnitOfWork, user_id: UUID) -> bool:
    """Tell whether somebody has signed in to this account before."""
    before = exists().where(AuditEntry.actor_id == user_id, AuditEntry.action == "login")
    return bool(await uow.session.scalar(select(before)))


async def is_usual_device(uow: UnitOfWork, user_id: UUID, name: str, address: str) -> bool:
    """Tell whether a member last signed in with a device of that name from that address."""
    usual = exists().where(
        Device.user_id == user_id, Device.name == name, Device.address == address
    )
    return bool(await uow.session.scalar(select(usual)))


async def devices_of(
    uow: UnitOfWork, user_id: UUID, limit: int, before: Sequence[object] | None
) -> Sequence[Device]:
    """Give a member's devices, the last seen first; `before` is such an instant and an id."""
    order = tuple_(Device.last_seen_at, Device.id)
    query = (
        select(Device)
        .where(Device.user_id == user_id)
        .order_by(Device.last_seen_at.desc(), Device.id.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(order < tuple_(*before))
    return (await uow.session.scalars(query)).all()


async def door_ids(uow: UnitOfWork, user_id: UUID) -> Sequence[UUID]:
    """Give the ids under which the door knows all that opens for a member: living sessions, API
    keys, and who they are elsewhere."""
    elsewhere = await uow.session.execute(
        select(ExternalIdentity.issuer, ExternalIdentity.subject).where(
            ExternalIdentity.user_id == user_id
        )
    )
    keys = await uow.session.scalars(
        select(ApiKey.id).where(ApiKey.user_id == user_id, ApiKey.revoked_at.is_(None))
    )
    return [
        *await living_sessions(uow, user_id),
        *keys,
        *(rules.identity_id(row.issuer, row.subject) for row in elsewhere),
    ]
