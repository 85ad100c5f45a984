"""Challenges and the attempts at them."""

from guildhall.challenges.events import AttemptGraded, AttemptSubmitted
from guildhall.challenges.handlers import calibrate_ratings, grade_attempts
from guildhall.challenges.personal import PERSONAL
from guildhall.challenges.routes import routers
from guildhall.challenges.seeding import SeedChallenge, seed_challenges
from guildhall.challenges.suggestions import SUGGESTIONS

__all__ = [
    "PERSONAL",
    "SUGGESTIONS",
    "AttemptGraded",
    "AttemptSubmitted",
    "SeedChallenge",
    "calibrate_ratings",
    "grade_attempts",
    "routers",
    "seed_challenges",
]
