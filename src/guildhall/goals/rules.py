"""The arithmetic of goals, without I/O."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, timedelta

__all__ = [
    "LONGEST_YEARS",
    "MOST_GOALS",
    "MOST_XP_A_DAY",
    "XP",
    "days_between",
    "free_minutes",
    "xp_for_task",
]

XP: Mapping[str, int] = {"easy": 10, "medium": 20, "hard": 40, "expert": 80}
"""What a task of each difficulty is worth."""
REVIEW_XP = 5
MOST_XP_A_DAY = 200
"""Nobody looks over a member's shoulder, so a day's tasks are worth that much at most."""
MOST_GOALS = 50
LONGEST_YEARS = 5


def xp_for_task(kind: str, difficulty: str, earned_today: int) -> int:
    """Give what a task is worth on a day that has brought so much already."""
    worth = REVIEW_XP if kind == "review" else XP[difficulty]
    return max(0, min(worth, MOST_XP_A_DAY - earned_today))


def days_between(first: date, last: date) -> list[date]:
    """Give all days from the first to the last, both included; none if they are the wrong way."""
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def free_minutes(
    days: Collection[date],
    minutes_by_weekday: Mapping[int, int],
    taken: Mapping[date, int],
    away: Collection[date],
    at_most: int | None,
) -> dict[date, int]:
    """Give the minutes that each day has left beside what it holds; days without are not in it.

    `away` are days that have none, `at_most` is what one goal may have of a day.
    """
    free = {
        day: minutes_by_weekday[day.weekday()] - taken.get(day, 0)
        for day in days
        if day not in away
    }
    return {
        day: minutes if at_most is None else min(minutes, at_most)
        for day, minutes in free.items()
        if minutes > 0
    }
