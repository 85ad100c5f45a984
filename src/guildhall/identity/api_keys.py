"""Use cases of API keys: make, rotate, revoke, and note that they were used."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy import func, or_, select, text, update

from guildhall.identity import repository
from guildhall.identity.audit_trail import record
from guildhall.identity.codes import note_change
from guildhall.identity.errors import (
    AdminScopeRefused,
    ApiKeyLimit,
    ApiKeyNotFound,
    ExpiryPassed,
    ScopeUnknown,
)
from guildhall.identity.models import ApiKey
from guildhall.identity.schemas import ApiKeyIn, ApiKeyMade, ApiKeyOut
from guildhall.identity.sessions import tell_door
from guildhall.infra.door import forget_session, tombstone
from guildhall.infra.hall import Hall
from guildhall.infra.handles import API_KEY_PREFIX, mint
from guildhall.infra.unit_of_work import UnitOfWork
from guildhall.kernel.ids import new_id
from guildhall.kernel.member import Member

__all__ = ["keys_of", "living_count", "make", "note_use", "revoke", "revoke_all", "rotate"]

log = structlog.get_logger()

MOST_LIVING_KEYS = 20
HINT_STARTS, HINT_ENDS = 8, 4

# Waits for nobody who changes the key meanwhile.
USED = text("""
UPDATE api_keys SET last_used_at = :now WHERE user_id = :user_id AND id IN (
    SELECT id FROM api_keys
    WHERE user_id = :user_id AND id = :key_id
      AND (last_used_at IS NULL OR last_used_at <= CAST(:now AS timestamptz) - interval '2 minutes')
    FOR UPDATE SKIP LOCKED
)
""")


async def make(
    uow: UnitOfWork,
    who: Member,
    body: ApiKeyIn,
    *,
    offered: Collection[str],
    gives_admin: bool,
) -> ApiKeyMade:
    """Make a key, which is shown this once.

    `offered` are the scopes there are; `gives_admin` says whether this member may give those of
    admins.
    """
    if not set(body.scopes) <= set(offered):
        raise ScopeUnknown(scopes=sorted(offered))
    if body.expires_at is not None and body.expires_at <= uow.now:
        raise ExpiryPassed
    _check_admin_scopes(body.scopes, gives_admin)
    await repository.lock_account(uow, who.id)
    await _check_room(uow, who.id)
    made = _minted(uow, who.id, body.name, sorted(set(body.scopes)), body.expires_at)
    await note_change(
        uow,
        "api_key_made",
        who.id,
        key_id=str(made.id),
        name=made.name,
        scopes=made.scopes,
    )
    return made


async def rotate(
    uow: UnitOfWork, who: Member, key_id: UUID, overlap: timedelta, *, gives_admin: bool
) -> ApiKeyMade:
    """Replace a key by one that may do the same for as long; the old one goes after the overlap."""
    await repository.lock_account(uow, who.id)
    old = await uow.session.get(ApiKey, (who.id, key_id), with_for_update=True)
    if old is None or old.revoked_at or (old.expires_at and old.expires_at <= uow.now):
        raise ApiKeyNotFound
    _check_admin_scopes(old.scopes, gives_admin)
    lifetime = old.expires_at - old.created_at if old.expires_at else None
    if overlap:
        old.expires_at = min(uow.now + overlap, old.expires_at or uow.now + overlap)
        await _check_room(uow, who.id)
        tell_door(uow, who.id, [key_id], forget_session)
    else:
        old.revoked_at = uow.now
        tell_door(uow, who.id, [key_id], tombstone)
    expires_at = uow.now + lifetime if lifetime else None
    made = _minted(uow, who.id, old.name, old.scopes, expires_at)
    record(uow, "api_key_rotated", actor_id=who.id, key_id=str(key_id), successor=str(made.id))
    return made


async def revoke(uow: UnitOfWork, who: Member, key_id: UUID) -> None:
    """End a key, at once on every process."""
    key = await uow.session.get(ApiKey, (who.id, key_id), with_for_update=True)
    if key is None or key.revoked_at is not None:
        raise ApiKeyNotFound
    key.revoked_at = uow.now
    record(uow, "api_key_revoked", actor_id=who.id, key_id=str(key_id))
    tell_door(uow, who.id, [key_id], tombstone)


async def revoke_all(uow: UnitOfWork, user_id: UUID) -> None:
    """Revoke all of somebody's keys; the door is told by whoever calls this."""
    await uow.session.execute(
        update(ApiKey)
        .where(ApiKey.user_id == user_id, ApiKey.revoked_at.is_(None))
        .values(revoked_at=uow.now)
    )


async def keys_of(
    uow: UnitOfWork, user_id: UUID, limit: int, before: UUID | None
) -> Sequence[ApiKey]:
    """Give a member's keys, newest first, those that ended as well."""
    query = select(ApiKey).where(ApiKey.user_id == user_id).order_by(ApiKey.id.desc()).limit(limit)
    if before is not None:
        query = query.where(ApiKey.id < before)
    return (await uow.session.scalars(query)).all()


async def living_count(uow: UnitOfWork, user_id: UUID) -> int:
    """Count the keys that open something for a member."""
    alive = or_(ApiKey.expires_at.is_(None), ApiKey.expires_at > uow.now)
    count: int | None = await uow.session.scalar(
        select(func.count()).where(ApiKey.user_id == user_id, ApiKey.revoked_at.is_(None), alive)
    )
    return count or 0


async def note_use(hall: Hall, user_id: UUID, key_id: UUID) -> None:
    """Note that a key was used, unless that was noted a moment ago. Fails nobody's request."""
    try:
        async with hall.units.write(member=user_id) as uow:
            await uow.session.execute(USED, {"user_id": user_id, "key_id": key_id, "now": uow.now})
    except Exception:  # The note is a convenience: who has the right key comes in without it.
        log.warning("api_key_use_not_noted", key_id=str(key_id), exc_info=True)


def _minted(
    uow: UnitOfWork, user_id: UUID, name: str, scopes: list[str], expires_at: datetime | None
) -> ApiKeyMade:
    key_id = new_id()
    shown, secret_hash = mint(API_KEY_PREFIX, user_id, key_id)
    key = ApiKey(
        user_id=user_id,
        id=key_id,
        name=name,
        hint=f"{shown[:HINT_STARTS]}…{shown[-HINT_ENDS:]}",
        secret_hash=secret_hash,
        scopes=scopes,
        created_at=uow.now,
        expires_at=expires_at,
        revoked_at=None,
        last_used_at=None,
    )
    uow.session.add(key)
    return ApiKeyMade(**ApiKeyOut.model_validate(key).model_dump(), key=shown)


def _check_admin_scopes(scopes: Collection[str], gives_admin: bool) -> None:
    if not gives_admin and any(scope.startswith("admin:") for scope in scopes):
        raise AdminScopeRefused


async def _check_room(uow: UnitOfWork, user_id: UUID) -> None:
    if await living_count(uow, user_id) >= MOST_LIVING_KEYS:
        raise ApiKeyLimit
