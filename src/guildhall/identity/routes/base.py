"""The routers of identity, and how its routes give out a session."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request, Response

from guildhall.identity import sessions
from guildhall.identity.errors import PersonRequired
from guildhall.identity.passwords import PasswordPolicy
from guildhall.identity.schemas import CookiesOut, TokensOut, Transport
from guildhall.identity.sessions import SignedIn
from guildhall.infra.door import Credential, Kind
from guildhall.infra.http import CurrentMember, access_routers, hall_of
from guildhall.infra.http.credentials import (
    ACCESS_COOKIE,
    CSRF_COOKIE,
    REFRESH_COOKIE,
    csrf_token,
)
from guildhall.infra.http.entrance import Entrance
from guildhall.infra.tokens import Tokens
from guildhall.kernel.member import Member

__all__ = [
    "PersonOnly",
    "RecentMember",
    "RecentOwner",
    "Signer",
    "TheEntrance",
    "ThePolicy",
    "admin",
    "answer",
    "forget_cookies",
    "member",
    "public",
    "routers",
    "set_cookie",
]

routers = access_routers("identity")
public, member, admin = routers


def _entrance(request: Request) -> Entrance:
    entrance: Entrance = request.app.state.entrance
    return entrance


TheEntrance = Annotated[Entrance, Depends(_entrance)]


def _tokens(entrance: TheEntrance) -> Tokens:
    return entrance.tokens


Signer = Annotated[Tokens, Depends(_tokens)]


def _policy(request: Request) -> PasswordPolicy:
    policy: PasswordPolicy = request.app.state.password_policy
    return policy


ThePolicy = Annotated[PasswordPolicy, Depends(_policy)]


async def _recent_member(who: CurrentMember, request: Request) -> Member:
    await sessions.check_recent(hall_of(request), who)
    return who


RecentMember = Annotated[Member, Depends(_recent_member)]
"""Who is signed in, and proved who they are a short while ago: for sensitive changes."""


async def _recent_owner(who: CurrentMember, request: Request) -> Member:
    credential: Credential = request.state.credential
    if credential.kind is Kind.ISSUER:
        await sessions.check_recent_elsewhere(hall_of(request), who, credential.claims or {})
        return who
    return await _recent_member(who, request)


RecentOwner = Annotated[Member, Depends(_recent_owner)]
"""As RecentMember; or who an issuer elsewhere saw a short while ago. For rights over one's data,
which those who only ever come with an issuer's token have, too."""


async def _person(who: CurrentMember) -> Member:
    if who.scopes is not None:
        raise PersonRequired
    return who


PersonOnly = Annotated[Member, Depends(_person)]
"""Who is signed in, if it is a person and no program with an API key."""


def answer(opened: SignedIn, entrance: Entrance, response: Response) -> TokensOut | CookiesOut:
    """Give out the tokens of a session, the way it was opened for."""
    if opened.transport is Transport.BEARER:
        return opened.tokens
    csrf = csrf_token(entrance.secret_key, opened.session_id)
    tokens, lasts = opened.tokens, opened.lasts_seconds
    set_cookie(response, ACCESS_COOKIE, tokens.access_token, tokens.expires_in)
    set_cookie(response, REFRESH_COOKIE, tokens.refresh_token, lasts)
    set_cookie(response, CSRF_COOKIE, csrf, lasts, for_scripts=True)
    return CookiesOut(csrf_token=csrf, expires_in=tokens.expires_in)


def set_cookie(
    response: Response, name: str, value: str, seconds: int, *, for_scripts: bool = False
) -> None:
    """Give a browser a cookie for this site alone, and unless it is `for_scripts` out of their
    reach."""
    response.set_cookie(
        name,
        value,
        max_age=seconds,
        path="/",
        secure=True,
        httponly=not for_scripts,
        samesite="lax",
    )


def forget_cookies(response: Response, *names: str) -> None:
    """Take back cookies that `set_cookie` has given."""
    for name in names:
        response.delete_cookie(name, path="/", secure=True, httponly=True, samesite="lax")
