"""Shapes of goals and templates."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal, Self
from uuid import UUID

from pydantic import (
    BaseModel,
    Field,
    model_validator,
)

from guildhall.goals.schemas.fields import (
    Body,
    Day,
    Description,
    GoalStatus,
    MinutesPerDay,
    Read,
    Slug,
    Title,
)
from guildhall.goals.schemas.plans import PlanOut

__all__ = [
    "Findings",
    "GoalAccepted",
    "GoalChange",
    "GoalIn",
    "GoalOut",
    "GoalSummary",
    "NextTask",
    "RankFinding",
    "TemplateOut",
]


class GoalIn(Body):
    """A goal, in the member's own words."""

    title: Title
    description: Description = ""
    deadline: Day
    minutes_per_day: MinutesPerDay | None = Field(
        None, description="For this goal; else what the member has for all goals together."
    )
    domain: Slug | None = None
    template: Slug | None = Field(None, description="A template of `GET /goal-templates`.")


class GoalChange(Body):
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


class NextTask(Read):
    """What is to be done next for a goal."""

    id: UUID
    title: str
    scheduled_on: date | None


class GoalSummary(Read):
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
    next_task: NextTask | None = Field(None, description="The first that is not done, if any is.")

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


class TemplateOut(Read):
    slug: str
    title: str
    description: str
    domain: str | None
    keywords: list[str]
