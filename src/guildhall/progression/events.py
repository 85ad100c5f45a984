"""What happened in progression, and the shape of what it listens to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import ClassVar, Protocol
from uuid import UUID

from guildhall.kernel.events import Event

__all__ = [
    "Achievement",
    "BadgeEarned",
    "BoardsMoved",
    "Happening",
    "LevelReached",
    "RankReached",
]


class Happening(Protocol):
    """An event of any slice that can be counted towards a badge."""

    @property
    def event_id(self) -> UUID: ...
    @property
    def subject_id(self) -> UUID | None: ...
    @property
    def occurred_at(self) -> datetime: ...
    @property
    def local_day(self) -> date: ...
    @classmethod
    def topic(cls) -> str: ...


class Achievement(Happening, Protocol):
    """An event of any slice that earns XP and keeps a streak.

    Progression stands below the slices that award, so it cannot know their events by name; this
    is what it asks of them. `xp` is what this event is worth, stamped by who told it, 0 included;
    `cause_type`, `cause_id` and `rule_id` together are awarded once per subject.
    """

    @property
    def xp(self) -> int: ...
    @property
    def outcome(self) -> str | None: ...
    @property
    def domain(self) -> str | None: ...
    @property
    def cause_type(self) -> str: ...
    @property
    def cause_id(self) -> UUID: ...
    @property
    def rule_id(self) -> str: ...
    @property
    def rule_version(self) -> int: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelReached(Event):
    """A subject's XP carried it to a higher level."""

    name: ClassVar[str] = "progression.level_reached.v1"
    local_day: date
    level: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RankReached(Event):
    """A subject reached a higher rank in a domain."""

    name: ClassVar[str] = "progression.rank_reached.v1"
    local_day: date
    domain: str
    rank: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BadgeEarned(Event):
    """A subject met a badge's condition."""

    name: ClassVar[str] = "progression.badge_earned.v1"
    local_day: date
    badge_id: UUID
    slug: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardsMoved(Event):
    """Some subjects' board entries changed, and Redis may not know yet.

    The entries are written to Redis right after the commit; this is delivered only if that went
    wrong, or if the process died before.
    """

    name: ClassVar[str] = "progression.boards_moved.v1"
    subject_ids: tuple[UUID, ...]
