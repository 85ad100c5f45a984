"""What was spent, added up for those who pay."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from guildhall.ai.budgets import EVERYTHING, Counter, counters_for
from guildhall.ai.schemas import BudgetOut, TokenUsageOut, UsageLine, UsageQuery, UsageTotals
from guildhall.identity import usernames
from guildhall.infra.settings import AiSettings
from guildhall.infra.unit_of_work import UnitOfWork
from guildhall.kernel.member import OPERATOR_ID
from guildhall.kernel.paging import cursor_of, position_in

__all__ = ["token_usage"]

SHOWN_MEMBERS = 20

KEYS = {
    "day": "CAST(day AS text)",
    "feature": "feature",
    "model": "model",
    "provider": "provider",
    "member": "CAST(user_id AS text)",
}
SUMS = {
    "calls": "count(*)",
    "failed_calls": "count(fault)",
    "open_calls": "count(*) FILTER (WHERE state = 'reserved')",
    "lost_calls": "count(*) FILTER (WHERE state = 'lost')",
    "estimated_calls": "count(*) FILTER (WHERE estimated)",
    "input_tokens": "sum(input_tokens)",
    "output_tokens": "sum(output_tokens)",
    "cached_tokens": "sum(cached_tokens)",
    "cost_micros": "sum(cost_micros)",
}

# The days asked for are read once, along the index; a page of the lines, and all of them added up.
USAGE = """
WITH lines AS (
    SELECT {key} AS key, {sums} FROM ai_calls WHERE day BETWEEN :since AND :until GROUP BY 1
), totals AS (
    SELECT {totals} FROM lines
), page AS (
    SELECT * FROM lines WHERE {after} ORDER BY {order} LIMIT :limit
)
SELECT {shown_totals}, page.* FROM totals LEFT JOIN page ON true ORDER BY {page_order}
"""
AFTER_KEY = "(CAST(:key AS text) IS NULL OR key > :key)"
AFTER_COST = (
    "(CAST(:key AS text) IS NULL OR cost_micros < CAST(:cost AS bigint)"
    " OR (cost_micros = CAST(:cost AS bigint) AND key > :key))"
)

BUDGETS = text("""
SELECT user_id, scope, name, period, reserved_micros, spent_micros, calls
FROM ai_budgets WHERE period = ANY(:periods) AND scope IN ('feature', 'hall')
UNION ALL (
    SELECT user_id, scope, name, period, reserved_micros, spent_micros, calls
    FROM ai_budgets WHERE period = ANY(:periods) AND scope = 'member'
    ORDER BY spent_micros DESC, user_id, period LIMIT :members
)
""")


def _usage_of(group: str) -> str:
    by_day = group == "day"
    return USAGE.format(
        key=KEYS[group],
        sums=", ".join(f"CAST(coalesce({of}, 0) AS bigint) AS {name}" for name, of in SUMS.items()),
        totals=", ".join(f"CAST(coalesce(sum({name}), 0) AS bigint) AS {name}" for name in SUMS),
        shown_totals=", ".join(f"totals.{name} AS all_{name}" for name in SUMS),
        after=AFTER_KEY if by_day else AFTER_COST,
        order="key" if by_day else "cost_micros DESC, key",
        page_order="page.key" if by_day else "page.cost_micros DESC, page.key",
    )


STATEMENTS = {group: text(_usage_of(group)) for group in KEYS}


async def token_usage(uow: UnitOfWork, query: UsageQuery, settings: AiSettings) -> TokenUsageOut:
    """Give what the calls of some days took, by day, feature, model, provider or member, and what
    is left of today's and this month's budgets."""
    today = uow.now.astimezone(UTC).date()
    since, until = query.days(today)
    cost, key = position_in(query.cursor, int, str) if query.cursor else (None, None)
    found = (
        await uow.session.execute(
            STATEMENTS[query.group],
            {"since": since, "until": until, "limit": query.limit, "cost": cost, "key": key},
        )
    ).all()
    rows = [row for row in found if row.key is not None]
    names: dict[UUID, str] = {}
    if query.group == "member":
        names = await usernames(uow, [UUID(row.key) for row in rows])
    return TokenUsageOut(
        since=since,
        until=until,
        group=query.group,
        totals=UsageTotals(**{name: getattr(found[0], f"all_{name}") for name in SUMS}),
        items=[
            UsageLine(
                key=row.key,
                username=names.get(UUID(row.key)) if query.group == "member" else None,
                **{name: getattr(row, name) for name in SUMS},
            )
            for row in rows
        ],
        next_cursor=(
            cursor_of(rows[-1].cost_micros, rows[-1].key) if len(rows) == query.limit else None
        ),
        budgets=await _budgets(uow, settings, today),
    )


async def _budgets(uow: UnitOfWork, settings: AiSettings, today: date) -> list[BudgetOut]:
    """Give the budgets that count now, those that nothing was spent from too."""
    rows: dict[tuple[UUID, str, str, str], Row[Any]] = {
        (row.user_id, row.scope, row.name, row.period): row
        for row in await uow.session.execute(
            BUDGETS, {"periods": [f"{today}", f"{today:%Y-%m}"], "members": SHOWN_MEMBERS}
        )
    }
    features = {name for _, scope, name, _ in rows if scope == "feature"}
    features |= settings.ai_budget_features.keys() | settings.ai_budget_features_monthly.keys()
    members = dict.fromkeys(owner for owner, scope, *_ in rows if scope == "member")
    names = await usernames(uow, members)
    return [
        _shown(
            counter,
            rows.get((counter.owner_id, counter.scope, counter.name, counter.period)),
            names.get(counter.owner_id),
        )
        for counter in _counters(settings, sorted(features), list(members), today)
    ]


def _counters(
    settings: AiSettings, features: Sequence[str], members: Sequence[UUID], today: date
) -> Iterator[Counter]:
    """Give the hall's counters, then those of each feature, then those of each member."""
    hall = counters_for(settings, member=None, feature=EVERYTHING, day=today)
    yield from (counter for counter in hall if counter.scope == "hall")
    for feature in features:
        counters = counters_for(settings, member=None, feature=feature, day=today)
        yield from (counter for counter in counters if counter.scope == "feature")
    for member in members:
        counters = counters_for(settings, member=member, feature=EVERYTHING, day=today)
        yield from (counter for counter in counters if counter.scope == "member")


def _shown(counter: Counter, row: Row[Any] | None, username: str | None) -> BudgetOut:
    spent, reserved = (row.spent_micros, row.reserved_micros) if row else (0, 0)
    limit = counter.limit_micros
    return BudgetOut(
        scope=counter.scope,
        name=counter.name if counter.owner_id == OPERATOR_ID else str(counter.owner_id),
        username=username,
        period=counter.kind,
        limit_micros=limit,
        spent_micros=spent,
        reserved_micros=reserved,
        left_micros=None if limit is None else max(0, limit - spent - reserved),
        calls=row.calls if row else 0,
        limit_calls=counter.limit_calls,
        resets_at=counter.resets_at,
    )
