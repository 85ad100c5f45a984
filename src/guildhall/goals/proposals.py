"""What a planner proposes: structure, and never a day. Placing it is `scheduling`'s."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

__all__ = ["MilestoneIdea", "PlanProposal", "TaskIdea"]

Key = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=200)]
Sentence = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)]


class Idea(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TaskIdea(Idea):
    """Something to sit down for."""

    key: Key = Field(description="Names the task within this plan, for depends_on.")
    title: Title
    minutes: int = Field(ge=5, le=6_000, description="Work in all; longer ones are split later.")
    difficulty: Literal["easy", "medium", "hard", "expert"] = "medium"
    kind: Literal["do", "practise"] = Field(
        "do", description="practise: to be repeated at growing intervals so that it stays."
    )
    depends_on: list[Key] = Field(
        default_factory=list, max_length=20, description="Keys of tasks that come before this one."
    )


class MilestoneIdea(Idea):
    """A stretch of the way, with what shows that it is reached."""

    title: Title
    evidence: Sentence = Field(description="What the member can show or do then.")
    tasks: list[TaskIdea] = Field(min_length=1, max_length=200)


class PlanProposal(Idea):
    """A way to a goal, as a model, a template or a rule proposes it."""

    summary: Sentence
    milestones: list[MilestoneIdea] = Field(min_length=1, max_length=30)

    @property
    def tasks(self) -> list[TaskIdea]:
        return [task for milestone in self.milestones for task in milestone.tasks]
