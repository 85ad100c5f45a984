"""Who is acting."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from guildhall.kernel.clock import local_day

__all__ = ["OPERATOR_ID", "Member", "Role"]

OPERATOR_ID = UUID(int=0)
"""Who acts when a script shows the operator's secret: no account."""


class Role(StrEnum):
    """What somebody may do in the hall; each includes the one before it."""

    MEMBER = "member"
    MODERATOR = "moderator"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody who is signed in, as far as any slice needs to know them."""

    id: UUID
    session_id: UUID
    """The session, the API key or the external identity that they came in with."""
    role: Role
    time_zone: str
    day_starts_at: int
    second_factor: bool = False
    """Whether they proved who they are by more than one thing."""
    scopes: frozenset[str] | None = None
    """What an API key may do, such as `challenges:read`; None for a person, who may do all."""

    @property
    def may_moderate(self) -> bool:
        return self.role in (Role.MODERATOR, Role.ADMIN)

    @property
    def may_administer(self) -> bool:
        return self.role is Role.ADMIN

    def local_day(self, at: datetime) -> date:
        """Give the calendar day that this member is living at an instant."""
        return local_day(at, self.time_zone, self.day_starts_at)
