"""Placing tasks on days: under capacity, after what they depend on, before their deadline."""

from __future__ import annotations

import time
from collections.abc import Sequence

from guildhall.goals.scheduling.greedy import (
    Problem,
    first_fit,
    keepable,
    placement_of,
    settled,
)
from guildhall.goals.scheduling.placement import Calendar, Placement, Work
from guildhall.goals.scheduling.solving import SMALL, Effort, improve
from guildhall.goals.scheduling.squeaks import squeaky_wheels
from guildhall.goals.scheduling.stretches import reworked

__all__ = ["place"]

UNITS_PER_SECOND = 0.006
"""CP-SAT's units of work for a second that may be used. It counts less than it does, so this leaves
room for the clock to be no part of the answer on a machine that is not much slower."""
UNITS_PER_PIECE = 0.0004
"""Little work is not worth long thought: a day's tasks are placed while a member waits."""
STRETCHES_PER_SECOND = 8
"""Solves of one stretch of a large plan. Each takes some tens of milliseconds."""
ROUNDS = 20
"""Of first fit, from each of its two orders. After these, more of them find little."""
MOST_AT_ONCE = 120
"""More than this is not solved as a whole: it takes seconds, and hardly ever finds more."""


def place(work: Sequence[Work], calendar: Calendar, *, seconds: float = 1.5) -> Placement:
    """Place work on days, the best way there is, or that is found in time.

    Always holds: a day's minutes, each one's earliest and latest day, and that nothing comes before
    what it depends on, on the same day at the earliest. So what depends on something without a day
    has none. Among those, the best is, in this order:

    1. the most weight has a day;
    2. the fewest minutes are on another day than they were (`was_on`), if that day will still do;
    3. everything is early, in order: the first as early as can be, then the second, and so on. The
       order is by the day on which something, or what depends on it, is due, then as given; what
       has no day counts as after the last. So a plan ends with slack before its deadline.

    First fit in that order is already the best if it places all and moves nothing: then
    `optimal` is said without a solver. Else CP-SAT starts from the best by hand, and `optimal` is
    said only if it has proved all three. The same input gives the same answer, unless a machine is
    so slow that `seconds` of wall time end first. Blocks; not for the event loop.

    Raises ValueError for two pieces of work with one key. Work in a circle waits for itself.
    """
    ends_at = time.monotonic() + seconds
    problem = Problem.of(work, calendar)
    kept = keepable(problem)
    best = first_fit(problem, kept)
    if problem.score(best)[:2] == (0, 0):
        return placement_of(problem, best, optimal=True)
    number = len(problem.keys)
    free_choice: list[int | None] = [None] * number
    effort = Effort(UNITS_PER_PIECE * number, ends_at)
    candidates = [best]
    for days in [kept] if kept == free_choice else [kept, free_choice]:
        candidates += [first_fit(problem, days), squeaky_wheels(problem, days, ROUNDS)]
    best = min((settled(problem, days) for days in candidates), key=problem.score)
    proved = False
    if number > SMALL:
        best = reworked(problem, best, effort, int(STRETCHES_PER_SECOND * seconds))
        effort = Effort(UNITS_PER_SECOND * seconds, ends_at)
    if number <= MOST_AT_ONCE:
        best, proved = improve(problem, best, effort)
    return placement_of(problem, best, optimal=proved)
