"""What the door to models holds of a member."""

from __future__ import annotations

from guildhall.infra.personal import Personal

__all__ = ["PERSONAL"]

PERSONAL = (
    Personal("ai_turns"),
    Personal(
        "ai_calls",
        kept="What the hall has paid for stays what it was. A call has no words in it, and the"
        " turn that it was made for is deleted.",
    ),
    Personal("ai_budgets"),
)
