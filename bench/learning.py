"""(f) What is learnt of members: foretelling, against a constant and against who knows the truth.

Members are made up, so their true chances are known. A log loss says how surprised a forecast was
by what happened; the best constant is the average of all outcomes, in hindsight, and the oracle
foretells with the truth itself: nobody can do better. Between the two lies what can be learnt.

Memory: cards are reviewed when the hall says they are due, or late. Some members remember as FSRS
has it, but with weights of their own, each about a third off; others forget exponentially and grow
by a rule of their own, with cards of different difficulty. FSRS has its default weights for all,
so it is wrong for whoever is far from the people that those were fitted to: the last kind of
members shows how wrong.
Ability: tasks of four difficulties, which mean something else for every member, and every task is
its own. Capacity: plans follow what was learnt so far, so that a finished plan hides what there
was. Today: the time of choosing.
"""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from statistics import fmean, median
from typing import Protocol

import fsrs
from fsrs.scheduler import DEFAULT_PARAMETERS, LOWER_BOUNDS_PARAMETERS, UPPER_BOUNDS_PARAMETERS

from bench.harness import Servers
from bench.report import Figure
from bench.scale import Scale
from guildhall.goals.ability import success_chance, updated
from guildhall.goals.capacity import DayRecord, learned
from guildhall.goals.reviews import Card, retrievability, reviewed
from guildhall.goals.selection import Candidate, today
from guildhall.kernel.ratings import NEWCOMER, STARTING_RATINGS, chance, rated

__all__ = ["run"]

START = date(2026, 1, 5)  # A Monday.
CARDS, REVIEWS = 10, 12
TASKS = 60
WEEKS, DECLARED = 16, 40
TODAY_MS = 50
UNIT = "log loss"


@dataclass(frozen=True)
class Forecast:
    """What was foretold of one outcome, what was true, and what came."""

    member: int
    told: float
    true: float
    came: bool


async def run(_servers: Servers, scale: Scale) -> list[Figure]:
    """Make up members, let them live, and compare. Needs no server."""
    return await asyncio.to_thread(_figures, scale.learning_members)


def _figures(members: int) -> list[Figure]:
    figures = []
    for name, kind, expected in (
        ("weights of their own", OwnWeights, True),
        ("forgetting exponentially", Exponential, True),
        ("forgetting five times as fast", Weak, False),
    ):
        foretold = list(_memories(kind, members))
        figures += _compared(f"f. review passed, {name}", foretold, expected=expected)
    fixed, moving = _tasks(members)
    figures += _compared("f. task finished", fixed)
    figures.append(_against_constant("f. task finished, difficulties rated too", moving))
    figures += _capacities(max(members // 4, 5))
    for number in (30, 200):
        figures += _choosing(number, rounds=max(members // 4, 10))
    return figures


def _compared(name: str, foretold: Sequence[Forecast], *, expected: bool = True) -> list[Figure]:
    """Give ours, each member's own average in hindsight, and the oracle, over the constant.

    Where it is not expected to be better than the constant, the figure has no goal.
    """
    constant = _constant(foretold)
    oracle = fmean(_surprise(one.true, one.came) for one in foretold)
    ours = fmean(_surprise(one.told, one.came) for one in foretold)
    by_member: dict[int, list[Forecast]] = {}
    for one in foretold:
        by_member.setdefault(one.member, []).append(one)
    own = sum(_constant(those) * len(those) for those in by_member.values()) / len(foretold)
    learnt = 100 * (constant - ours) / (constant - oracle)
    return [
        _against_constant(name, foretold)
        if expected
        else Figure(name, ours, UNIT, constant, ours / constant),
        Figure(f"{name}: own average, in hindsight", own, UNIT, constant, own / constant),
        Figure(f"{name}: oracle", oracle, UNIT, constant, oracle / constant),
        Figure(f"{name}: of what can be learnt", learnt, "%"),
        Figure(f"{name}: forecasts", len(foretold), ""),
    ]


def _against_constant(name: str, foretold: Sequence[Forecast]) -> Figure:
    constant = _constant(foretold)
    ours = fmean(_surprise(one.told, one.came) for one in foretold)
    return Figure.growth(name, ours, UNIT, constant, ours / constant, below=1)


def _constant(foretold: Sequence[Forecast]) -> float:
    average = fmean(one.came for one in foretold)
    return fmean(_surprise(average, one.came) for one in foretold)


def _surprise(told: float, came: bool) -> float:
    likely = min(max(told if came else 1 - told, 1e-6), 1.0)
    return -math.log(likely)


class Memory(Protocol):
    """How one card is truly remembered."""

    def chance(self, day: date) -> float: ...

    def review(self, day: date, passed: bool) -> None: ...


class OwnWeights:
    """FSRS with weights of a member's own, the curve of forgetting among them."""

    def __init__(self, draw: random.Random, _card: random.Random) -> None:
        self._scheduler = fsrs.Scheduler(
            [
                min(max(weight * math.exp(draw.gauss(0, 0.3)), low), high)
                for weight, low, high in zip(
                    DEFAULT_PARAMETERS,
                    LOWER_BOUNDS_PARAMETERS,
                    UPPER_BOUNDS_PARAMETERS,
                    strict=True,
                )
            ],
            learning_steps=(),
            relearning_steps=(),
            enable_fuzzing=False,
        )
        self._card = fsrs.Card(card_id=0, due=_midnight(START))

    def chance(self, day: date) -> float:
        if self._card.last_review is None:
            return 0.7
        return self._scheduler.get_card_retrievability(self._card, _midnight(day))

    def review(self, day: date, passed: bool) -> None:
        grade = fsrs.Rating.Good if passed else fsrs.Rating.Again
        self._card, _ = self._scheduler.review_card(self._card, grade, _midnight(day))


class Exponential:
    """Nothing of FSRS: exponential forgetting, and growth by a rule of its own.

    The first half-life leaves 90 % after 2.3 days, as FSRS found for people, in the middle of
    members and cards.
    """

    first_half_life = 15.0
    growth = 5.0

    def __init__(self, draw: random.Random, card: random.Random) -> None:
        self._half_life = self.first_half_life * math.exp(draw.gauss(0, 0.5) + card.gauss(0, 0.5))
        self._growth = self.growth * math.exp(draw.gauss(0, 0.4) + card.gauss(0, 0.4))
        self._kept = draw.uniform(0.2, 0.5)
        self._last: date | None = None

    def chance(self, day: date) -> float:
        if self._last is None:
            return 0.7
        return float(max(0.5 ** ((day - self._last).days / self._half_life), 0.01))

    def review(self, day: date, passed: bool) -> None:
        if self._last is not None:
            strain = 1 - math.exp(-8 * (1 - self.chance(day)))  # What was nearly gone gains most.
            self._half_life *= 1 + self._growth * strain if passed else self._kept
            self._half_life = max(self._half_life, 0.5)
        self._last = day


class Weak(Exponential):
    """The same for members who forget five times as fast as people do, and gain half as much."""

    first_half_life = 3.0
    growth = 2.5


def _memories(kind: type[OwnWeights | Exponential], members: int) -> Iterator[Forecast]:
    """Let members review; half of the time on the day, else as much as twice as late."""
    for member in range(members):
        draw = random.Random(member)
        for number in range(CARDS):
            # The same member for each of their cards, and each card its own.
            memory: Memory = kind(random.Random(member), random.Random(f"{member}/{number}"))
            card: Card | None = None
            day = START
            for _ in range(REVIEWS):
                true = memory.chance(day)
                passed = draw.random() < true
                if card is not None:
                    yield Forecast(member, retrievability(card, day), true, passed)
                memory.review(day, passed)
                card = reviewed(card, day, passed)
                wait = (card.due_day - day).days
                late = draw.choice((0.0, draw.random()))
                day += timedelta(days=wait + round(late * wait))


def _tasks(members: int) -> tuple[list[Forecast], list[Forecast]]:
    """Foretell tasks by the difficulties as they are, and by ones that are rated per member."""
    fixed, moving = [], []
    words = list(STARTING_RATINGS)
    for member in range(members):
        draw = random.Random(member)
        truth = draw.gauss(1600, 250)
        meant = {word: STARTING_RATINGS[word].rating + draw.gauss(0, 100) for word in words}
        ability = other = NEWCOMER
        hardness = dict(STARTING_RATINGS)
        for _ in range(TASKS):
            (word,) = draw.choices(words, (3, 4, 2, 1))
            true = 1 / (1 + 10 ** ((meant[word] + draw.gauss(0, 150) - truth) / 400))
            came = draw.random() < true
            fixed.append(Forecast(member, success_chance(ability, word), true, came))
            ability = updated(ability, word, came)
            moving.append(Forecast(member, chance(other, hardness[word]), true, came))
            other, hardness[word] = (
                rated(other, hardness[word], float(came)),
                rated(hardness[word], other, float(not came)),
            )
    return fixed, moving


def _capacities(members: int) -> list[Figure]:
    """Compare how far off learnt and declared minutes are, after weeks of plans by the learnt."""
    off, declared_off = [], []
    for member in range(members):
        draw = random.Random(member)
        usual = DECLARED * draw.uniform(0.4, 1.2)
        truth = [usual * math.exp(draw.gauss(0, 0.2)) for _ in range(7)]
        history: list[DayRecord] = []
        for week in range(WEEKS):
            capacities = learned(history, DECLARED)
            for weekday, minutes in enumerate(truth):
                plan = capacities[weekday].plannable_minutes
                done = min(plan, max(0, round(draw.gauss(minutes, minutes / 4))))
                day = START + timedelta(weeks=week, days=weekday)
                history.append(DayRecord(day, plan, done))
        capacities = learned(history, DECLARED)
        off += [abs(capacities[at].minutes - minutes) for at, minutes in enumerate(truth)]
        declared_off += [abs(DECLARED - minutes) for minutes in truth]
    ours, baseline = fmean(off), fmean(declared_off)
    name = f"f. capacity of a weekday, off after {WEEKS} weeks; declared"
    return [Figure.growth(name, ours, "min", baseline, ours / baseline, below=1)]


def _choosing(number: int, *, rounds: int) -> list[Figure]:
    """Time the choice of a day; what stands around the call is not timed."""
    times = []
    proved = 0
    for seed in range(rounds):
        candidates = _candidates(random.Random(seed), number)
        began = time.perf_counter()
        chosen = today(candidates, 60 + 15 * (seed % 5), START)
        times.append(1000 * (time.perf_counter() - began))
        proved += chosen.optimal
    name = f"f. today out of {number}"
    middle, slow = median(times), sorted(times)[int(0.95 * len(times))]
    return [
        Figure(name, middle, "ms", goal=f"< {TODAY_MS} ms", met=middle < TODAY_MS),
        Figure(f"{name}, 95th of 100", slow, "ms", goal=f"< {TODAY_MS} ms", met=slow < TODAY_MS),
        Figure(f"{name}, proved optimal", 100 * proved / rounds, "%"),
    ]


def _candidates(draw: random.Random, number: int) -> list[Candidate]:
    """A plan with reviews, things missed and deadlines; one in eight waits for one before it."""
    candidates = []
    for at in range(number):
        planned = START + timedelta(days=draw.choice((-9, -2, -1, 0, 0, 0, 1, 3, 12)))
        due = START + timedelta(days=draw.randint(-1, 25)) if draw.random() < 0.2 else None
        known = None
        if draw.random() < 0.3:
            last = START - timedelta(days=draw.randint(3, 90))
            known = Card(draw.uniform(1, 60), 5.0, START - timedelta(days=1), last, 3, 0)
        waits = frozenset({str(draw.randrange(at))} if at and draw.random() < 0.125 else ())
        difficulty = draw.choice(list(STARTING_RATINGS))
        minutes = draw.randint(3, 60)
        candidates.append(Candidate(str(at), minutes, difficulty, planned, due, waits, known))
    return candidates


def _midnight(day: date) -> datetime:
    return datetime.combine(day, clock_time(), UTC)
