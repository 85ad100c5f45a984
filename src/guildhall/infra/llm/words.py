"""What is said to a model and what comes back, whoever answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Generic, Literal, Protocol, TypeVar
from uuid import UUID

__all__ = [
    "EMBEDDING_DIMENSIONS",
    "OFFLINE",
    "RULES",
    "Call",
    "Embedded",
    "Fault",
    "FaultKind",
    "Meter",
    "Question",
    "Reply",
    "Said",
    "Tokens",
]

T = TypeVar("T")

OFFLINE = "offline"
"""What the hall's own rules are called where an answer says who made it."""
RULES = "rules"
"""The name of their model."""
EMBEDDING_DIMENSIONS = 384


@dataclass(frozen=True, slots=True)
class Said:
    """One line of a conversation so far."""

    by: Literal["member", "model"]
    text: str


@dataclass(frozen=True, kw_only=True)
class Question(Generic[T]):
    """One turn put to a model.

    `instructions` are the hall's own words, never put together from anybody else's; whatever a
    member or another model wrote is in `data`, which is passed apart, as JSON, or in `history`.
    """

    instructions: str
    data: Mapping[str, Any]
    answer: type[T]
    """`str` for text, else a Pydantic model, whose schema the answer must fit."""
    offline: Callable[[], T]
    """What the hall's own rules answer: when no provider is set, and when none has given an
    answer that will do. Pure and quick; called in a thread."""
    history: Sequence[Said] = ()
    check: Callable[[T], Sequence[str]] | None = None
    """What is wrong with an answer that fits the schema, a sentence each; the model is told, and
    asked again."""
    tries: int = 3
    """Calls at most to one provider for an answer that fits, the first included."""
    max_output_tokens: int = 4_000
    seconds: float = 60.0
    """For the whole turn with all its calls. Past it, `offline` answers."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """What one call took. `estimated` if the provider did not say, and the hall counted."""

    input: int
    output: int
    cached: int = 0
    """Those of `input` that the provider read from its cache."""
    estimated: bool = False

    def __add__(self, other: Tokens) -> Tokens:
        return Tokens(
            self.input + other.input,
            self.output + other.output,
            self.cached + other.cached,
            self.estimated or other.estimated,
        )


class FaultKind(StrEnum):
    """Why a provider gave no answer that will do."""

    UNREACHABLE = "unreachable"  # No connection, or it was cut.
    TIMEOUT = "timeout"
    OVERLOADED = "overloaded"  # 429, and 529 of Anthropic.
    BROKEN = "broken"  # 5xx, or no answer of the protocol at all.
    REJECTED = "rejected"  # Another 4xx: a wrong key, an unknown model.
    INVALID = "invalid"  # It answered, but not what was asked for, as often as it may be asked.
    TRUNCATED = "truncated"  # The answer was longer than it may be.
    REFUSED = "refused"  # The model will not.
    RESTING = "resting"  # Its breaker is open: it was not asked.
    TOO_DEAR = "too_dear"  # The meter let no call through.


@dataclass(frozen=True, slots=True)
class Fault:
    """A provider that was passed over, and why. `detail` is for operators, never for members."""

    provider: str
    kind: FaultKind
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """One call to a provider, before it is known what it takes."""

    provider: str
    model: str
    most_input_tokens: int
    most_output_tokens: int


class Meter(Protocol):
    """Counts the calls of a turn. Policy is the caller's: here it is only asked."""

    async def reserve(self, call: Call) -> UUID:
        """Allow a call before it is made, and name it. Raises to forbid it; that ends the turn."""

    async def settle(self, call_id: UUID, tokens: Tokens | None, fault: FaultKind | None) -> None:
        """Say what an allowed call took; None if it was certainly not charged for."""


@dataclass(frozen=True, kw_only=True)
class Reply(Generic[T]):
    """The answer to a question; there always is one."""

    output: T
    provider: str
    """The name of the provider it came from, `offline` for the hall's own rules."""
    model: str
    faults: Sequence[Fault] = ()
    """Who was passed over before, in order. Empty when the first one answered."""
    tokens: Tokens = field(default_factory=lambda: Tokens(0, 0))
    """The sum over all calls of the turn, those with faults included."""

    @property
    def refused(self) -> bool:
        """Whether a model would not answer, so that the hall's own rules did."""
        return any(fault.kind is FaultKind.REFUSED for fault in self.faults)


@dataclass(frozen=True, slots=True)
class Embedded:
    """Texts as points: 384 numbers each, of length 1. Only those of one model are comparable."""

    vectors: Sequence[Sequence[float]]
    provider: str
    model: str
    tokens: Tokens
