"""Queries of accounts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Select, exists, func, or_, select, text

from guildhall.identity import rules
from guildhall.identity.errors import UserNotFound
from guildhall.identity.models import (
    Passkey,
    SetupToken,
    TotpSecret,
    User,
)
from guildhall.infra.unit_of_work import UnitOfWork
from guildhall.kernel.clock import local_day
from guildhall.kernel.errors import Refusal
from guildhall.kernel.member import Role

__all__ = [
    "Candidate",
    "Days",
    "UserFilters",
    "can_sign_in_here",
    "days_of",
    "has_passkey",
    "has_second_factor",
    "holder_of_address",
    "local_days",
    "lock_account",
    "other_admins",
    "setup_token_for_update",
    "usernames",
    "users_by_login",
    "users_page",
]

LAST_ADMIN_LOCK = text("SELECT pg_advisory_xact_lock(x'61646d696e'::bigint)")  # "admin"


class Candidate(NamedTuple):
    """An account that a name or address may mean."""

    id: UUID
    status: str
    password_hash: str | None


async def users_by_login(uow: UnitOfWork, key: str) -> Sequence[Candidate | None]:
    """Find accounts by the key of a username or an address.

    A username has one place in the answer; an address has three: for the account that it was
    verified for, for the first that claims it, and for the last. Whoever registers with an address
    is the last, so they come in by it whether or not it is somebody's. A place may be empty, which
    takes as long.
    """
    columns = (User.id, User.status, User.password_hash)
    if "@" not in key:
        row = (await uow.session.execute(select(*columns).where(User.username_key == key))).first()
        return [Candidate(*row) if row else None]
    verified = User.email_verified_at.is_not(None)
    whose = select(*columns, verified).where(User.email_key == key, User.status != "erased")
    first_two = (await uow.session.execute(whose.order_by(verified.desc(), User.id).limit(2))).all()
    last = (await uow.session.execute(whose.order_by(verified, User.id.desc()).limit(1))).all()
    places: list[Candidate | None] = [None, None, None]
    for user_id, status, password_hash, is_verified in first_two:
        place = 0 if is_verified else 1
        places[place] = places[place] or Candidate(user_id, status, password_hash)
    for user_id, status, password_hash, is_verified in last:
        claimed = Candidate(user_id, status, password_hash)
        places[2] = None if is_verified or claimed == places[1] else claimed
    return places


async def holder_of_address(uow: UnitOfWork, key: str) -> User | None:
    """Find whose an address is: who has shown that it is theirs, or else who claimed it first.

    Nobody's claim to another address than the one they had shown to be theirs counts.
    """
    verified = User.email_verified_at.is_not(None)
    found: User | None = await uow.session.scalar(
        select(User)
        .where(
            User.email_key == key,
            User.status != "erased",
            verified | User.first_verified_at.is_(None),
        )
        .order_by(verified.desc(), User.id)
        .limit(1)
    )
    return found


async def lock_account(
    uow: UnitOfWork,
    user_id: UUID,
    *,
    even_suspended: bool = False,
    otherwise: type[Refusal] = UserNotFound,
) -> User:
    """Have nobody sign in to an account, or change it, before this unit of work ends.

    Raises `otherwise` if there is none, or it was erased, or is suspended.
    """
    account = await uow.session.get(User, user_id, with_for_update={"key_share": True})
    open_to = ("active", "suspended") if even_suspended else ("active",)
    if account is None or account.status not in open_to:
        raise otherwise
    return account


async def other_admins(uow: UnitOfWork, user_id: UUID) -> int:
    """Count the admins beside a member. Whoever else asks waits until this unit of work ends, so
    two admins cannot remove each other, or leave, in the same moment."""
    await uow.session.execute(LAST_ADMIN_LOCK)
    count: int | None = await uow.session.scalar(
        select(func.count()).where(
            User.role == Role.ADMIN.value,
            User.status == "active",
            User.erase_after.is_(None),
            User.id != user_id,
        )
    )
    return count or 0


async def has_second_factor(uow: UnitOfWork, user_id: UUID) -> bool:
    """Tell whether an account asks for a code beside whatever else was shown."""
    confirmed = exists().where(TotpSecret.user_id == user_id, TotpSecret.confirmed_at.is_not(None))
    return bool(await uow.session.scalar(select(confirmed)))


async def has_passkey(uow: UnitOfWork, user_id: UUID) -> bool:
    return bool(await uow.session.scalar(select(exists().where(Passkey.user_id == user_id))))


async def can_sign_in_here(uow: UnitOfWork, user_id: UUID) -> bool:
    """Tell whether a member can show the hall itself who they are: by a password or a passkey."""
    password = exists().where(User.id == user_id, User.password_hash.is_not(None))
    return bool(await uow.session.scalar(select(password))) or await has_passkey(uow, user_id)


async def usernames(uow: UnitOfWork, user_ids: Iterable[UUID]) -> dict[UUID, str]:
    """Give the names of members by id; who is not there, or was erased, is not in it."""
    rows = await uow.session.execute(
        select(User.id, User.username).where(User.id.in_(set(user_ids)), User.status != "erased")
    )
    return {row.id: row.username for row in rows}


@dataclass(frozen=True, slots=True)
class Days:
    """How a member's days are: where and when they begin, and how much fits in."""

    time_zone: str
    day_starts_at: int
    capacity_minutes: int
    rest_days: frozenset[int]
    """Weekdays without tasks, 0 for Monday."""

    def local_day(self, at: datetime) -> date:
        return local_day(at, self.time_zone, self.day_starts_at)


async def days_of(uow: UnitOfWork, user_ids: Iterable[UUID]) -> dict[UUID, Days]:
    """Give how members' days are; who is not there, or not active, is not in it."""
    rows = await uow.session.execute(
        select(
            User.id,
            User.time_zone,
            User.day_starts_at,
            User.daily_capacity_minutes,
            User.rest_days,
        ).where(User.id.in_(set(user_ids)), User.status == "active")
    )
    return {
        row.id: Days(
            row.time_zone,
            row.day_starts_at,
            row.daily_capacity_minutes,
            frozenset(row.rest_days),
        )
        for row in rows
    }


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


async def setup_token_for_update(uow: UnitOfWork) -> SetupToken | None:
    found: SetupToken | None = await uow.session.scalar(select(SetupToken).with_for_update())
    return found
