"""Templates: ways to goals that many have, which fit the time that there is."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from guildhall.goals.proposals import MilestoneIdea, TaskIdea, Title

__all__ = ["Template", "TemplateMilestone", "TemplateTask"]

Slug = Annotated[
    str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", min_length=2, max_length=100)
]
Keyword = Annotated[str, StringConstraints(pattern=r"^[a-z0-9+#]+( [a-z0-9+#]+)*$", max_length=40)]
SHORTEST_SHARE, LONGEST_SHARE = 0.7, 1.5
STEP_MINUTES = 5


class TemplateTask(TaskIdea):
    """A task of a template, and how it gives way to the time that there is."""

    optional: bool = False
    """Left out where time is short."""
    fixed: bool = False
    """Takes its minutes, whatever time there is: an exam under its own conditions, a race."""
    repeats: int = Field(0, ge=0, le=60)
    """How often it may come again where there is time, each time after the one before."""
    throughout: bool = False
    """Its repetitions go on beside everything later, and nothing waits for them but for the first;
    else they follow each other, and what depends on the task waits for the last."""

    @property
    def shortest_minutes(self) -> int:
        return self.minutes if self.fixed else _rounded(self.minutes * SHORTEST_SHARE)

    @property
    def longest_minutes(self) -> int:
        return self.minutes if self.fixed else _rounded(self.minutes * LONGEST_SHARE)


class TemplateMilestone(MilestoneIdea):
    tasks: list[TemplateTask] = Field(min_length=1, max_length=50)  # type: ignore[assignment]  # narrower


class Template(BaseModel):
    """A way to a goal that many have."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    slug: Slug
    title: Title
    description: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=20, max_length=1_000)
    ]
    domain: Slug | None = None
    keywords: list[Keyword] = Field(min_length=3, max_length=30)
    milestones: list[TemplateMilestone] = Field(min_length=2, max_length=12)

    @property
    def tasks(self) -> list[TemplateTask]:
        return [task for milestone in self.milestones for task in milestone.tasks]

    @property
    def fewest_minutes(self) -> int:
        """What is needed at the least, without anything optional."""
        return sum(task.shortest_minutes for task in self.tasks if not task.optional)

    @property
    def most_minutes(self) -> int:
        """What it can fill, with every repetition."""
        return sum(task.longest_minutes * (1 + task.repeats) for task in self.tasks)

    @model_validator(mode="after")
    def _leads_forward(self) -> Self:
        before = set[str]()
        for task in self.tasks:
            if task.key in before:
                raise ValueError(f"{task.key}: two tasks have this key")
            for key in task.depends_on:
                if key not in before:
                    raise ValueError(f"{task.key}: depends on {key}, which is not before it")
            before.add(task.key)
        titles = [task.title.casefold() for task in self.tasks]
        if len(set(titles)) != len(titles):
            raise ValueError("two tasks have the same title")
        if not all(milestone.evidence for milestone in self.milestones):
            raise ValueError("every milestone needs its evidence")
        return self


def _rounded(minutes: float) -> int:
    return max(STEP_MINUTES, round(minutes / STEP_MINUTES) * STEP_MINUTES)
