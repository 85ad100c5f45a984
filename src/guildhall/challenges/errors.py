"""What challenges refuses."""

from __future__ import annotations

from guildhall.kernel.errors import Conflict, Forbidden, Invalid, NotFound, TooManyRequests

__all__ = [
    "AnswerUnfit",
    "AttemptAlreadySubmitted",
    "AttemptNotFound",
    "AttemptNotReviewable",
    "AttemptsUsedUp",
    "ChallengeLocked",
    "ChallengeNotFound",
    "DomainUnknown",
    "GraderFixed",
    "NotYours",
    "OwnChallenge",
    "RequirementUnusable",
    "RetryTooEarly",
    "RubricUnfit",
]


class ChallengeNotFound(NotFound):
    code = "challenge_not_found"
    detail = "There is no such challenge."


class NotYours(Forbidden):
    code = "challenge_not_yours"
    detail = "Only its author, a moderator or an admin can change this challenge."


class DomainUnknown(Invalid):
    code = "domain_unknown"
    detail = "There is no such domain."


class RequirementUnusable(Invalid):
    code = "requirement_unusable"
    detail = (
        "A prerequisite must be another challenge, published or a draft of the same author's, and"
        " must not lead back to this one."
    )


class ChallengeLocked(Forbidden):
    code = "challenge_locked"
    detail = "Pass its prerequisites first; `requires` names them."


class GraderFixed(Conflict):
    code = "grader_fixed"
    detail = "A published challenge keeps its kind of grader: answers to it may be on their way."


class OwnChallenge(Forbidden):
    code = "challenge_your_own"
    detail = "You wrote this challenge, so you know the solution: nobody earns with their own."


class AttemptNotFound(NotFound):
    code = "attempt_not_found"
    detail = "There is no such attempt."


class AttemptAlreadySubmitted(Conflict):
    code = "attempt_already_submitted"
    detail = "This attempt has been submitted. Start another one to try again."


class AttemptsUsedUp(Conflict):
    code = "attempts_used_up"
    detail = "You have used every attempt at this challenge."


class RetryTooEarly(TooManyRequests):
    code = "retry_too_early"
    detail = "This challenge wants a pause between two attempts; `Retry-After` has its seconds."


class AnswerUnfit(Invalid):
    code = "answer_unfit"
    detail = "This challenge takes another kind of answer."


class AttemptNotReviewable(Conflict):
    code = "attempt_not_reviewable"
    detail = "Only a submitted attempt at a reviewed challenge can be scored by hand."


class RubricUnfit(Invalid):
    code = "rubric_unfit"
    detail = "The points must name criteria of the rubric and stay within them."
