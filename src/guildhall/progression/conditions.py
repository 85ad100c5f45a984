"""Conditions of badges: what can be asked of a subject's record, and how it is answered.

A condition is JSON; pydantic reads it, so that a fault is told with its path before the badge is
saved. Evaluation is pure: `Facts` is all it looks at.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from guildhall.progression.errors import ConditionInvalid

__all__ = ["ATTEMPT_TOPIC", "Condition", "Counted", "Facts", "Reach", "leaves", "parse", "totals"]

ATTEMPT_TOPIC = "challenges.attempt_graded"
DEEPEST = 8
Count = Annotated[int, Field(ge=1, le=1_000_000_000)]
Slug = Annotated[str, Field(min_length=1, max_length=64)]


Totals = Mapping[tuple[str, str | None, str | None], int]
"""Numbers of activities by (topic, outcome, domain); None stands for any outcome or domain."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known about a subject at a moment."""

    total_xp: int = 0
    longest_streak: int = 0
    domain_xp: Mapping[str, int] = field(default_factory=dict)
    counts: Totals = field(default_factory=dict)
    current_streak: int = 0

    def count(self, topic: str, outcome: str | None = None, domain: str | None = None) -> int:
        """Count activities of a topic, of any outcome and domain where none is named."""
        return self.counts.get((topic, outcome, domain), 0)


Counted = Literal["xp", "attempts", "passed", "failed", "days", "events"]


@dataclass(frozen=True, slots=True)
class Reach:
    """How far a subject has come towards a condition that is not met, by one counter."""

    counted: Counted
    have: int
    want: int
    domain: str | None = None

    @property
    def share(self) -> float:
        return max(0, self.have) / self.want


def totals(counts: Iterable[tuple[str, str | None, str | None, int]]) -> Totals:
    """Add up numbers by (topic, outcome, domain) under every question that they answer."""
    added: dict[tuple[str, str | None, str | None], int] = defaultdict(int)
    for topic, outcome, domain, number in counts:
        added[topic, None, None] += number
        if outcome is not None:
            added[topic, outcome, None] += number
        if domain is not None:
            added[topic, None, domain] += number
        if outcome is not None and domain is not None:
            added[topic, outcome, domain] += number
    return added


class _Node(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Xp(_Node):
    type: Literal["xp"]
    threshold: Count
    domain: Slug | None = None

    def met(self, facts: Facts) -> bool:
        return self._xp(facts) >= self.threshold

    def reach(self, facts: Facts) -> Reach:
        return Reach("xp", self._xp(facts), self.threshold, self.domain)

    def _xp(self, facts: Facts) -> int:
        return facts.total_xp if self.domain is None else facts.domain_xp.get(self.domain, 0)


class AttemptCount(_Node):
    type: Literal["attempt_count"]
    count: Count
    status: Literal["passed", "failed"] | None = None
    domain: Slug | None = None

    def met(self, facts: Facts) -> bool:
        return facts.count(ATTEMPT_TOPIC, self.status, self.domain) >= self.count

    def reach(self, facts: Facts) -> Reach:
        have = facts.count(ATTEMPT_TOPIC, self.status, self.domain)
        return Reach(self.status or "attempts", have, self.count, self.domain)


class ConsecutiveDays(_Node):
    type: Literal["consecutive_days"]
    days: Annotated[int, Field(ge=1, le=36_500)]

    def met(self, facts: Facts) -> bool:
        return facts.longest_streak >= self.days

    def reach(self, facts: Facts) -> Reach:
        # Not the longest: that run is over, and another one begins with its first day.
        return Reach("days", facts.current_streak, self.days)


class EventCount(_Node):
    type: Literal["event_count"]
    event: Annotated[str, Field(min_length=3, max_length=100)]
    count: Count

    def met(self, facts: Facts) -> bool:
        return facts.count(self.event) >= self.count

    def reach(self, facts: Facts) -> Reach:
        return Reach("events", facts.count(self.event), self.count)


class All(_Node):
    type: Literal["all"]
    of: Annotated[
        list[Condition],
        Field(min_length=1, max_length=20, validation_alias=AliasChoices("of", "conditions")),
    ]

    def met(self, facts: Facts) -> bool:
        return all(part.met(facts) for part in self.of)

    def reach(self, facts: Facts) -> Reach | None:
        """Give the part that is furthest behind; None if one is out of reach."""
        parts = [part.reach(facts) for part in self.of if not part.met(facts)]
        reaches = [reach for reach in parts if reach is not None]
        return min(reaches, key=_share) if len(reaches) == len(parts) else None


class AnyOf(_Node):
    type: Literal["any"]
    of: Annotated[
        list[Condition],
        Field(min_length=1, max_length=20, validation_alias=AliasChoices("of", "conditions")),
    ]

    def met(self, facts: Facts) -> bool:
        return any(part.met(facts) for part in self.of)

    def reach(self, facts: Facts) -> Reach | None:
        """Give the part that is nearest."""
        parts = [part.reach(facts) for part in self.of]
        return max((reach for reach in parts if reach is not None), key=_share, default=None)


class Not(_Node):
    type: Literal["not"]
    of: Annotated[Condition, Field(validation_alias=AliasChoices("of", "condition"))]

    def met(self, facts: Facts) -> bool:
        return not self.of.met(facts)

    def reach(self, facts: Facts) -> None:
        """What has happened cannot be undone."""
        return


Condition = Annotated[
    Xp | AttemptCount | ConsecutiveDays | EventCount | All | AnyOf | Not,
    Field(discriminator="type"),
]

All.model_rebuild()
AnyOf.model_rebuild()
Not.model_rebuild()

_READER: TypeAdapter[Condition] = TypeAdapter(Condition)


def parse(written: Any, known_topics: frozenset[str] | None = None) -> Condition:
    """Read a condition.

    Raises ConditionInvalid with the path of each fault, also for an event that nobody tells
    (if `known_topics` is given) and for nesting deeper than eight.
    """
    if _depth(written) > DEEPEST:
        raise ConditionInvalid(faults=[{"path": "", "message": f"nested deeper than {DEEPEST}"}])
    try:
        condition = _READER.validate_python(written)
    except ValidationError as error:
        raise ConditionInvalid(
            faults=[
                {"path": ".".join(map(str, _path(fault["loc"]))), "message": fault["msg"]}
                for fault in error.errors(include_input=False, include_url=False)
            ]
        ) from None
    unknown = [
        {"path": path, "message": f"no event is called {leaf.event}"}
        for path, leaf in leaves(condition)
        if isinstance(leaf, EventCount)
        and known_topics is not None
        and leaf.event not in known_topics
    ]
    if unknown:
        raise ConditionInvalid(faults=unknown)
    return condition


def leaves(condition: Condition, path: str = "") -> Iterator[tuple[str, Condition]]:
    """Walk to the conditions that hold no others, each with its path."""
    if isinstance(condition, All | AnyOf):
        for position, part in enumerate(condition.of):
            yield from leaves(part, f"{path}of.{position}.")
    elif isinstance(condition, Not):
        yield from leaves(condition.of, f"{path}of.")
    else:
        yield path.rstrip("."), condition


def _share(reach: Reach) -> float:
    return reach.share


def _path(location: tuple[int | str, ...]) -> list[int | str]:
    """Leave out the names of the union's arms: they are not in what was written."""
    arms = {"xp", "attempt_count", "consecutive_days", "event_count", "all", "any", "not"}
    return [part for part in location if part not in arms]


def _depth(written: Any) -> int:
    if isinstance(written, dict):
        return 1 + max((_depth(value) for value in written.values()), default=0)
    if isinstance(written, list):
        return max((_depth(value) for value in written), default=0)
    return 0
