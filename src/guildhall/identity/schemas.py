"""What travels over the wire in identity."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, EmailStr, Field, StringConstraints

from guildhall.kernel.member import Role

__all__ = [
    "AuditEntryOut",
    "DeviceOut",
    "Login",
    "Refresh",
    "Register",
    "SessionOut",
    "Setup",
    "TokensOut",
    "UserChange",
    "UserOut",
    "UserRoleChange",
]

KNOWN_ZONES = available_timezones()


def _known_zone(value: str) -> str:
    if value not in KNOWN_ZONES:
        raise ValueError("is not an IANA time zone such as Europe/Berlin")
    return value


def _without_nul(value: str) -> str:
    if "\x00" in value:
        raise ValueError("must not contain NUL")
    return value


Username = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=2, max_length=40, pattern=r"^[\w][\w.\-]*[\w]$"
    ),
]
Email = Annotated[EmailStr, Field(max_length=254)]
Password = Annotated[str, Field(min_length=8, max_length=256), AfterValidator(_without_nul)]
Token = Annotated[str, Field(min_length=1, max_length=2048)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Register(_Body):
    username: Username
    email: Email
    password: Password


class Setup(Register):
    """The first admin, let in by the token that the first start printed."""

    token: Token


class Login(_Body):
    login: Annotated[str, Field(min_length=1, max_length=254), AfterValidator(_without_nul)] = (
        Field(description="Username or email address.")
    )
    password: Annotated[str, Field(min_length=1, max_length=256), AfterValidator(_without_nul)]
    device: (
        Annotated[
            str,
            StringConstraints(strip_whitespace=True, min_length=1, max_length=80),
            AfterValidator(_without_nul),
        ]
        | None
    ) = Field(None, description="What to call this device in the member's list.")


class Refresh(_Body):
    refresh_token: Token


class TokensOut(BaseModel):
    access_token: str
    refresh_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105  # the name of a scheme
    expires_in: int = Field(description="Seconds until the access token expires.")


class UserOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    username: str
    email: str
    role: Role
    status: Literal["active", "suspended"]
    time_zone: str
    day_starts_at: int
    created_at: datetime


class UserChange(_Body):
    """What members change about themselves; what is absent stays."""

    username: Username | None = None
    time_zone: Annotated[str, Field(max_length=64), AfterValidator(_known_zone)] | None = None
    day_starts_at: Annotated[int, Field(ge=0, le=23)] | None = Field(
        None, description="Hour of the wall clock at which this member's day begins."
    )


class UserRoleChange(_Body):
    """What an admin changes about a member; what is absent stays."""

    role: Role | None = None
    status: Literal["active", "suspended"] | None = None


class DeviceOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str
    user_agent: str
    address: str
    created_at: datetime
    last_seen_at: datetime


class SessionOut(BaseModel):
    id: UUID
    device_id: UUID
    device: str
    created_at: datetime
    rotated_at: datetime
    expires_at: datetime
    current: bool = Field(description="Whether this request came from it.")


class AuditEntryOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: int
    occurred_at: datetime
    action: str
    actor_id: UUID | None
    target_id: UUID | None
    address: str | None
    details: dict[str, Any]
    request_id: str | None
