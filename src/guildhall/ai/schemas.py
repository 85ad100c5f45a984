"""What travels over the wire about spending."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from guildhall.kernel.paging import Limit

__all__ = ["BudgetOut", "Grouping", "TokenUsageOut", "UsageLine", "UsageQuery", "UsageTotals"]

Grouping = Literal["day", "feature", "model", "provider", "member"]
DAYS = 30
MOST_DAYS = 366

Day = Annotated[date, Field(ge=date(2000, 1, 1), le=date(2999, 12, 31))]


class UsageQuery(BaseModel):
    """Which calls to add up, and by what. The last 30 days unless said otherwise."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    since: Day | None = Field(None, alias="from", description="A day in UTC.")
    until: Day | None = Field(None, alias="to", description="A day in UTC, included.")
    group: Grouping = "day"
    limit: Limit = 100
    cursor: str | None = None

    def days(self, today: date) -> tuple[date, date]:
        """Give the first and the last day that is meant."""
        if self.since is None:
            until = self.until or today
            return until - timedelta(days=DAYS - 1), until
        longest = self.since + timedelta(days=MOST_DAYS)
        return self.since, self.until or max(self.since, min(today, longest))

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if self.since and self.until:
            if self.until < self.since:
                raise ValueError("`from` comes before `to`")
            if (self.until - self.since).days > MOST_DAYS:
                raise ValueError(f"ask for {MOST_DAYS} days at most")
        return self


class UsageTotals(BaseModel):
    calls: int
    failed_calls: int = Field(description="Those that gave no answer that would do.")
    open_calls: int = Field(description="Under way now, or their caller died a moment ago.")
    lost_calls: int = Field(description="Their caller died before they ended.")
    estimated_calls: int = Field(description="Those whose tokens the hall counted by itself.")
    input_tokens: int
    output_tokens: int
    cached_tokens: int = Field(description="Those of the input that the provider had cached.")
    cost_micros: int = Field(description="In millionths of a US dollar.")


class UsageLine(UsageTotals):
    key: str = Field(
        description="The day, feature, model, provider, or the member's id; of the hall itself, 0."
    )
    username: str | None = Field(None, description="Of a member, unless they have left.")


class BudgetOut(BaseModel):
    scope: Literal["member", "feature", "hall"]
    name: str = Field(description="The feature, or the member's id; `all` for the hall.")
    username: str | None = Field(None, description="Of a member, unless they have left.")
    period: Literal["day", "month"]
    limit_micros: int | None = Field(description="Null: no limit of its own.")
    spent_micros: int
    reserved_micros: int = Field(description="For calls that are under way.")
    left_micros: int | None
    calls: int
    limit_calls: int | None
    resets_at: datetime


class TokenUsageOut(BaseModel):
    since: date
    until: date
    group: Grouping
    totals: UsageTotals
    items: list[UsageLine] = Field(description="Days in order; all else, the dearest first.")
    next_cursor: str | None
    budgets: list[BudgetOut] = Field(
        description="Of today and this month: of the hall, of each feature, and of the members who"
        " have spent most."
    )
