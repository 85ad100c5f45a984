"""What goals refuse."""

from __future__ import annotations

from guildhall.kernel.errors import Conflict, Invalid, NotFound

__all__ = [
    "AnswerUnderWay",
    "ChallengeUnknown",
    "ConversationNotFound",
    "DashboardNotFound",
    "DayBeyondDeadline",
    "DayPast",
    "DeadlineOutOfReach",
    "DomainUnknown",
    "GoalClosed",
    "GoalNotFound",
    "MilestoneNotFound",
    "NothingChosen",
    "NothingToReschedule",
    "NothingUnderWay",
    "PlanInTheMaking",
    "PlanStale",
    "ProposalDecided",
    "ProposalExpired",
    "ProposalNotFound",
    "ProposalStale",
    "ReschedulingNotFound",
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


class ReschedulingNotFound(NotFound):
    code = "rescheduling_not_found"
    detail = "There is no such preview."


class DashboardNotFound(NotFound):
    code = "dashboard_not_found"
    detail = "There is no such dashboard."


class DomainUnknown(Invalid):
    code = "goal_domain_unknown"
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


class DayBeyondDeadline(Invalid):
    code = "day_beyond_deadline"
    detail = "This day is after the goal's deadline. Move the deadline first."


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


class ConversationNotFound(NotFound):
    code = "conversation_not_found"
    detail = "There is no such conversation."


class AnswerUnderWay(Conflict):
    code = "answer_under_way"
    detail = "The answer to what you said before is still under way. Wait for it, or stop it."


class NothingUnderWay(Conflict):
    code = "nothing_under_way"
    detail = "No answer is under way."


class ProposalNotFound(NotFound):
    code = "proposal_not_found"
    detail = "There is no such proposal in this conversation."


class ProposalDecided(Conflict):
    code = "proposal_decided"
    detail = "This proposal was decided on before."


class ProposalExpired(Conflict):
    code = "proposal_expired"
    detail = "This proposal is too old. Ask for it again."


class ProposalStale(Conflict):
    code = "proposal_stale"
    detail = "Something has changed since this was proposed. Ask for it again."
