"""The models of a hall: who is asked, in which order, and what the hall answers in the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Protocol, TypeVar

from guildhall.infra.llm.calls import Line, Turn
from guildhall.infra.llm.errors import CallFailed
from guildhall.infra.llm.prices import Prices
from guildhall.infra.llm.words import OFFLINE, Call, FaultKind, Meter, Question, Reply, Tokens
from guildhall.infra.settings import LlmSettings
from guildhall.kernel.clock import Clock

__all__ = ["RULES", "Llm", "open_llm"]

T = TypeVar("T")

RULES = "rules"
"""The model's name where the hall's own rules answered."""


class Source(Protocol):
    """Where answers come from: one provider."""

    @property
    def line(self) -> Line: ...

    async def answer(self, question: Question[T], turn: Turn) -> T:
        """Give an answer that fits the schema and passes the check. Raises CallFailed."""
        ...


class Llm:
    """Asks models. One for each process, opened by `open_llm`."""

    def __init__(
        self, providers: Sequence[Source], prices: Prices, *, stall_seconds: float
    ) -> None:
        self._providers = providers
        self._prices = prices
        self._stall_seconds = stall_seconds

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
                turn.faults.append(failed.fault(provider.line.provider))
                if failed.kind is FaultKind.REFUSED:
                    break
                continue
            return Reply(
                output=output,
                provider=provider.line.provider,
                model=provider.line.model,
                faults=turn.faults,
                tokens=turn.tokens,
            )
        return await self._offline(question, turn)

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
            faults=turn.faults,
            tokens=turn.tokens,
        )


@asynccontextmanager
async def open_llm(settings: LlmSettings, clock: Clock) -> AsyncIterator[Llm]:
    """Open the lines to all providers of the settings, and close them in the end. Calls nobody."""
    stall_seconds = settings.llm_stall_seconds
    if not settings.providers and settings.embedding_provider == OFFLINE:
        yield Llm((), Prices.of_an_offline_hall(settings), stall_seconds=stall_seconds)
        return
    # Here, so that the processes of an offline hall start without it; see there.
    from guildhall.infra.llm.remote import open_remote  # noqa: PLC0415

    async with open_remote(settings, clock) as remote:
        yield Llm(remote.providers, remote.prices, stall_seconds=stall_seconds)
