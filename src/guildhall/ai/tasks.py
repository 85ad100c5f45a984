"""Background work of the ledger."""

from __future__ import annotations

from datetime import UTC, timedelta

from sqlalchemy import text

from guildhall.ai.metering import lose
from guildhall.infra.tasks import TaskRun
from guildhall.kernel.member import OPERATOR_ID

__all__ = ["release_lost", "tidy_turns"]

AT_ONCE = 500
ANSWERS_KEPT = timedelta(days=7)
TURNS_KEPT = timedelta(days=30)
COUNTERS_KEPT = timedelta(days=92)
ROWS_AT_ONCE = 10_000

OVERDUE = text("""
SELECT user_id, id, feature FROM ai_calls
WHERE state = 'reserved' AND lease_until <= :now
ORDER BY lease_until LIMIT :rows
""")

# Nobody takes up a turn that has no cause.
DROP = text("""
UPDATE ai_turns SET state = 'dropped', settled_at = :now
WHERE state = 'open' AND cause IS NULL AND lease_until <= :now
""")


async def release_lost(run: TaskRun) -> dict[str, int]:
    """Give back what is reserved for calls whose caller died, each in a unit of work of its own."""
    released = 0
    while True:
        async with run.read() as uow:
            values = {"now": uow.now, "rows": AT_ONCE}
            overdue = (await uow.session.execute(OVERDUE, values)).all()
        for call in overdue:
            member = None if call.user_id == OPERATOR_ID else call.user_id
            released += await lose(
                run.units, run.settings.ai, member, call.user_id, call.id, call.feature
            )
        if len(overdue) < AT_ONCE:
            break
    async with run.write() as uow:
        await uow.session.execute(DROP, {"now": uow.now})
    return {"released": released}


FORGET_ANSWERS = """
UPDATE ai_turns SET answer = NULL WHERE (user_id, id) IN (
    SELECT user_id, id FROM ai_turns WHERE answer IS NOT NULL AND settled_at < :before LIMIT :rows)
"""
REMOVE_TURNS = """
DELETE FROM ai_turns WHERE (user_id, id) IN (
    SELECT user_id, id FROM ai_turns WHERE created_at < :before LIMIT :rows)
"""
REMOVE_COUNTERS = """
DELETE FROM ai_budgets WHERE (user_id, scope, name, period) IN (
    SELECT user_id, scope, name, period FROM ai_budgets
    WHERE period < :before AND reserved_micros = 0 LIMIT :rows)
"""


async def tidy_turns(run: TaskRun) -> dict[str, int]:
    """Forget answers that nobody came for, turns that are over, and counters of old periods.

    The ledger stays. A bounded number of rows at a time.
    """
    async with run.read() as uow:
        now = uow.now
    oldest = (now.astimezone(UTC) - COUNTERS_KEPT).date()
    return {
        "answers": await _remove(run, FORGET_ANSWERS, now - ANSWERS_KEPT),
        "turns": await _remove(run, REMOVE_TURNS, now - TURNS_KEPT),
        "counters": await _remove(run, REMOVE_COUNTERS, f"{oldest:%Y-%m}"),
    }


async def _remove(run: TaskRun, statement: str, before: object) -> int:
    removed = 0
    while True:
        async with run.write() as uow:
            gone = await uow.session.execute(
                text(f"WITH gone AS ({statement} RETURNING 1) SELECT count(*) FROM gone"),
                {"before": before, "rows": ROWS_AT_ONCE},
            )
            count: int = gone.scalar_one()
        removed += count
        if count < ROWS_AT_ONCE:
            return removed
