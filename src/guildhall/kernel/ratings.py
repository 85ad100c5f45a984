"""How able somebody is and how hard something is, on one scale (Glicko-1)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["LEAST_DEVIATION", "NEWCOMER", "STARTING_RATINGS", "Rating", "chance", "rated"]

Q = math.log(10) / 400
LEAST_DEVIATION = 50.0


@dataclass(frozen=True, slots=True)
class Rating:
    """A strength and how uncertain it is (Glicko-1)."""

    rating: float
    deviation: float
    games: int = 0


NEWCOMER = Rating(1500.0, 350.0)
STARTING_RATINGS: Mapping[str, Rating] = {
    "easy": Rating(1300.0, 250.0),
    "medium": Rating(1500.0, 250.0),
    "hard": Rating(1700.0, 250.0),
    "expert": Rating(1900.0, 250.0),
}
"""How hard a thing of each difficulty is taken to be before anybody has tried it."""


def chance(one: Rating, other: Rating) -> float:
    """Give the chance, 0 to 1, that one wins against the other: a member against a challenge.

    Both uncertainties pull it towards a half (Glickman, "The Glicko system", 1999).
    """
    spread = math.hypot(one.deviation, other.deviation)
    return 1 / (1 + 10 ** (-_g(spread) * (one.rating - other.rating) / 400))


def rated(one: Rating, other: Rating, score: float) -> Rating:
    """Give one side's rating after meeting the other; `score` is 1 for a win and 0 for a loss.

    Both sides are updated from the ratings before. The deviation falls with every game, and with
    it how far the next one moves the rating; it stops at 50, so that nobody is ever settled.
    """
    g = _g(other.deviation)
    expected = 1 / (1 + 10 ** (-g * (one.rating - other.rating) / 400))
    d_squared_inverse = Q * Q * g * g * expected * (1 - expected)
    precision = 1 / (one.deviation * one.deviation) + d_squared_inverse
    return Rating(
        one.rating + Q / precision * g * (score - expected),
        max(LEAST_DEVIATION, math.sqrt(1 / precision)),
        one.games + 1,
    )


def _g(deviation: float) -> float:
    return 1 / math.sqrt(1 + 3 * (Q * deviation / math.pi) ** 2)
