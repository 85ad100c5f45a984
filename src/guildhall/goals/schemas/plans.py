"""Shapes of plans, and of new days for what was missed."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import (
    BaseModel,
    Field,
)

from guildhall.goals.schemas.fields import Body, Description, Difficulty, Kind, TaskStatus

__all__ = [
    "MilestoneChange",
    "MilestoneOut",
    "MoveOut",
    "PlanAccept",
    "PlanChange",
    "PlanDecline",
    "PlanOut",
    "PlanRequest",
    "PlannedTaskOut",
    "ReschedulingOut",
    "UnplacedOut",
]


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
    percent: int = Field(0, description="How much of it is done, as its owner says.")
    spent_minutes: int = 0


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


class PlanRequest(Body):
    wish: Description = Field("", description="What should be different this time.")
    same_tasks: bool = Field(
        False, description="Whether to keep the tasks and only find new days for them."
    )


class PlanAccept(Body):
    version: Annotated[int, Field(ge=1, le=1_000_000)]
    leave_out: Annotated[list[UUID], Field(max_length=1_000)] = Field(
        [], description="Tasks to be left out; what depends on them goes too."
    )


class PlanDecline(Body):
    version: Annotated[int, Field(ge=1, le=1_000_000)]


class MilestoneChange(Body):
    """The challenges that prove a milestone: all of them."""

    challenges: Annotated[set[UUID], Field(max_length=20)]


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
