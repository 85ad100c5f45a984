"""Whether a member will finish a task, from how they fared with others.

A task is played against what its difficulty is worth (Glicko-1); finishing it wins. The four
difficulties stay where they start: letting them move per member as well was tried, and foretold no
better for four more ratings to keep (`python -m bench f` shows both).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from guildhall.kernel.ratings import NEWCOMER, STARTING_RATINGS, Rating, chance, rated

__all__ = ["RIGHT_CHANCES", "Outcome", "misfit", "replayed", "success_chance", "updated"]

RIGHT_CHANCES = (0.70, 0.85)
"""Between these chances of success a task is neither dull nor disheartening. Our choice."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How it went with a task."""

    task: str
    difficulty: str
    finished: bool


def success_chance(ability: Rating, difficulty: str) -> float:
    """Give the chance, 0 to 1, that a member finishes a task of a difficulty."""
    return chance(ability, STARTING_RATINGS[difficulty])


def updated(ability: Rating, difficulty: str, finished: bool) -> Rating:
    """Give the ability after the first outcome of a task; a later one says less and counts not."""
    return rated(ability, STARTING_RATINGS[difficulty], float(finished))


def replayed(log: Iterable[Outcome], ability: Rating = NEWCOMER) -> Rating:
    """Give the ability that follows from outcomes in their order, the first of each task."""
    seen: set[str] = set()
    for outcome in log:
        if outcome.task not in seen:
            seen.add(outcome.task)
            ability = updated(ability, outcome.difficulty, outcome.finished)
    return ability


def misfit(predicted: float) -> float:
    """Give how far a chance lies outside of the right ones; 0 within them."""
    least, most = RIGHT_CHANCES
    return max(least - predicted, predicted - most, 0.0)
