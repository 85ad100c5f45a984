"""Queries of identity."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, exists, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from guildhall.identity import rules
from guildhall.identity.models import (
    ActiveSession,
    ApiKey,
    AuditEntry,
    Device,
    ExternalIdentity,
    SetupToken,
    TotpSecret,
    User,
)
from guildhall.infra.unit_of_work import UnitOfWork
from guildhall.kernel.clock import local_day
from guildhall.kernel.ids import new_id

__all__ = [
    "AuditFilters",
    "Candidate",
    "UserFilters",
    "audit_entries",
    "device_seen",
    "devices_of",
    "door_ids",
    "end_sessions",
    "has_second_factor",
    "has_signed_in",
    "holder_of_address",
    "is_usual_device",
    "living_sessions",
    "local_days",
    "session_for_update",
    "sessions_of",
    "setup_token_for_update",
    "usernames",
    "users_by_login",
    "users_page",
]


class Candidate(NamedTuple):
    """An account that a name or address may mean."""

    id: UUID
    status: str
    password_hash: str | None


async def users_by_login(uow: UnitOfWork, key: str) -> Sequence[Candidate | None]:
    """Find accounts by the key of a username or an address.

    A username has one place in the answer; an address has two, for the account that it was
    verified for and for the first that claims it. A place may be empty, which takes as long.
    """
    verified = User.email_verified_at.is_not(None)
    columns = (User.id, User.status, User.password_hash, verified)
    if "@" not in key:
        row = (await uow.session.execute(select(*columns).where(User.username_key == key))).first()
        return [Candidate(*row[:3]) if row else None]
    rows = await uow.session.execute(
        select(*columns)
        .where(User.email_key == key, User.status != "erased")
        .order_by(verified.desc(), User.id)
        .limit(2)
    )
    places: dict[bool, Candidate] = {}
    for user_id, status, password_hash, is_verified in rows:
        places.setdefault(is_verified, Candidate(user_id, status, password_hash))
    return [places.get(True), places.get(False)]


async def holder_of_address(uow: UnitOfWork, key: str) -> User | None:
    """Find whose an address is: who has shown that it is theirs, or else who claimed it first."""
    verified = User.email_verified_at.is_not(None)
    found: User | None = await uow.session.scalar(
        select(User)
        .where(User.email_key == key, User.status != "erased")
        .order_by(verified.desc(), User.id)
        .limit(1)
    )
    return found


async def has_second_factor(uow: UnitOfWork, user_id: UUID) -> bool:
    """Tell whether an account asks for a code beside whatever else was shown."""
    confirmed = exists().where(TotpSecret.user_id == user_id, TotpSecret.confirmed_at.is_not(None))
    return bool(await uow.session.scalar(select(confirmed)))


async def usernames(uow: UnitOfWork, user_ids: Iterable[UUID]) -> dict[UUID, str]:
    """Give the names of members by id; who is not there, or was erased, is not in it."""
    rows = await uow.session.execute(
        select(User.id, User.username).where(User.id.in_(set(user_ids)), User.status != "erased")
    )
    return {row.id: row.username for row in rows}


async def local_days(uow: UnitOfWork, user_ids: Iterable[UUID]) -> dict[UUID, date]:
    """Give the calendar day that each member is living now; who is not there is not in it."""
    rows = await uow.session.execute(
        select(User.id, User.time_zone, User.day_starts_at).where(User.id.in_(set(user_ids)))
    )
    return {row.id: local_day(uow.now, row.time_zone, row.day_starts_at) for row in rows}


@dataclass(frozen=True)
class UserFilters:
    """Which accounts; what is None is not asked for."""

    search: str | None = None
    role: str | None = None
    status: str | None = None


def users_page(after: UUID | None, limit: int, filters: UserFilters) -> Select[User]:
    """Give accounts in the order they were opened. A search is the start of a name or address:
    for parts from their middle PostgreSQL would need pg_trgm, which the hall's own lacks."""
    query = select(User).order_by(User.id).limit(limit)
    if after is not None:
        query = query.where(User.id > after)
    if filters.role is not None:
        query = query.where(User.role == filters.role)
    if filters.status is not None:
        query = query.where(User.status == filters.status)
    if filters.search:
        key = rules.name_key(filters.search)
        query = query.where(
            or_(
                User.username_key.startswith(key, autoescape=True),
                User.email_key.startswith(key, autoescape=True),
            )
        )
    return query


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


async def setup_token_for_update(uow: UnitOfWork) -> SetupToken | None:
    found: SetupToken | None = await uow.session.scalar(select(SetupToken).with_for_update())
    return found


@dataclass(frozen=True)
class AuditFilters:
    """Which entries of the audit log; what is None is not asked for. `until` is not included."""

    action: str | None = None
    actor_id: UUID | None = None
    target_id: UUID | None = None
    address: str | None = None
    request_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def audit_entries(before: int | None, limit: int, filters: AuditFilters) -> Select[AuditEntry]:
    """Give the newest entries first."""
    query = select(AuditEntry).order_by(AuditEntry.id.desc()).limit(limit)
    if before is not None:
        query = query.where(AuditEntry.id < before)
    for column, value in (
        (AuditEntry.action, filters.action),
        (AuditEntry.actor_id, filters.actor_id),
        (AuditEntry.target_id, filters.target_id),
        (AuditEntry.address, filters.address),
        (AuditEntry.request_id, filters.request_id),
    ):
        if value is not None:
            query = query.where(column == value)
    if filters.since is not None:
        query = query.where(AuditEntry.occurred_at >= filters.since)
    if filters.until is not None:
        query = query.where(AuditEntry.occurred_at < filters.until)
    return query


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
