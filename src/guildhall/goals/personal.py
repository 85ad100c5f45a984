"""What goals hold of a member."""

from __future__ import annotations

from guildhall.infra.personal import Personal

__all__ = ["PERSONAL"]

# What hangs on something goes before it: nothing is left that would go along with it, and be waited
# for by who holds what it hangs on. Where a goal lies among others is the machine's; its words are
# in the same row.
PERSONAL = (
    Personal("review_cards"),
    Personal("task_reviews"),
    Personal("task_activities"),
    Personal("task_dependencies"),
    Personal("tasks"),
    Personal("milestone_challenges"),
    Personal("milestones"),
    Personal("plans"),
    Personal("goals", hidden=frozenset({"embedding", "embedding_model"})),
    Personal("reschedulings"),
    Personal("task_abilities"),
    Personal("work_days"),
    Personal("conversation_proposals"),
    Personal("conversation_entries"),
    Personal("conversations"),
)
