"""What travels over the wire of accounts, devices, sessions, and the record."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from guildhall.identity.schemas.fields import Body, Email, Username, Weekday, ZoneName
from guildhall.kernel.member import Role

__all__ = [
    "AccountChange",
    "AuditEntryOut",
    "DeviceOut",
    "SessionOut",
    "SessionsEnded",
    "UserChange",
    "UserDetails",
    "UserOut",
]


class UserOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    username: str
    email: str
    role: Role
    email_verified: bool
    status: Literal["active", "suspended", "erased"]
    time_zone: str
    day_starts_at: int
    daily_capacity_minutes: int
    rest_days: list[int]
    created_at: datetime
    erase_after: datetime | None = Field(
        description="When this account will be erased, if its owner deleted it."
    )


class UserChange(Body):
    """What members change about themselves; what is absent stays."""

    username: Username | None = Field(None, description="Changing it needs a recent sign-in.")
    email: Email | None = Field(
        None, description="A new address is to be verified; changing it needs a recent sign-in."
    )
    time_zone: ZoneName | None = None
    day_starts_at: Annotated[int, Field(ge=0, le=23)] | None = Field(
        None, description="Hour of the wall clock at which this member's day begins."
    )
    daily_capacity_minutes: Annotated[int, Field(ge=5, le=960)] | None = Field(
        None, description="Minutes a day for tasks of all goals together."
    )
    rest_days: Annotated[set[Weekday], Field(max_length=6)] | None = Field(
        None, description="Weekdays without tasks: 0 is Monday, 6 is Sunday."
    )


class AccountChange(Body):
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
    second_factor: bool
    current: bool = Field(description="Whether this request came from it.")


class UserDetails(UserOut):
    """An account as admins see it."""

    second_factor: bool
    session_count: int
    api_key_count: int
    last_seen_at: datetime | None = Field(description="When one of its sessions was last renewed.")
    devices: list[DeviceOut] = Field(description="The 20 last seen.")


class SessionsEnded(BaseModel):
    ended: int


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
    actor_name: str | None = Field(None, description="What the actor is called now.")
    target_name: str | None = Field(None, description="What the target is called now.")
