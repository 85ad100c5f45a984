"""What travels over the wire in progression."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from guildhall.kernel.paging import Limit
from guildhall.progression.conditions import Counted

__all__ = [
    "BadgeChange",
    "BadgeEarnedOut",
    "BadgeIn",
    "BadgeOut",
    "BadgeTrial",
    "BoardLineOut",
    "BoardOut",
    "BoardPage",
    "BoardPlaceOut",
    "BoardQuery",
    "Correction",
    "Day",
    "DayOut",
    "DomainOut",
    "DomainRankOut",
    "DomainRanksOut",
    "Line",
    "PauseIn",
    "PauseOut",
    "PlaceQuery",
    "ProgressOut",
    "ProgressSettings",
    "PublicProgressOut",
    "RankOut",
    "RescoringIn",
    "SeasonOut",
    "Started",
    "Window",
    "XpEntryOut",
]

Window = Literal["all", "season", "week", "day"]
Slug = Annotated[
    str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", min_length=2, max_length=64)
]
Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]
Prose = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)]


def _written(value: object) -> object:
    """Refuse numbers, which pydantic takes for seconds since 1970."""
    if (isinstance(value, str) and not value.isdigit()) or isinstance(value, date):
        return value
    raise ValueError("write a day as YYYY-MM-DD")


Day = Annotated[date, BeforeValidator(_written)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class BadgeEarnedOut(BaseModel):
    slug: str
    name: str
    awarded_at: datetime


class RankOut(BaseModel):
    """A subject's rank in a domain, and how far it is to the next one."""

    domain: str
    rank: str
    xp: int
    rank_xp: int = Field(description="Domain XP at which this rank begins.")
    next_rank: str | None = Field(description="None at the top.")
    next_rank_xp: int | None


class PublicProgressOut(BaseModel):
    """What anyone signed in may see of a member who is on the leaderboards."""

    user_id: UUID
    username: str
    total_xp: int
    level: int
    streak_days: int
    badges: list[BadgeEarnedOut]
    ranks: list[RankOut]


class ProgressOut(BaseModel):
    """One's own progress."""

    total_xp: int
    level: int
    level_xp: int = Field(description="Total XP at which this level began.")
    next_level_xp: int = Field(description="Total XP at which the next level begins.")
    streak_days: int
    longest_streak_days: int
    streak_freezes: int = Field(description="Missed days that the streak can still survive.")
    on_leaderboards: bool
    badges: list[BadgeEarnedOut]
    ranks: list[RankOut]


class DomainOut(BaseModel):
    """A field of learning."""

    model_config = ConfigDict(from_attributes=True)

    id: str = Field(validation_alias="slug")
    name: str
    description: str


class DomainRankOut(BaseModel):
    """A rank of a domain and the domain XP that it takes."""

    rank: str
    xp: int
    reached: bool = Field(description="Whether one has it.")


class DomainRanksOut(BaseModel):
    domain: str
    rank: str = Field(description="One's own.")
    xp: int = Field(description="One's own XP in this domain.")
    items: list[DomainRankOut]


class ProgressSettings(_Body):
    on_leaderboards: bool


class XpEntryOut(BaseModel):
    """One line of the ledger, with the answer to "why did I get this?"."""

    id: UUID
    occurred_at: datetime
    local_day: date
    xp: int
    cause_type: str
    cause_id: UUID
    rule: str
    rule_version: int
    why: str = Field(description="What the rule said when it was applied.")
    domain: str | None
    reason: str | None
    reverses_id: UUID | None


class DayOut(BaseModel):
    """A day's XP by source, for plots."""

    day: date
    xp: int
    by_source: dict[str, int]


class FreezeOut(BaseModel):
    """A missed day that a freeze was spent on."""

    day: date


class PauseIn(_Body):
    starts_on: Day
    ends_on: Day
    reason: Prose = "A pause"

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.ends_on < self.starts_on:
            raise ValueError("ends_on lies before starts_on")
        return self


class PauseOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    starts_on: date
    ends_on: date
    reason: str


class BoardQuery(_Body):
    window: Window = "all"
    limit: Limit = 10
    cursor: Annotated[str, Field(max_length=500)] | None = None
    season: Annotated[str, Field(pattern=r"^[0-9]{4}-Q[1-4]$")] | None = Field(
        None, description="Read the archive of a closed season instead."
    )
    around: Literal["me"] | None = Field(None, description="Read the lines around one's own.")


class PlaceQuery(_Body):
    window: Window = "all"
    around: Annotated[int, Field(ge=0, le=25)] = 5


class BoardOut(BaseModel):
    board: str
    name: str
    windows: list[str]


class BoardLineOut(BaseModel):
    rank: int
    user_id: UUID
    username: str
    xp: int
    reached_at: datetime


class BoardPage(BaseModel):
    board: str
    window: str
    period: str
    items: list[BoardLineOut]
    next_cursor: str | None = None


class BoardPlaceOut(BaseModel):
    rank: int
    xp: int
    members: int = Field(description="How many are on this board.")
    around: list[BoardLineOut]


class SeasonOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: str
    starts_at: datetime
    ends_at: datetime
    closed_at: datetime | None


class BadgeIn(_Body):
    slug: Slug
    name: Line
    description: Prose
    condition: dict[str, Any] = Field(
        description="`xp`, `attempt_count`, `consecutive_days` or `event_count`, and `all`,"
        " `any`, `not` over them.",
        examples=[{"type": "attempt_count", "count": 10, "status": "passed"}],
    )
    active: bool = Field(False, description="Whether it can be earned.")


class BadgeChange(_Body):
    name: Line | None = None
    description: Prose | None = None
    condition: dict[str, Any] | None = None
    active: bool | None = None


class BadgeOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    slug: str
    name: str
    description: str
    condition: dict[str, Any]
    active: bool
    version: int


class NextBadgeOut(BaseModel):
    """A badge that is near, by the counter of its condition that is furthest behind."""

    slug: str
    name: str
    description: str
    counted: Counted = Field(
        description="What is counted: XP, attempts (any, `passed` or `failed`), days of the current"
        " streak, or events of another kind."
    )
    domain: str | None = Field(description="Where it is counted; None for everywhere.")
    have: int
    want: int


class BadgeTrial(_Body):
    condition: dict[str, Any]


class Started(BaseModel):
    """A task that was started; `GET /task-executions/{id}` tells how far it is."""

    task_execution_id: UUID


class RescoringIn(_Body):
    """Which awards to set right, all conditions together, and what they shall be worth."""

    rule: Slug | None = None
    rule_version: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    domain: Slug | None = None
    cause_ids: Annotated[list[UUID], Field(min_length=1, max_length=10_000)] | None = Field(
        None, description="For example the attempts that were scored wrongly."
    )
    since: AwareDatetime | None = Field(None, description="Awards from this instant on.")
    until: AwareDatetime | None = Field(None, description="Awards before this instant.")
    worth_percent: Annotated[int, Field(ge=0, le=1000)] = Field(
        0, description="What each is worth afterwards, in percent; 0 takes it back."
    )
    reason: Prose

    @model_validator(mode="after")
    def _some_of_them(self) -> Self:
        if self.worth_percent == 100:
            raise ValueError("100 percent changes nothing")
        if not self.model_fields_set & {"rule", "domain", "cause_ids", "since", "until"}:
            raise ValueError("say which: by rule, domain, cause_ids, since or until")
        return self


class Correction(_Body):
    """XP set right: an amount, or the reversal of an entry."""

    user_id: UUID
    xp: Annotated[int, Field(ge=-1_000_000, le=1_000_000)] | None = None
    reverses_id: UUID | None = None
    domain: Slug | None = None
    reason: Prose

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.xp is None) == (self.reverses_id is None) or self.xp == 0:
            raise ValueError("give either xp, not 0, or reverses_id")
        return self
