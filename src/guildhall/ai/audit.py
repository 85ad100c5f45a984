"""The proof that budgets and ledger agree. The ledger is right by definition."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import text

from guildhall.infra.unit_of_work import UnitsOfWork
from guildhall.kernel.member import OPERATOR_ID

__all__ = ["audit", "repair"]

# A member pays for what was settled; feature and hall for what came to be known of lost calls too.
COUNTED = """
SELECT s.user_id, s.scope, s.name, p.period,
    sum(c.reserved_micros) FILTER (WHERE c.state = 'reserved') AS reserved,
    sum(c.cost_micros) FILTER (WHERE s.scope <> 'member' OR c.state = 'settled') AS spent,
    count(*) AS calls
FROM ai_calls c
CROSS JOIN LATERAL (VALUES
    ('member', c.user_id, 'all'), ('feature', CAST(:nobody AS uuid), c.feature),
    ('hall', CAST(:nobody AS uuid), 'all')
) AS s(scope, user_id, name)
CROSS JOIN LATERAL (VALUES (to_char(c.day, 'YYYY-MM-DD')), (to_char(c.day, 'YYYY-MM')))
    AS p(period)
GROUP BY 1, 2, 3, 4
"""
DIFFERENCES = f"""
SELECT b.user_id, b.scope, b.name, b.period, b.reserved_micros, b.spent_micros, b.calls,
    coalesce(c.reserved, 0) AS reserved, coalesce(c.spent, 0) AS spent,
    coalesce(c.calls, 0) AS made
FROM ai_budgets b LEFT JOIN ({COUNTED}) c USING (user_id, scope, name, period)
WHERE b.reserved_micros <> coalesce(c.reserved, 0) OR b.spent_micros <> coalesce(c.spent, 0)
   OR b.calls <> coalesce(c.calls, 0)
"""
FIND = text(f"{DIFFERENCES} ORDER BY b.scope, b.name, b.period, b.user_id")
# Whoever reserves or settles waits; what they have written of it is not committed, nor counted.
LOCK = text("LOCK TABLE ai_budgets IN SHARE ROW EXCLUSIVE MODE")
MEND = text(f"""
UPDATE ai_budgets b SET reserved_micros = d.reserved, spent_micros = d.spent, calls = d.made
FROM ({DIFFERENCES}) d
WHERE b.user_id = d.user_id AND b.scope = d.scope AND b.name = d.name AND b.period = d.period
""")


async def audit(units: UnitsOfWork) -> Sequence[str]:
    """Name every budget that is not the sum of its calls, in one snapshot."""
    async with units.read() as uow:
        rows = (await uow.session.execute(FIND, {"nobody": OPERATOR_ID})).all()
    return [
        f"{row.scope} {row.name} {row.period}: reserved {row.reserved_micros}, by its calls"
        f" {row.reserved}; spent {row.spent_micros}, by its calls {row.spent};"
        f" {row.calls} calls, {row.made} in the ledger"
        for row in rows
    ]


async def repair(units: UnitsOfWork) -> None:
    """Derive every budget from the ledger again. Calls wait while it runs."""
    async with units.write() as uow:
        await uow.session.execute(LOCK)
        await uow.session.execute(MEND, {"nobody": OPERATOR_ID})
