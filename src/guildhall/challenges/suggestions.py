"""What challenges suggest to a member on their page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from guildhall.challenges.repository import LIST
from guildhall.infra.views import Suggestion, SuggestionSource

__all__ = ["SUGGESTIONS"]

SUGGESTED = 2
# The first page of the list as its reader gets it with `right_for_me` and of state `open`, within
# another statement: there only the reader is an argument.
_ANY = dict.fromkeys((2, 3, 4, 6, 7), "NULL")
_FIRST_PAGE = {**_ANY, 5: "true", 8: str(SUGGESTED), 9: "'open'"}


def _right_for_me() -> str:
    statement = LIST
    for number, value in _FIRST_PAGE.items():
        statement = statement.replace(f"${number}", value)
    return f"SELECT coalesce(items::json, '[]') FROM ({statement}) AS page"


def _suggested(page: Any) -> Sequence[Suggestion]:
    return [
        Suggestion(
            "challenge",
            f"Try “{line['title']}”: you would pass about {round(line['chance'] * 100)} in 100.",
            line["id"],
            {"title": line["title"], "chance": line["chance"]},
        )
        for line in page
    ]


SUGGESTIONS = SuggestionSource("challenges", _right_for_me(), _suggested)
"""Challenges that are neither dull nor hopeless for the member."""
