"""When something learnt is to be gone over again: FSRS over days, with pass and fail only.

A review happens on a member's local day, so a change of zone or of the clock does not matter here.
What is kept of a review is its day and whether it was passed; a `Card` follows from that log.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

import fsrs

__all__ = [
    "DESIRED_RETENTION",
    "LONGEST_INTERVAL_DAYS",
    "Card",
    "replayed",
    "retrievability",
    "reviewed",
]

DESIRED_RETENTION = 0.9
"""The chance that something is still known at which it is due again."""

LONGEST_INTERVAL_DAYS = 365

# The default weights. Steps within a day are off: with them a card stays in its learning state
# until it is passed a second time some minutes later, which a plan by days never does. Without
# fuzz the same log always gives the same card.
_SCHEDULER = fsrs.Scheduler(
    desired_retention=DESIRED_RETENTION,
    learning_steps=(),
    relearning_steps=(),
    maximum_interval=LONGEST_INTERVAL_DAYS,
    enable_fuzzing=False,
)


@dataclass(frozen=True, slots=True)
class Card:
    """What is known about how well something is remembered."""

    stability: float
    """Days until the chance that it is still known has fallen to 90 %."""
    difficulty: float
    """1 to 10: how slowly the stability grows."""
    due_day: date
    last_day: date
    passes: int
    lapses: int
    """How often it was failed."""


def reviewed(card: Card | None, day: date, passed: bool) -> Card:
    """Give the card after a review; None stands for something never reviewed.

    It is due on a later day than this one, whatever happened. A day before the last review
    (somebody flew west over the date line) counts as the day of that review.
    """
    day = max(day, card.last_day) if card else day
    grade = fsrs.Rating.Good if passed else fsrs.Rating.Again
    after, _ = _SCHEDULER.review_card(_as_fsrs(card, day), grade, _midnight(day))
    assert after.stability is not None
    assert after.difficulty is not None
    return Card(
        after.stability,
        after.difficulty,
        after.due.date(),
        day,
        (card.passes if card else 0) + passed,
        (card.lapses if card else 0) + (not passed),
    )


def replayed(log: Sequence[tuple[date, bool]]) -> Card | None:
    """Give the card that follows from all reviews, in the order in which they were done."""
    card = None
    for day, passed in log:
        card = reviewed(card, day, passed)
    return card


def retrievability(card: Card, day: date) -> float:
    """Give the chance, 0 to 1, that it is still known on a day; 1 on the day of a review."""
    return _SCHEDULER.get_card_retrievability(_as_fsrs(card, day), _midnight(day))


def _as_fsrs(card: Card | None, day: date) -> fsrs.Card:
    # Everything is given: what is missing, the library takes from the clock, and sleeps for it.
    if card is None:
        return fsrs.Card(card_id=0, due=_midnight(day))
    return fsrs.Card(
        card_id=0,
        state=fsrs.State.Review,
        stability=card.stability,
        difficulty=card.difficulty,
        due=_midnight(card.due_day),
        last_review=_midnight(card.last_day),
    )


def _midnight(day: date) -> datetime:
    # Retrievability falls in steps of 24 hours and only UTC is taken: local days become UTC ones.
    return datetime.combine(day, time(), UTC)
