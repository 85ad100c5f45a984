"""The arithmetic of goals, without I/O."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

__all__ = [
    "LONGEST_YEARS",
    "MOST_GOALS",
    "MOST_XP_A_DAY",
    "XP",
    "days_between",
    "free_minutes",
    "last_deadline",
    "xp_for_task",
]

XP: Mapping[str, int] = {"easy": 10, "medium": 20, "hard": 40, "expert": 80}
"""What a task of each difficulty is worth."""
REVIEW_XP = 5
MOST_XP_A_DAY = 200
"""Nobody looks over a member's shoulder, so a day's tasks are worth that much at most."""
MOST_GOALS = 50
LONGEST_YEARS = 5


def xp_for_task(kind: str, difficulty: str) -> int:
    """Give what a task is worth, before the cap of its day."""
    return REVIEW_XP if kind == "review" else XP[difficulty]


def last_deadline(today: date) -> date:
    """Give the last day that a goal set today may end on; for 29 February, the day before."""
    year = today.year + LONGEST_YEARS
    try:
        return today.replace(year=year)
    except ValueError:
        return date(year, 2, 28)


def days_between(first: date, last: date) -> list[date]:
    """Give all days from the first to the last, both included; none if they are the wrong way."""
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def free_minutes(
    minutes: Mapping[date, int], taken: Mapping[date, int], at_most: int | None = None
) -> dict[date, int]:
    """Give the minutes that each day has left beside what is taken; full days are not in it.

    `at_most` is what one goal may have of a day.
    """
    free = {day: of_day - taken.get(day, 0) for day, of_day in minutes.items()}
    return {
        day: left if at_most is None else min(left, at_most)
        for day, left in free.items()
        if left > 0
    }
