"""HTTP of API keys. Each is managed by the person whose it is, never by a key."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request, Response

from guildhall.identity import api_keys
from guildhall.identity.routes.base import PersonOnly, RecentMember, TheEntrance, member
from guildhall.identity.schemas import ApiKeyIn, ApiKeyMade, ApiKeyOut, KeyRotation, ScopesOut
from guildhall.infra.http import Reads, Writes
from guildhall.kernel.paging import Limit, Page, page_of, position_in

__all__: list[str] = []


def _offered(request: Request) -> frozenset[str]:
    offered: frozenset[str] = request.app.state.key_scopes
    return offered


Offered = Annotated[frozenset[str], Depends(_offered)]


def _gives_admin(who: PersonOnly, entrance: TheEntrance) -> bool:
    return who.may_administer and (who.second_factor or not entrance.admins_need_second_factor)


GivesAdmin = Annotated[bool, Depends(_gives_admin)]
"""Whether this member could use an admin's routes now, and so may let a program do it."""


@member.get("/auth/scopes")
async def list_scopes(who: PersonOnly, offered: Offered, gives_admin: GivesAdmin) -> ScopesOut:
    """List what one may allow an API key to do."""
    return ScopesOut(scopes=sorted(s for s in offered if gives_admin or not s.startswith("admin:")))


@member.get("/users/me/api-keys")
async def list_api_keys(
    who: PersonOnly, uow: Reads, limit: Limit = 20, cursor: str | None = None
) -> Page[ApiKeyOut]:
    """List one's API keys, newest first; those that ended as well."""
    before = position_in(cursor, UUID)[0] if cursor else None
    return page_of(
        await api_keys.keys_of(uow, who.id, limit, before), limit, ApiKeyOut.model_validate
    )


@member.post("/users/me/api-keys", status_code=201)
async def make_api_key(
    body: ApiKeyIn,
    who: RecentMember,
    offered: Offered,
    gives_admin: GivesAdmin,
    uow: Writes,
    response: Response,
) -> ApiKeyMade:
    """Make an API key. It is shown this once."""
    response.headers["Cache-Control"] = "no-store"
    return await api_keys.make(uow, who, body, offered=offered, gives_admin=gives_admin)


@member.post("/users/me/api-keys/{key_id}/rotate", status_code=201)
async def rotate_api_key(
    key_id: UUID,
    who: RecentMember,
    gives_admin: GivesAdmin,
    uow: Writes,
    response: Response,
    body: KeyRotation | None = None,
) -> ApiKeyMade:
    """Replace an API key by a new one; for a while both open."""
    response.headers["Cache-Control"] = "no-store"
    overlap = timedelta(seconds=(body or KeyRotation()).overlap_seconds)
    return await api_keys.rotate(uow, who, key_id, overlap, gives_admin=gives_admin)


@member.delete("/users/me/api-keys/{key_id}", status_code=204)
async def revoke_api_key(key_id: UUID, who: RecentMember, uow: Writes) -> None:
    """Revoke an API key, at once."""
    await api_keys.revoke(uow, who, key_id)
