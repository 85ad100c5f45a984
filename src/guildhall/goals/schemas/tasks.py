"""Shapes of tasks, and of what is for a day."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import (
    BaseModel,
    Field,
    model_validator,
)

from guildhall.goals.schemas.fields import (
    Body,
    Day,
    Difficulty,
    Kind,
    Minutes,
    Note,
    Read,
    TaskStatus,
)

__all__ = [
    "ActivityIn",
    "ActivityOut",
    "GenerateIn",
    "ProgressUpdate",
    "TaskChange",
    "TaskOut",
    "TodayOut",
    "TodayTaskOut",
]


class TaskOut(Read):
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


class TaskChange(Body):
    """What became of a task; what is absent stays."""

    status: Literal["done", "missed", "open"] | None = None
    minutes: Minutes | None = Field(None, description="Minutes spent, added to those before.")
    passed: bool = Field(
        True, description="For a review that is done: whether the matter was still there."
    )
    scheduled_on: Day | None = Field(None, description="Another day for it.")


class ProgressUpdate(Body):
    task_id: UUID
    percent: Annotated[int, Field(ge=0, le=100)] | None = Field(
        None, description="How much of it is done; all of it is done, unless `status` says else."
    )
    minutes: Minutes | None = None
    status: Literal["done", "missed", "open"] | None = None


class ActivityIn(Body):
    """Work on a task, or a word about it."""

    minutes: Minutes | None = None
    note: Note | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.minutes and self.note is None:
            raise ValueError("name minutes, or write a note")
        return self


class ActivityOut(Read):
    id: UUID
    kind: str
    minutes: int | None
    percent: int | None
    note: str | None
    occurred_at: datetime
    local_day: date


class GenerateIn(Body):
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
