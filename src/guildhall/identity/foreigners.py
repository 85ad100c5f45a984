"""Use cases of people whom somebody else knows: an issuer and a subject are a member here.

Never an address: who runs an issuer, or claims an address there, would be whoever has it here.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Self
from uuid import UUID

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import exists, select, text, tuple_

from guildhall.identity import rules
from guildhall.identity.accounts import open_account
from guildhall.identity.codes import note_change
from guildhall.identity.errors import IdentityTaken
from guildhall.identity.models import ExternalIdentity, User
from guildhall.identity.schemas.fields import Email, Username
from guildhall.infra.unit_of_work import UnitOfWork, UnitsOfWork

__all__ = ["Foreigner", "arrive", "identities_of", "link"]

USERNAME: TypeAdapter[str] = TypeAdapter(Username)
EMAIL: TypeAdapter[str] = TypeAdapter(Email)
UNFIT = re.compile(r"[^\w.\-]+")
LONGEST_NAME = 40
TRIES = 20
SEEN_AGAIN = timedelta(hours=1)
ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtextextended(:whose, 0))")


@dataclass(frozen=True)
class Foreigner:
    """Somebody as an issuer describes them; of what is unfit, nothing is taken."""

    issuer: str
    subject: str
    username: str | None
    email: str | None
    email_verified: bool

    @classmethod
    def of(cls, claims: Mapping[str, Any], username_claim: str) -> Self:
        email = _fitting(EMAIL, claims.get("email"))
        return cls(
            issuer=claims["iss"],
            subject=claims["sub"],
            username=_username(claims.get(username_claim)),
            email=email,
            email_verified=email is not None and claims.get("email_verified") is True,
        )

    @property
    def id(self) -> UUID:
        return rules.identity_id(self.issuer, self.subject)


async def arrive(units: UnitsOfWork, foreigner: Foreigner) -> UUID:
    """Give the account of somebody from elsewhere; on first sight, open one.

    Emits UserRegistered. However often somebody arrives at once, they get one account.
    """
    async with units.read() as uow:
        known = await _known(uow, foreigner)
        if known is not None and uow.now - known.last_seen_at < SEEN_AGAIN:
            return known.user_id
    async with units.write() as uow:
        await _one_at_a_time(uow, foreigner)
        known = await _known(uow, foreigner)
        if known is not None:
            known.last_seen_at = uow.now
            return known.user_id
        user = await _open_account(uow, foreigner)
        _remember(uow, foreigner, user.id)
        return user.id


async def link(uow: UnitOfWork, foreigner: Foreigner, user_id: UUID) -> None:
    """Let a member in as somebody elsewhere, too. Raises IdentityTaken if another is that."""
    await uow.see_all()  # Whether somebody else is that.
    await _one_at_a_time(uow, foreigner)
    known = await _known(uow, foreigner)
    if known is not None:
        if known.user_id != user_id:
            raise IdentityTaken
        return
    _remember(uow, foreigner, user_id)
    await note_change(uow, "identity_linked", user_id, issuer=foreigner.issuer)


async def identities_of(
    uow: UnitOfWork, user_id: UUID, limit: int | None = None, after: Sequence[str] | None = None
) -> Sequence[ExternalIdentity]:
    """Give who a member is elsewhere, by issuer and subject."""
    key = tuple_(ExternalIdentity.issuer, ExternalIdentity.subject)
    query = select(ExternalIdentity).where(ExternalIdentity.user_id == user_id)
    query = query.order_by(ExternalIdentity.issuer, ExternalIdentity.subject).limit(limit)
    if after is not None:
        query = query.where(key > tuple_(*after))
    return (await uow.session.scalars(query)).all()


async def _one_at_a_time(uow: UnitOfWork, foreigner: Foreigner) -> None:
    await uow.session.execute(ONE_AT_A_TIME, {"whose": f"{foreigner.issuer}\n{foreigner.subject}"})


async def _known(uow: UnitOfWork, foreigner: Foreigner) -> ExternalIdentity | None:
    return await uow.session.get(ExternalIdentity, (foreigner.issuer, foreigner.subject))


def _remember(uow: UnitOfWork, foreigner: Foreigner, user_id: UUID) -> None:
    uow.session.add(
        ExternalIdentity(
            issuer=foreigner.issuer,
            subject=foreigner.subject,
            user_id=user_id,
            created_at=uow.now,
            last_seen_at=uow.now,
        )
    )


async def _open_account(uow: UnitOfWork, foreigner: Foreigner) -> User:
    """Open an account without a password, under a name that is free.

    An address that is verified there is so here, unless it is somebody's already: then it is only
    claimed, as by anybody.
    """
    email = foreigner.email or ""
    email_key = rules.name_key(email)
    for attempt in range(TRIES):
        name = _name(foreigner.username, attempt)
        theirs = foreigner.email_verified and not await uow.session.scalar(
            select(exists().where(User.email_key == email_key, User.email_verified_at.is_not(None)))
        )
        user = await open_account(uow, name, email, verified=theirs, issuer=foreigner.issuer)
        if user is not None:
            return user
    raise AssertionError("of twenty random names none is free")


def _name(wanted: str | None, attempt: int) -> str:
    if wanted is None:
        return f"member-{secrets.token_hex(5)}"
    if attempt == 0:
        return wanted
    return f"{wanted[: LONGEST_NAME - 7]}-{secrets.token_hex(3)}"


def _username(claimed: object) -> str | None:
    """Make a legal name of what is claimed; None if too little is left of it."""
    if not isinstance(claimed, str):
        return None
    fit = UNFIT.sub("-", claimed.strip())[:LONGEST_NAME].strip(".-")
    return _fitting(USERNAME, fit)


def _fitting(kind: TypeAdapter[str], value: object) -> str | None:
    try:
        return kind.validate_python(value, strict=True)
    except ValidationError:
        return None
