"""The statements of the ledger and its budgets. None of them reads first and writes then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import select, text

from guildhall.ai.budgets import Counter
from guildhall.ai.models import Call
from guildhall.infra.llm import FaultKind, Tokens
from guildhall.infra.unit_of_work import UnitOfWork

__all__ = ["Closed", "count", "lose_call", "move", "open_calls", "settle_call"]

COUNTERS = """unnest(
    CAST(:owners AS uuid[]), CAST(:scopes AS text[]), CAST(:names AS text[]),
    CAST(:periods AS text[]), CAST(:limits AS bigint[]), CAST(:call_limits AS int[])
) WITH ORDINALITY AS n(user_id, scope, name, period, limit_micros, limit_calls, place)"""

# One conditional write over all counters of a call: each row is locked, looked at and counted in
# one step, the same rows in the same order by everybody, so that nobody waits for somebody who
# waits for them. A counter that is new is looked at by the WHERE of the SELECT. The row of a
# counter that has no room does not come back, and then nothing of it must be committed.
COUNT = text(f"""
INSERT INTO ai_budgets AS b
    (user_id, scope, name, period, limit_micros, limit_calls, reserved_micros, spent_micros, calls)
SELECT n.user_id, n.scope, n.name, n.period, n.limit_micros, n.limit_calls,
       CAST(:micros AS bigint), 0, 1
FROM {COUNTERS}
WHERE (n.limit_micros IS NULL
       OR (n.limit_micros > 0 AND CAST(:micros AS bigint) <= n.limit_micros))
  AND (n.limit_calls IS NULL OR n.limit_calls > 0)
ORDER BY n.place
ON CONFLICT (user_id, scope, name, period) DO UPDATE
SET reserved_micros = b.reserved_micros + excluded.reserved_micros, calls = b.calls + 1,
    limit_micros = excluded.limit_micros, limit_calls = excluded.limit_calls
WHERE (excluded.limit_micros IS NULL
       OR b.spent_micros + b.reserved_micros + excluded.reserved_micros <= excluded.limit_micros)
  AND (excluded.limit_calls IS NULL OR b.calls < excluded.limit_calls)
RETURNING b.scope, b.period
""")

# Locked in the order of COUNT before anything is changed; an UPDATE by itself keeps no order.
MOVE = text(f"""
WITH locked AS MATERIALIZED (
    SELECT b.user_id, b.scope, b.name, b.period
    FROM ai_budgets b JOIN {COUNTERS} USING (user_id, scope, name, period)
    ORDER BY n.place FOR UPDATE OF b
)
UPDATE ai_budgets b
SET reserved_micros = b.reserved_micros - CAST(:released AS bigint),
    spent_micros = b.spent_micros + CAST(:spent AS bigint)
FROM locked l
WHERE b.user_id = l.user_id AND b.scope = l.scope AND b.name = l.name AND b.period = l.period
""")

# Once. A call that was given up for lost, and comes to be known all the same, stays lost: now
# with what it took.
SETTLE = text("""
UPDATE ai_calls c
SET state = CASE WHEN was.state = 'lost' THEN 'lost' ELSE 'settled' END,
    cost_micros = :cost, input_tokens = :input, output_tokens = :output, cached_tokens = :cached,
    estimated = :estimated, fault = :fault, settled_at = :now
FROM (
    SELECT user_id, id, state, input_tokens FROM ai_calls
    WHERE user_id = :user_id AND id = :id FOR UPDATE
) was
WHERE c.user_id = was.user_id AND c.id = was.id
  AND (was.state = 'reserved' OR (was.state = 'lost' AND was.input_tokens IS NULL))
RETURNING was.state, c.day,
    CASE WHEN was.state = 'reserved' THEN c.reserved_micros ELSE 0 END AS released
""")

LOSE = text("""
UPDATE ai_calls SET state = 'lost', settled_at = :now
WHERE user_id = :user_id AND id = :id AND state = 'reserved'
RETURNING day, feature, reserved_micros
""")


@dataclass(frozen=True, slots=True)
class Closed:
    """A call that was closed just now: the day it counts for, and what it holds no longer."""

    day: date
    released_micros: int
    was_lost: bool = False
    """Whether it had been given up before."""


def _rows(counters: Sequence[Counter]) -> dict[str, list[Any]]:
    return {
        "owners": [counter.owner_id for counter in counters],
        "scopes": [counter.scope for counter in counters],
        "names": [counter.name for counter in counters],
        "periods": [counter.period for counter in counters],
        "limits": [counter.limit_micros for counter in counters],
        "call_limits": [counter.limit_calls for counter in counters],
    }


async def count(uow: UnitOfWork, counters: Sequence[Counter], micros: int) -> Sequence[Counter]:
    """Reserve so much, and one call, with every counter; give those that have no room.

    If there are any, the caller must not let this unit of work commit.
    """
    rows = await uow.session.execute(COUNT, _rows(counters) | {"micros": micros})
    counted = {(row.scope, row.period) for row in rows}
    return [counter for counter in counters if (counter.scope, counter.period) not in counted]


async def move(
    uow: UnitOfWork, counters: Sequence[Counter], *, released_micros: int, spent_micros: int
) -> None:
    """Take so much from what is reserved with these counters, and add to what is spent."""
    await uow.session.execute(
        MOVE, _rows(counters) | {"released": released_micros, "spent": spent_micros}
    )


async def settle_call(
    uow: UnitOfWork,
    user_id: UUID,
    call_id: UUID,
    *,
    cost_micros: int,
    tokens: Tokens,
    fault: FaultKind | None,
) -> Closed | None:
    """Close a call with what it took; None if that was done before."""
    values = {
        "user_id": user_id,
        "id": call_id,
        "cost": cost_micros,
        "input": tokens.input,
        "output": tokens.output,
        "cached": tokens.cached,
        "estimated": tokens.estimated,
        "fault": fault and fault.value,
        "now": uow.now,
    }
    row = (await uow.session.execute(SETTLE, values)).one_or_none()
    return Closed(row.day, row.released, was_lost=row.state == "lost") if row else None


async def lose_call(uow: UnitOfWork, user_id: UUID, call_id: UUID) -> Closed | None:
    """Give a call up for lost; None if it was closed before."""
    values = {"user_id": user_id, "id": call_id, "now": uow.now}
    row = (await uow.session.execute(LOSE, values)).one_or_none()
    return Closed(row.day, row.reserved_micros) if row else None


async def open_calls(uow: UnitOfWork, user_id: UUID, turn_id: UUID) -> Sequence[Call]:
    """Give the calls of a turn that nobody has closed."""
    query = select(Call).where(
        Call.user_id == user_id, Call.turn_id == turn_id, Call.state == "reserved"
    )
    return (await uow.session.scalars(query)).all()
