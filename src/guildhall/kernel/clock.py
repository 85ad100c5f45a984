"""Time, as something that can be handed in."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

__all__ = ["Clock", "SystemClock", "local_day"]


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """Give the present instant, in UTC."""
        ...


class SystemClock:
    """The clock of this machine."""

    def now(self) -> datetime:
        return datetime.now(UTC)


def local_day(at: datetime, time_zone: str, day_starts_at: int) -> date:
    """Give the calendar day that a member is living at an instant.

    `time_zone` is an IANA name; `day_starts_at` is the hour (0-23) of the wall clock at which
    their day begins, so that 01:30 still belongs to yesterday for somebody whose day starts at 4.
    The hour is read off the wall clock, not subtracted from the instant: on the night of a DST
    change the two differ.
    """
    wall = at.astimezone(ZoneInfo(time_zone))
    return wall.date() if wall.hour >= day_starts_at else wall.date() - timedelta(days=1)
