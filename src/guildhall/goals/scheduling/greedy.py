"""Placing work by hand: in order of what is due, each on the first day with room.

Where this places everything and moves nothing, it is the best there is, by the objective of
`scheduling.place`; else it is what the solver starts from, and what it is measured against.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date
from heapq import heapify, heappop, heappush

from guildhall.goals.scheduling.placement import Calendar, Placement, Why, Work

__all__ = ["Problem", "Score", "first_fit", "greedy", "keepable", "placement_of", "settled"]

Score = tuple[int, int, tuple[int, ...]]
"""Weight without a day, minutes moved, and the days in order of importance; less is better."""


@dataclass(frozen=True)
class Problem:
    """What can be placed, by number: days and work, the work in order of what comes first.

    The order is that of `place`: by the day on which it, or what depends on it, is due, then as
    given, and never before what it depends on. A day's number that is one past the last means no
    day at all, so that "comes no earlier than" holds for what has no day, too.
    """

    days: Sequence[date]
    free: Sequence[int]
    keys: Sequence[str]
    minutes: Sequence[int]
    weights: Sequence[int]
    windows: Sequence[tuple[int, int]]
    """First and last day that will do, both included; a day within may be too short."""
    depends_on: Sequence[tuple[int, ...]]
    was_on: Sequence[int | None]
    work: Sequence[Work]
    """All of it as given, also what no placement has a day for."""
    calendar: Calendar
    known: Set[str]

    @property
    def nowhere(self) -> int:
        return len(self.days)

    @classmethod
    def of(cls, work: Sequence[Work], calendar: Calendar) -> Problem:
        """Number the days and the work. Raises ValueError for two of one key."""
        by_key = {item.key: item for item in work}
        if len(by_key) != len(work):
            raise ValueError("two pieces of work have the same key")
        days = sorted(day for day, minutes in calendar.free_minutes.items() if minutes > 0)
        free = [calendar.free_minutes[day] for day in days]
        kept = _placeable(_in_order(work), days, free)
        number = {item.key: position for position, item in enumerate(kept)}
        position_of = {day: position for position, day in enumerate(days)}
        windows = [_window(item, days) for item in kept]
        stood = [None if item.was_on is None else position_of.get(item.was_on) for item in kept]
        return cls(
            days=days,
            free=free,
            keys=[item.key for item in kept],
            minutes=[item.minutes for item in kept],
            weights=[item.weight for item in kept],
            windows=windows,
            depends_on=[
                tuple(sorted(number[key] for key in item.depends_on if key in number))
                for item in kept
            ],
            was_on=[
                day
                if day is not None and first <= day <= last and free[day] >= item.minutes
                else None
                for item, day, (first, last) in zip(kept, stood, windows, strict=True)
            ],
            work=work,
            calendar=calendar,
            known=by_key.keys(),
        )

    def score(self, days: Sequence[int]) -> Score:
        """Say how good a solution is. What no placement can leave where it was does not count."""
        moved = sum(
            minutes
            for minutes, day, was_on in zip(self.minutes, days, self.was_on, strict=True)
            if was_on is not None and day != was_on
        )
        left_out = sum(
            weight for weight, day in zip(self.weights, days, strict=True) if day == self.nowhere
        )
        return left_out, moved, tuple(days)


def greedy(work: Sequence[Work], calendar: Calendar) -> Placement:
    """Place each on the first day with room, what is due first before the rest.

    Valid always, and `optimal` never claimed. Where things stood before is not looked at.
    """
    problem = Problem.of(work, calendar)
    return placement_of(problem, first_fit(problem, [None] * len(problem.keys)), optimal=False)


def first_fit(
    problem: Problem, kept: Sequence[int | None], order: Iterable[int] | None = None
) -> list[int]:
    """Give each the first day with room, in order, around those that keep the day named.

    What is kept must go together, as `keepable` gives it. Where what one depends on finds no day,
    it has none either, kept or not. Another order must have first what others depend on, too.
    """
    free = list(problem.free)
    last = [last for _, last in problem.windows]
    bound = [problem.nowhere] * len(kept)
    for item in reversed(range(len(kept))):
        if (day := kept[item]) is not None:
            free[day] -= problem.minutes[item]
            bound[item] = day
        last[item] = min(last[item], bound[item])
        for other in problem.depends_on[item]:
            bound[other] = min(bound[other], bound[item])
    days = [problem.nowhere] * len(kept)
    for item in range(len(kept)) if order is None else order:
        minutes = problem.minutes[item]
        first = max((days[other] for other in problem.depends_on[item]), default=0)
        first = max(first, problem.windows[item][0])
        day = kept[item]
        if day is not None:
            free[day] += minutes
        found = day if day is not None and first <= day else None
        if found is None:
            found = _first_day(free, minutes, first, last[item])
        if found is not None:
            free[found] -= minutes
            days[item] = found
    return days


def keepable(problem: Problem) -> list[int | None]:
    """Choose what keeps its day: in order, as far as the days' minutes and dependencies allow."""
    free = list(problem.free)
    first = [first for first, _ in problem.windows]
    kept: list[int | None] = []
    for item, was_on in enumerate(problem.was_on):
        first[item] = max([first[item], *(first[other] for other in problem.depends_on[item])])
        keep = was_on is not None and was_on >= first[item]
        if was_on is not None and keep and free[was_on] >= problem.minutes[item]:
            free[was_on] -= problem.minutes[item]
            first[item] = was_on
            kept.append(was_on)
        else:
            kept.append(None)
    return kept


def settled(problem: Problem, days: Sequence[int]) -> list[int]:
    """Make a solution better by moving one at a time: back to where it was, or to an earlier day.

    Afterwards nothing without a day could have one, unless something else made room.
    """
    result = list(days)
    free = [*problem.free, 0]
    followers: list[list[int]] = [[] for _ in result]
    for item, day in enumerate(result):
        free[day] -= problem.minutes[item]
        for other in problem.depends_on[item]:
            followers[other].append(item)
    improved = True
    while improved:
        improved = False
        for item, minutes in enumerate(problem.minutes):
            day, was_on = result[item], problem.was_on[item]
            if day == was_on:
                continue
            first = max((result[other] for other in problem.depends_on[item]), default=0)
            first = max(first, problem.windows[item][0])
            last = min((result[other] for other in followers[item]), default=problem.nowhere)
            last = min(last, problem.windows[item][1])
            found: int | None = None
            if was_on is not None and first <= was_on <= last and free[was_on] >= minutes:
                found = was_on
            else:
                found = _first_day(free, minutes, first, min(last, day - 1))
            if found is not None:
                free[day] += minutes
                free[found] -= minutes
                result[item] = found
                improved = True
    return result


def placement_of(problem: Problem, days: Sequence[int], *, optimal: bool) -> Placement:
    """Put a solution into dates and reasons."""
    placed = sorted((day, item) for item, day in enumerate(days) if day != problem.nowhere)
    on = {problem.keys[item]: problem.days[day] for day, item in placed}
    unplaced = {
        item.key: _why(item, problem.calendar, on, problem.known)
        for item in problem.work
        if item.key not in on
    }
    return Placement(on, unplaced, optimal)


def _first_day(free: Sequence[int], minutes: int, first: int, last: int) -> int | None:
    for day in range(first, last + 1):
        if free[day] >= minutes:
            return day
    return None


def _why(item: Work, calendar: Calendar, on: Mapping[str, date], known: Set[str]) -> Why:
    free = calendar.free_minutes
    if free and item.latest < min(free):
        return Why.TOO_LATE
    if item.minutes > max(free.values(), default=0):
        return Why.TOO_LONG
    if (item.depends_on & known) - on.keys():
        return Why.WAITS_FOR_UNPLACED
    return Why.NO_ROOM


def _in_order(work: Sequence[Work]) -> list[Work]:
    """Order by what is due first, then as given, after what each depends on; leave circles out."""
    number = {item.key: position for position, item in enumerate(work)}
    depends_on = [[number[key] for key in item.depends_on if key in number] for item in work]
    followers = followers_of(depends_on)
    due = [item.latest for item in work]
    for item in reversed(sorted_by(depends_on, followers, [(0, item) for item in number.values()])):
        for other in depends_on[item]:
            due[other] = min(due[other], due[item])
    ranks = [(due[item].toordinal(), item) for item in number.values()]
    return [work[item] for item in sorted_by(depends_on, followers, ranks)]


def followers_of(depends_on: Sequence[Sequence[int]]) -> list[list[int]]:
    """Turn it round: what depends on each."""
    followers: list[list[int]] = [[] for _ in depends_on]
    for item, others in enumerate(depends_on):
        for other in others:
            followers[other].append(item)
    return followers


def sorted_by(
    depends_on: Sequence[Sequence[int]],
    followers: Sequence[Sequence[int]],
    ranks: Sequence[tuple[float, int]],
) -> list[int]:
    """Sort topologically, the lowest rank first (Kahn 1962); what is in a circle never comes."""
    waits_for = [len(others) for others in depends_on]
    ready = [ranks[item] for item, number in enumerate(waits_for) if not number]
    heapify(ready)
    result: list[int] = []
    while ready:
        _, item = heappop(ready)
        result.append(item)
        for follower in followers[item]:
            waits_for[follower] -= 1
            if not waits_for[follower]:
                heappush(ready, ranks[follower])
    return result


def _window(item: Work, days: Sequence[date]) -> tuple[int, int]:
    first = 0 if item.earliest is None else bisect_left(days, item.earliest)
    return first, bisect_right(days, item.latest) - 1


def _placeable(ordered: Sequence[Work], days: Sequence[date], free: Sequence[int]) -> list[Work]:
    """Leave out what has no day even alone, and what depends on that."""
    by_key = {item.key: item for item in ordered}
    result: dict[str, Work] = {}
    for item in ordered:
        first, last = _window(item, days)
        alone = _first_day(free, item.minutes, first, last) is not None
        if alone and item.depends_on & by_key.keys() <= result.keys():
            result[item.key] = item
    return list(result.values())
