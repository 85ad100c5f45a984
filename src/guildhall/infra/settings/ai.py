"""What the hall may spend on models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from guildhall.infra.settings.base import Concern

__all__ = ["AiSettings"]

Micros = Annotated[int, Field(ge=0, le=10**15)]


class AiSettings(Concern):
    """Budgets of models. In millionths of a US dollar (1000000 is one dollar), by UTC days and
    months; a call that might go past one of them is not made. 0 stops all calls that the budget
    is for. What the hall's own rules answer, offline, costs nothing."""

    ai_budget_hall_daily_micros: Micros = Field(
        5_000_000, description="For the whole hall in a day, its own work included."
    )
    ai_budget_hall_monthly_micros: Micros = Field(
        50_000_000, description="For the whole hall in a month."
    )
    ai_budget_member_daily_micros: Micros = Field(
        500_000, description="For what one member asks for in a day."
    )
    ai_budget_member_monthly_micros: Micros = Field(
        5_000_000, description="For what one member asks for in a month."
    )
    ai_budget_member_daily_calls: int = Field(
        300, ge=0, le=10**9, description="Calls for one member in a day, whatever they cost."
    )
    ai_budget_features: Mapping[str, Micros] = Field(
        {},
        description='JSON of what a feature may spend in a day, such as {"goals.plan": 2000000,'
        ' "goals.chat": 0}. One that is not named has only the budgets of hall and member.',
    )
    ai_budget_features_monthly: Mapping[str, Micros] = Field(
        {}, description="The same for a month."
    )
