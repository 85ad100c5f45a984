"""Goals, their plans, and what of them is to be done today."""

from guildhall.goals.events import GoalCompleted, TaskCompleted
from guildhall.goals.handlers import prove_milestones
from guildhall.goals.personal import PERSONAL
from guildhall.goals.routes import routers
from guildhall.goals.seeding import seed_templates
from guildhall.goals.tasks import (
    CONVERSE_TASK,
    PLAN_TASK,
    close_days,
    converse,
    plan_goal,
    take_up_lost,
)
from guildhall.goals.templates import Template

__all__ = [
    "CONVERSE_TASK",
    "PERSONAL",
    "PLAN_TASK",
    "GoalCompleted",
    "TaskCompleted",
    "Template",
    "close_days",
    "converse",
    "plan_goal",
    "prove_milestones",
    "routers",
    "seed_templates",
    "take_up_lost",
]
