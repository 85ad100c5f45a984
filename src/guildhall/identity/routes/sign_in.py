"""HTTP of coming in and leaving."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request, Response
from fastapi.security import OAuth2PasswordRequestForm
from pydantic import ValidationError

from guildhall.identity import logins, service, sessions
from guildhall.identity.errors import CredentialsWrong, RefreshTokenRefused
from guildhall.identity.routes.base import (
    PersonOnly,
    Signer,
    TheEntrance,
    ThePolicy,
    answer,
    forget_cookies,
    member,
    public,
)
from guildhall.identity.schemas import (
    CookiesOut,
    Login,
    Refresh,
    Register,
    Setup,
    TokensOut,
    Transport,
    UserOut,
)
from guildhall.infra.http import Client, Writes, hall_of
from guildhall.infra.http.access import sign_in_limited
from guildhall.infra.http.credentials import (
    ACCESS_COOKIE,
    CSRF_COOKIE,
    REFRESH_COOKIE,
    check_same_site,
    cookies_of,
)

__all__: list[str] = []


async def _hashed(body: Register, policy: ThePolicy) -> str:
    """Hash before the unit of work begins: under an `Idempotency-Key`, that is with a question to
    the database. An account that was opened already costs another hash, and no connection."""
    return await service.hash_chosen(policy, body)


@public.post("/auth/register", status_code=201, dependencies=[sign_in_limited])
async def open_account(
    body: Register, password_hash: Annotated[str, Depends(_hashed)], uow: Writes
) -> UserOut:
    """Open an account. A mail asks to verify its address."""
    return UserOut.model_validate(await service.register(uow, body, password_hash))


@public.post("/auth/setup", status_code=201, dependencies=[sign_in_limited])
async def open_first_admins_account(body: Setup, policy: ThePolicy, uow: Writes) -> UserOut:
    """Open the first admin's account with the token that the first start printed."""
    return UserOut.model_validate(await service.setup(uow, policy, body))


@public.post("/auth/login", dependencies=[sign_in_limited])
async def sign_in_with_password(
    body: Login, client: Client, entrance: TheEntrance, request: Request, response: Response
) -> TokensOut | CookiesOut:
    """Sign in with a username or an email address.

    With `transport: cookie` the tokens are set as cookies that no script can read.
    """
    if body.transport is Transport.COOKIE:
        check_same_site(request, entrance.accepted_origins)
    opened = await logins.login(hall_of(request), entrance.tokens, body, client)
    return answer(opened, entrance, response)


def _login_in_form(form: Annotated[OAuth2PasswordRequestForm, Depends()]) -> Login:
    """Read the form. What can be nobody's name or password is wrong, as any other wrong one."""
    try:
        return Login(login=form.username, password=form.password)
    except ValidationError:
        raise CredentialsWrong from None


@public.post("/auth/token", dependencies=[sign_in_limited])
async def sign_in_with_form(
    body: Annotated[Login, Depends(_login_in_form)],
    client: Client,
    signer: Signer,
    request: Request,
) -> TokensOut:
    """Sign in from the docs page (OAuth 2 password form)."""
    return (await logins.login(hall_of(request), signer, body, client)).tokens


@public.post("/auth/refresh", dependencies=[sign_in_limited])
async def refresh_session(
    entrance: TheEntrance,
    request: Request,
    response: Response,
    body: Refresh | None = None,
) -> TokensOut | CookiesOut:
    """Exchange a refresh token, from the body or the cookie, for new tokens. It is good once."""
    hall = hall_of(request)
    given = body.refresh_token if body else None
    if given is None:
        given = cookies_of(request.headers.get("cookie", "")).get(REFRESH_COOKIE)
        if given is None:
            raise RefreshTokenRefused
        check_same_site(request, entrance.accepted_origins)
        transport = Transport.COOKIE
    else:
        transport = Transport.BEARER
    opened = await sessions.refresh(
        hall.units, entrance.tokens, hall.settings.security, given, transport
    )
    return answer(opened, entrance, response)


@member.post("/auth/logout", status_code=204)
async def sign_out(who: PersonOnly, uow: Writes, response: Response) -> None:
    """End the session that this request came from."""
    await sessions.logout(uow, who)
    forget_cookies(response, ACCESS_COOKIE, REFRESH_COOKIE, CSRF_COOKIE)
