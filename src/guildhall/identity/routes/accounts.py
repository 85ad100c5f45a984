"""HTTP of one's own account, devices and sessions."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from fastapi import Request

from guildhall.identity import recovery, repository, service, sessions
from guildhall.identity.routes.base import PersonOnly, RecentMember, member
from guildhall.identity.schemas import (
    DeviceOut,
    SessionOut,
    SessionsEnded,
    UserChange,
    UserOut,
)
from guildhall.infra.http import CurrentMember, Reads, Writes, hall_of
from guildhall.kernel.paging import Limit, Page, page_of, position_in

__all__: list[str] = []


@member.get("/users/me")
async def my_account(who: CurrentMember, uow: Reads) -> UserOut:
    """Read one's own account."""
    return UserOut.model_validate(await service.user(uow, who.id))


@member.patch("/users/me")
async def change_my_account(
    body: UserChange, who: CurrentMember, uow: Writes, request: Request
) -> UserOut:
    """Change one's time zone or start of day; or one's name or address, after a recent sign-in."""
    if body.email is not None:
        await recovery.check_may_move(hall_of(request), who)
    elif body.username is not None:
        await sessions.check_recent(hall_of(request), who)
    return UserOut.model_validate(await service.change_self(uow, who, body))


@member.get("/users/me/devices")
async def list_devices(
    who: PersonOnly, uow: Reads, limit: Limit = 20, cursor: str | None = None
) -> Page[DeviceOut]:
    """List the devices that one signed in from, the last seen first."""
    before = position_in(cursor, datetime, UUID) if cursor else None
    return page_of(
        await repository.devices_of(uow, who.id, limit, before),
        limit,
        DeviceOut.model_validate,
        lambda device: (device.last_seen_at, device.id),
    )


@member.delete("/users/me/devices/{device_id}", status_code=204)
async def end_device(device_id: UUID, who: RecentMember, uow: Writes) -> None:
    """Forget a device and end its sessions, at once."""
    await sessions.end_device(uow, who, device_id)


@member.get("/users/me/sessions")
async def list_sessions(
    who: PersonOnly, uow: Reads, limit: Limit = 20, cursor: str | None = None
) -> Page[SessionOut]:
    """List one's living sessions, newest first."""
    return await sessions.page_of_sessions(uow, who, limit, cursor)


@member.delete("/users/me/sessions")
async def end_other_sessions(who: RecentMember, uow: Writes) -> SessionsEnded:
    """End all of one's sessions but the one that this request came from, at once."""
    return SessionsEnded(ended=await sessions.end_others(uow, who))


@member.delete("/users/me/sessions/{session_id}", status_code=204)
async def end_session(session_id: UUID, who: RecentMember, uow: Writes) -> None:
    """End a session, at once."""
    await sessions.end_session(uow, who, session_id)
