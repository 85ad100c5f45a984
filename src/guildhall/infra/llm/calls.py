"""Calls: each one let through by the breaker, reserved before, limited in time, and settled."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import Any, TypeVar
from uuid import UUID

import structlog

from guildhall.infra.llm.breaker import Breaker
from guildhall.infra.llm.errors import CallFailed
from guildhall.infra.llm.words import Call, Fault, FaultKind, Meter, Tokens
from guildhall.infra.telemetry import LLM_CALLS, LLM_TOKENS

__all__ = ["Line", "OneCall", "Turn", "paused", "repeated"]

T = TypeVar("T")

log = structlog.get_logger()

NOTHING = Tokens(0, 0)


@dataclass
class Turn:
    """One question and all that is done for it: its meter, its time, and what it has taken."""

    meter: Meter
    seconds: float
    faults: list[Fault] = field(default_factory=list)
    tokens: Tokens = NOTHING

    def __post_init__(self) -> None:
        self._ends_at = asyncio.get_running_loop().time() + self.seconds

    def pass_over(self, provider: str, failed: CallFailed) -> None:
        """Note that a provider gave no answer that will do."""
        self.faults.append(failed.fault(provider))
        log.warning("llm_passed_over", provider=provider, fault=failed.kind, detail=failed.detail)

    @property
    def seconds_left(self) -> float:
        return self._ends_at - asyncio.get_running_loop().time()


@dataclass
class OneCall:
    """A call that is under way. Whoever makes it says here what it took."""

    seconds: float
    """How long it may take."""
    tokens: Tokens
    """What it would count for if it ended now."""


@dataclass(frozen=True)
class Line:
    """The line to one provider's model."""

    provider: str
    model: str
    breaker: Breaker
    call_seconds: float
    backoff_seconds: float

    @asynccontextmanager
    async def call(
        self, turn: Turn, *, most_input_tokens: int, most_output_tokens: int, sent: Tokens
    ) -> AsyncIterator[OneCall]:
        """Allow one call for the length of the block, and settle it after, whatever happens.

        The block says by CallFailed what went wrong. What the meter raises goes through as it is.
        """
        seconds = min(self.call_seconds, turn.seconds_left)
        if seconds <= 0:
            raise CallFailed(FaultKind.TIMEOUT, "no time was left", unwell=False)
        if not self.breaker.admits():
            raise CallFailed(FaultKind.RESTING, "it failed too often", unwell=False)
        well: bool | None = None
        try:
            call = Call(self.provider, self.model, most_input_tokens, most_output_tokens)
            call_id = await _reserve(turn.meter, call)
            one = OneCall(seconds, sent)
            began = perf_counter()
            try:
                yield one
            except CallFailed as failed:
                # That a turn had hardly any time left says nothing about the provider.
                hurried = failed.kind is FaultKind.TIMEOUT and seconds < self.call_seconds
                well = None if hurried else not failed.unwell
                if failed.unread:
                    one.tokens = replace(one.tokens, output=most_output_tokens, estimated=True)
                await self._settle(turn, call_id, one, failed, began)
                raise
            except BaseException:
                await self._settle(turn, call_id, one, None, began)
                raise
            well = True
            await self._settle(turn, call_id, one, None, began)
        finally:
            self.breaker.record(well)

    async def _settle(
        self, turn: Turn, call_id: UUID, one: OneCall, failed: CallFailed | None, began: float
    ) -> None:
        tokens = one.tokens if failed is None or failed.paid else None
        fault = failed.kind if failed else None
        LLM_CALLS.labels(self.provider, self.model, fault or "").inc()
        if tokens is not None:
            turn.tokens += tokens
            LLM_TOKENS.labels(self.provider, self.model, "in").inc(tokens.input)
            LLM_TOKENS.labels(self.provider, self.model, "out").inc(tokens.output)
        log.info(
            "llm_call",
            provider=self.provider,
            model=self.model,
            fault=fault,
            detail=failed.detail if failed else "",
            input_tokens=tokens.input if tokens else 0,
            output_tokens=tokens.output if tokens else 0,
            estimated=tokens.estimated if tokens else False,
            ms=round((perf_counter() - began) * 1000),
        )
        await _to_its_end(turn.meter.settle(call_id, tokens, fault))


async def repeated(line: Line, turn: Turn, tries: int, attempt: Callable[[], Awaitable[T]]) -> T:
    """Make a call, again after a pause if that is worth it, `tries` times at most. Raises
    CallFailed."""
    made = 0
    while True:
        made += 1
        try:
            return await attempt()
        except CallFailed as failed:
            if made >= tries or not await paused(line, turn, failed, made):
                raise


async def paused(line: Line, turn: Turn, failed: CallFailed, made: int) -> bool:
    """Wait until a call may be made again; at once False if that is not worth it, or too long."""
    if not failed.worth_repeating:
        return False
    # Between half of it and all: those who failed together do not come back together.
    seconds = line.backoff_seconds * 2 ** (made - 1) * random.uniform(0.5, 1)
    seconds = max(seconds, failed.retry_after_seconds or 0)
    if seconds >= turn.seconds_left:
        return False
    await asyncio.sleep(seconds)
    return True


async def _reserve(meter: Meter, call: Call) -> UUID:
    """Reserve a call. If the caller is cancelled meanwhile, what was reserved is given back."""
    reserving = asyncio.ensure_future(meter.reserve(call))
    try:
        return await asyncio.shield(reserving)
    except asyncio.CancelledError:
        await _wait_for(reserving)
        if not reserving.cancelled() and reserving.exception() is None:
            await _to_its_end(meter.settle(reserving.result(), None, None))
        raise


async def _to_its_end(work: Coroutine[Any, Any, None]) -> None:
    """Finish work even if the caller is cancelled; it is cancelled after."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await _wait_for(task)
        raise


async def _wait_for(task: asyncio.Future[Any]) -> None:
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError:
            continue
