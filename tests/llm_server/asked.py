"""What a caller asks for, whatever the protocol, and what is answered."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

__all__ = ["INJECTION", "Answer", "Asked", "Recorded", "Told"]

INJECTION = re.compile(
    r"ignore (?:all|any|your|the|previous)[^:]*instructions[^:]*:\s*(.+)", re.IGNORECASE | re.DOTALL
)


@dataclass(frozen=True)
class Asked:
    """One request to a model."""

    protocol: str
    model: str
    instructions: str
    messages: list[tuple[str, str]]
    """Who said what, in order: `user`, `assistant`, `tool`."""
    title: str | None
    """The name of the schema or tool that the answer must fit."""
    schema: Mapping[str, Any] | None
    by_tool: bool
    stream: bool
    most_output_tokens: int | None

    @property
    def data(self) -> dict[str, Any] | None:
        """The JSON document that was asked about: the last of a user's messages that is one."""
        for by, text in reversed(self.messages):
            if by == "user" and text.startswith("{"):
                try:
                    return dict(orjson.loads(text))
                except ValueError:
                    continue
        return None

    def injected(self) -> str | None:
        """Give what a text in the data tells a model to answer."""
        for text in _texts(self.data):
            if found := INJECTION.search(text):
                return found[1]
        return None


@dataclass
class Answer:
    """What the model says, before a protocol puts it in words."""

    text: str = ""
    json: str | None = None
    """A typed answer, as it is sent: not always JSON."""
    refused: bool = False
    stopped: str = "end"
    """`end`, `length` or `filter`."""
    input_tokens: int = 0
    output_tokens: int = 0
    usage: bool = True


@dataclass
class Recorded:
    """A request as it came in, and how it ended."""

    path: str
    headers: Mapping[str, str]
    body: Any
    asked: Asked | None = None
    answer: Answer | None = None
    behaviour: str | None = None
    early: bool = False
    """Whether it came before the end of a Retry-After."""
    ended: str | None = None
    """`answered`, or `gone` if the caller went first; None while it is under way."""

    def shown(self) -> dict[str, Any]:
        """Give what can be told over the control endpoint."""
        return {
            "path": self.path,
            "headers": dict(self.headers),
            "body": self.body,
            "behaviour": self.behaviour,
            "early": self.early,
            "ended": self.ended,
        }


Told = Any | Callable[[Asked], Any]
"""An answer that a test wants: a value, or a function of what was asked."""


def _texts(value: Any) -> list[str]:
    match value:
        case str():
            return [value]
        case dict():
            return [text for inner in value.values() for text in _texts(inner)]
        case list():
            return [text for inner in value for text in _texts(inner)]
    return []
