"""What happened in identity."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import ClassVar
from uuid import UUID

from guildhall.kernel.events import Event

__all__ = ["MemberMovedZone", "SessionsChanged", "UserRegistered"]


@dataclass(frozen=True, slots=True, kw_only=True)
class UserRegistered(Event):
    """Somebody joined the hall."""

    name: ClassVar[str] = "identity.user_registered.v1"
    local_day: date


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberMovedZone(Event):
    """A member's wall clock was set to another zone or day start.

    `left_day` is the day they were living before, `entered_day` the one they live after: days in
    between, and these two, are not full ones, and nobody can be held to them.
    """

    name: ClassVar[str] = "identity.member_moved_zone.v1"
    left_day: date
    entered_day: date


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionsChanged(Event):
    """Some of a member's sessions ended or changed, and the door may not know yet.

    The door is told right after the commit; this is delivered only if that went wrong, or if the
    process died before.
    """

    name: ClassVar[str] = "identity.sessions_changed.v1"
    session_ids: tuple[UUID, ...]
