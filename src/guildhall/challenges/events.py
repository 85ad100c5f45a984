"""What happened in challenges."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import ClassVar
from uuid import UUID

from guildhall.kernel.events import Event

__all__ = ["AttemptGraded", "AttemptSubmitted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptSubmitted(Event):
    """A member handed in an answer."""

    name: ClassVar[str] = "challenges.attempt_submitted.v1"
    attempt_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptGraded(Event):
    """An attempt got its score. Fits `progression.Achievement`.

    `xp` is what it is worth beyond earlier attempts at the same challenge; `first` says that it is
    the member's first graded attempt at it, the one that calibrates.
    """

    name: ClassVar[str] = "challenges.attempt_graded.v1"
    local_day: date
    cause_id: UUID
    challenge_id: UUID
    outcome: str
    score: int
    xp: int
    first: bool
    domain: str | None
    cause_type: str = "attempt"
    rule_id: str = "challenge"
    rule_version: int = 1
