"""Graders: what a challenge asks for, and how an answer is scored. Pure: no I/O.

Each grader is a pydantic model, tagged by `type`, that knows three things: how it looks to a
reader (never the solution), what answer it takes, and the score of one.
"""

from __future__ import annotations

import hmac
import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictFloat,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    field_validator,
    model_validator,
)

from guildhall.challenges.errors import AnswerUnfit

__all__ = [
    "Flag",
    "Grader",
    "Grading",
    "Quiz",
    "Review",
    "SelfReport",
    "ShownGrader",
    "grader_from_json",
    "grader_of",
]

FULL_SCORE = 100
DEFAULT_PASS_SCORE = 60

Text = Annotated[str, StringConstraints(min_length=1, max_length=2000)]
Id = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]
Score = Annotated[int, Field(ge=1, le=FULL_SCORE)]
LongText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=50_000)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True, slots=True)
class Grading:
    """A score from 0 to 100, whether it passes, and what the member is told about it."""

    score: int
    passed: bool
    feedback: dict[str, Any] | None = None

    @property
    def outcome(self) -> Literal["passed", "failed"]:
        return "passed" if self.passed else "failed"


class FlagAnswer(_Model):
    answer: Annotated[str, Field(min_length=1, max_length=2000)]


class Flag(_Model):
    """A secret that the member has to find."""

    type: Literal["flag"]
    flag: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
    case_sensitive: bool = True

    def shown(self) -> dict[str, Any]:
        return {"type": self.type, "case_sensitive": self.case_sensitive}

    def read(self, body: dict[str, Any]) -> dict[str, Any]:
        return _read(FlagAnswer, body)

    def grade(self, answer: dict[str, Any]) -> Grading:
        """Compare in constant time, so that the time tells nothing about the secret."""
        given, secret = answer["answer"].strip(), self.flag
        if not self.case_sensitive:
            given, secret = given.casefold(), secret.casefold()
        passed = hmac.compare_digest(given.encode(), secret.encode())
        return Grading(FULL_SCORE if passed else 0, passed)


class Question(_Model):
    """A question of a quiz. `answer` is an option, a list of options, a number, or a text or list
    of accepted texts, by its kind."""

    id: Id
    prompt: Text
    kind: Literal["single", "multiple", "numeric", "text"]
    options: Annotated[list[Text], Field(max_length=20)] | None = None
    answer: float | str | Annotated[list[Text], Field(min_length=1, max_length=20)]
    tolerance: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0
    case_sensitive: bool = False
    explanation: Text | None = None

    @field_validator("answer", mode="before")
    @classmethod
    def _not_a_boolean(cls, value: Any) -> Any:
        if isinstance(value, bool):
            raise ValueError("true and false are not answers; use the option's text")
        return value

    @model_validator(mode="after")
    def _answer_fits_kind(self) -> Self:
        fits = {
            "single": isinstance(self.answer, str) and self.answer in (self.options or ()),
            "multiple": isinstance(self.answer, list)
            and set(self.answer) <= set(self.options or ()),
            "numeric": isinstance(self.answer, float) and math.isfinite(self.answer),
            "text": isinstance(self.answer, str | list),
        }[self.kind]
        if not fits:
            raise ValueError(
                {
                    "single": "answer must be one of the options",
                    "multiple": "answer must be a list of options",
                    "numeric": "answer must be a number",
                    "text": "answer must be a text or a list of accepted texts",
                }[self.kind]
            )
        if self.kind in ("single", "multiple"):
            options = self.options or []
            if len(options) < 2 or len(set(options)) != len(options):
                raise ValueError("options must be at least two, all different")
        return self

    def shown(self) -> dict[str, Any]:
        return self.model_dump(include={"id", "prompt", "kind", "options"}, exclude_none=True)

    def right(self, value: Any) -> bool:
        """Tell whether a value answers the question; a value of another type does not."""
        if self.kind == "single":
            return bool(value == self.answer)
        if self.kind == "multiple":
            assert isinstance(self.answer, list)
            return (
                isinstance(value, list)
                and all(isinstance(v, str) for v in value)
                and set(value) == set(self.answer)
            )
        if self.kind == "numeric":
            assert isinstance(self.answer, float)
            number = _number(value)
            return number is not None and abs(number - self.answer) <= self.tolerance + 1e-9 * abs(
                self.answer
            )
        accepted = self.answer if isinstance(self.answer, list) else [self.answer]
        return isinstance(value, str) and self._plain(value) in {
            self._plain(str(text)) for text in accepted
        }

    def _plain(self, text: str) -> str:
        text = " ".join(text.split())
        return text if self.case_sensitive else text.casefold()


AnswerValue = (
    StrictFloat  # or `true` would be the number one
    | Annotated[str, Field(max_length=2000)]
    | Annotated[list[Annotated[str, Field(max_length=2000)]], Field(max_length=50)]
    | None
)


class QuizAnswer(_Model):
    answers: Annotated[
        dict[Annotated[str, Field(max_length=64)], AnswerValue], Field(max_length=200)
    ]


class Quiz(_Model):
    """Questions, each worth the same."""

    type: Literal["quiz"]
    pass_score: Score = DEFAULT_PASS_SCORE
    questions: Annotated[list[Question], Field(min_length=1, max_length=100)]

    @model_validator(mode="after")
    def _ids_differ(self) -> Self:
        if len({question.id for question in self.questions}) != len(self.questions):
            raise ValueError("two questions have the same id")
        return self

    def shown(self) -> dict[str, Any]:
        return {
            "type": self.type,
            "pass_score": self.pass_score,
            "questions": [question.shown() for question in self.questions],
        }

    def read(self, body: dict[str, Any]) -> dict[str, Any]:
        return _read(QuizAnswer, body)

    def grade(self, answer: dict[str, Any]) -> Grading:
        """Score the share of right answers, rounded half up; what is not answered is wrong."""
        answers = answer["answers"]
        right = {q.id: q.right(answers.get(q.id)) for q in self.questions}
        score = (2 * FULL_SCORE * sum(right.values()) + len(right)) // (2 * len(right))
        passed = score >= self.pass_score
        feedback: dict[str, Any] = {"right": right}
        if passed:
            feedback["explanations"] = {
                q.id: q.explanation for q in self.questions if q.explanation
            }
        return Grading(score, passed, feedback)


class Criterion(_Model):
    criterion: Text
    points: Score


class TextAnswer(_Model):
    text: LongText


class Review(_Model):
    """Work that a person scores, by a rubric."""

    type: Literal["review"]
    rubric: Annotated[list[Criterion], Field(max_length=20)] = []
    pass_score: Score = DEFAULT_PASS_SCORE

    @model_validator(mode="after")
    def _points_add_up(self) -> Self:
        if self.rubric and sum(criterion.points for criterion in self.rubric) != FULL_SCORE:
            raise ValueError(f"the points of the rubric must add up to {FULL_SCORE}")
        return self

    def shown(self) -> dict[str, Any]:
        return self.model_dump()

    def read(self, body: dict[str, Any]) -> dict[str, Any]:
        return _read(TextAnswer, body)

    def grade(self, answer: dict[str, Any]) -> None:
        """Leave it to a person."""
        return


class SelfAnswer(_Model):
    note: Annotated[str, Field(max_length=2000)] | None = None


class SelfReport(_Model):
    """Something that a member says they have done. Its XP is capped per day."""

    type: Literal["self"]
    checklist: Annotated[list[Text], Field(max_length=30)] = []

    def shown(self) -> dict[str, Any]:
        return self.model_dump()

    def read(self, body: dict[str, Any]) -> dict[str, Any]:
        return _read(SelfAnswer, body)

    def grade(self, answer: dict[str, Any]) -> Grading:
        """Take the member's word."""
        return Grading(FULL_SCORE, True)


Grader = Annotated[Flag | Quiz | Review | SelfReport, Field(discriminator="type")]


class ShownFlag(BaseModel):
    type: Literal["flag"]
    case_sensitive: bool


class ShownQuestion(BaseModel):
    id: str
    prompt: str
    kind: Literal["single", "multiple", "numeric", "text"]
    options: list[str] | None = None


class ShownQuiz(BaseModel):
    type: Literal["quiz"]
    pass_score: int
    questions: list[ShownQuestion]


ShownGrader = Annotated[ShownFlag | ShownQuiz | Review | SelfReport, Field(discriminator="type")]
"""What a reader sees of a grader: what to answer, never the solution."""

_READER: TypeAdapter[Flag | Quiz | Review | SelfReport] = TypeAdapter(Grader)


def grader_of(stored: dict[str, Any]) -> Flag | Quiz | Review | SelfReport:
    """Read a grader as it is stored."""
    return _READER.validate_python(stored)


@lru_cache(maxsize=1024)
def grader_from_json(stored: str) -> Flag | Quiz | Review | SelfReport:
    """Read a grader as PostgreSQL prints it; the same text is read once."""
    return _READER.validate_json(stored)


def _read(model: type[BaseModel], body: dict[str, Any]) -> dict[str, Any]:
    """Check an answer's shape; raises AnswerUnfit with the path of each fault."""
    try:
        return model.model_validate(body).model_dump()
    except ValidationError as error:
        raise AnswerUnfit(
            faults=[
                {"path": ".".join(map(str, fault["loc"])), "message": fault["msg"]}
                for fault in error.errors(include_input=False, include_url=False)[:20]
            ]
        ) from None


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
