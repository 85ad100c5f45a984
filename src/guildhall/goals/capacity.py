"""How many minutes a member really has on each day of the week, learnt from what they did.

A day on which less was done than planned shows how much there was. A day on which everything was
done shows only that there was at least that much, so it is taken as a lower bound (a censored
observation), or plans would shrink week by week. Minutes are taken to scatter normally around the
capacity; the estimate is the one that fits best together with a prior: what was declared, and for
each weekday what all days say together. A day that lies far off pulls no harder than one that lies
`OUTLIER` deviations off (Huber's psi, made consistent for censored days), so a week in bed does
not become a habit.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from statistics import NormalDist

__all__ = ["LEAST_MINUTES", "MOST_OF_DECLARED", "SLACK_SHARE", "Capacity", "DayRecord", "learned"]

SLACK_SHARE = 0.1
"""What is left free of every day, since something always comes up."""

LEAST_MINUTES = 10
"""A day never counts for less, so that there is always a task to come back with."""

MOST_OF_DECLARED = 1.25
"""A member said how much they want to do; doing more does not oblige them to much more."""

MINUTES_OF_A_DAY = 24 * 60
SPREAD = 0.3  # How far days scatter, as a share of the capacity.
DECLARED_WEIGHT = 8.0  # As many days as this are needed to count for as much as the declaration.
WEEK_WEIGHT = 2.5  # The same for one weekday against all days.
OUTLIER = 1.5
HALF_LIFE_DAYS = 60  # People change: a day counts half as much after two months.
WEEKDAYS = ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays")

_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class DayRecord:
    """What was planned for a day and what came of it. The caller leaves out days of a pause."""

    day: date
    planned_minutes: int
    done_minutes: int


@dataclass(frozen=True, slots=True)
class Capacity:
    """What one weekday holds, and why it is thought so."""

    minutes: int
    plannable_minutes: int
    """What may be planned: the capacity without its slack."""
    reason: str


def learned(history: Sequence[DayRecord], declared_minutes: int) -> Mapping[int, Capacity]:
    """Give the capacity of each weekday, 0 (Monday) to 6.

    Between `LEAST_MINUTES` (or what was declared, if that is less) and `MOST_OF_DECLARED` of what
    was declared. Days on which nothing was planned and nothing done say nothing.
    """
    most = min(declared_minutes * MOST_OF_DECLARED, float(MINUTES_OF_A_DAY))
    least = min(float(LEAST_MINUTES), most, declared_minutes)
    telling = [day for day in history if day.planned_minutes > 0 or day.done_minutes > 0]
    newest = max((record.day for record in telling), default=None)
    days: list[list[_Seen]] = [[] for _ in WEEKDAYS]
    for record in telling:
        assert newest is not None
        days[record.day.weekday()].append(_Seen.of(record, newest))
    everything = [seen for weekday in days for seen in weekday]
    overall = float(declared_minutes)
    for _ in range(2):  # How far days scatter depends on the capacity: guess, then look again.
        spread = max(SPREAD * overall, 1.0)
        overall = _fitted(everything, declared_minutes, DECLARED_WEIGHT, spread, least, most)
    spread = max(SPREAD * overall, 1.0)
    capacities = {}
    for weekday, seen in enumerate(days):
        minutes = round(_fitted(seen, overall, WEEK_WEIGHT, spread, least, most))
        capacities[weekday] = Capacity(
            minutes,
            min(minutes, max(math.floor(minutes * (1 - SLACK_SHARE)), round(least))),
            _reason(weekday, seen, len(telling), minutes, declared_minutes),
        )
    return capacities


@dataclass(frozen=True, slots=True)
class _Seen:
    """What one day says: exactly so many minutes, or at least so many."""

    minutes: int
    at_least: bool
    weight: float

    @classmethod
    def of(cls, record: DayRecord, newest: date) -> _Seen:
        return cls(
            record.done_minutes,
            record.done_minutes >= record.planned_minutes,
            0.5 ** ((newest - record.day).days / HALF_LIFE_DAYS),
        )

    def pull(self, capacity: float, spread: float) -> float:
        """Give how hard this day pulls a capacity up, or down if negative."""
        off = (self.minutes - capacity) / spread
        return self.weight * (_expected_beyond(off) if self.at_least else _bounded(off))


def _bounded(off: float) -> float:
    return max(-OUTLIER, min(OUTLIER, off))


def _expected_beyond(off: float) -> float:
    """Give the mean of `_bounded` over the part of a standard normal that lies beyond `off`."""
    if off >= OUTLIER:
        return OUTLIER
    beyond = 1 - _NORMAL.cdf(off)
    if off <= -OUTLIER:
        return OUTLIER * (1 - beyond) / beyond
    above = _NORMAL.pdf(off) - _NORMAL.pdf(OUTLIER) + OUTLIER * (1 - _NORMAL.cdf(OUTLIER))
    return above / beyond


def _fitted(
    seen: Iterable[_Seen],
    prior: float,
    prior_weight: float,
    spread: float,
    least: float,
    most: float,
) -> float:
    """Give the capacity at which all pulls and the prior's balance, between two bounds.

    Every pull falls as the capacity rises, so there is one such place, and halving finds it.
    """
    seen = list(seen)
    low, high = least, most
    while high - low > 0.01:
        middle = (low + high) / 2
        total = prior_weight * (prior - middle) / spread
        if total + sum(one.pull(middle, spread) for one in seen) > 0:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _reason(
    weekday: int, seen: Sequence[_Seen], days: int, minutes: int, declared_minutes: int
) -> str:
    name = WEEKDAYS[weekday]
    if not days:
        return f"You said {declared_minutes} minutes a day; there is nothing to learn from yet."
    if not seen:
        return f"No {name} yet; your other days point to {minutes} of {declared_minutes} minutes."
    short = [one for one in seen if not one.at_least]
    mean = round(sum(one.minutes for one in seen) / len(seen))
    counted = f"{len(seen)} {name if len(seen) > 1 else name[:-1]}"
    if not short:
        return f"You finished everything on {counted}, {mean} minutes on average."
    whole = f"on {len(seen) - len(short)}" if len(seen) > len(short) else "on none"
    return (
        f"On {counted} you did {mean} minutes on average and finished everything {whole};"
        f" you had said {declared_minutes}."
    )
