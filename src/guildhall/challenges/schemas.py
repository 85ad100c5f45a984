"""What travels over the wire in challenges."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from guildhall.challenges.graders import Grader, ShownGrader
from guildhall.kernel.paging import Limit

__all__ = [
    "AttemptOut",
    "ChallengeChange",
    "ChallengeIn",
    "ChallengeOut",
    "ChallengeQuery",
    "ChallengeSummary",
    "Difficulty",
    "Feedback",
    "Prerequisite",
    "ReviewIn",
    "Secret",
    "Standing",
    "Status",
    "SubmittedOut",
    "TagOut",
    "Unlocked",
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
    state: Literal["open", "passed"] | None = Field(
        None, description="Only those that one can take and has not passed, or that one has passed."
    )
    mine: bool = Field(False, description="One's own challenges instead, drafts included.")


class Prerequisite(BaseModel):
    """A challenge to be passed first."""

    id: UUID
    title: str | None = Field(description="Null while it is a draft.")
    passed: bool


class Unlocked(BaseModel):
    """A challenge that waits for another."""

    id: UUID
    title: str


class TagOut(BaseModel):
    """A tag, and how many published challenges have it."""

    tag: str
    challenges: int


class Standing(BaseModel):
    """What a reader has to show for a challenge, and when they may hand in again."""

    best_score: int
    xp_earned: int
    attempts_left: int | None = Field(description="Null where there is no end of them.")
    wait_seconds: int = Field(description="Until the next answer is taken; 0 for none.")


class ChallengeSummary(BaseModel):
    """A challenge as a line of a list, with how it stands with the reader."""

    id: UUID
    title: str
    xp: int
    difficulty: Difficulty
    tags: list[str]
    domain: str | None
    grader_type: Literal["flag", "quiz", "review", "self"]
    published: bool
    chance: float = Field(description="Predicted chance, 0 to 1, that the reader passes.")
    passed: bool = Field(description="Whether the reader has passed it.")
    locked: bool = Field(description="Whether prerequisites are still open.")
    prerequisites: list[Prerequisite]


class Secret(BaseModel):
    """What an author wrote and readers do not see; a change takes each part as it is here."""

    grader: Grader
    explanation: str | None


class ChallengeOut(ChallengeSummary):
    """A challenge in full. `grader` shows what to answer, never the solution."""

    description: str
    grader: ShownGrader
    standing: Standing
    unlocks: list[Unlocked] = Field(description="At most twenty.")
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


class Feedback(BaseModel):
    """What was said of an answer; which parts there are depends on the grader."""

    right: dict[str, bool] | None = Field(None, description="By question.")
    explanations: dict[str, str] | None = Field(None, description="By question, after a pass.")
    points: dict[str, int] | None = Field(None, description="By criterion of the rubric.")
    comment: str | None = None
    held_back_xp: int | None = None


class AttemptOut(BaseModel):
    id: UUID
    user_id: UUID
    challenge_id: UUID
    challenge_title: str
    username: str | None = Field(
        None, description="Whose it is, in the list of those to review; none of who has left."
    )
    status: Status
    score: int | None
    xp_awarded: int
    answer: dict[str, Any] | None
    feedback: Feedback | None
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
