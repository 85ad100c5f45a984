"""Keyset paging: a list is read from where it was left, not from a counted offset."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Generic, TypeVar

import orjson
from pydantic import BaseModel, Field

from guildhall.kernel.encoding import base64url, from_base64url
from guildhall.kernel.errors import Invalid

__all__ = ["CursorUnreadable", "Limit", "Page", "cursor_of", "page_of", "position_in"]

R = TypeVar("R")
T = TypeVar("T")

Limit = Annotated[int, Field(ge=1, le=100, description="How many to give at most.")]


class CursorUnreadable(Invalid):
    code = "cursor_unreadable"
    detail = "This cursor was not given out by this list. Start again without one."


class Page(BaseModel, Generic[T]):
    """One page of a list; `next_cursor` is null on the last."""

    items: list[T]
    next_cursor: str | None = None


def page_of(
    rows: Sequence[R],
    limit: int,
    shape: Callable[[R], T],
    position: Callable[[R], Sequence[object]] = lambda row: (row.id,),  # type: ignore[attr-defined]  # whose rows have none name their own
) -> Page[T]:
    """Make a page of at most `limit` rows, which a full page says may not be the last."""
    return Page(
        items=[shape(row) for row in rows],
        next_cursor=cursor_of(*position(rows[-1])) if len(rows) == limit else None,
    )


def cursor_of(*position: object) -> str:
    """Pack the sort key of the last item into an opaque cursor."""
    return base64url(orjson.dumps(position, default=str))


def position_in(cursor: str, *kinds: Callable[..., Any]) -> Sequence[Any]:
    """Unpack a cursor made by `cursor_of`, each part turned into its kind.

    A kind is `int`, `float`, `str`, or whatever makes a value of a text.

    Raises CursorUnreadable for anything else, whatever was tampered with.
    """
    try:
        parts = orjson.loads(from_base64url(cursor))
        if not isinstance(parts, list) or len(parts) != len(kinds):
            raise CursorUnreadable
        return [_revive(part, kind) for part, kind in zip(parts, kinds, strict=True)]
    except (ValueError, TypeError, OverflowError, AttributeError):
        raise CursorUnreadable from None


def _revive(part: object, kind: Callable[..., Any]) -> object:
    if kind in (int, float, str):
        if type(part) is not kind and not (kind is float and type(part) is int):
            raise CursorUnreadable
        if isinstance(part, int) and abs(part) >= 1 << 63:
            raise CursorUnreadable
        return part
    revive = getattr(kind, "fromisoformat", kind)
    return revive(part)
