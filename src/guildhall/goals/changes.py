"""What may be proposed in a conversation: a closed list, and nothing besides.

An idea is what a model, or the hall's own rules, say; it names tasks by the keys of the document
that they were shown, so that it can name no other. A change is what the hall makes of an idea, and
stores until the member says yes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from guildhall.goals.schemas import (
    Day,
    Description,
    MinutesPerDay,
    MoveOut,
    Slug,
    Title,
)

__all__ = [
    "CHANGE",
    "Change",
    "GoalIdea",
    "Idea",
    "KnownGoal",
    "KnownTask",
    "MoveIdea",
    "MoveTask",
    "NewDays",
    "NewDaysIdea",
    "NewGoal",
    "OutcomeIdea",
    "Surroundings",
    "Talk",
    "TaskOutcome",
    "faults",
    "summary",
]

MOST_IDEAS = 3
MOST_TEXT = 4_000
Status = Literal["done", "missed", "open"]
Key = Annotated[str, Field(max_length=10)]


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid")


class GoalIdea(_Closed):
    """A goal that the member might set."""

    kind: Literal["new_goal"]
    title: Title
    description: Description = ""
    deadline: Day
    minutes_per_day: MinutesPerDay | None = None
    domain: Slug | None = None


class MoveIdea(_Closed):
    """Another day for a task."""

    kind: Literal["move_task"]
    task: Key
    to: Day


class OutcomeIdea(_Closed):
    """What became of a task; `open` takes back what was said before."""

    kind: Literal["task_outcome"]
    task: Key
    status: Status


class NewDaysIdea(_Closed):
    """New days for everything that was missed or has no day. The hall finds them."""

    kind: Literal["new_days"]


Idea = GoalIdea | MoveIdea | OutcomeIdea | NewDaysIdea


class Talk(_Closed):
    """What is said to a member, and what is proposed to them."""

    text: Annotated[str, Field(min_length=1, max_length=MOST_TEXT)]
    proposals: list[Idea] = Field(max_length=MOST_IDEAS)


class NewGoal(_Closed):
    kind: Literal["new_goal"] = "new_goal"
    title: str
    description: str
    deadline: date
    minutes_per_day: int | None
    domain: str | None


class MoveTask(_Closed):
    kind: Literal["move_task"] = "move_task"
    task_id: UUID
    title: str
    was_on: date | None
    to: date


class TaskOutcome(_Closed):
    kind: Literal["task_outcome"] = "task_outcome"
    task_id: UUID
    title: str
    was: Literal["open", "done", "missed"]
    status: Status


class NewDays(_Closed):
    """A preview of new days, which `GET /reschedulings` shows too."""

    kind: Literal["new_days"] = "new_days"
    rescheduling_id: UUID
    moves: list[MoveOut]


Change = Annotated[NewGoal | MoveTask | TaskOutcome | NewDays, Field(discriminator="kind")]
CHANGE: TypeAdapter[Change] = TypeAdapter(Change)


@dataclass(frozen=True, slots=True)
class KnownTask:
    """A task as a conversation knows it."""

    key: str
    id: UUID
    title: str
    goal: str
    minutes: int
    scheduled_on: date | None
    status: Literal["open", "done", "missed"]

    @property
    def shown(self) -> dict[str, Any]:
        return {
            "key": self.key,
            "title": self.title,
            "goal": self.goal,
            "minutes": self.minutes,
            "day": self.scheduled_on,
            "status": self.status,
        }


@dataclass(frozen=True, slots=True)
class KnownGoal:
    """A goal as a conversation knows it."""

    title: str
    deadline: date
    status: str
    domain: str | None
    rank: str | None
    tasks_done: int
    tasks_total: int

    @property
    def shown(self) -> dict[str, Any]:
        return {
            "title": self.title,
            "deadline": self.deadline,
            "status": self.status,
            "domain": self.domain,
            "rank": self.rank,
            "tasks_done": self.tasks_done,
            "tasks_total": self.tasks_total,
        }


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a conversation knows of its member, as it was when they spoke."""

    today: date
    last_deadline: date
    goals: Sequence[KnownGoal]
    tasks: Sequence[KnownTask]
    """Those to be done, in the order of the plans, and those of today that are done."""
    domains: Mapping[str, str]

    def task(self, key: str) -> KnownTask | None:
        return next((task for task in self.tasks if task.key == key), None)

    def for_today(self) -> list[KnownTask]:
        """Give what stands on today, and what was left before it."""
        return [
            task
            for task in self.tasks
            if task.scheduled_on is not None
            and (
                task.scheduled_on == self.today
                or (task.scheduled_on < self.today and task.status != "done")
            )
        ]


def faults(talk: Talk, around: Surroundings) -> list[str]:
    """Find what cannot be meant in what a model proposes, a sentence each."""
    found = []
    for idea in talk.proposals:
        if isinstance(idea, MoveIdea | OutcomeIdea):
            task = around.task(idea.task)
            if task is None:
                found.append(f"{idea.task!r} is no key of a task of the document.")
            elif isinstance(idea, OutcomeIdea) and task.status == idea.status:
                found.append(f"The task {idea.task!r} is {idea.status} already.")
            elif isinstance(idea, MoveIdea) and idea.to < around.today:
                found.append(f"The day {idea.to} is over; today is {around.today}.")
            elif isinstance(idea, MoveIdea) and task.status == "done":
                found.append(f"The task {idea.task!r} is done; it cannot be moved.")
        elif isinstance(idea, GoalIdea):
            if not around.today < idea.deadline <= around.last_deadline:
                found.append(f"A deadline is after {around.today}, by {around.last_deadline}.")
            if idea.domain is not None and idea.domain not in around.domains:
                found.append(f"{idea.domain!r} is no domain of the document; use one, or null.")
    return found


def summary(change: Change) -> str:
    """Give what a change does, in the hall's own words: never in a model's."""
    match change:
        case NewGoal():
            daily = f", {change.minutes_per_day} minutes a day" if change.minutes_per_day else ""
            return f"Set the goal “{change.title}” for {change.deadline}{daily}."
        case MoveTask():
            came = f" from {change.was_on}" if change.was_on else ""
            return f"Move “{change.title}”{came} to {change.to}."
        case TaskOutcome():
            done = {"done": "done", "missed": "missed", "open": "open again"}[change.status]
            return f"Note “{change.title}” as {done}."
        case NewDays():
            number = len(change.moves)
            return f"Move {number} {'task' if number == 1 else 'tasks'} to new days."
