"""Tables of goals, their plans and tasks, and what members learned."""

from guildhall.goals.models.conversations import (
    Conversation,
    ConversationEntry,
    ConversationProposal,
)
from guildhall.goals.models.goals import DomainPoint, Goal, GoalTemplate, Plan
from guildhall.goals.models.learning import Review, ReviewCard, TaskAbility, WorkDay
from guildhall.goals.models.tasks import (
    Activity,
    Milestone,
    MilestoneChallenge,
    Rescheduling,
    Task,
    TaskDependency,
)

__all__ = [
    "Activity",
    "Conversation",
    "ConversationEntry",
    "ConversationProposal",
    "DomainPoint",
    "Goal",
    "GoalTemplate",
    "Milestone",
    "MilestoneChallenge",
    "Plan",
    "Rescheduling",
    "Review",
    "ReviewCard",
    "Task",
    "TaskAbility",
    "TaskDependency",
    "WorkDay",
]
