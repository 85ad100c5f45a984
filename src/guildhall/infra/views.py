"""Pages about one member that are cached whole. Whoever changes what they show drops them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from guildhall.infra.cache import Tier
from guildhall.infra.unit_of_work import UnitOfWork

__all__ = [
    "VIEW_TIER",
    "Suggestion",
    "SuggestionSource",
    "drop_view",
    "drop_views",
    "view_key",
]

VIEW_TIER = Tier.REDIS
"""Only there: memory would show a member's own change a second later in another process."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What a member might do next."""

    kind: str
    text: str
    id: str | None = None
    """What it is about; which table that is in, the kind says."""
    facts: Mapping[str, str | int | float | None] = field(default_factory=dict)
    """What the text is made of, for who says it in another language."""


@dataclass(frozen=True)
class SuggestionSource:
    """What one slice suggests on a page that another one shows: slices do not know each other, so
    the wiring hands this down.

    Not a function that reads: the page takes all sources along in one statement.
    """

    name: str
    statement: str
    """Gives one JSON value; `$1` is the member."""
    suggest: Callable[[Any], Sequence[Suggestion]]
    """Makes suggestions of that value, the best first."""


def view_key(user_id: UUID) -> str:
    """Give the cache key of a member's page."""
    return f"view:{user_id}"


def drop_view(uow: UnitOfWork, user_id: UUID) -> None:
    """Forget a member's page once this is committed."""
    drop_views(uow, [user_id])


def drop_views(uow: UnitOfWork, user_ids: Collection[UUID]) -> None:
    """Forget several members' pages once this is committed.

    If the process dies in between, what they show is as old as they may be, and no older.
    """
    keys = [view_key(user_id) for user_id in user_ids]
    if keys:
        uow.after_commit(lambda: uow.cache.drop(*keys, tiers=VIEW_TIER))
