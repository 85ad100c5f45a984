"""The words of placing work on days, and what is wrong with a placement, whoever made it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

__all__ = ["Calendar", "Placement", "Why", "Work", "violations"]


@dataclass(frozen=True, slots=True)
class Work:
    """Something that takes a part of one day."""

    key: str
    minutes: int
    latest: date
    """The last day that will do."""
    earliest: date | None = None
    depends_on: frozenset[str] = frozenset()
    """What is done on an earlier day, or before it on the same day. Keys that name none of the
    work at hand are taken as done."""
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

    NO_ROOM = "no_room"  # No day from its earliest to its latest has its minutes left.
    TOO_LONG = "too_long"  # No day has that many minutes.
    TOO_LATE = "too_late"  # Its days are over: its latest is before the first of the calendar.
    WAITS_FOR_UNPLACED = "waits_for_unplaced"  # What it depends on has no day either.


@dataclass(frozen=True, slots=True)
class Placement:
    """Which day everything got. `days` and `unplaced` together name all the work."""

    days: Mapping[str, date]
    """In the order of the days, and within a day in the order of doing."""
    unplaced: Mapping[str, Why]
    """In the order in which the work was given."""
    optimal: bool
    """Whether it is proved that nothing better exists, by the objective of `place`."""


def violations(work: Sequence[Work], calendar: Calendar, placement: Placement) -> list[str]:
    """Say what a placement breaks, a sentence each; empty if it may be shown to a member.

    Looks at the placement alone and shares nothing with what made it. A reason that is not true is
    a violation too.
    """
    by_key = {item.key: item for item in work}
    free = calendar.free_minutes
    days, unplaced = placement.days, placement.unplaced
    found = [f"{key} is not among the work." for key in sorted({*days, *unplaced} - {*by_key})]
    if len(by_key) != len(work):
        found.append("Two pieces of work have the same key.")
    used: dict[date, int] = defaultdict(int)
    for item in by_key.values():
        day = days.get(item.key)
        if (day is None) == (item.key not in unplaced):
            found.append(f"{item.key} must have either a day or a reason for none.")
        if day is None:
            continue
        used[day] += item.minutes
        if day > item.latest:
            found.append(f"{item.key} is on {day}, after its latest day {item.latest}.")
        if item.earliest is not None and day < item.earliest:
            found.append(f"{item.key} is on {day}, before its earliest day {item.earliest}.")
        for key in sorted(item.depends_on & by_key.keys()):
            if key not in days:
                found.append(f"{item.key} has a day, but {key}, which comes first, has none.")
            elif days[key] > day:
                found.append(f"{item.key} is on {day}, before {key}, which comes first.")
    found += [
        f"{day} has {minutes} minutes of work and {free.get(day, 0)} free."
        for day, minutes in sorted(used.items())
        if minutes > free.get(day, 0)
    ]
    order = {key: position for position, key in enumerate(days)}
    if list(days.values()) != sorted(days.values()):
        found.append("The days are not in order.")
    found += [
        f"{item.key} comes before {key} on the same day, although it depends on it."
        for item in by_key.values()
        for key in sorted(item.depends_on & order.keys())
        if item.key in order and days[key] == days[item.key] and order[key] > order[item.key]
    ]
    for key, why in unplaced.items():
        if key in by_key and not _true(why, by_key[key], by_key, calendar, placement, used):
            found.append(f"{key} has no day, but {why} is not the reason.")
    return found


def _true(
    why: Why,
    item: Work,
    by_key: Mapping[str, Work],
    calendar: Calendar,
    placement: Placement,
    used: Mapping[date, int],
) -> bool:
    free = calendar.free_minutes
    if why is Why.TOO_LATE:
        return bool(free) and item.latest < min(free)
    if why is Why.TOO_LONG:
        return all(item.minutes > minutes for minutes in free.values())
    depends_on = item.depends_on & by_key.keys()
    if why is Why.WAITS_FOR_UNPLACED:
        return bool(depends_on & placement.unplaced.keys())
    # A day before what it depends on has no room for it either.
    first = max([day for key in depends_on if (day := placement.days.get(key))], default=None)
    return not any(
        item.minutes <= minutes - used.get(day, 0)
        for day, minutes in free.items()
        if day <= item.latest
        and (item.earliest is None or day >= item.earliest)
        and (first is None or day >= first)
    )
