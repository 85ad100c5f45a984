"""What happened in goals."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import ClassVar
from uuid import UUID

from guildhall.kernel.events import Event

__all__ = ["GoalCompleted", "TaskCompleted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskCompleted(Event):
    """A member has done a task. Fits `progression.Achievement`."""

    name: ClassVar[str] = "goals.task_completed.v1"
    local_day: date
    cause_id: UUID
    goal_id: UUID
    xp: int
    domain: str | None
    outcome: str = "done"
    cause_type: str = "task"
    rule_id: str = "task"
    rule_version: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class GoalCompleted(Event):
    """The last task of a goal's plan is done."""

    name: ClassVar[str] = "goals.goal_completed.v1"
    local_day: date
    goal_id: UUID
    domain: str | None
