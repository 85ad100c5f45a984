"""HTTP of identity."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query, Request
from fastapi.security import OAuth2PasswordRequestForm
from pydantic import AwareDatetime, ValidationError

from guildhall.identity import repository, service, sessions
from guildhall.identity.errors import CredentialsWrong
from guildhall.identity.schemas import (
    AuditEntryOut,
    DeviceOut,
    Login,
    Refresh,
    Register,
    SessionOut,
    Setup,
    TokensOut,
    UserChange,
    UserOut,
    UserRoleChange,
)
from guildhall.infra.http import (
    Client,
    CurrentMember,
    Reads,
    Writes,
    access_routers,
    hall_of,
)
from guildhall.infra.http.access import sign_in_limited
from guildhall.infra.tokens import Tokens
from guildhall.kernel.paging import Limit, Page, page_of, position_in

__all__ = ["routers"]

routers = access_routers("identity")
public, member, admin = routers


def _tokens(request: Request) -> Tokens:
    tokens: Tokens = request.app.state.tokens
    return tokens


Signer = Annotated[Tokens, Depends(_tokens)]


@public.post("/auth/register", status_code=201, dependencies=[sign_in_limited])
async def register(body: Register, client: Client, uow: Writes) -> UserOut:
    """Open an account."""
    user = await service.register(uow, body, address=client.address)
    return UserOut.model_validate(user)


@public.post("/auth/setup", status_code=201, dependencies=[sign_in_limited])
async def setup(body: Setup, client: Client, uow: Writes) -> UserOut:
    """Open the first admin's account with the token that the first start printed."""
    return UserOut.model_validate(await service.setup(uow, body, client.address))


@public.post("/auth/login", dependencies=[sign_in_limited])
async def login(body: Login, client: Client, signer: Signer, request: Request) -> TokensOut:
    """Sign in with a username or an email address."""
    return await sessions.login(hall_of(request), signer, body, client)


@public.post("/auth/token", dependencies=[sign_in_limited])
async def token(
    form: Annotated[OAuth2PasswordRequestForm, Depends()],
    client: Client,
    signer: Signer,
    request: Request,
) -> TokensOut:
    """Sign in from the docs page (OAuth 2 password form)."""
    try:
        body = Login(login=form.username, password=form.password)
    except ValidationError:
        raise CredentialsWrong from None
    return await sessions.login(hall_of(request), signer, body, client)


@public.post("/auth/refresh", dependencies=[sign_in_limited])
async def refresh(body: Refresh, client: Client, signer: Signer, request: Request) -> TokensOut:
    """Exchange a refresh token for new tokens. It can be used once."""
    hall = hall_of(request)
    return await sessions.refresh(
        hall.units, signer, hall.settings.security, body.refresh_token, client
    )


@member.post("/auth/logout", status_code=204)
async def logout(who: CurrentMember, uow: Writes) -> None:
    """End the session that this request came from."""
    await sessions.logout(uow, who)


@member.get("/users/me")
async def me(who: CurrentMember, uow: Reads) -> UserOut:
    """Read one's own account."""
    return UserOut.model_validate(await service.user(uow, who.id))


@member.patch("/users/me")
async def change_me(body: UserChange, who: CurrentMember, uow: Writes) -> UserOut:
    """Change one's name, time zone or start of day."""
    return UserOut.model_validate(await service.change_self(uow, who, body))


@member.get("/users/me/devices")
async def devices(
    who: CurrentMember, uow: Reads, limit: Limit = 20, cursor: str | None = None
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
async def end_device(device_id: UUID, who: CurrentMember, uow: Writes) -> None:
    """Forget a device and end its sessions, at once."""
    await sessions.end_device(uow, who, device_id)


@member.get("/users/me/sessions")
async def list_sessions(
    who: CurrentMember, uow: Reads, limit: Limit = 20, cursor: str | None = None
) -> Page[SessionOut]:
    """List one's living sessions, newest first."""
    return await sessions.sessions(uow, who, limit, cursor)


@member.delete("/users/me/sessions/{session_id}", status_code=204)
async def end_session(session_id: UUID, who: CurrentMember, uow: Writes) -> None:
    """End a session, at once."""
    await sessions.end_session(uow, who, session_id)


@admin.get("/admin/users")
async def users(
    uow: Reads,
    limit: Limit = 20,
    cursor: str | None = None,
    search: Annotated[str | None, Query(max_length=100)] = None,
) -> Page[UserOut]:
    """List accounts in the order they were opened; `search` is the start of a name or address."""
    after = position_in(cursor, UUID)[0] if cursor else None
    found = (await uow.session.scalars(repository.users_page(after, limit, search))).all()
    return page_of(found, limit, UserOut.model_validate)


@admin.patch("/admin/users/{user_id}")
async def change_user(
    user_id: UUID, body: UserRoleChange, who: CurrentMember, uow: Writes
) -> UserOut:
    """Change a member's role, or suspend them. Takes effect at once."""
    return UserOut.model_validate(await service.change_role(uow, who, user_id, body))


@admin.get("/admin/audit-log")
async def audit_log(
    uow: Reads,
    limit: Limit = 50,
    cursor: str | None = None,
    action: Annotated[str | None, Query(max_length=60)] = None,
    actor_id: UUID | None = None,
    target_id: UUID | None = None,
    since: AwareDatetime | None = None,
) -> Page[AuditEntryOut]:
    """Read the audit log, newest first."""
    query = repository.audit_entries(
        position_in(cursor, int)[0] if cursor else None,
        limit,
        action=action,
        actor_id=actor_id,
        target_id=target_id,
        since=since,
    )
    found = (await uow.session.scalars(query)).all()
    return page_of(found, limit, AuditEntryOut.model_validate)
