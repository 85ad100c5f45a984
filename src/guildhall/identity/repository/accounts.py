"""Queries of accounts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Select, exists, or_, select

from guildhall.identity import rules
from guildhall.identity.models import (
    SetupToken,
    TotpSecret,
    User,
)
from guildhall.infra.unit_of_work import UnitOfWork
from guildhall.kernel.clock import local_day

__all__ = [
    "Candidate",
    "UserFilters",
    "has_second_factor",
    "holder_of_address",
    "local_days",
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


async def setup_token_for_update(uow: UnitOfWork) -> SetupToken | None:
    found: SetupToken | None = await uow.session.scalar(select(SetupToken).with_for_update())
    return found
