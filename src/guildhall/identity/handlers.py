"""How identity reacts to events. Every handler may be called twice with the same event."""

from __future__ import annotations

from collections.abc import Sequence

from guildhall.identity.events import SessionsChanged
from guildhall.infra.door import forget_session
from guildhall.infra.unit_of_work import UnitOfWork

__all__ = ["forget_sessions"]


async def forget_sessions(uow: UnitOfWork, events: Sequence[SessionsChanged]) -> None:
    """Have the door ask the database about sessions that it may be wrong about."""
    await forget_session(uow.redis, [id_ for event in events for id_ in event.session_ids])
