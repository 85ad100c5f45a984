"""What travels over the wire to come in."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field

from guildhall.identity.schemas.fields import (
    Body,
    DeviceName,
    Email,
    Password,
    Token,
    Username,
    without_nul,
)

__all__ = ["CookiesOut", "Login", "Refresh", "Register", "Setup", "TokensOut", "Transport"]


class Transport(StrEnum):
    """How a session's tokens travel."""

    BEARER = "bearer"
    COOKIE = "cookie"


class Register(Body):
    username: Username
    email: Email
    password: Password


class Setup(Register):
    """The first admin, let in by the token that the first start printed."""

    token: Token


class Login(Body):
    login: Annotated[str, Field(min_length=1, max_length=254), AfterValidator(without_nul)] = Field(
        description="Username or email address."
    )
    password: Annotated[str, Field(min_length=1, max_length=256), AfterValidator(without_nul)]
    device: DeviceName | None = Field(
        None, description="What to call this device in the member's list."
    )
    transport: Transport = Field(
        Transport.BEARER, description="Tokens in the answer, or in cookies that no script can read."
    )


class Refresh(Body):
    refresh_token: Token | None = Field(None, description="Absent where it is in a cookie.")


class TokensOut(BaseModel):
    access_token: str
    refresh_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105  # the name of a scheme
    expires_in: int = Field(description="Seconds until the access token expires.")


class TicketOut(BaseModel):
    ticket: str = Field(description="For one stream, as `?ticket=…` in its address.")
    expires_in: int = Field(description="Seconds until it opens nothing.")


class CookiesOut(BaseModel):
    """The tokens are in cookies. A request that changes something carries `csrf_token` as well."""

    token_type: Literal["cookie"] = "cookie"  # noqa: S105  # the name of a scheme
    csrf_token: str = Field(description="For the header X-CSRF-Token, as long as the session is.")
    expires_in: int = Field(description="Seconds until the access token expires.")
