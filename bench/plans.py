"""(g) Plans: whether they keep what they promise, and how long placing them takes.

A thousand goals of 3 to 200 tasks, with deadlines, weekday patterns, blocked days and dependencies,
some of them impossible, each placed three ways in the same run: by the hall; by a greedy scheduler
(what is due first, on the first day with room); and raw, as a proposal with dates of its own would
have it, which spreads its tasks over the days until the deadline in their order.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from statistics import median, quantiles

from bench.harness import Servers
from bench.report import Figure, progress
from bench.scale import Scale
from guildhall.goals.scheduling import Placement, greedy, place, violations
from tests.goals.generated import Case, a_day_missed, a_goal, a_year, spread_evenly

__all__ = ["Tally", "compare", "run"]

YEAR_SECONDS, DAY_MS = 2.0, 50.0
LOADS = (0.5, 0.8, 0.95, 1.1)


@dataclass
class Tally:
    """What became of many goals, placed one way."""

    plans: int = 0
    kept: int = 0
    """Plans that break no rule, with everything that has no day listed, and why."""
    optimal: int = 0
    whole: int = 0
    """Plans in which everything has a day, without breaking a rule."""
    weight: int = 0
    minutes: int = 0
    """Placed by plans that break no rule: what a member could accept."""
    seconds: list[float] = field(default_factory=list)

    @property
    def kept_percent(self) -> float:
        return 100 * self.kept / self.plans

    def add(self, case: Case, way: Callable[[Case], Placement]) -> None:
        began = time.perf_counter()
        placement = way(case)
        self.seconds.append(time.perf_counter() - began)
        self.plans += 1
        self.optimal += placement.optimal
        if not violations(case.work, case.calendar, placement):
            self.kept += 1
            self.whole += not placement.unplaced
            placed = [item for item in case.work if item.key in placement.days]
            self.weight += sum(item.weight for item in placed)
            self.minutes += sum(item.minutes for item in placed)


def by_the_hall(case: Case, seconds: float = 1.5) -> Placement:
    return place(case.work, case.calendar, seconds=seconds)


def by_hand(case: Case) -> Placement:
    return greedy(case.work, case.calendar)


def compare(goals: int, seconds: float = 1.5) -> dict[str, Tally]:
    """Place so many goals in each way; the hall has so many seconds for each."""
    tallies = {"hall": Tally(), "greedy": Tally(), "raw": Tally()}
    for seed in range(goals):
        case = a_goal(seed)
        tallies["hall"].add(case, partial(by_the_hall, seconds=seconds))
        tallies["greedy"].add(case, by_hand)
        tallies["raw"].add(case, spread_evenly)
        if seed % 100 == 99:
            progress(f"plans: {seed + 1} goals, {tallies['hall'].optimal} optimal")
    return tallies


async def run(_: Servers, scale: Scale) -> list[Figure]:
    """Compare, then measure a year and a day."""
    place(a_day_missed(0).work, a_day_missed(0).calendar)
    tallies = compare(scale.plan_goals)
    hall, hand, raw = tallies["hall"], tallies["greedy"], tallies["raw"]
    figures = [
        Figure(
            f"g. {hall.plans:,} plans that keep every rule, against raw",
            hall.kept_percent,
            "%",
            raw.kept_percent,
            hall.kept_percent / max(raw.kept_percent, 0.1),
            "100 %",
            hall.kept == hall.plans,
        ),
        Figure.against("g. the same, against greedy", hall.kept_percent, "%", hand.kept_percent),
        Figure.against(
            "g. weight placed, against greedy", hall.weight, "", hand.weight, at_least=1
        ),
        Figure.against("g. weight placed, against raw", hall.weight, "", raw.weight, at_least=1),
        Figure.against("g. minutes placed, against greedy", hall.minutes, "min", hand.minutes),
        Figure.against("g. minutes placed, against raw", hall.minutes, "min", raw.minutes),
        Figure.against(
            "g. plans with a day for everything, against greedy", hall.whole, "", hand.whole
        ),
        Figure.against(
            "g. plans with a day for everything, against raw", hall.whole, "", raw.whole
        ),
        Figure("g. plans proved optimal", 100 * hall.optimal / hall.plans, "%"),
        *_times("g. a goal", hall, unit="ms"),
    ]
    for load in LOADS:
        for deadlines in (False, True):
            year, baseline = Tally(), Tally()
            for seed in range(scale.plan_years):
                case = a_year(seed, load=load, deadlines=deadlines)
                year.add(case, by_the_hall)
                baseline.add(case, by_hand)
            name = f"g. 500 tasks in 365 days, {load:.0%} full"
            name += ", ten deadlines" if deadlines else ""
            figures += _times(name, year, unit="s", goal=YEAR_SECONDS)
            figures.append(
                Figure.against(f"{name}: weight, against greedy", year.weight, "", baseline.weight)
            )
    day = Tally()
    for seed in range(scale.plan_days):
        day.add(a_day_missed(seed), by_the_hall)
    figures += _times("g. a day's reshuffle", day, unit="ms", goal=DAY_MS)
    figures.append(Figure("g. reshuffles proved optimal", 100 * day.optimal / day.plans, "%"))
    return figures


def _times(name: str, tally: Tally, *, unit: str, goal: float | None = None) -> list[Figure]:
    times = [seconds * (1000 if unit == "ms" else 1) for seconds in tally.seconds]
    values = {"median": median(times), "p95": quantiles(times, n=20, method="inclusive")[-1]}
    return [
        Figure(
            f"{name}, {which}",
            value,
            unit,
            goal=None if goal is None else f"< {goal:g} {unit}",
            met=None if goal is None else value < goal,
        )
        for which, value in values.items()
    ]
