"""What progression refuses."""

from __future__ import annotations

from guildhall.kernel.errors import Conflict, Invalid, NotFound

__all__ = [
    "BadgeNotFound",
    "BadgeSlugTaken",
    "BoardNotFound",
    "ConditionInvalid",
    "CorrectionTooLarge",
    "DomainNotFound",
    "EntryNotFound",
    "EntryReversed",
    "NotOnBoard",
    "PauseNotFound",
    "PauseTooLong",
    "PreviewNotFound",
    "PreviewNotReady",
    "PreviewUsed",
    "SeasonNotFound",
    "SubjectNotFound",
]


class ConditionInvalid(Invalid):
    code = "condition_invalid"
    detail = "This badge condition cannot be read; `faults` says where."


class BadgeNotFound(NotFound):
    code = "badge_not_found"
    detail = "There is no such badge."


class BadgeSlugTaken(Conflict):
    code = "badge_slug_taken"
    detail = "There is a badge with this slug."


class BoardNotFound(NotFound):
    code = "board_not_found"
    detail = "There is no such leaderboard."


class DomainNotFound(NotFound):
    code = "domain_not_found"
    detail = "There is no such domain."


class NotOnBoard(NotFound):
    code = "not_on_board"
    detail = "You are not on this leaderboard yet, or you chose not to be."


class SeasonNotFound(NotFound):
    code = "season_not_found"
    detail = "There is no closed season of that name."


class SubjectNotFound(NotFound):
    code = "member_not_found"
    detail = "There is no such member here."


class EntryNotFound(NotFound):
    code = "xp_entry_not_found"
    detail = "There is no such XP entry."


class EntryReversed(Conflict):
    code = "xp_entry_reversed"
    detail = "This XP entry has been reversed already."


class CorrectionTooLarge(Conflict):
    code = "correction_too_large"
    detail = "This would leave the member with less than no XP."


class PreviewNotFound(NotFound):
    code = "rescoring_preview_not_found"
    detail = "There is no such preview of a re-scoring. Those older than a week are gone."


class PreviewNotReady(Conflict):
    code = "rescoring_preview_not_ready"
    detail = "The preview has not come to its end. Look at its result first."


class PreviewUsed(Conflict):
    code = "rescoring_applied"
    detail = "This re-scoring has been applied already. Make a new preview."


class PauseNotFound(NotFound):
    code = "pause_not_found"
    detail = "You have no such pause."


class PauseTooLong(Invalid):
    code = "pause_too_long"
    detail = "A pause has at most 366 days and lies within a year of today."
