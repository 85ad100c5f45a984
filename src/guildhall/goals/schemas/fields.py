"""Fields that occur in many shapes."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
)

__all__ = [
    "Body",
    "Day",
    "Description",
    "Difficulty",
    "GoalStatus",
    "Kind",
    "Minutes",
    "MinutesPerDay",
    "Note",
    "Read",
    "Slug",
    "TaskStatus",
    "Title",
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


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Read(BaseModel):
    model_config = ConfigDict(from_attributes=True)
