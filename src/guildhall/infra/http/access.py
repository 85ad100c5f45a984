"""Access: every route stands in one of three routers, so none can forget to say who may use it."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, NamedTuple

from fastapi import APIRouter, Depends, Request
from fastapi.params import Depends as Dependency
from fastapi.security import OAuth2PasswordBearer

from guildhall.infra.door import Door
from guildhall.infra.http.problems import PROBLEM_RESPONSES
from guildhall.infra.http.work import RememberingRoute, request_address
from guildhall.kernel.errors import Forbidden, Unauthenticated
from guildhall.kernel.member import Member

__all__ = [
    "Access",
    "AccessRouters",
    "Client",
    "CurrentMember",
    "RequestClient",
    "access_routers",
    "admit",
    "sign_in_limited",
]

password_form = OAuth2PasswordBearer(tokenUrl="/api/v1/auth/token", auto_error=False)


class Access(StrEnum):
    """Who may use a route."""

    PUBLIC = "public"
    MEMBER = "member"
    ADMIN = "admin"


class NotSignedIn(Unauthenticated):
    code = "not_signed_in"
    detail = "Sign in first: this address needs a bearer token."


class AdminsOnly(Forbidden):
    code = "admins_only"
    detail = "Only an admin may do this."


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

    signed_in = Depends(password_form)
    return AccessRouters(
        router(Access.PUBLIC),
        router(Access.MEMBER, signed_in),
        router(Access.ADMIN, signed_in),
    )


async def admit(request: Request, access: Access = Access.MEMBER) -> Member:
    """Let a signed-in request in, and keep who it is and what it has left for the answer.

    Whoever is not let in is a stranger, and counted as one.
    """
    door: Door = request.app.state.door
    try:
        member, request.state.allowance = await door.admit_member(_bearer_token(request))
    except Unauthenticated:
        await enter_public(request)
        raise
    request.state.member = member
    if access is Access.ADMIN and not member.may_administer:
        raise AdminsOnly
    return member


def _bearer_token(request: Request) -> str:
    # Off the raw list: building the mapping of all headers would cost as much as the signature.
    for name, value in request.scope["headers"]:
        if name == b"authorization":
            scheme, _, token = value.decode("latin-1").partition(" ")
            if scheme.lower() == "bearer" and token:
                return str(token)
    raise NotSignedIn


async def enter_public(request: Request) -> None:
    door: Door = request.app.state.door
    request.state.allowance = await door.admit_stranger(request_address(request))


async def enter_member(request: Request) -> None:
    await admit(request, Access.MEMBER)


async def enter_admin(request: Request) -> None:
    await admit(request, Access.ADMIN)


_ENTRANCES = {
    Access.PUBLIC: enter_public,
    Access.MEMBER: enter_member,
    Access.ADMIN: enter_admin,
}


async def _enter_sign_in(request: Request) -> None:
    door: Door = request.app.state.door
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
