"""Answers that come piece by piece."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from typing import Protocol

from guildhall.infra.llm.calls import Line, Turn
from guildhall.infra.llm.errors import AnswerCut, CallFailed
from guildhall.infra.llm.words import OFFLINE, RULES, FaultKind, Question, Reply

__all__ = ["AnswerStream", "TextSource"]


class TextSource(Protocol):
    """Where texts come from piece by piece: one provider."""

    @property
    def line(self) -> Line: ...

    def pieces(self, question: Question[str], turn: Turn) -> AsyncGenerator[str, None]:
        """Give the answer as it comes. Raises CallFailed, whatever has come before."""
        ...


class AnswerStream:
    """Pieces of a text, to be iterated over once; then `reply` is there.

    Iterating raises AnswerCut if the text breaks off after its first piece; before that, the next
    source is asked.
    """

    def __init__(self, sources: Sequence[TextSource], question: Question[str], turn: Turn) -> None:
        self._sources = sources
        self._question = question
        self._turn = turn
        self._said: list[str] = []
        self._reply: Reply[str] | None = None
        self._pieces = self._run()

    def __aiter__(self) -> AsyncIterator[str]:
        return self._pieces

    @property
    def reply(self) -> Reply[str]:
        """The whole answer, and who gave it. Only after the last piece."""
        if self._reply is None:
            raise RuntimeError("the answer has not come to its end")
        return self._reply

    async def close(self) -> None:
        """Stop what still runs, and settle it."""
        await self._pieces.aclose()

    async def _run(self) -> AsyncGenerator[str, None]:
        for source in self._sources:
            try:
                async with aclosing(source.pieces(self._question, self._turn)) as pieces:
                    async for piece in pieces:
                        self._said.append(piece)
                        yield piece
            except CallFailed as failed:
                if self._said:
                    fault = failed.fault(source.line.provider)
                    raise AnswerCut(fault, "".join(self._said)) from failed
                self._turn.pass_over(source.line.provider, failed)
                if failed.kind is FaultKind.REFUSED:
                    break
                continue
            self._end("".join(self._said), source.line.provider, source.line.model)
            return
        text = await asyncio.to_thread(self._question.offline)
        yield text
        self._end(text, OFFLINE, RULES)

    def _end(self, text: str, provider: str, model: str) -> None:
        self._reply = Reply(
            output=text,
            provider=provider,
            model=model,
            faults=tuple(self._turn.faults),
            tokens=self._turn.tokens,
        )
