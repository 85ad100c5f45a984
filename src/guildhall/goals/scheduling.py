"""Placing tasks on days: under capacity, after what they depend on, before their deadline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

__all__ = ["Calendar", "Placement", "Why", "Work"]


@dataclass(frozen=True, slots=True)
class Work:
    """Something that takes a part of one day."""

    key: str
    minutes: int
    latest: date
    """The last day that will do."""
    earliest: date | None = None
    depends_on: frozenset[str] = frozenset()
    """What is done on an earlier day, or before it on the same day."""
    weight: int = 1
    """How much it matters that it is placed, against others that may have to be left out."""
    was_on: date | None = None
    """Where it stood before; moving it costs the member's trust, so it is moved for a reason."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """The days that there are, and the minutes free on each; a day that is missing has none."""

    free_minutes: Mapping[date, int]


class Why(StrEnum):
    """Why something has no day."""

    NO_ROOM = "no_room"  # Not enough minutes before its deadline beside what matters more.
    TOO_LONG = "too_long"  # No day has that many minutes.
    TOO_LATE = "too_late"  # Its days are over.
    WAITS_FOR_UNPLACED = "waits_for_unplaced"  # What it depends on has no day either.


@dataclass(frozen=True, slots=True)
class Placement:
    """Which day everything got. `days` and `unplaced` together name all the work."""

    days: Mapping[str, date]
    unplaced: Mapping[str, Why]
    optimal: bool
    """Whether it is proved that nothing better exists, by the objective of `place`."""


def place(work: Sequence[Work], calendar: Calendar, *, seconds: float = 1.5) -> Placement:
    """Place work on days."""
    raise NotImplementedError
