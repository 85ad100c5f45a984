"""HTTP of getting back in, of a new password, and of verifying one's address."""

from __future__ import annotations

from fastapi import Request

from guildhall.identity import recovery
from guildhall.identity.routes.base import PersonOnly, ThePolicy, member, public
from guildhall.identity.schemas import (
    MailOut,
    PasswordChange,
    PasswordReset,
    PasswordResetConfirm,
    VerifyEmail,
)
from guildhall.infra.http import Writes, hall_of
from guildhall.infra.http.access import sign_in_limited

__all__: list[str] = []


@public.post("/auth/password-reset", status_code=202, dependencies=[sign_in_limited])
async def ask_for_password_reset(body: PasswordReset, uow: Writes) -> MailOut:
    """Have a link to a new password mailed to an address, if an account has it."""
    await recovery.ask_for_reset(uow, body.email)
    return MailOut()


@public.post("/auth/password-reset/confirm", status_code=204, dependencies=[sign_in_limited])
async def reset_password(body: PasswordResetConfirm, policy: ThePolicy, request: Request) -> None:
    """Set a new password with the token from a mail. Ends all sessions, and opens none."""
    await recovery.reset_password(hall_of(request), policy, body)


@public.post("/auth/verify-email", status_code=204, dependencies=[sign_in_limited])
async def verify_email(body: VerifyEmail, request: Request) -> None:
    """Show, with the token from a mail, that an account's address is one's own."""
    await recovery.verify_email(hall_of(request), body.token)


@member.post("/users/me/verify-email", status_code=202)
async def ask_for_verification_mail(who: PersonOnly, uow: Writes) -> MailOut:
    """Have the mail with that token sent again."""
    await recovery.ask_to_verify(uow, who)
    return MailOut(detail="A mail is on its way to your address.")


@member.post("/users/me/password", status_code=204)
async def change_password(
    body: PasswordChange, who: PersonOnly, policy: ThePolicy, request: Request
) -> None:
    """Change one's password. Ends one's other sessions."""
    await recovery.change_password(hall_of(request), policy, who, body)
