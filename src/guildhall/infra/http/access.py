"""Access: every route stands in one of three routers, so none can forget to say who may use it."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, NamedTuple, cast
from uuid import UUID

from fastapi import APIRouter, Depends, Request, WebSocket
from fastapi.params import Depends as Dependency
from fastapi.routing import APIRoute, APIWebSocketRoute
from fastapi.security import APIKeyHeader, OAuth2PasswordBearer
from starlette.requests import HTTPConnection

from guildhall.infra.door import Credential, Door, Kind
from guildhall.infra.handles import read_handle
from guildhall.infra.http.credentials import (
    API_KEY_PREFIX,
    SAFE_METHODS,
    check_csrf_token,
    check_origin,
    check_same_site,
    shown_by,
)
from guildhall.infra.http.problems import PROBLEM_RESPONSES
from guildhall.infra.http.work import RememberingRoute, request_address
from guildhall.infra.tokens import TokenRefused, Tokens
from guildhall.kernel.clock import Clock
from guildhall.kernel.errors import Forbidden, Unauthenticated
from guildhall.kernel.member import OPERATOR_ID, Member, Role

__all__ = [
    "Access",
    "AccessRouters",
    "Client",
    "CurrentMember",
    "Entrance",
    "RequestClient",
    "access_routers",
    "admit",
    "scopes_of",
    "sign_in_limited",
    "socket",
]

password_form = OAuth2PasswordBearer(tokenUrl="/api/v1/auth/token", auto_error=False)
api_key_header = APIKeyHeader(name="X-API-Key", auto_error=False)
LIVE_SUBJECT = "identity"  # The slice of a WebSocket, which carries no tag.


class Access(StrEnum):
    """Who may use a route."""

    PUBLIC = "public"
    MEMBER = "member"
    ADMIN = "admin"


class NotSignedIn(Unauthenticated):
    code = "not_signed_in"
    detail = "Sign in first: this address needs a bearer token, a cookie or an API key."


class AdminsOnly(Forbidden):
    code = "admins_only"
    detail = "Only an admin may do this."


class SecondFactorMissing(Forbidden):
    code = "second_factor_missing"
    detail = "In this hall admins sign in with a second factor. Set one up, then sign in again."


class ScopeMissing(Forbidden):
    code = "scope_missing"
    detail = "This API key was not given the scope that this needs."


class ApiKeyInvalid(Unauthenticated):
    code = "api_key_invalid"
    detail = "This is no API key, or not all of one. Check how it was copied."


class AdminSecretWrong(Unauthenticated):
    code = "admin_secret_wrong"
    detail = "This secret opens nothing here."


class TicketInvalid(Unauthenticated):
    code = "ticket_invalid"
    detail = "This ticket was used, or is older than 30 seconds. Ask for another one."


OPERATOR = Member(OPERATOR_ID, OPERATOR_ID, Role.ADMIN, "UTC", 0, second_factor=True)


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


@dataclass(frozen=True)
class Entrance:
    """How requests come in, whatever they show: the door, and who reads which credential."""

    door: Door
    tokens: Tokens
    clock: Clock
    secret_key: str
    accepted_origins: frozenset[str]
    stream_origins: frozenset[str]
    """Whose pages may open a WebSocket: CORS does not guard it."""
    admin_secret_key: str | None
    admins_need_second_factor: bool
    note_operator: Callable[[Request], Awaitable[None]]
    """Writes down that a script came in with the operator's secret."""
    foreign: Callable[[str], Awaitable[Credential | None]] | None
    """Reads bearer tokens of external issuers; None where there are none."""
    redeem: Callable[[str], Awaitable[Credential | None]]
    """Takes a one-time ticket for a stream; None if it is none, or was used, or is too old."""

    async def admit(self, request: HTTPConnection, access: Access) -> Member:
        """Raises NotSignedIn, TokenRefused, RateLimited, or what guards cookies."""
        shown = shown_by(request)
        if shown.admin_secret is not None and access is Access.ADMIN:
            return await self._admit_operator(cast(Request, request), shown.admin_secret)
        if shown.bearer is not None:
            credential = await self._bearer(shown.bearer)
        elif shown.api_key is not None:
            credential = self._api_key(shown.api_key)
        elif shown.cookie is not None:
            credential = self.session_in(shown.cookie)
            if method_of(request) not in SAFE_METHODS:
                check_same_site(request, self.accepted_origins)
                check_csrf_token(request, self.secret_key, credential.id)
        elif (ticket := stream_ticket(request)) is not None:
            credential = await self._ticket(ticket)
        else:
            raise NotSignedIn
        request.state.credential = credential
        member, request.state.allowance = await self.door.admit(credential)
        return member

    async def _bearer(self, token: str) -> Credential:
        try:
            return self.session_in(token)
        except TokenRefused:
            foreign = await self.foreign(token) if self.foreign else None
            if foreign is None:
                raise
            return foreign

    def session_in(self, token: str) -> Credential:
        """Read an access token of the hall's own. Raises TokenRefused."""
        claims = self.tokens.read(token, "access", self.clock.now())
        return Credential(Kind.SESSION, UUID(claims["sid"]), UUID(claims["sub"]))

    def _api_key(self, text: str) -> Credential:
        handle = read_handle(text, API_KEY_PREFIX, 2)
        if handle is None:
            raise ApiKeyInvalid
        user_id, key_id = handle.ids
        return Credential(Kind.KEY, key_id, user_id, handle.secret_hash)

    async def _ticket(self, ticket: str) -> Credential:
        credential = await self.redeem(ticket)
        if credential is None:
            raise TicketInvalid
        return credential

    async def _admit_operator(self, request: Request, secret: str) -> Member:
        # Counted first, as a sign-in: it is a secret that somebody may be guessing at.
        await _enter_sign_in(request)
        if self.admin_secret_key is None or not hmac.compare_digest(
            secret.encode(), self.admin_secret_key.encode()
        ):
            raise AdminSecretWrong
        await self.note_operator(request)
        return OPERATOR


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


def method_of(connection: HTTPConnection) -> str:
    """Give the method; a WebSocket has that of its handshake."""
    method: str = connection.scope.get("method", "GET")
    return method


def stream_ticket(connection: HTTPConnection) -> str | None:
    """Give the ticket in the address of a stream: only there does a secret stand in one, as
    neither EventSource nor WebSocket can send a header."""
    streams = connection.scope["type"] == "websocket" or (
        connection.scope["method"] == "GET"
        and connection.headers.get("accept") == "text/event-stream"
    )
    return connection.query_params.get("ticket") if streams else None


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


class RequestClient(NamedTuple):
    """Where a request comes from."""

    address: str
    user_agent: str


async def _request_client(request: Request) -> RequestClient:
    return RequestClient(request_address(request), request.headers.get("user-agent", "")[:300])


Client = Annotated[RequestClient, Depends(_request_client)]
