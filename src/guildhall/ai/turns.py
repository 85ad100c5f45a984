"""Turns: a question with a cause is asked by one at a time, and answered once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

import structlog
from sqlalchemy import ColumnElement, case, literal, null, select, update
from sqlalchemy.dialects.postgresql import insert

from guildhall.ai.errors import TurnFinished, TurnUnderWay
from guildhall.ai.models import Turn
from guildhall.ai.prompts import Prompt
from guildhall.infra.unit_of_work import UnitOfWork, UnitsOfWork
from guildhall.kernel.ids import new_id

__all__ = [
    "LEASE",
    "SLACK",
    "Held",
    "Stored",
    "close",
    "forget_answer",
    "held",
    "keep",
    "release",
    "reopen",
    "take",
    "to_its_end",
]

log = structlog.get_logger()

T = TypeVar("T")

# What is left of it is how long nobody takes up what a dead process was asking: less than a task's
# own lease, so that a task that runs again need not wait.
LEASE = timedelta(seconds=15)
RENEWAL_SECONDS = 5.0
# What is not settled so long after it had to be over is given up for lost.
SLACK = timedelta(seconds=60)
LOOK_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Held:
    """A turn that is the holder's to ask, as long as nobody has begun a later attempt."""

    owner_id: UUID
    id: UUID
    attempt: int
    resumable: bool
    """Whether it has a cause, so that somebody may take it up."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A turn that was answered before, by whoever held it then."""

    held: Held
    answer: dict[str, Any]


def _mine(turn: Held) -> ColumnElement[bool]:
    return (Turn.user_id == turn.owner_id) & (Turn.id == turn.id) & (Turn.attempts == turn.attempt)


async def take(
    units: UnitsOfWork,
    owner_id: UUID,
    *,
    feature: str,
    prompt: Prompt,
    cause: str | None,
    seconds: float,
) -> Held | Stored:
    """Begin a turn, or take up the one of this cause that nobody holds, or give its answer.

    While somebody else holds it, waits for their answer. Raises TurnUnderWay if that takes more
    than `seconds`, TurnFinished if there was an answer and it is forgotten.
    """
    loop = asyncio.get_running_loop()
    patient_until = loop.time() + seconds
    while True:
        async with units.write(member=owner_id) as uow:
            if (held := await _begin(uow, owner_id, feature, prompt, cause, seconds)) is not None:
                return held
            found = (
                await uow.session.scalars(
                    select(Turn).where(Turn.user_id == owner_id, Turn.cause == cause)
                )
            ).one_or_none()
        if found is not None and found.state == "settled":
            if found.answer is None:
                raise TurnFinished
            return Stored(Held(owner_id, found.id, found.attempts, True), found.answer)
        if loop.time() >= patient_until:
            raise TurnUnderWay
        await asyncio.sleep(LOOK_SECONDS)


async def _begin(
    uow: UnitOfWork,
    owner_id: UUID,
    feature: str,
    prompt: Prompt,
    cause: str | None,
    seconds: float,
) -> Held | None:
    # Nobody waits for one without a cause, so nobody needs to know early that it is over.
    lease = timedelta(seconds=seconds) + SLACK if cause is None else LEASE
    begun = insert(Turn).values(
        user_id=owner_id,
        id=new_id(),
        feature=feature,
        cause=cause,
        prompt=prompt.name,
        prompt_version=prompt.version,
        lease_until=uow.now + lease,
        created_at=uow.now,
    )
    statement = begun.on_conflict_do_update(
        index_elements=["user_id", "cause"],
        index_where=Turn.cause.is_not(None),
        set_={
            "attempts": Turn.attempts + 1,
            "lease_until": begun.excluded.lease_until,
            "prompt": begun.excluded.prompt,
            "prompt_version": begun.excluded.prompt_version,
        },
        where=(Turn.state == "open") & (Turn.lease_until <= uow.now),
    ).returning(Turn.id, Turn.attempts)
    row = (await uow.session.execute(statement)).one_or_none()
    return Held(owner_id, row.id, row.attempts, cause is not None) if row else None


async def keep(uow: UnitOfWork, turn: Held) -> None:
    """Hold on to a turn for another while. Raises TurnUnderWay if somebody else has it."""
    kept = await uow.session.execute(
        update(Turn)
        .where(_mine(turn), Turn.state == "open")
        .values(lease_until=uow.now + LEASE)
        .returning(literal(1))
    )
    if not kept.all():
        raise TurnUnderWay


async def close(
    uow: UnitOfWork, turn: Held, *, provider: str, model: str, answer: dict[str, Any] | None
) -> bool:
    """End a turn with its answer; False if somebody else has it."""
    closed = await uow.session.execute(
        update(Turn)
        .where(_mine(turn), Turn.state == "open")
        .values(
            state="settled",
            provider=provider,
            model=model,
            answer=null() if answer is None else answer,
            settled_at=uow.now,
        )
        .returning(literal(1))
    )
    return bool(closed.all())


async def release(uow: UnitOfWork, turn: Held) -> None:
    """Let go of a turn that has no answer: whoever asks for its cause next takes it up at once.
    One without a cause is over."""
    alone = Turn.cause.is_(None)
    await uow.session.execute(
        update(Turn)
        .where(_mine(turn), Turn.state == "open")
        .values(
            lease_until=uow.now,
            state=case((alone, "dropped"), else_=Turn.state),
            settled_at=case((alone, uow.now), else_=null()),
        )
    )


async def reopen(uow: UnitOfWork, turn: Held) -> None:
    """Have a turn asked again whose stored answer is of no use to this release of the hall."""
    await uow.session.execute(
        update(Turn)
        .where(_mine(turn), Turn.state == "settled")
        .values(state="open", answer=null(), settled_at=None, lease_until=uow.now)
    )


async def forget_answer(uow: UnitOfWork, owner_id: UUID, cause: str) -> None:
    """Strike the stored answer of a cause: something was made of it."""
    await uow.session.execute(
        update(Turn)
        .where(Turn.user_id == owner_id, Turn.cause == cause, Turn.state == "settled")
        .values(answer=null())
    )


async def held(units: UnitsOfWork, turn: Held, work: Coroutine[Any, Any, T]) -> T:
    """Do work while the turn is held on to; ended, with TurnUnderWay, when somebody else has it."""
    task = asyncio.ensure_future(work)
    try:
        while not (await asyncio.wait([task], timeout=RENEWAL_SECONDS))[0]:
            try:
                async with units.write(member=turn.owner_id) as uow:
                    await keep(uow, turn)
            except TurnUnderWay:
                raise
            except Exception:
                # The work may get through without the database for a while.
                log.warning("turn_not_renewed", exc_info=True)
        return task.result()
    finally:
        if not task.done():
            task.cancel()
            await _wait_for(task)


async def to_its_end(work: Coroutine[Any, Any, T]) -> T:
    """Finish work even if the caller is cancelled; it is cancelled after."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await _wait_for(task)
        raise


async def _wait_for(task: Awaitable[Any]) -> None:
    future = asyncio.ensure_future(task)
    while not future.done():
        try:
            await asyncio.wait([future])
        except asyncio.CancelledError:
            continue
