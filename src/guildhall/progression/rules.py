"""The arithmetic of progression, without I/O."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from math import isqrt

__all__ = [
    "BOARD_GLOBAL",
    "LOWEST_RANK",
    "RANKS",
    "RULE_TEXTS",
    "WINDOWS",
    "Streak",
    "current_streak",
    "level_for",
    "level_xp",
    "next_level_xp",
    "periods_at",
    "rank_after",
    "rank_for",
    "season_bounds",
    "streak_of",
    "streak_with",
    "xp_for_score",
]

RANKS = ("E", "D", "C", "B", "A", "S")
LOWEST_RANK = RANKS[0]
BOARD_GLOBAL = "global"
WINDOWS = ("all", "season", "week", "day")

FREEZE_EVERY_DAYS = 7
MOST_FREEZES = 2

RULE_TEXTS: Mapping[tuple[str, int], str] = {
    ("challenge", 1): (
        "Challenge XP × score ÷ 100, rounded half up, for a passed attempt,"
        " less what earlier attempts at the same challenge have earned."
    ),
    ("task", 1): (
        "A task of a goal, by its difficulty: easy 10, medium 20, hard 40, expert 80; a review 5."
        " At most 200 for the tasks of one day."
    ),
    ("correction", 1): "Set right by an admin, with a reason.",
    ("rescoring", 1): "The difference to another entry, which was scored anew with many others.",
}
"""What each rule says, by its id and version. A rule that changes gets a new version."""


def xp_for_score(xp: int, score: int) -> int:
    """Give the share of a challenge's XP that a score from 0 to 100 is worth, rounded half up."""
    return (xp * score + 50) // 100


def level_for(total_xp: int) -> int:
    """Give the level that a total stands for: floor(sqrt(total / 100)) + 1, at least 1."""
    return isqrt(max(0, total_xp) // 100) + 1


def level_xp(level: int) -> int:
    """Give the total XP at which a level begins."""
    return next_level_xp(level - 1)


def next_level_xp(level: int) -> int:
    """Give the total XP at which a level is left: level squared times 100."""
    return level * level * 100


def rank_for(domain_xp: int, thresholds: Mapping[str, int]) -> str:
    """Give the highest rank whose threshold the XP reaches; the lowest one takes none."""
    reached = [rank for rank in RANKS if rank in thresholds and domain_xp >= thresholds[rank]]
    return reached[-1] if reached else RANKS[0]


def rank_after(rank: str, thresholds: Mapping[str, int]) -> str | None:
    """Give the next higher rank that a domain has; None at the top."""
    above = RANKS[RANKS.index(rank) + 1 :]
    return next((higher for higher in above if higher in thresholds), None)


def periods_at(at: datetime) -> Mapping[str, str]:
    """Give the period of each window that an instant falls into, in UTC.

    A board is keyed by its period, so a new one begins empty and nothing is ever reset.
    """
    return _periods_of(at.astimezone(UTC).date())


@lru_cache(maxsize=64)
def _periods_of(day: date) -> Mapping[str, str]:
    year, week, _ = day.isocalendar()
    return {
        "all": "all",
        "season": f"{day.year}-Q{(day.month + 2) // 3}",
        "week": f"{year}-W{week:02}",
        "day": day.isoformat(),
    }


def season_bounds(season: str) -> tuple[datetime, datetime]:
    """Give the first instant of a season such as `2026-Q4`, and of the one after it."""
    year, quarter = int(season[:4]), int(season[-1])
    starts = date(year, quarter * 3 - 2, 1)
    ends = date(year + 1, 1, 1) if quarter == 4 else date(year, quarter * 3 + 1, 1)
    return (
        datetime.combine(starts, time(), UTC),
        datetime.combine(ends, time(), UTC),
    )


@dataclass(frozen=True, slots=True)
class Streak:
    """A run of days. `frozen` are the missed days that freezes were spent on by the last step."""

    days: int = 0
    longest: int = 0
    last_day: date | None = None
    freezes: int = 0
    frozen: tuple[date, ...] = ()


def streak_with(streak: Streak, day: date, paused: Collection[date]) -> Streak:
    """Give the streak after one more active day, not before its last one.

    Missed days that were paused cost nothing; each other one takes a freeze, and if there are not
    enough the run starts anew. Every seventh day of a run earns a freeze, up to two.
    """
    if streak.last_day is not None and day <= streak.last_day:
        return replace(streak, frozen=())
    missed = _missed(streak.last_day, day, paused)
    if streak.last_day is None or len(missed) > streak.freezes:
        return replace(streak, days=1, longest=max(1, streak.longest), last_day=day, frozen=())
    days = streak.days + 1
    earned = 1 if days % FREEZE_EVERY_DAYS == 0 else 0
    return Streak(
        days=days,
        longest=max(days, streak.longest),
        last_day=day,
        freezes=min(MOST_FREEZES, streak.freezes - len(missed) + earned),
        frozen=tuple(missed),
    )


def streak_of(days: Collection[date], paused: Collection[date]) -> tuple[Streak, set[date]]:
    """Give the streak that a whole history of active days makes, and all days frozen in it."""
    streak, frozen = Streak(), set[date]()
    for day in sorted(set(days)):
        streak = streak_with(streak, day, paused)
        frozen.update(streak.frozen)
    return streak, frozen


def current_streak(streak: Streak, today: date, paused: Collection[date]) -> int:
    """Give the length of the run as it stands today.

    Today is not over, so it is not missed yet; days since the last active one end the run unless
    they are paused or the freezes in hand would cover them.
    """
    missed = _missed(streak.last_day, today, paused)
    return streak.days if len(missed) <= streak.freezes else 0


def _missed(last_day: date | None, day: date, paused: Collection[date]) -> list[date]:
    if last_day is None:
        return []
    between = (last_day + timedelta(days=n) for n in range(1, (day - last_day).days))
    return [missed for missed in between if missed not in paused]
