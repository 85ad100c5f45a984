"""What goals refuse."""

from __future__ import annotations

from guildhall.kernel.errors import Conflict, Invalid, NotFound

__all__ = [
    "ChallengeUnknown",
    "DashboardNotFound",
    "DayPast",
    "DeadlineOutOfReach",
    "DomainUnknown",
    "GoalClosed",
    "GoalNotFound",
    "MilestoneNotFound",
    "NothingChosen",
    "NothingToReschedule",
    "PlanInTheMaking",
    "PlanStale",
    "ReschedulingStale",
    "TaskClosed",
    "TaskNotFound",
    "TemplateUnknown",
    "TooManyGoals",
]


class GoalNotFound(NotFound):
    code = "goal_not_found"
    detail = "There is no such goal."


class TaskNotFound(NotFound):
    code = "task_not_found"
    detail = "There is no such task."


class MilestoneNotFound(NotFound):
    code = "milestone_not_found"
    detail = "There is no such milestone."


class DashboardNotFound(NotFound):
    code = "dashboard_not_found"
    detail = "There is no such dashboard."


class DomainUnknown(Invalid):
    code = "domain_unknown"
    detail = "There is no such domain. GET /domains lists them."


class TemplateUnknown(Invalid):
    code = "template_unknown"
    detail = "There is no such template. GET /goal-templates lists them."


class ChallengeUnknown(Invalid):
    code = "challenge_unknown"
    detail = "There is no such challenge."


class DeadlineOutOfReach(Invalid):
    code = "deadline_out_of_reach"
    detail = "A deadline is at least tomorrow and at most five years away."


class DayPast(Invalid):
    code = "day_past"
    detail = "This day is over."


class NothingChosen(Invalid):
    code = "nothing_chosen"
    detail = "This would leave nothing of the plan."


class NothingToReschedule(Conflict):
    code = "nothing_to_reschedule"
    detail = "Everything has a day, and nothing was missed."


class TooManyGoals(Conflict):
    code = "too_many_goals"
    detail = "Finish or abandon a goal first: fifty at a time is the most."


class GoalClosed(Conflict):
    code = "goal_closed"
    detail = "This goal is completed or abandoned."


class TaskClosed(Conflict):
    code = "task_closed"
    detail = "This task is no longer part of the plan."


class PlanInTheMaking(Conflict):
    code = "plan_in_the_making"
    detail = "A plan for this goal is being made. Wait for it, then decide."


class PlanStale(Conflict):
    code = "plan_stale"
    detail = "This is not the newest plan, or days have passed since it was made. Look again."


class ReschedulingStale(Conflict):
    code = "rescheduling_stale"
    detail = "This preview is no longer the newest, or tasks have changed since. Ask for a new one."
