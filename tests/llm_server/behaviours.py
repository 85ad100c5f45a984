"""What the server can do wrong, when, and to whom."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Behaviour", "Rule"]


class Behaviour(StrEnum):
    """What a provider, or the model at it, may do instead of what it should."""

    BAD_JSON = "bad_json"  # A typed answer that is no JSON.
    BROKEN_BODY = "broken_body"  # The protocol's own envelope is no JSON.
    WRONG_SCHEMA = "wrong_schema"  # JSON, but not what was asked for.
    REFUSAL = "refusal"
    CONTENT_FILTER = "content_filter"  # Cut short by the provider's filter.
    STALL = "stall"  # Not one byte, until it is released or the caller goes.
    STALL_MIDWAY = "stall_midway"  # A stream that falls silent after its first piece.
    CUT = "cut"  # The connection ends in the middle of the answer.
    RATE_LIMIT = "rate_limit"  # 429 with Retry-After.
    ERROR = "error"  # 500.
    OVERLOADED = "overloaded"  # 529.
    OVERLOADED_MIDWAY = "overloaded_midway"  # An error event inside a stream.
    REJECTED = "rejected"  # 400.
    WRONG_KEY = "wrong_key"  # 401.
    NO_USAGE = "no_usage"  # Answers well, and does not say what it took.
    WRONG_LANGUAGE = "wrong_language"
    OBEYS_INJECTION = "obeys_injection"  # Does what a text in the data says.
    TRUNCATED = "truncated"  # Stops at the most output tokens.
    EMPTY = "empty"  # Says nothing at all.
    WRONG_LENGTH = "wrong_length"  # Embeddings of too few dimensions.


@dataclass
class Rule:
    """A behaviour for the next so many calls (None: all), of one model or of any."""

    behaviour: Behaviour
    times: int | None = 1
    model: str | None = None
    retry_after_seconds: float = 0.05

    def applies_to(self, model: str) -> bool:
        return self.times != 0 and self.model in (None, model)
