"""What the door to a model refuses."""

from __future__ import annotations

from guildhall.kernel.errors import Conflict, QuotaExceeded, Unavailable

__all__ = ["BudgetSpent", "TurnFinished", "TurnUnderWay"]


class BudgetSpent(QuotaExceeded):
    """Carries `scope` (member, feature or hall), `period` (day or month) and `resets_at`, which is
    None where the operator allows nothing at all."""

    code = "ai_budget_spent"
    detail = "What may be spent on AI for now is spent."


class TurnFinished(Conflict):
    code = "ai_turn_finished"
    detail = "This was answered before, and what came of it is done."


class TurnUnderWay(Unavailable):
    code = "ai_turn_under_way"
    detail = "This is being answered already. Look again in a moment."
