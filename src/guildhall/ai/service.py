"""Asking models: every call is paid from a budget, and every turn is done once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Protocol, TypeVar
from uuid import UUID

from pydantic import TypeAdapter, ValidationError

from guildhall.ai import repository, turns
from guildhall.ai.errors import BudgetSpent, TurnUnderWay
from guildhall.ai.metering import LedgerMeter, lose
from guildhall.ai.prompts import Prompt
from guildhall.ai.turns import Held, Stored, to_its_end
from guildhall.infra.llm import (
    OFFLINE,
    RULES,
    AnswerStream,
    Embedded,
    Fault,
    FaultKind,
    Llm,
    Question,
    Reply,
    Tokens,
)
from guildhall.infra.settings import Settings
from guildhall.infra.unit_of_work import UnitOfWork, UnitsOfWork
from guildhall.kernel.member import OPERATOR_ID

__all__ = ["Asker", "ask", "embed", "finish", "stream"]

T = TypeVar("T")

EMBEDDING_SECONDS = 120.0


class Asker(Protocol):
    """What it takes to ask: the open hall has it, and every running task."""

    @property
    def units(self) -> UnitsOfWork: ...
    @property
    def llm(self) -> Llm: ...
    @property
    def settings(self) -> Settings: ...


async def ask(
    asker: Asker,
    question: Question[T],
    *,
    member: UUID | None,
    feature: str,
    prompt: Prompt,
    cause: str | None = None,
    offline_when_spent: bool = False,
) -> Reply[T]:
    """Give the answer to a question, paid from the budgets of the hall, the feature and the member
    (None for the hall's own work). Not to be called inside a unit of work.

    With a `cause`, unique for the member, the turn is done once, whoever asks and however often:
    somebody who asks meanwhile waits for the same answer, who asks later is given it, and what a
    killed process left open is taken up, its calls without an end being paid for by nobody.
    `finish` forgets the answer when something was made of it.

    Raises BudgetSpent, or answers by the hall's own rules if `offline_when_spent`. Raises
    TurnUnderWay if others answer for too long, TurnFinished if the cause is finished.
    """
    while True:
        turn = await _take(asker, question, member, feature, prompt, cause)
        if isinstance(turn, Held):
            break
        try:
            return _revived(turn.answer, question)
        except ValidationError:  # It was stored by another release.
            async with asker.units.write(member=turn.held.owner_id) as uow:
                await turns.reopen(uow, turn.held)
    meter = LedgerMeter(
        asker.units, asker.llm, asker.settings.ai, member=member, feature=feature,
        seconds=question.seconds, turn=turn,
    )  # fmt: skip
    try:
        asking = _answer(asker.llm, question, meter, offline_when_spent=offline_when_spent)
        reply = await (turns.held(asker.units, turn, asking) if turn.resumable else asking)
    except BaseException:
        await to_its_end(_abandon(asker.units, turn, meter))
        raise
    stored = _stored(reply, question) if turn.resumable else None
    closed = await to_its_end(_close(asker.units, turn, meter, reply, stored))
    if turn.resumable and not closed:
        raise TurnUnderWay
    return reply


@asynccontextmanager
async def stream(
    asker: Asker, question: Question[str], *, member: UUID | None, feature: str, prompt: Prompt
) -> AsyncIterator[AnswerStream]:
    """Ask for a text that comes piece by piece; `infra.llm.Llm.stream` says how it is read.

    Iterating raises BudgetSpent, before the first piece. Leaving the block early pays for what was
    used until then. Not to be called inside a unit of work.
    """
    turn = await _take(asker, question, member, feature, prompt, None)
    assert isinstance(turn, Held)
    meter = LedgerMeter(
        asker.units, asker.llm, asker.settings.ai, member=member, feature=feature,
        seconds=question.seconds, turn=turn,
    )  # fmt: skip
    try:
        async with asker.llm.stream(question, meter) as answer:
            yield answer
    except BaseException:
        await to_its_end(_abandon(asker.units, turn, meter))
        raise
    try:
        reply = answer.reply
    except RuntimeError:  # Whoever asked has heard enough.
        await to_its_end(_abandon(asker.units, turn, meter))
    else:
        await to_its_end(_close(asker.units, turn, meter, reply, None))


async def _take(
    asker: Asker,
    question: Question[Any],
    member: UUID | None,
    feature: str,
    prompt: Prompt,
    cause: str | None,
) -> Held | Stored:
    owner_id = OPERATOR_ID if member is None else member
    turn = await turns.take(
        asker.units, owner_id, feature=feature, prompt=prompt, cause=cause,
        seconds=question.seconds,
    )  # fmt: skip
    if isinstance(turn, Held) and turn.attempt > 1:
        async with asker.units.read(member=owner_id) as uow:
            left_open = await repository.open_calls(uow, owner_id, turn.id)
        for call in left_open:
            await lose(asker.units, asker.settings.ai, member, owner_id, call.id, call.feature)
    return turn


async def _answer(
    llm: Llm, question: Question[T], meter: LedgerMeter, *, offline_when_spent: bool
) -> Reply[T]:
    try:
        return await llm.ask(question, meter)
    except BudgetSpent as spent:
        if not offline_when_spent:
            raise
        fault = Fault(meter.last_asked or OFFLINE, FaultKind.TOO_DEAR, f"{spent.extra['scope']}")
        output = await asyncio.to_thread(question.offline)
        return Reply(output=output, provider=OFFLINE, model=RULES, faults=(fault,))


async def _close(
    units: UnitsOfWork,
    turn: Held,
    meter: LedgerMeter,
    reply: Reply[Any],
    stored: dict[str, Any] | None,
) -> bool:
    """End a turn and pay its last call in one transaction; False if it is somebody else's now."""
    async with units.write() as uow:
        closed = await turns.close(
            uow, turn, provider=reply.provider, model=reply.model, answer=stored
        )
        await meter.end(uow)
    await meter.abandon()
    return closed


async def _abandon(units: UnitsOfWork, turn: Held, meter: LedgerMeter) -> None:
    await meter.abandon()
    async with units.write(member=turn.owner_id) as uow:
        await turns.release(uow, turn)


async def finish(uow: UnitOfWork, cause: str, *, member: UUID | None) -> None:
    """Forget the answer of a cause, in the transaction that makes something of it."""
    await turns.forget_answer(uow, OPERATOR_ID if member is None else member, cause)


async def embed(
    asker: Asker, texts: Sequence[str], *, member: UUID | None, feature: str
) -> Embedded:
    """Give texts as points, paid like an answer. Not to be called inside a unit of work.

    Raises BudgetSpent, and what the provider's failure is raised as: points of another model would
    be of no use.
    """
    meter = LedgerMeter(
        asker.units, asker.llm, asker.settings.ai, member=member, feature=feature,
        seconds=EMBEDDING_SECONDS,
    )  # fmt: skip
    try:
        return await asker.llm.embed(texts, meter)
    finally:
        await to_its_end(meter.abandon())


def _stored(reply: Reply[T], question: Question[T]) -> dict[str, Any]:
    tokens = reply.tokens
    return {
        "output": TypeAdapter(question.answer).dump_python(reply.output, mode="json"),
        "provider": reply.provider,
        "model": reply.model,
        "faults": [[fault.provider, fault.kind.value] for fault in reply.faults],
        "tokens": [tokens.input, tokens.output, tokens.cached, tokens.estimated],
    }


def _revived(stored: dict[str, Any], question: Question[T]) -> Reply[T]:
    """Raises ValidationError if the answer does not fit the question any more."""
    return Reply(
        output=TypeAdapter(question.answer).validate_python(stored["output"]),
        provider=stored["provider"],
        model=stored["model"],
        faults=[Fault(provider, FaultKind(kind)) for provider, kind in stored["faults"]],
        tokens=Tokens(*stored["tokens"]),
    )
