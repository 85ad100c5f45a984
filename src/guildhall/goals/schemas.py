"""What travels over the wire of goals."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

__all__ = [
    "ActivityIn",
    "ActivityOut",
    "Day",
    "Findings",
    "GenerateIn",
    "GoalAccepted",
    "GoalChange",
    "GoalIn",
    "GoalOut",
    "GoalStatus",
    "GoalSummary",
    "MilestoneChange",
    "MilestoneOut",
    "MoveOut",
    "PlanAccept",
    "PlanChange",
    "PlanOut",
    "PlanRequest",
    "PlannedTaskOut",
    "ProgressUpdate",
    "RankFinding",
    "ReschedulingOut",
    "TaskChange",
    "TaskOut",
    "TaskStatus",
    "TemplateOut",
    "TodayOut",
    "TodayTaskOut",
    "UnplacedOut",
    "without_nul",
]

GoalStatus = Literal["analysing", "proposed", "active", "completed", "abandoned"]
TaskStatus = Literal["open", "done", "missed", "dropped"]
Difficulty = Literal["easy", "medium", "hard", "expert"]
Kind = Literal["do", "practise", "review"]


def without_nul(value: str) -> str:
    """Refuse what PostgreSQL cannot store."""
    if "\x00" in value:
        raise ValueError("must not contain NUL")
    return value


Title = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=3, max_length=200),
    AfterValidator(without_nul),
]
Description = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=5_000),
    AfterValidator(without_nul),
]
Note = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=1_000),
    AfterValidator(without_nul),
]
Slug = Annotated[str, StringConstraints(min_length=1, max_length=100), AfterValidator(without_nul)]
Day = Annotated[date, Field(ge=date(2000, 1, 1), le=date(2200, 12, 31))]
Minutes = Annotated[int, Field(ge=0, le=1_440)]
MinutesPerDay = Annotated[int, Field(ge=5, le=960)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Read(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class GoalIn(_Body):
    """A goal, in the member's own words."""

    title: Title
    description: Description = ""
    deadline: Day
    minutes_per_day: MinutesPerDay | None = Field(
        None, description="For this goal; else what the member has for all goals together."
    )
    domain: Slug | None = None
    template: Slug | None = Field(None, description="A template of `GET /goal-templates`.")


class GoalChange(_Body):
    """What a member changes about a goal; what is absent stays.

    A plan is made for a deadline and a daily measure: after changing them, ask for a new one.
    """

    title: Title | None = None
    description: Description | None = None
    deadline: Day | None = None
    minutes_per_day: MinutesPerDay | None = None
    status: Literal["active", "abandoned"] | None = Field(
        None, description="A goal is completed by its tasks, never by saying so."
    )


class GoalAccepted(BaseModel):
    id: UUID
    status: GoalStatus


class Findings(BaseModel):
    """What the analysis found. `provider` says whose it is; `offline` is the hall's own rules."""

    provider: str
    domain: str | None = None
    vague: list[str] = Field([], description="What can be read in more than one way.")
    missing: list[str] = Field([], description="What a better plan would need to know.")
    similar_goals: list[UUID] = Field([], description="One's own, the nearest first.")
    similar_templates: list[str] = []
    notes: list[str] = Field([], description="What went otherwise than asked, and why.")


class RankFinding(BaseModel):
    """Where the member stands in the goal's domain."""

    domain: str | None
    rank: str
    reasons: list[str]


class PlannedTaskOut(BaseModel):
    id: UUID
    key: str
    title: str
    minutes: int
    difficulty: Difficulty
    kind: Kind
    scheduled_on: date | None
    depends_on: list[UUID]
    status: TaskStatus = "open"


class MilestoneOut(BaseModel):
    id: UUID
    title: str
    evidence: str
    due_on: date | None
    challenges: list[UUID] = Field([], description="Challenges that prove it.")
    proven_at: datetime | None = None
    tasks: list[PlannedTaskOut]


class UnplacedOut(BaseModel):
    """A task that has no day, and why."""

    id: UUID
    title: str
    minutes: int
    why: str


class PlanChange(BaseModel):
    """What a version does to the plan before it. Tasks that are done always stay."""

    added: list[UUID] = []
    removed: list[UUID] = []
    moved: list[UUID] = []
    kept: list[UUID] = []


class PlanOut(BaseModel):
    """A version of a plan."""

    version: int
    state: Literal["proposed", "accepted", "overtaken"]
    provider: str
    summary: str
    optimal: bool = Field(description="Whether no better placing exists, which was proved.")
    milestones: list[MilestoneOut]
    unplaced: list[UnplacedOut] = Field(
        description="What does not fit: accept without it, or change the deadline or the minutes."
    )
    change: PlanChange | None = None
    notes: list[str] = []
    created_at: datetime


class GoalSummary(_Read):
    id: UUID
    title: str
    deadline: date
    minutes_per_day: int | None
    domain: str | None
    template: str | None
    status: GoalStatus
    created_at: datetime
    completed_at: datetime | None
    tasks_done: int = 0
    tasks_total: int = 0

    @model_validator(mode="after")
    def _completed_or_not(self) -> Self:
        if self.status != "completed":  # It was, until one of its tasks was taken up again.
            self.completed_at = None
        return self


class GoalOut(GoalSummary):
    description: str
    planning: bool = Field(description="Whether a plan is being made right now.")
    findings: Findings | None
    rank: RankFinding | None
    plan: PlanOut | None = Field(description="The accepted plan, or else the proposed one.")
    proposal: PlanOut | None = Field(
        description="A newer plan that waits for an answer, beside the accepted one."
    )


class PlanRequest(_Body):
    wish: Description = Field("", description="What should be different this time.")
    same_tasks: bool = Field(
        False, description="Whether to keep the tasks and only find new days for them."
    )


class PlanAccept(_Body):
    version: Annotated[int, Field(ge=1, le=1_000_000)]
    leave_out: Annotated[list[UUID], Field(max_length=1_000)] = Field(
        [], description="Tasks to be left out; what depends on them goes too."
    )


class MilestoneChange(_Body):
    """The challenges that prove a milestone: all of them."""

    challenges: Annotated[set[UUID], Field(max_length=20)]


class TaskOut(_Read):
    id: UUID
    goal_id: UUID
    milestone_id: UUID
    title: str
    kind: Kind
    minutes: int
    difficulty: Difficulty
    scheduled_on: date | None
    status: TaskStatus
    percent: int
    spent_minutes: int
    done_at: datetime | None


class TaskChange(_Body):
    """What became of a task; what is absent stays."""

    status: Literal["done", "missed", "open"] | None = None
    minutes: Minutes | None = Field(None, description="Minutes spent, added to those before.")
    passed: bool = Field(
        True, description="For a review that is done: whether the matter was still there."
    )
    scheduled_on: Day | None = Field(None, description="Another day for it.")


class ProgressUpdate(_Body):
    task_id: UUID
    percent: Annotated[int, Field(ge=0, le=100)] | None = Field(
        None, description="How much of it is done; all of it is done, unless `status` says else."
    )
    minutes: Minutes | None = None
    status: Literal["done", "missed", "open"] | None = None


class ActivityIn(_Body):
    """Work on a task, or a word about it."""

    minutes: Minutes | None = None
    note: Note | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.minutes and self.note is None:
            raise ValueError("name minutes, or write a note")
        return self


class ActivityOut(_Read):
    id: UUID
    kind: str
    minutes: int | None
    percent: int | None
    note: str | None
    occurred_at: datetime
    local_day: date


class GenerateIn(_Body):
    date: Day | None = Field(None, description="Today unless said otherwise; not a past day.")


class TodayTaskOut(BaseModel):
    id: UUID
    goal_id: UUID
    title: str
    minutes: int
    difficulty: Difficulty
    due_on: date | None
    reason: str


class TodayOut(BaseModel):
    date: date
    capacity_minutes: int
    capacity_reason: str
    items: list[TodayTaskOut]
    left_out: list[TodayTaskOut] = Field(
        description="What would be for this day, too, but for room."
    )


class MoveOut(BaseModel):
    task_id: UUID
    title: str
    was_on: date | None
    moves_to: date


class ReschedulingOut(BaseModel):
    """New days for what was missed: a preview until it is accepted."""

    id: UUID
    state: Literal["proposed", "accepted", "overtaken"]
    moves: list[MoveOut]
    unplaced: list[UnplacedOut]
    optimal: bool
    created_at: datetime


class TemplateOut(_Read):
    slug: str
    title: str
    description: str
    domain: str | None
    keywords: list[str]
