"""What goals hold of a member."""

from __future__ import annotations

from guildhall.infra.personal import Personal

__all__ = ["PERSONAL"]

# Where a goal lies among others is the machine's; its words are in the same row.
PERSONAL = (
    Personal("goals", hidden=frozenset({"embedding", "embedding_model"})),
    Personal("plans"),
    Personal("milestones"),
    Personal("milestone_challenges"),
    Personal("tasks"),
    Personal("task_dependencies"),
    Personal("task_activities"),
    Personal("task_reviews"),
    Personal("review_cards"),
    Personal("reschedulings"),
    Personal("task_abilities"),
    Personal("work_days"),
    Personal("conversation_proposals"),
    Personal("conversation_entries"),
    Personal("conversations"),
)
