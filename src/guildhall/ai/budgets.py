"""What may be spent: the counters that a call has to pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal
from uuid import UUID

from guildhall.infra.settings import AiSettings
from guildhall.kernel.member import OPERATOR_ID

__all__ = ["EVERYTHING", "Counter", "Scope", "counters_for"]

Scope = Literal["member", "feature", "hall"]
Period = Literal["day", "month"]

EVERYTHING = "all"
"""What the one budget of a member, and that of the hall, is called."""


@dataclass(frozen=True, slots=True)
class Counter:
    """One budget in one period: whose it is, and how far it goes."""

    scope: Scope
    owner_id: UUID
    name: str
    period: str
    limit_micros: int | None
    limit_calls: int | None
    resets_at: datetime

    @property
    def kind(self) -> Period:
        return "month" if len(self.period) == len("2031-05") else "day"

    @property
    def resets(self) -> bool:
        """Whether it lets anything through once its period is over."""
        return self.limit_micros != 0 and self.limit_calls != 0


def counters_for(
    settings: AiSettings, *, member: UUID | None, feature: str, day: date
) -> Sequence[Counter]:
    """Give the counters that a call of this UTC day has to pass, in the order in which they are
    locked: everybody's last, since everybody waits for them."""
    next_day = _midnight(day + timedelta(days=1))
    next_month = _midnight((day.replace(day=1) + timedelta(days=31)).replace(day=1))

    def two(
        scope: Scope,
        owner_id: UUID,
        name: str,
        daily: int | None,
        monthly: int | None,
        calls: int | None = None,
    ) -> list[Counter]:
        return [
            Counter(scope, owner_id, name, f"{day}", daily, calls, next_day),
            Counter(scope, owner_id, name, f"{day:%Y-%m}", monthly, None, next_month),
        ]

    counters = two(
        "feature",
        OPERATOR_ID,
        feature,
        settings.ai_budget_features.get(feature),
        settings.ai_budget_features_monthly.get(feature),
    ) + two(
        "hall",
        OPERATOR_ID,
        EVERYTHING,
        settings.ai_budget_hall_daily_micros,
        settings.ai_budget_hall_monthly_micros,
    )
    if member is None:
        return counters
    own = two(
        "member",
        member,
        EVERYTHING,
        settings.ai_budget_member_daily_micros,
        settings.ai_budget_member_monthly_micros,
        settings.ai_budget_member_daily_calls,
    )
    return own + counters


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
