"""The one door to a model: budgets, the ledger of what is spent, prompts."""

from guildhall.ai.audit import audit, repair
from guildhall.ai.errors import BudgetSpent
from guildhall.ai.personal import PERSONAL
from guildhall.ai.prompts import load
from guildhall.ai.routes import routers
from guildhall.ai.service import Asker, ask, embed, finish
from guildhall.ai.tasks import release_lost, tidy_turns

__all__ = [
    "PERSONAL",
    "Asker",
    "BudgetSpent",
    "ask",
    "audit",
    "embed",
    "finish",
    "load",
    "release_lost",
    "repair",
    "routers",
    "tidy_turns",
]
