"""What travels over the wire in challenges."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from guildhall.challenges.graders import Grader
from guildhall.kernel.paging import Limit

__all__ = [
    "AttemptOut",
    "ChallengeChange",
    "ChallengeIn",
    "ChallengeOut",
    "ChallengeQuery",
    "ChallengeSummary",
    "Difficulty",
    "ReviewIn",
    "Secret",
    "Status",
    "SubmittedOut",
]

Difficulty = Literal["easy", "medium", "hard", "expert"]
Status = Literal["started", "submitted", "passed", "failed"]

Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Markdown = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=20_000)]
Tag = Annotated[
    str, StringConstraints(strip_whitespace=True, to_lower=True, min_length=1, max_length=40)
]
Tags = Annotated[list[Tag], Field(max_length=20)]
DomainSlug = Annotated[str, Field(min_length=1, max_length=64)]
Xp = Annotated[int, Field(ge=0, le=100_000)]
MaxAttempts = Annotated[int, Field(ge=1, le=1000)]
WaitSeconds = Annotated[int, Field(ge=1, le=2_592_000)]
Requirements = Annotated[list[UUID], Field(max_length=20)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ChallengeIn(_Body):
    """A draft. It becomes visible to others when it is published."""

    title: Title
    description: Markdown
    xp: Xp
    difficulty: Difficulty
    grader: Grader
    tags: Tags = []
    domain: DomainSlug | None = None
    explanation: Markdown | None = Field(
        None, description="Shown after a pass, or when no attempt is left."
    )
    requires: Requirements = Field([], description="Challenges to be passed before this one.")
    max_attempts: MaxAttempts | None = None
    retry_wait_seconds: WaitSeconds | None = None


class ChallengeChange(_Body):
    """What an author changes; what is absent stays."""

    title: Title | None = None
    description: Markdown | None = None
    xp: Xp | None = None
    difficulty: Difficulty | None = None
    grader: Grader | None = None
    tags: Tags | None = None
    domain: DomainSlug | None = None
    explanation: Markdown | None = None
    requires: Requirements | None = None
    max_attempts: MaxAttempts | None = None
    retry_wait_seconds: WaitSeconds | None = None


class ChallengeQuery(_Body):
    limit: Limit = 20
    cursor: Annotated[str, Field(max_length=500)] | None = None
    domain: DomainSlug | None = None
    difficulty: Difficulty | None = None
    tag: Annotated[str, Field(min_length=1, max_length=40)] | None = None
    sort: Literal["oldest", "right_for_me"] = "oldest"
    mine: bool = Field(False, description="One's own challenges instead, drafts included.")


class ChallengeSummary(BaseModel):
    """A challenge as a line of a list, with how it stands with the reader."""

    id: UUID
    title: str
    xp: int
    difficulty: Difficulty
    tags: list[str]
    domain: str | None
    grader_type: str
    published: bool
    chance: float = Field(description="Predicted chance, 0 to 1, that the reader passes.")
    passed: bool = Field(description="Whether the reader has passed it.")
    locked: bool = Field(description="Whether prerequisites are still open.")


class Secret(BaseModel):
    """What an author wrote and readers do not see; a change takes each part as it is here."""

    grader: Grader
    explanation: str | None


class ChallengeOut(ChallengeSummary):
    """A challenge in full. `grader` shows what to answer, never the solution."""

    description: str
    grader: dict[str, Any]
    secret: Secret | None = Field(
        description="On reading it, for those who may change it: the whole grader."
    )
    requires: list[UUID]
    max_attempts: int | None
    retry_wait_seconds: int | None
    created_by: UUID | None
    created_at: datetime
    updated_at: datetime


class SubmittedOut(BaseModel):
    id: UUID
    status: Literal["submitted"] = "submitted"


class AttemptOut(BaseModel):
    id: UUID
    user_id: UUID
    challenge_id: UUID
    challenge_title: str | None = Field(None, description="In lists.")
    username: str | None = Field(
        None, description="Whose it is, in the list of those to review; none of who has left."
    )
    status: Status
    score: int | None
    xp_awarded: int
    answer: dict[str, Any] | None
    feedback: dict[str, Any] | None
    explanation: str | None = Field(
        None, description="The challenge's, after a pass or when no attempt is left."
    )
    started_at: datetime
    submitted_at: datetime | None
    graded_at: datetime | None


class ReviewIn(_Body):
    """A score by hand: a number, or points by criterion of the rubric."""

    score: Annotated[int, Field(ge=0, le=100)] | None = None
    points: dict[str, Annotated[int, Field(ge=0, le=100)]] | None = None
    comment: Annotated[str, Field(max_length=5000)] | None = None
