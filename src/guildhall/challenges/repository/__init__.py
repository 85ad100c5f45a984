"""Statements of challenges, by noun."""

from guildhall.challenges.repository.attempts import (
    SUBMIT,
    attempt_of,
    attempt_to_review,
    count_submission,
    lock_records,
    lock_submitted,
    open_attempt,
    save_grades,
    self_xp,
    submit,
)
from guildhall.challenges.repository.challenges import (
    LIST,
    OWN_LIST,
    open_requirements,
    prerequisites,
    removed,
    replace_requirements,
    requirements_of,
    tags,
    unlocked_by,
)
from guildhall.challenges.repository.ratings import (
    abilities,
    challenge_ratings,
    claim_calibrations,
    save_abilities,
    save_challenge_ratings,
)

__all__ = [
    "LIST",
    "OWN_LIST",
    "SUBMIT",
    "abilities",
    "attempt_of",
    "attempt_to_review",
    "challenge_ratings",
    "claim_calibrations",
    "count_submission",
    "lock_records",
    "lock_submitted",
    "open_attempt",
    "open_requirements",
    "prerequisites",
    "removed",
    "replace_requirements",
    "requirements_of",
    "save_abilities",
    "save_challenge_ratings",
    "save_grades",
    "self_xp",
    "submit",
    "tags",
    "unlocked_by",
]
