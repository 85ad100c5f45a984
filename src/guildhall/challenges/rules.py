"""The arithmetic of challenges, without I/O."""

from __future__ import annotations

from guildhall.kernel.ratings import (
    LEAST_DEVIATION,
    NEWCOMER,
    STARTING_RATINGS,
    Rating,
    chance,
    rated,
)

__all__ = [
    "LEAST_DEVIATION",
    "NEWCOMER",
    "SELF_XP_HELD_BACK",
    "SELF_XP_PER_DAY",
    "STARTING_RATINGS",
    "TARGET_CHANCE",
    "Rating",
    "chance",
    "rated",
]

SELF_XP_PER_DAY = 100
SELF_XP_HELD_BACK = (
    f"What one reports oneself gives at most {SELF_XP_PER_DAY} XP a day."
    " Report it again another day to get the rest."
)
"""Most XP that self-reported challenges give a member on one day, by their own clock or by UTC."""

TARGET_CHANCE = 0.75
"""The predicted chance of success at which a challenge is right for somebody."""
