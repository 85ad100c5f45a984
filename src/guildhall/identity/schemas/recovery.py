"""What travels over the wire of passwords and of addresses to be verified."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field

from guildhall.identity.schemas.fields import Body, Email, Password, Token, without_nul

__all__ = ["MailOut", "PasswordChange", "PasswordReset", "PasswordResetConfirm", "VerifyEmail"]


class PasswordReset(Body):
    email: Email


class PasswordResetConfirm(Body):
    token: Token = Field(description="From the link in the mail, what stands after `#token=`.")
    password: Password


class PasswordChange(Body):
    current_password: (
        Annotated[str, Field(min_length=1, max_length=256), AfterValidator(without_nul)] | None
    ) = Field(None, description="Needed, unless the account has no password yet.")
    new_password: Password


class VerifyEmail(Body):
    token: Token = Field(description="From the link in the mail, what stands after `#token=`.")


class MailOut(BaseModel):
    """What is said in any case: whether there is such an account is not told."""

    detail: str = "If there is an account for it, a mail is on its way to that address."
