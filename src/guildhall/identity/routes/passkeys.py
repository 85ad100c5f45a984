"""HTTP of passkeys. A challenge is good once, so no `Idempotency-Key` is needed here."""

from __future__ import annotations

from uuid import UUID

from fastapi import Request, Response

from guildhall.identity import passkeys
from guildhall.identity.routes.base import (
    PersonOnly,
    RecentMember,
    TheEntrance,
    answer,
    member,
    public,
)
from guildhall.identity.schemas import (
    CookiesOut,
    PasskeyIn,
    PasskeyOptionsOut,
    PasskeyOut,
    PasskeySignIn,
    TokensOut,
    Transport,
)
from guildhall.infra.http import Client, Reads, Writes, hall_of
from guildhall.infra.http.access import sign_in_limited
from guildhall.infra.http.credentials import check_same_site
from guildhall.kernel.paging import Limit, Page, page_of, position_in

__all__: list[str] = []


@public.post("/auth/passkey/options", dependencies=[sign_in_limited])
async def passkey_options_to_sign_in(request: Request) -> PasskeyOptionsOut:
    """Get what to ask the browser for, to sign in with a passkey."""
    return PasskeyOptionsOut(options=await passkeys.options_to_sign_in(hall_of(request)))


@public.post("/auth/passkey", dependencies=[sign_in_limited])
async def sign_in_with_passkey(
    body: PasskeySignIn,
    client: Client,
    entrance: TheEntrance,
    request: Request,
    response: Response,
) -> TokensOut | CookiesOut:
    """Sign in with a passkey, which is both factors."""
    if body.transport is Transport.COOKIE:
        check_same_site(request, entrance.accepted_origins)
    opened = await passkeys.sign_in(hall_of(request), entrance.tokens, body, client)
    return answer(opened, entrance, response)


@member.post("/users/me/passkeys/options")
async def passkey_options_to_register(who: RecentMember, request: Request) -> PasskeyOptionsOut:
    """Get what to ask the browser for, to make a new passkey."""
    return PasskeyOptionsOut(options=await passkeys.options_to_register(hall_of(request), who))


@member.post("/users/me/passkeys", status_code=201)
async def add_passkey(body: PasskeyIn, who: RecentMember, request: Request) -> PasskeyOut:
    """Keep a new passkey, to sign in with."""
    return PasskeyOut.model_validate(await passkeys.register(hall_of(request), who, body))


@member.get("/users/me/passkeys")
async def list_passkeys(
    who: PersonOnly, uow: Reads, limit: Limit = 20, cursor: str | None = None
) -> Page[PasskeyOut]:
    """List one's passkeys, newest first."""
    before = position_in(cursor, UUID)[0] if cursor else None
    found = await passkeys.page(uow, who, limit, before)
    return page_of(found, limit, PasskeyOut.model_validate, lambda passkey: (passkey.id,))


@member.delete("/users/me/passkeys/{passkey_id}", status_code=204)
async def remove_passkey(passkey_id: UUID, who: RecentMember, uow: Writes) -> None:
    """Let nobody in with a passkey any more."""
    await passkeys.remove(uow, who, passkey_id)
