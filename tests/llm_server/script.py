"""What the server does next, and what it has been asked."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import orjson

from tests.llm_server.asked import Answer, Asked, Recorded, Told
from tests.llm_server.behaviours import Behaviour, Rule
from tests.llm_server.instances import instance

__all__ = ["ANOTHER_LANGUAGE", "Script"]

ANOTHER_LANGUAGE = "Esto no es lo que se había pedido"
LONG = "word " * 40


class Script:
    """The server's state. Only touched from its event loop."""

    def __init__(self) -> None:
        self.requests: list[Recorded] = []
        self.rules: list[Rule] = []
        self.told: dict[str | None, Told] = {}
        self.under_way = self.most_under_way = 0
        self.closing = asyncio.Event()
        self._gate = asyncio.Event()
        self._gate.set()
        self._unstalled = asyncio.Event()
        self._changed = asyncio.Condition()
        self._not_before: dict[str, float] = {}

    def reset(self) -> None:
        """Forget everything, and let go whoever waits."""
        self.requests.clear()
        self.rules.clear()
        self.told.clear()
        self._not_before.clear()
        self.most_under_way = self.under_way
        self.release()

    def hold(self) -> None:
        """Let every answer wait until `release`."""
        self._gate.clear()

    def release(self) -> None:
        """Let go what is held, and what stalls now."""
        self._gate.set()
        self._unstalled.set()
        self._unstalled = asyncio.Event()

    async def wait_until(self, fulfilled: Callable[[], bool]) -> None:
        """Wait until a condition over this state holds."""
        async with self._changed:
            await self._changed.wait_for(fulfilled)

    async def change(self) -> None:
        """Tell those who wait that something is otherwise now."""
        async with self._changed:
            self._changed.notify_all()

    async def opened(self) -> None:
        """Wait while answers are held."""
        await self._gate.wait()

    async def unstalled(self) -> None:
        await self._unstalled.wait()

    def next_rule(self, model: str) -> Rule | None:
        """Take the first rule that applies, and count it."""
        for rule in self.rules:
            if rule.applies_to(model):
                if rule.times is not None:
                    rule.times -= 1
                return rule
        return None

    def rate_limited(self, model: str, seconds: float) -> None:
        self._not_before[model] = time.monotonic() + seconds

    def is_early(self, model: str) -> bool:
        return time.monotonic() < self._not_before.get(model, 0.0)

    def answer(self, asked: Asked, behaviour: Behaviour | None) -> Answer:
        """Say what a model says that behaves like that."""
        answer = self._said(asked, behaviour)
        answer.usage = behaviour is not Behaviour.NO_USAGE
        answer.input_tokens = (
            10 + _words(asked.instructions) + sum(_words(text) for _, text in asked.messages)
        )
        answer.output_tokens = 1 + _words(answer.json or answer.text)
        if answer.stopped == "length" and asked.most_output_tokens is not None:
            answer.output_tokens = asked.most_output_tokens
        return answer

    def _said(self, asked: Asked, behaviour: Behaviour | None) -> Answer:
        match behaviour:
            case Behaviour.REFUSAL:
                return Answer("I cannot help with that.", refused=True)
            case Behaviour.CONTENT_FILTER:
                return Answer("", stopped="filter")
            case Behaviour.EMPTY:
                return Answer("")
            case Behaviour.TRUNCATED:
                if asked.schema is None:
                    return Answer(LONG, stopped="length")
                whole = orjson.dumps(instance(asked.schema)).decode()
                return Answer(json=whole[: len(whole) // 2], stopped="length")
            case Behaviour.BAD_JSON if asked.schema is not None:
                return Answer(json='{"title": "never closed')
            case Behaviour.WRONG_SCHEMA if asked.schema is not None:
                return Answer(json='{"unheard_of": [1, 2, 3]}')
            case Behaviour.OBEYS_INJECTION if (told := asked.injected()) is not None:
                return _obedient(asked, told)
            case Behaviour.WRONG_LANGUAGE:
                return _typed(asked, ANOTHER_LANGUAGE)
        return self._well_said(asked)

    def _well_said(self, asked: Asked) -> Answer:
        if asked.title not in self.told:
            return _typed(asked, "Words that fit")
        told = self.told[asked.title]
        value = told(asked) if callable(told) else told
        if asked.schema is None:
            return Answer(str(value))
        return Answer(json=value if isinstance(value, str) else _dumped(value))


def _typed(asked: Asked, sentence: str) -> Answer:
    if asked.schema is None:
        return Answer(f"{sentence}, said {asked.model} to {len(asked.messages)} messages.")
    return Answer(json=_dumped(instance(asked.schema, sentence)))


def _obedient(asked: Asked, told: str) -> Answer:
    if asked.schema is None:
        return Answer(told)
    try:
        orjson.loads(told)
    except ValueError:
        return Answer(json=_dumped(instance(asked.schema, told)))
    return Answer(json=told)


def _dumped(value: Any) -> str:
    return orjson.dumps(value).decode()


def _words(text: str) -> int:
    return len(text.split())
