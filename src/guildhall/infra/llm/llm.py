"""The models of a hall: who is asked, in which order, and what the hall answers in the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Protocol, TypeVar

from guildhall.infra.llm.calls import Turn
from guildhall.infra.llm.embeddings import Embedder, OfflineEmbedder
from guildhall.infra.llm.errors import CallFailed
from guildhall.infra.llm.prices import Prices
from guildhall.infra.llm.streams import AnswerStream, TextSource
from guildhall.infra.llm.words import (
    OFFLINE,
    RULES,
    Call,
    Embedded,
    FaultKind,
    Meter,
    Question,
    Reply,
    Tokens,
)
from guildhall.infra.settings import LlmSettings
from guildhall.kernel.clock import Clock

__all__ = ["Llm", "open_llm"]

T = TypeVar("T")


class Source(TextSource, Protocol):
    """Where answers come from: one provider."""

    async def answer(self, question: Question[T], turn: Turn) -> T:
        """Give an answer that fits the schema and passes the check. Raises CallFailed."""
        ...


class Llm:
    """Asks models. One for each process, opened by `open_llm`."""

    def __init__(self, providers: Sequence[Source], embedder: Embedder, prices: Prices) -> None:
        self._providers = providers
        self._embedder = embedder
        self._prices = prices

    async def ask(self, question: Question[T], meter: Meter) -> Reply[T]:
        """Give an answer: of the first provider that has one that will do, else of the hall's own
        rules. `faults` tells why others were passed over.

        A model that refuses ends the turn, and no other is tried for what one would not say. Each
        call is reserved with the meter before and settled once after; what `reserve` raises ends
        the turn and is raised here.
        """
        turn = Turn(meter, question.seconds)
        for provider in self._providers:
            try:
                output = await provider.answer(question, turn)
            except CallFailed as failed:
                turn.pass_over(provider.line.provider, failed)
                if failed.kind is FaultKind.REFUSED:
                    break
                continue
            return Reply(
                output=output,
                provider=provider.line.provider,
                model=provider.line.model,
                faults=tuple(turn.faults),
                tokens=turn.tokens,
            )
        return await self._offline(question, turn)

    @asynccontextmanager
    async def stream(self, question: Question[str], meter: Meter) -> AsyncIterator[AnswerStream]:
        """Ask for a text that comes piece by piece:

            async with llm.stream(question, meter) as answer:
                async for piece in answer:
                    ...
            answer.reply  # As of `ask`.

        Once there was a first piece, no other provider is asked: if it breaks off, or says nothing
        for too long, iterating raises AnswerCut. Leaving the block early stops the call. `check`
        is not asked: what has been said cannot be taken back.
        """
        answer = AnswerStream(self._providers, question, Turn(meter, question.seconds))
        try:
            yield answer
        finally:
            await answer.close()

    @property
    def embedding_model(self) -> str:
        """The model that places texts now; points of another one cannot be compared with its."""
        return self._embedder.model_name

    async def embed(self, texts: Sequence[str], meter: Meter) -> Embedded:
        """Give each text as a point of 384 dimensions and length 1. Raises EmbeddingFailed; no
        other model takes the place of one that is away."""
        return await self._embedder.embed(texts, meter)

    def price_micros(self, provider: str, model: str, tokens: Tokens) -> int:
        """Give what tokens cost in millionths of a USD, rounded up."""
        return self._prices.price_micros(provider, model, tokens)

    def most_micros(self, call: Call) -> int:
        """Give what a call costs at most, in millionths of a USD."""
        return self._prices.most_micros(call)

    async def _offline(self, question: Question[T], turn: Turn) -> Reply[T]:
        return Reply(
            output=await asyncio.to_thread(question.offline),
            provider=OFFLINE,
            model=RULES,
            faults=tuple(turn.faults),
            tokens=turn.tokens,
        )


@asynccontextmanager
async def open_llm(settings: LlmSettings, clock: Clock) -> AsyncIterator[Llm]:
    """Open the lines to all providers of the settings, and close them in the end. Calls nobody."""
    if not settings.providers and settings.embedding_provider == OFFLINE:
        yield Llm((), OfflineEmbedder(), Prices.of_an_offline_hall(settings))
        return
    # Here, so that the processes of an offline hall start without it; see there.
    from guildhall.infra.llm.remote import open_remote  # noqa: PLC0415

    async with open_remote(settings, clock) as remote:
        yield Llm(remote.providers, remote.embedder or OfflineEmbedder(), remote.prices)
