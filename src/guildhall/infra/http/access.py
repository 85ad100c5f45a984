"""Access: every route stands in one of three routers, so none can forget to say who may use it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import replace
from typing import Annotated, Any, NamedTuple, cast

from fastapi import APIRouter, Depends, Request, WebSocket
from fastapi.params import Depends as Dependency
from fastapi.routing import APIRoute, APIWebSocketRoute
from fastapi.security import APIKeyHeader, OAuth2PasswordBearer
from starlette.requests import HTTPConnection

from guildhall.infra.door import Limit
from guildhall.infra.http.credentials import (
    ACCESS_COOKIE,
    ADMIN_SECRET_HEADER,
    CSRF_HEADER,
    SAFE_METHODS,
    check_origin,
)
from guildhall.infra.http.entrance import Access, Entrance, method_of
from guildhall.infra.http.problems import PROBLEM_RESPONSES
from guildhall.infra.http.work import RememberingRoute, request_address
from guildhall.kernel.client import RequestClient
from guildhall.kernel.errors import Forbidden, Unauthenticated
from guildhall.kernel.member import Member, Role

__all__ = [
    "Access",
    "AccessRouters",
    "Client",
    "CurrentMember",
    "access_routers",
    "admit",
    "describe_access",
    "hold_to",
    "limited",
    "scopes_of",
    "sign_in_limited",
    "socket",
]

password_form = OAuth2PasswordBearer(tokenUrl="/api/v1/auth/token", auto_error=False)
api_key_header = APIKeyHeader(name="X-API-Key", auto_error=False)
SECURITY_SCHEMES = {
    "SessionCookie": {"type": "apiKey", "in": "cookie", "name": ACCESS_COOKIE},
    "CsrfToken": {"type": "apiKey", "in": "header", "name": CSRF_HEADER},
    "AdminSecret": {"type": "apiKey", "in": "header", "name": ADMIN_SECRET_HEADER},
}


class AdminsOnly(Forbidden):
    code = "admins_only"
    detail = "Only an admin may do this."


class SecondFactorMissing(Forbidden):
    code = "second_factor_missing"
    detail = "In this hall admins sign in with a second factor. Set one up, then sign in again."


class ScopeMissing(Forbidden):
    code = "scope_missing"
    detail = "This API key was not given the scope that this needs."


class AccessRouters(NamedTuple):
    """The three routers of a slice."""

    public: APIRouter
    member: APIRouter
    admin: APIRouter


def access_routers(slice_name: str) -> AccessRouters:
    """Make a slice's routers, one per level of access."""

    def router(access: Access, *dependencies: Dependency) -> APIRouter:
        return APIRouter(
            tags=[slice_name],
            dependencies=[*dependencies, Depends(_ENTRANCES[access])],
            responses=PROBLEM_RESPONSES,
            route_class=RememberingRoute,
        )

    signed_in = (Depends(password_form), Depends(api_key_header))
    return AccessRouters(
        router(Access.PUBLIC),
        router(Access.MEMBER, *signed_in),
        router(Access.ADMIN, *signed_in),
    )


async def admit(request: HTTPConnection, access: Access = Access.MEMBER) -> Member:
    """Let a signed-in request in, and keep who it is and what it has left for the answer.

    Whoever is not let in is a stranger, and counted as one.
    """
    entrance: Entrance = request.app.state.entrance
    try:
        member = await entrance.admit(request, access)
    except Unauthenticated:
        await enter_public(request)
        raise
    if access is Access.MEMBER and member.may_administer:
        member = _as_shown(member, entrance, request)
    request.state.member = member
    request.state.sees_all = access is Access.ADMIN
    if access is Access.ADMIN:
        if not member.may_administer:
            raise AdminsOnly
        if entrance.admins_need_second_factor and not (
            member.second_factor or member.scopes is not None
        ):
            raise SecondFactorMissing
    if member.scopes is not None and (scope := scope_of(request, access)) not in member.scopes:
        raise ScopeMissing(scope=scope)
    return member


def _as_shown(admin: Member, entrance: Entrance, request: HTTPConnection) -> Member:
    """Give an admin on a member's route the role that they have shown enough for: what admins'
    routes would refuse them, they must not get by another one."""
    if admin.scopes is not None:
        shown = _scope(Access.ADMIN, "", method_of(request)) in admin.scopes
    else:
        shown = admin.second_factor or not entrance.admins_need_second_factor
    return admin if shown else replace(admin, role=Role.MODERATOR)


def scope_of(request: HTTPConnection, access: Access) -> str:
    """Give the scope that an API key needs for a route: its slice, or `admin`, and what it does."""
    if request.scope["type"] == "websocket":
        slice_name = request.state.slice
    else:
        slice_name = request.scope["route"].tags[0]
    changes = getattr(request.state, "socket_changes", False)
    return _scope(access, str(slice_name), "POST" if changes else method_of(request))


def scopes_of(slices: Iterable[AccessRouters]) -> frozenset[str]:
    """Give all scopes that some route of members or admins asks for."""
    return frozenset(
        _scope(access, str(route.tags[0]), method) for access, route, method in _guarded(slices)
    )


def describe_access(document: dict[str, Any], slices: Iterable[AccessRouters], path: str) -> None:
    """Say in an OpenAPI document what else opens each operation of members and admins, and which
    scope an API key needs for it (`x-scope`). FastAPI says the rest by itself."""
    document["components"]["securitySchemes"] |= SECURITY_SCHEMES
    for access, route, method in _guarded(slices):
        operation = document["paths"][path + route.path_format][method.lower()]
        cookie: dict[str, list[str]] = {"SessionCookie": []}
        operation["security"].append(
            cookie if method in SAFE_METHODS else cookie | {"CsrfToken": []}
        )
        if access is Access.ADMIN:
            operation["security"].append({"AdminSecret": []})
        operation["x-scope"] = _scope(access, str(route.tags[0]), method)


def _guarded(slices: Iterable[AccessRouters]) -> Iterator[tuple[Access, APIRoute, str]]:
    for routers in slices:
        for access, router in ((Access.MEMBER, routers.member), (Access.ADMIN, routers.admin)):
            for route in router.routes:
                if isinstance(route, APIRoute):
                    for method in sorted(route.methods or ()):
                        yield access, route, method


def _scope(access: Access, slice_name: str, method: str) -> str:
    subject = "admin" if access is Access.ADMIN else slice_name
    return f"{subject}:{'read' if method in SAFE_METHODS else 'write'}"


async def enter_public(request: HTTPConnection) -> None:
    entrance: Entrance = request.app.state.entrance
    request.state.sees_all = False
    request.state.allowance = await entrance.door.admit_stranger(request_address(request))


async def enter_member(request: Request) -> None:
    await admit(request, Access.MEMBER)


async def enter_admin(request: Request) -> None:
    await admit(request, Access.ADMIN)


async def enter_socket(connection: WebSocket) -> None:
    """Let a member's WebSocket in, from a page of the hall's own or from no page at all. What is
    refused is answered as anywhere else, instead of the handshake."""
    entrance: Entrance = connection.app.state.entrance
    check_origin(connection, entrance.stream_origins)
    await admit(connection)


def _slice_of_socket(name: str, *, changes: bool) -> Callable[[WebSocket], Awaitable[None]]:
    """Name the slice of a WebSocket, whose route carries no tags, and what is done there."""

    async def note(connection: WebSocket) -> None:
        connection.state.slice = name
        connection.state.socket_changes = changes

    return note


Socket = Callable[..., Awaitable[None]]


def socket(router: APIRouter, path: str, *, changes: bool = False) -> Callable[[Socket], Socket]:
    """Declare a WebSocket of members. It has an entrance of its own, in place of the router's
    dependencies: those read requests.

    `changes` says that something can be changed over it, so that an API key needs the scope for
    that: its handshake is a GET, whatever is said later.
    """

    def declare(endpoint: Socket) -> Socket:
        named = Depends(_slice_of_socket(str(router.tags[0]), changes=changes))
        router.routes.append(
            APIWebSocketRoute(path, endpoint, dependencies=[named, Depends(enter_socket)])
        )
        return endpoint

    return declare


_ENTRANCES = {
    Access.PUBLIC: enter_public,
    Access.MEMBER: enter_member,
    Access.ADMIN: enter_admin,
}


async def _enter_sign_in(request: Request) -> None:
    door = request.app.state.entrance.door
    request.state.allowance = await door.admit_stranger(
        request_address(request), door.sign_in_limit
    )


sign_in_limited: Dependency = Depends(_enter_sign_in)
"""Holds a route to the limit of registrations, logins and refreshes from one address."""


def limited(name: str, per_minute: int) -> Dependency:
    """Hold a member's route to so many requests a minute of each member, beside the limit of all.

    The answer tells what is left of this one: it is the narrower.
    """
    limit = Limit(name, per_minute)

    async def count(request: Request) -> None:
        await hold_to(limit, request)

    return cast(Dependency, Depends(count))


async def hold_to(limit: Limit, request: Request) -> None:
    """Hold a request of a member who was let in to one more limit, as `limited` does."""
    door = request.app.state.entrance.door
    request.state.allowance = await door.count(limit, request.state.member.id)


async def _current_member(request: Request) -> Member:
    member: Member = request.state.member
    return member


CurrentMember = Annotated[Member, Depends(_current_member)]
"""Who is signed in; only in routes of the member and admin routers."""


async def _request_client(request: Request) -> RequestClient:
    return RequestClient(request_address(request), request.headers.get("user-agent", "")[:300])


Client = Annotated[RequestClient, Depends(_request_client)]
