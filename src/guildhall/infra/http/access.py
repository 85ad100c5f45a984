"""Access: every route stands in one of three routers, so none can forget to say who may use it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Annotated, NamedTuple

from fastapi import APIRouter, Depends, Request, WebSocket
from fastapi.params import Depends as Dependency
from fastapi.routing import APIRoute, APIWebSocketRoute
from fastapi.security import APIKeyHeader, OAuth2PasswordBearer
from starlette.requests import HTTPConnection

from guildhall.infra.http.credentials import (
    SAFE_METHODS,
    check_origin,
)
from guildhall.infra.http.entrance import Access, Entrance, method_of
from guildhall.infra.http.problems import PROBLEM_RESPONSES
from guildhall.infra.http.work import RememberingRoute, request_address
from guildhall.kernel.client import RequestClient
from guildhall.kernel.errors import Forbidden, Unauthenticated
from guildhall.kernel.member import Member

__all__ = [
    "Access",
    "AccessRouters",
    "Client",
    "CurrentMember",
    "access_routers",
    "admit",
    "scopes_of",
    "sign_in_limited",
    "socket",
]

password_form = OAuth2PasswordBearer(tokenUrl="/api/v1/auth/token", auto_error=False)
api_key_header = APIKeyHeader(name="X-API-Key", auto_error=False)
LIVE_SUBJECT = "identity"  # The slice of a WebSocket, which carries no tag.


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


def scope_of(request: HTTPConnection, access: Access) -> str:
    """Give the scope that an API key needs for a route: its slice, or `admin`, and what it does."""
    route = request.scope.get("route")
    slice_name: str = getattr(route, "tags", [LIVE_SUBJECT])[0]
    return _scope(access, slice_name, method_of(request))


def scopes_of(slices: Iterable[AccessRouters]) -> frozenset[str]:
    """Give all scopes that some route of members or admins asks for."""
    return frozenset(
        _scope(access, str(route.tags[0]), method)
        for routers in slices
        for access, router in ((Access.MEMBER, routers.member), (Access.ADMIN, routers.admin))
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in route.methods or ()
    )


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


Socket = Callable[..., Awaitable[None]]


def socket(router: APIRouter, path: str) -> Callable[[Socket], Socket]:
    """Declare a WebSocket of members. It has an entrance of its own, in place of the router's
    dependencies: those read requests."""

    def declare(endpoint: Socket) -> Socket:
        router.routes.append(
            APIWebSocketRoute(path, endpoint, dependencies=[Depends(enter_socket)])
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


async def _current_member(request: Request) -> Member:
    member: Member = request.state.member
    return member


CurrentMember = Annotated[Member, Depends(_current_member)]
"""Who is signed in; only in routes of the member and admin routers."""


async def _request_client(request: Request) -> RequestClient:
    return RequestClient(request_address(request), request.headers.get("user-agent", "")[:300])


Client = Annotated[RequestClient, Depends(_request_client)]
