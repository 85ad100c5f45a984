"""Making room in a large plan: a stretch of days at a time is solved anew, the rest stays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from guildhall.goals.scheduling.greedy import Problem, settled
from guildhall.goals.scheduling.solving import DayModel, Effort

__all__ = ["reworked"]

MOST_PLACED = 30
MOST_WAITING = 20
UNITS_PER_STRETCH = 0.004


def reworked(problem: Problem, days: Sequence[int], effort: Effort, most: int) -> list[int]:
    """Place more weight, with at most so many solves of one stretch each.

    A stretch is as many days as have about 30 pieces of work, with what has no day and could come
    into it. Stretches go over the calendar from the start, half over each other, and round again.
    """
    best = list(days)
    start = 0
    for _ in range(most):
        if effort.is_spent or problem.score(best)[0] == 0:
            break
        end = _end(problem, best, start)
        best = _solved(problem, best, start, end, effort)
        start = 0 if end >= problem.nowhere - 1 else max(start + 1, (start + end) // 2)
    return best


def _end(problem: Problem, days: Sequence[int], start: int) -> int:
    number = [0] * (problem.nowhere + 1)
    for day in days:
        number[day] += 1
    total = 0
    for day in range(start, problem.nowhere):
        total += number[day]
        if total > MOST_PLACED and day > start:
            return day
    return problem.nowhere - 1


def _solved(problem: Problem, days: list[int], start: int, end: int, effort: Effort) -> list[int]:
    """Solve one stretch, both days included; give the better of before and after."""
    chosen: list[int] = []
    windows: dict[int, tuple[int, int]] = {}
    waiting = 0
    inside = set[int]()
    for item, day in enumerate(days):
        first, last = problem.windows[item]
        first, last = max(first, start), min(last, end)
        outside = [days[other] for other in problem.depends_on[item] if other not in inside]
        if day == problem.nowhere:
            reachable = first <= last and all(other <= last for other in outside)
            if not reachable or waiting >= MOST_WAITING:
                continue
            waiting += 1
        elif not start <= day <= end:
            continue
        inside.add(item)
        chosen.append(item)
        windows[item] = (max([first, *outside]), last)
    if not waiting:
        return days
    # What stays where it is, and depends on something of the stretch, keeps that placed and early.
    required = set[int]()
    for item, day in enumerate(days):
        if item not in inside and day != problem.nowhere:
            required.update(inside.intersection(problem.depends_on[item]))
    number = {item: position for position, item in enumerate(chosen)}
    free = list(problem.free)
    for item, day in enumerate(days):
        if item not in inside and start <= day <= end:
            free[day] -= problem.minutes[item]
    part = replace(
        problem,
        days=problem.days[start : end + 1],
        free=free[start : end + 1],
        keys=[problem.keys[item] for item in chosen],
        minutes=[problem.minutes[item] for item in chosen],
        weights=[problem.weights[item] for item in chosen],
        windows=[
            (first - start, last - start) for first, last in (windows[item] for item in chosen)
        ],
        depends_on=[
            tuple(number[other] for other in problem.depends_on[item] if other in number)
            for item in chosen
        ],
        was_on=[None for _ in chosen],
    )
    model = DayModel(part)
    model.require(number[item] for item in required)
    hint = [min(days[item] - start, part.nowhere) for item in chosen]
    found, _ = model.solve(model.weight_left_out(), hint, effort, UNITS_PER_STRETCH)
    if found is None:
        return days
    after = list(days)
    for item, day in zip(chosen, found, strict=True):
        after[item] = problem.nowhere if day == part.nowhere else start + day
    return min(days, settled(problem, after), key=problem.score)
