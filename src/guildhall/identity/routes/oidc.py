"""HTTP of signing in with a provider."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import Query, Request, Response
from fastapi.responses import RedirectResponse

from guildhall.identity import oidc
from guildhall.identity.logins import SECOND_FACTOR_LIFETIME
from guildhall.identity.routes.base import (
    PersonOnly,
    RecentMember,
    Signer,
    TheEntrance,
    answer,
    forget_cookies,
    member,
    public,
    set_cookie,
)
from guildhall.identity.schemas import (
    IdentityOut,
    LinkStart,
    LinkStarted,
    ProviderOut,
    ReturnTo,
    TokensOut,
    Transport,
)
from guildhall.identity.schemas.fields import DeviceName
from guildhall.infra.http import Client, Reads, Writes, hall_of
from guildhall.infra.http.access import sign_in_limited
from guildhall.infra.http.credentials import SECOND_FACTOR_COOKIE, cookies_of
from guildhall.infra.http.problems import REFUSALS_PAGE
from guildhall.kernel.paging import Limit, Page

__all__: list[str] = []

PENDING_COOKIE = "__Host-guildhall-oidc"
SIGN_IN_PAGE = "/sign-in"
SECOND_FACTOR_PAGE = "/sign-in/second-factor"
SECOND_FACTOR_SECONDS = int(SECOND_FACTOR_LIFETIME.total_seconds())

Parameter = Annotated[str | None, Query(max_length=4096)]


@public.get("/auth/providers")
async def list_providers(request: Request) -> list[ProviderOut]:
    """List the providers that one can sign in with."""
    return [
        ProviderOut(name=provider.name, title=provider.title or provider.name.capitalize())
        for provider in hall_of(request).issuers.providers.values()
    ]


@public.get(
    "/auth/oidc/{provider}/login",
    status_code=303,
    response_class=RedirectResponse,
    dependencies=[sign_in_limited],
)
async def begin_sign_in_with_provider(
    provider: str,
    request: Request,
    transport: Transport = Transport.COOKIE,
    device: DeviceName | None = None,
    return_to: ReturnTo = "/",
) -> Response:
    """Begin to sign in with a provider: leads the browser there."""
    begun = await oidc.begin(
        hall_of(request), provider, transport=transport, return_to=return_to, device=device
    )
    response = _redirect(begun.url)
    set_cookie(response, PENDING_COOKIE, begun.sealed, oidc.PENDING_SECONDS)
    return response


@public.get("/auth/oidc/{provider}/callback", dependencies=[sign_in_limited])
async def finish_sign_in_with_provider(
    provider: str,
    request: Request,
    response: Response,
    client: Client,
    entrance: TheEntrance,
    signer: Signer,
    code: Parameter = None,
    state: Parameter = None,
    iss: Parameter = None,
    error: Parameter = None,
) -> TokensOut:
    """Come back from a provider, signed in.

    With `transport=bearer` the tokens are in the answer; else they are set as cookies, and the
    browser is led to `return_to`, or to the question for the second factor. A browser that is
    refused is led to the page for signing in, which says why.
    """
    setattr(request.state, REFUSALS_PAGE, SIGN_IN_PAGE)
    finished = await oidc.finish(
        hall_of(request),
        signer,
        provider,
        cookies_of(request.headers.get("cookie", "")).get(PENDING_COOKIE),
        oidc.Answer(state, code, iss, error),
        client,
    )
    opened = finished.opened
    if opened is not None and opened.transport is Transport.BEARER:
        response.headers["Cache-Control"] = "no-store"
        forget_cookies(response, PENDING_COOKIE)
        return opened.tokens
    leads_to = _redirect(finished.return_to)
    if opened is not None:
        answer(opened, entrance, leads_to)
    if finished.second_factor_token is not None:
        leads_to = _redirect(SECOND_FACTOR_PAGE)
        token = finished.second_factor_token
        set_cookie(leads_to, SECOND_FACTOR_COOKIE, token, SECOND_FACTOR_SECONDS)
    forget_cookies(leads_to, PENDING_COOKIE)
    return leads_to  # type: ignore[return-value]  # documented as what programs get


@member.post("/users/me/identities/{provider}/link")
async def begin_to_link_identity(
    provider: str, body: LinkStart, who: RecentMember, request: Request, response: Response
) -> LinkStarted:
    """Begin to link an account of a provider to one's own."""
    begun = await oidc.begin(
        hall_of(request),
        provider,
        transport=Transport.COOKIE,
        return_to=body.return_to,
        member=who,
    )
    set_cookie(response, PENDING_COOKIE, begun.sealed, oidc.PENDING_SECONDS)
    return LinkStarted(url=begun.url)


@member.get("/users/me/identities")
async def list_identities(
    who: PersonOnly, uow: Reads, request: Request, limit: Limit = 20, cursor: str | None = None
) -> Page[IdentityOut]:
    """List the accounts elsewhere that let one in."""
    return await oidc.identities(hall_of(request), uow, who, limit, cursor)


@member.delete("/users/me/identities/{identity_id}", status_code=204)
async def unlink_identity(
    identity_id: UUID, who: RecentMember, uow: Writes, request: Request
) -> None:
    """Let such an account in no longer, at once."""
    await oidc.unlink(hall_of(request), uow, who, identity_id)


def _redirect(url: str) -> RedirectResponse:
    return RedirectResponse(url, status_code=303, headers={"Cache-Control": "no-store"})
