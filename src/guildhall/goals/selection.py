"""What is for today, out of everything that could be: chosen together, within one day's minutes.

Who must come first comes first; the rest of the day goes to what is worth most per minute: what
was planned, what is about to be forgotten, and only then what comes next. Choosing is a knapsack
with dependencies and a second limit for reviews; CP-SAT solves it, since taking one thing after
another wastes room that a different choice fills.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from ortools.sat.python import cp_model

from guildhall.goals.ability import misfit, success_chance
from guildhall.goals.reviews import DESIRED_RETENTION, Card, retrievability
from guildhall.kernel.ratings import NEWCOMER, Rating

__all__ = ["REVIEW_SHARE", "Candidate", "Chosen", "Claim", "Today", "today"]

REVIEW_SHARE = 0.3
"""The share of a day that reviews may take from what is planned; what the plan leaves is theirs."""

# What a minute of each is worth. A review gains as it is forgotten, and passes the plan at 80 %.
PLANNED_WORTH = 60
OVERDUE_WORTH, MOST_FOR_LATENESS = 62, 20
REVIEW_WORTH, MOST_FOR_FORGETTING = 50, 40
NEXT_WORTH, MOST_FOR_FITTING, MOST_FOR_SOON = 1, 20, 5
HIGHEST_WORTH = 100

# Counted in the solver's own steps, not in seconds: the same day comes out the same on a slow
# machine. 200 candidates take about a hundredth of it.
MOST_STEPS = 1.0


class Claim(StrEnum):
    """By what right something asks for room today; the first named goes first."""

    MUST = "must"  # Today is its last day, or that is over.
    OVERDUE = "overdue"  # It was planned for an earlier day.
    PLANNED = "planned"
    REVIEW = "review"
    NEXT = "next"  # It could be done ahead.


@dataclass(frozen=True, slots=True)
class Candidate:
    """Something that could be done today."""

    key: str
    minutes: int
    difficulty: str = "medium"
    planned_on: date | None = None
    due_on: date | None = None
    """The last day that will do."""
    waits_for: frozenset[str] = frozenset()
    """Keys of what comes before it and is not done."""
    card: Card | None = None
    """What is known of how well it is remembered, if this is a review."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """Something that is for today, or is not, and why."""

    key: str
    minutes: int
    claim: Claim
    reason: str


@dataclass(frozen=True, slots=True)
class Today:
    """What is for today, in the order to do it, and what found no room."""

    chosen: tuple[Chosen, ...]
    left: tuple[Chosen, ...]
    optimal: bool
    """Whether it is proved that no choice is worth more."""


def today(
    candidates: Iterable[Candidate], minutes: int, day: date, ability: Rating = NEWCOMER
) -> Today:
    """Choose what is for a day of so many minutes; every candidate is in one of the two lists.

    Their keys differ, and their order does not matter. Something that waits for another is chosen
    only together with it, and what would be done ahead only if nothing is missing for it.
    """
    asking = sorted((_Asking.of(one, day, ability) for one in candidates), key=_Asking.by_rank)
    barred: dict[str, str] = {}
    for one in asking:
        if why := one.barred(minutes, day):
            barred[one.key] = why
    _bar_dependents(asking, barred)
    able = [one for one in asking if one.key not in barred]
    cap = _review_minutes(able, minutes)
    taken, optimal = _best(able, minutes, cap)
    chosen = _in_order([one for one in able if one.key in taken])
    spent = sum(one.candidate.minutes for one in chosen if one.claim is Claim.REVIEW)
    free = minutes - sum(one.candidate.minutes for one in chosen)
    left = []
    for one in asking:
        if one.key in taken:
            continue
        length = one.candidate.minutes
        over_cap = one.claim is Claim.REVIEW and length <= free and spent + length > cap
        reason = "Reviews already take their share of today." if over_cap else NO_ROOM
        left.append(Chosen(one.key, length, one.claim, barred.get(one.key, reason)))
    return Today(
        tuple(Chosen(one.key, one.candidate.minutes, one.claim, one.reason) for one in chosen),
        tuple(left),
        optimal,
    )


NO_ROOM = "No room today beside what matters more."
WAITS = "Waits for something that is not done."

_ORDER = {claim: position for position, claim in enumerate(Claim)}


@dataclass(frozen=True, slots=True)
class _Asking:
    """A candidate with its claim on the day, what a minute of it is worth, and the reason."""

    candidate: Candidate
    claim: Claim
    worth: int
    reason: str

    @property
    def key(self) -> str:
        return self.candidate.key

    def by_rank(self) -> tuple[int, int, str]:
        return _ORDER[self.claim], -self.worth, self.key

    @classmethod
    def of(cls, one: Candidate, day: date, ability: Rating) -> _Asking:
        if one.due_on is not None and one.due_on <= day:
            late = (day - one.due_on).days
            reason = f"Its last day was {_span(late)} ago." if late else "Today is its last day."
            return cls(one, Claim.MUST, HIGHEST_WORTH, reason)
        if one.card is not None:
            known = retrievability(one.card, day)
            forgotten = round(100 * max(DESIRED_RETENTION - known, 0))
            since = _span((day - one.card.last_day).days)
            return cls(
                one,
                Claim.REVIEW,
                REVIEW_WORTH + min(forgotten, MOST_FOR_FORGETTING),
                f"Due for review: {since} since you last went over it.",
            )
        if one.planned_on is not None and one.planned_on < day:
            late = (day - one.planned_on).days
            worth = OVERDUE_WORTH + min(late, MOST_FOR_LATENESS)
            return cls(one, Claim.OVERDUE, worth, f"Planned for {_span(late)} ago, and still open.")
        if one.planned_on == day:
            return cls(one, Claim.PLANNED, PLANNED_WORTH, "Planned for today.")
        off = misfit(success_chance(ability, one.difficulty))
        days_off = (one.planned_on - day).days if one.planned_on else MOST_FOR_SOON
        worth = NEXT_WORTH + round(MOST_FOR_FITTING * (1 - off)) + max(MOST_FOR_SOON - days_off, 0)
        fits = "neither too easy nor too hard for you" if not off else "there is room for it today"
        return cls(one, Claim.NEXT, worth, f"Next in your plan, and {fits}.")

    def barred(self, minutes: int, day: date) -> str | None:
        """Give why this cannot be for today whatever else is, if so."""
        one = self.candidate
        if self.claim is Claim.REVIEW and one.card is not None and one.card.due_day > day:
            return f"Not due for review before {one.card.due_day.day} {one.card.due_day:%B}."
        if one.minutes > minutes:
            return f"Takes {one.minutes} minutes, and today has {minutes}."
        if self.claim is Claim.NEXT and one.waits_for:
            return WAITS
        return None


def _bar_dependents(asking: Sequence[_Asking], barred: dict[str, str]) -> None:
    """Bar what waits for something that is no candidate or is barred itself."""
    able = {one.key for one in asking} - barred.keys()
    while hopeless := [
        one.key for one in asking if one.key in able and not one.candidate.waits_for <= able
    ]:
        able.difference_update(hopeless)
        barred.update(dict.fromkeys(hopeless, WAITS))


def _review_minutes(able: Sequence[_Asking], minutes: int) -> int:
    """Give how many minutes reviews may take: their share, or all that the plan leaves.

    The one that is forgotten most may go beyond the share, up to half of the day: long reviews on
    short days would otherwise never have their turn.
    """
    plan = sum(
        one.candidate.minutes
        for one in able
        if one.claim in (Claim.MUST, Claim.OVERDUE, Claim.PLANNED)
    )
    first = next((one for one in able if one.claim is Claim.REVIEW), None)
    longest = min(first.candidate.minutes, minutes // 2) if first else 0
    return max(int(minutes * REVIEW_SHARE), minutes - plan, longest)


def _best(
    able: Sequence[_Asking], minutes: int, review_minutes: int
) -> tuple[Collection[str], bool]:
    """Give the keys of the choice that is worth most, and whether that is proved."""
    if not able:
        return (), True
    model = cp_model.CpModel()
    takes = [model.new_bool_var("") for _ in able]
    lengths = [one.candidate.minutes for one in able]
    reviews = [at for at, one in enumerate(able) if one.claim is Claim.REVIEW]
    model.add(_sum(takes, lengths) <= minutes)
    model.add(
        _sum([takes[at] for at in reviews], [lengths[at] for at in reviews]) <= review_minutes
    )
    by_key = {one.key: take for one, take in zip(able, takes, strict=True)}
    for one, take in zip(able, takes, strict=True):
        for before in sorted(one.candidate.waits_for):
            model.add_implication(take, by_key[before])
    # A minute of what must be is worth more than a whole day of everything else.
    must = HIGHEST_WORTH * max(minutes, 1)
    worths = [
        one.candidate.minutes * (must if one.claim is Claim.MUST else one.worth) for one in able
    ]
    model.maximize(_sum(takes, worths))
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1  # Several would race, and the day would depend on it.
    solver.parameters.max_deterministic_time = MOST_STEPS
    solver.parameters.linearization_level = 2  # These three halve the time of a knapsack.
    solver.parameters.cp_model_probing_level = 0
    solver.parameters.symmetry_level = 0
    status = solver.solve(model)
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        raise AssertionError(f"an empty day is always possible, yet: {solver.status_name(status)}")
    taken = {one.key for one, take in zip(able, takes, strict=True) if solver.boolean_value(take)}
    return taken, status == cp_model.OPTIMAL


def _sum(variables: Sequence[cp_model.IntVar], factors: Sequence[int]) -> cp_model.LinearExprT:
    return cp_model.LinearExpr.weighted_sum(variables, factors)


def _in_order(chosen: Sequence[_Asking]) -> list[_Asking]:
    """Put what others wait for before them, and else leave the order."""
    by_key = {one.key: one for one in chosen}
    ordered: list[_Asking] = []
    begun: set[str] = set()

    def put(one: _Asking) -> None:
        if one.key not in begun:
            begun.add(one.key)
            for before in sorted(one.candidate.waits_for & by_key.keys()):
                put(by_key[before])
            ordered.append(one)

    for one in chosen:
        put(one)
    return ordered


def _span(days: int) -> str:
    if days < 14:
        return f"{days} days" if days != 1 else "a day"
    return f"{days // 7} weeks" if days < 60 else f"{days // 30} months"
