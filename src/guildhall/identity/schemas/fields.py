"""Fields that several shapes of identity have."""

from __future__ import annotations

from typing import Annotated
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, EmailStr, Field, StringConstraints

__all__ = [
    "Body",
    "DeviceName",
    "Email",
    "Password",
    "Token",
    "Username",
    "Weekday",
    "ZoneName",
    "without_nul",
]

KNOWN_ZONES = available_timezones()


def _known_zone(value: str) -> str:
    if value not in KNOWN_ZONES:
        raise ValueError("is not an IANA time zone such as Europe/Berlin")
    return value


def without_nul(value: str) -> str:
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
Password = Annotated[str, Field(min_length=8, max_length=256), AfterValidator(without_nul)]
Token = Annotated[str, Field(min_length=1, max_length=2048)]
ZoneName = Annotated[str, Field(max_length=64), AfterValidator(_known_zone)]
Weekday = Annotated[int, Field(ge=0, le=6)]
DeviceName = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=80),
    AfterValidator(without_nul),
]


class Body(BaseModel):
    """What a request carries: nothing beside what is asked for."""

    model_config = ConfigDict(extra="forbid")
