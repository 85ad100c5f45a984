"""Placing work with a solver: CP-SAT, one goal after the other.

The model has one integer for each piece of work, its day, where one past the last day means none.
The days' minutes are one `cumulative` over intervals of a day, with fillers for what a day has less
than the longest one. So it grows with the work and the days, not with their product.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, groupby
from operator import mul

from ortools.sat.python import cp_model

from guildhall.goals.scheduling.greedy import Problem, settled

__all__ = ["SMALL", "DayModel", "Effort", "improve"]

LARGEST_COEFFICIENT = 10**11
SMALL = 60
"""Up to so many, thinking about the model takes longer than solving it."""


@dataclass
class Effort:
    """What solving may still take. Counted in CP-SAT's own units of work, which do not depend on
    the machine; the clock only guards."""

    units: float
    ends_at: float
    """By `time.monotonic`."""

    @property
    def is_spent(self) -> bool:
        return self.units <= 0 or time.monotonic() >= self.ends_at


@dataclass
class DayModel:
    """The hard rules for a problem; goals come one after the other."""

    problem: Problem
    model: cp_model.CpModel = field(default_factory=cp_model.CpModel)
    days: list[cp_model.IntVar] = field(default_factory=list)
    placed: list[cp_model.IntVar] = field(default_factory=list)

    def __post_init__(self) -> None:
        problem, model = self.problem, self.model
        nowhere, most = problem.nowhere, max(problem.free, default=0)
        intervals: list[cp_model.IntervalVar] = []
        for item, minutes in enumerate(problem.minutes):
            first, last = problem.windows[item]
            fitting = [day for day in range(first, last + 1) if problem.free[day] >= minutes]
            day = model.new_int_var_from_domain(
                cp_model.Domain.from_values([*fitting, nowhere]), ""
            )
            placed = model.new_bool_var("")
            model.add(day <= nowhere - 1).only_enforce_if(placed)
            model.add(day == nowhere).only_enforce_if(~placed)
            intervals.append(model.new_optional_fixed_size_interval_var(day, 1, placed, ""))
            self.days.append(day)
            self.placed.append(placed)
            for other in problem.depends_on[item]:
                model.add(self.days[other] <= day)
                model.add_implication(placed, self.placed[other])
        fillers = _fillers(problem.free, most)
        intervals += [
            model.new_fixed_size_interval_var(start, size, "") for start, size, _ in fillers
        ]
        model.add_cumulative(intervals, [*problem.minutes, *(less for _, _, less in fillers)], most)
        self._add_room()

    def _add_room(self) -> None:
        """Say that what has to be within a stretch of days has no more minutes than they have.

        Follows from the rest, but gives the solver its bound at once.
        """
        problem = self.problem
        firsts = sorted({first for first, _ in problem.windows})[:12]
        lasts = sorted({last for _, last in problem.windows})[-12:]
        for first in firsts:
            for last in lasts:
                within = [
                    item
                    for item, (start, end) in enumerate(problem.windows)
                    if first <= start and end <= last
                ]
                room = sum(problem.free[first : last + 1])
                if sum(problem.minutes[item] for item in within) > room:
                    self.model.add(
                        sum(problem.minutes[item] * self.placed[item] for item in within) <= room
                    )

    def weight_left_out(self) -> cp_model.LinearExpr:
        weights = self.problem.weights
        placed = cp_model.LinearExpr.weighted_sum(self.placed, [-weight for weight in weights])
        return placed + sum(weights)

    def require(self, items: Iterable[int]) -> None:
        """Leave no choice but to place these."""
        for item in items:
            self.model.add(self.placed[item] == 1)

    def solve(
        self, goal: cp_model.LinearExpr, hint: Sequence[int], effort: Effort, units: float
    ) -> tuple[list[int] | None, bool]:
        """Minimise; give the days if any were found, and whether nothing is better."""
        self.model.clear_hints()  # type: ignore[no-untyped-call]  # ortools leaves it out
        for day, placed, value in zip(self.days, self.placed, hint, strict=True):
            self.model.add_hint(day, value)
            self.model.add_hint(placed, value != self.problem.nowhere)
        self.model.minimize(goal)
        solver = cp_model.CpSolver()
        parameters = solver.parameters
        parameters.num_workers = 1
        parameters.random_seed = 1
        if len(self.days) <= SMALL:
            parameters.cp_model_presolve = False
            parameters.linearization_level = 0
        parameters.max_deterministic_time = max(units, 1e-4)
        parameters.max_time_in_seconds = max(effort.ends_at - time.monotonic(), 0.001)
        status = solver.solve(self.model)
        effort.units -= solver.response_proto.deterministic_time
        if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
            return None, False
        return [solver.value(day) for day in self.days], status == cp_model.OPTIMAL


def improve(problem: Problem, start: Sequence[int], effort: Effort) -> tuple[list[int], bool]:
    """Give the best solution found from one at hand, never a worse one, and whether it is proved.

    First the weight without a day, then the minutes moved, then the days in order, as many at once
    as one number can hold exactly.
    """
    model = DayModel(problem)
    best, weight_proved = _leave_out_least(model, list(start), effort)
    best, moved_proved = _move_least(model, best, effort)
    best, days_proved = _come_early(model, best, effort)
    return best, weight_proved and moved_proved and days_proved


def _leave_out_least(model: DayModel, best: list[int], effort: Effort) -> tuple[list[int], bool]:
    problem = model.problem
    if not problem.score(best)[0]:
        model.require(range(len(model.placed)))
        return best, True
    goal = model.weight_left_out()
    best, proved = _better(model, goal, best, effort, 0.6)
    model.model.add(goal <= problem.score(best)[0])
    return best, proved


def _move_least(model: DayModel, best: list[int], effort: Effort) -> tuple[list[int], bool]:
    problem = model.problem
    stood = [(item, day) for item, day in enumerate(problem.was_on) if day is not None]
    if not problem.score(best)[1]:
        for item, day in stood:
            model.model.add(model.days[item] == day)
        return best, True
    stays: list[cp_model.IntVar] = []
    for item, day in stood:
        stays.append(model.model.new_bool_var(""))
        model.model.add(model.days[item] == day).only_enforce_if(stays[-1])
        model.model.add(model.days[item] != day).only_enforce_if(~stays[-1])
    minutes = [problem.minutes[item] for item, _ in stood]
    goal = cp_model.LinearExpr.weighted_sum(stays, [-lost for lost in minutes]) + sum(minutes)
    best, proved = _better(model, goal, best, effort, 0.6)
    model.model.add(goal <= problem.score(best)[1])
    return best, proved


def _come_early(model: DayModel, best: list[int], effort: Effort) -> tuple[list[int], bool]:
    problem = model.problem
    at = 0
    free = list(problem.free)
    while at < len(best):
        if best[at] == _floor(problem, best, at, free):
            chunk = [at]
        elif effort.is_spent:
            return best, False
        else:
            chunk, goal = _chunk(model, at)
            best, proved = _better(model, goal, best, effort, 0.5)
            if not proved:
                return best, False
        for item in chunk:
            model.model.add(model.days[item] == best[item])
            if best[item] != problem.nowhere:
                free[best[item]] -= problem.minutes[item]
        at = chunk[-1] + 1
    return best, True


def _chunk(model: DayModel, at: int) -> tuple[list[int], cp_model.LinearExpr]:
    """Take the next days in order, written as the digits of one number."""
    sizes: list[int] = []
    span = 1
    for first, _ in model.problem.windows[at:]:
        sizes.append(model.problem.nowhere - first + 1)
        span *= sizes[-1]
        if span > LARGEST_COEFFICIENT and len(sizes) > 1:
            sizes.pop()
            break
    places = list(accumulate(reversed(sizes[1:]), mul, initial=1))[::-1]
    chunk = list(range(at, at + len(sizes)))
    days = [model.days[item] for item in chunk]
    return chunk, cp_model.LinearExpr.weighted_sum(days, places)


def _floor(problem: Problem, days: Sequence[int], item: int, free: Sequence[int]) -> int:
    """Give the first day that one could have beside those before it in order."""
    first, last = problem.windows[item]
    first = max([first, *(days[other] for other in problem.depends_on[item])])
    for day in range(first, last + 1):
        if free[day] >= problem.minutes[item]:
            return day
    return problem.nowhere


def _better(
    model: DayModel, goal: cp_model.LinearExpr, best: list[int], effort: Effort, share: float
) -> tuple[list[int], bool]:
    """Solve for a goal with a share of what is left; give the better one, and whether proved."""
    if effort.is_spent:
        return best, False
    found, proved = model.solve(goal, best, effort, effort.units * share)
    if found is None:
        return best, False
    return min(best, settled(model.problem, found), key=model.problem.score), proved


def _fillers(free: Sequence[int], most: int) -> list[tuple[int, int, int]]:
    """Give stretches of days with less than the most minutes: first day, days, how much less."""
    stretches: list[tuple[int, int, int]] = []
    day = 0
    for minutes, same in groupby(free):
        size = len(list(same))
        if minutes < most:
            stretches.append((day, size, most - minutes))
        day += size
    return stretches
