"""Goals and calendars made up by chance, the same for the same seed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import accumulate
from random import Random

from guildhall.goals.scheduling import Calendar, Placement, Work

__all__ = ["FIRST_DAY", "Case", "a_day_missed", "a_goal", "a_year", "spread_evenly"]

FIRST_DAY = date(2026, 3, 2)
SESSIONS = (10, 15, 20, 25, 30, 40, 45, 50, 60, 75, 90)


@dataclass(frozen=True)
class Case:
    """Work and the days for it."""

    work: list[Work]
    calendar: Calendar

    @property
    def minutes(self) -> int:
        return sum(item.minutes for item in self.work)


def a_calendar(random: Random, days: int) -> Calendar:
    """Give days with a pattern over the week, some of them blocked or short."""
    pattern = [random.choice((0, 20, 30, 40, 60, 60, 90, 120)) for _ in range(7)]
    if not any(pattern):
        pattern[random.randrange(7)] = 60
    free = {}
    for offset in range(days):
        day = FIRST_DAY + timedelta(days=offset)
        chance = random.random()
        if chance < 0.05:
            continue
        free[day] = pattern[day.weekday()] // 2 if chance < 0.12 else pattern[day.weekday()]
    return Calendar(free)


def a_goal(seed: int) -> Case:
    """Give a goal of 3 to 200 tasks in milestones; some roomy, some tight, some without hope."""
    random = Random(seed)
    number = random.choice((random.randint(3, 20), random.randint(20, 80), random.randint(80, 200)))
    sessions = random.sample(SESSIONS, random.randint(2, 6))
    minutes = [random.choice(sessions) for _ in range(number)]
    load = random.choice((0.3, 0.5, 0.7, 0.85, 0.95, 1.0, 1.15, 1.5))
    roomy = a_calendar(random, 700)
    room = accumulate(roomy.free_minutes.values())
    days = next((n for n, total in enumerate(room, 1) if total * load >= sum(minutes)), 700)
    calendar = Calendar(dict(list(roomy.free_minutes.items())[: max(days, 3)]))
    last = max(calendar.free_minutes)
    span = (last - FIRST_DAY).days
    milestones = random.randint(1, 6)
    own_deadlines = random.random() < 0.4
    shuffled = random.random() < 0.3
    work = []
    for item in range(number):
        milestone = item * milestones // number
        depends_on = {
            f"t{other}"
            for other in random.sample(range(item), min(item, random.choice((0, 0, 1, 1, 2))))
            if item - other < 15
        }
        latest = last
        if own_deadlines:
            latest = FIRST_DAY + timedelta(days=span * (milestone + 1) // milestones)
        if random.random() < 0.03:
            latest = FIRST_DAY + timedelta(days=random.randint(-5, max(span, 1)))
        earliest = None
        if random.random() < 0.05:
            earliest = FIRST_DAY + timedelta(days=random.randint(0, max(span // 2, 1)))
        work.append(
            Work(
                f"t{item}",
                random.randint(130, 200) if random.random() < 0.005 else minutes[item],
                latest,
                earliest,
                frozenset(depends_on),
                random.choice((1, 1, 1, 2, 3, 5)),
            )
        )
    if shuffled:
        random.shuffle(work)
    return Case(work, calendar)


def a_year(seed: int, *, load: float, deadlines: bool = True) -> Case:
    """Give 500 tasks for 365 days, in chains of milestones."""
    random = Random(seed)
    pattern = [random.choice((45, 60, 90, 120)) for _ in range(7)]
    free = {}
    for offset in range(365):
        day = FIRST_DAY + timedelta(days=offset)
        if random.random() > 0.04:
            free[day] = pattern[day.weekday()]
    room = sum(free.values()) * load
    mean = room / 500
    work = []
    for item in range(500):
        minutes = max(
            5, min(round(mean * random.choice((0.5, 0.75, 1, 1, 1.25, 1.5)) / 5) * 5, 120)
        )
        depends_on = {f"t{o}" for o in random.sample(range(max(0, item - 10), item), min(item, 1))}
        milestone = item * 10 // 500 + 1
        slack = 1.0 if not deadlines else milestone / 10
        latest = FIRST_DAY + timedelta(days=round(364 * slack))
        work.append(
            Work(f"t{item}", minutes, latest, None, frozenset(depends_on), random.choice((1, 2, 3)))
        )
    return Case(work, Calendar(free))


def a_day_missed(seed: int, number: int = 30) -> Case:
    """Give up to 30 tasks of two weeks with their days; some were missed, and today is short."""
    random = Random(seed)
    days = [FIRST_DAY + timedelta(days=offset) for offset in range(14)]
    left = {day: random.choice((40, 60, 90, 120)) for day in days}
    free = {**left, days[0]: left[days[0]] * random.choice((0, 1, 2, 2)) // 2}
    yesterday = FIRST_DAY - timedelta(days=1)
    work: list[Work] = []
    for item in range(number):
        minutes = random.choice((10, 15, 20, 25, 30, 40))
        before = work[-1] if work and random.random() < 0.4 else None
        start = before.was_on if before and before.was_on in left else days[0]
        if item < number // 8:
            was_on = yesterday
        else:
            fitting = [day for day in days if start and day >= start and left[day] >= minutes]
            if not fitting:
                continue
            was_on = fitting[0] if random.random() < 0.7 else random.choice(fitting)
            left[was_on] -= minutes
        latest = random.choice((days[-1], days[-1], was_on + timedelta(days=random.randint(1, 5))))
        depends_on = frozenset({before.key} if before else ())
        work.append(Work(f"t{item}", minutes, latest, None, depends_on, 1, was_on))
    return Case([replace(item, weight=random.choice((1, 1, 3))) for item in work], Calendar(free))


def spread_evenly(case: Case) -> Placement:
    """Give every task a date by its place in the order, as whoever writes dates beside tasks does.

    From the first day to the last deadline, evenly; knows which days are free, but adds nothing up.
    """
    days = sorted(day for day, minutes in case.calendar.free_minutes.items() if minutes)
    number = len(case.work)
    on = {item.key: days[at * len(days) // number] for at, item in enumerate(case.work)}
    return Placement(on, {}, optimal=False)
