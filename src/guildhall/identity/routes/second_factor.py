"""HTTP of the second factor, and of showing once more who one is.

What is shown once is not kept for an `Idempotency-Key` either: these routes open their own units
of work, and the same request again gives new secrets, with those before them void.
"""

from __future__ import annotations

from uuid import UUID

from fastapi import Request, Response

from guildhall.identity import reauthentication, second_factor
from guildhall.identity.errors import SecondFactorTokenInvalid
from guildhall.identity.routes.base import (
    PersonOnly,
    RecentMember,
    TheEntrance,
    admin,
    answer,
    forget_cookies,
    member,
    public,
)
from guildhall.identity.schemas import (
    CookiesOut,
    Reauthenticate,
    RecoveryCodesOut,
    SecondFactor,
    SecondFactorOut,
    TokensOut,
    TotpConfirm,
    TotpOut,
    Transport,
)
from guildhall.infra.http import Client, Reads, Writes, hall_of
from guildhall.infra.http.access import sign_in_limited
from guildhall.infra.http.credentials import SECOND_FACTOR_COOKIE, check_same_site, cookies_of

__all__: list[str] = []


@public.post("/auth/second-factor", dependencies=[sign_in_limited])
async def show_second_factor(
    body: SecondFactor,
    client: Client,
    entrance: TheEntrance,
    request: Request,
    response: Response,
) -> TokensOut | CookiesOut:
    """Go on with a sign-in that asked for a code; the token is from its answer, or a cookie."""
    hall = hall_of(request)
    given = body.second_factor_token
    if given is None:
        given = cookies_of(request.headers.get("cookie", "")).get(SECOND_FACTOR_COOKIE)
        if given is None:
            raise SecondFactorTokenInvalid
        check_same_site(request, entrance.accepted_origins)
    who = second_factor.pending(entrance.tokens, given, hall.clock.now())
    if who.transport is Transport.COOKIE:
        check_same_site(request, entrance.accepted_origins)
    opened = await second_factor.sign_in(hall, entrance.tokens, who, body, client)
    if body.second_factor_token is None:
        forget_cookies(response, SECOND_FACTOR_COOKIE)
    return answer(opened, entrance, response)


@member.post("/auth/reauthenticate", dependencies=[sign_in_limited])
async def reauthenticate(
    body: Reauthenticate,
    who: PersonOnly,
    client: Client,
    entrance: TheEntrance,
    request: Request,
    response: Response,
) -> TokensOut | CookiesOut:
    """Show once more who one is, for a sensitive change: a new session takes this one's place."""
    opened = await reauthentication.reauthenticate(
        hall_of(request), entrance.tokens, who, body, client
    )
    return answer(opened, entrance, response)


@member.get("/users/me/second-factor")
async def read_second_factor(who: PersonOnly, uow: Reads) -> SecondFactorOut:
    """Tell what one can show to come in: a password, an authenticator app, passkeys."""
    return await second_factor.state(uow, who.id)


@member.post("/users/me/totp", status_code=201)
async def begin_totp(who: RecentMember, request: Request) -> TotpOut:
    """Begin with an authenticator app: its secret, shown once. A code of it confirms it."""
    return await second_factor.enrol(hall_of(request), who)


@member.post("/users/me/totp/confirm")
async def confirm_totp(body: TotpConfirm, who: PersonOnly, request: Request) -> RecoveryCodesOut:
    """Have every sign-in ask for a code from now on. Ends all other sessions."""
    codes = await second_factor.confirm(hall_of(request), who, body.code)
    return RecoveryCodesOut(recovery_codes=codes)


@member.delete("/users/me/totp", status_code=204)
async def remove_totp(who: RecentMember, uow: Writes) -> None:
    """Have sign-ins ask for no code any more."""
    await second_factor.remove(uow, who)


@member.post("/users/me/recovery-codes", status_code=201)
async def make_recovery_codes(who: RecentMember, request: Request) -> RecoveryCodesOut:
    """Get new recovery codes, shown once; those before them are void."""
    codes = await second_factor.new_recovery_codes(hall_of(request), who)
    return RecoveryCodesOut(recovery_codes=codes)


@admin.delete("/admin/users/{user_id}/second-factor", status_code=204)
async def remove_second_factor_of_member(user_id: UUID, who: RecentMember, uow: Writes) -> None:
    """Remove a locked-out member's app, recovery codes and passkeys. Ends their sessions."""
    await second_factor.remove_of(uow, who, user_id)
