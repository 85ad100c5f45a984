"""The record of security-relevant acts."""

from __future__ import annotations

from uuid import UUID

from asgi_correlation_id import correlation_id

from guildhall.identity.models import AuditEntry
from guildhall.infra.hall import Hall
from guildhall.infra.unit_of_work import UnitOfWork
from guildhall.kernel.client import acting_address
from guildhall.kernel.member import OPERATOR_ID

__all__ = ["note_operator", "record"]


def record(
    uow: UnitOfWork,
    action: str,
    *,
    actor_id: UUID | None = None,
    target_id: UUID | None = None,
    **details: object,
) -> None:
    """Write one line of the audit log, in the transaction of the act. No secrets in details.

    Which request asked for it, and from where, it knows by itself; a worker's acts have neither.
    """
    uow.session.add(
        AuditEntry(
            occurred_at=uow.now,
            action=action,
            actor_id=actor_id,
            target_id=target_id,
            address=acting_address.get(),
            details=details,
            request_id=correlation_id.get(),
        )
    )


async def note_operator(hall: Hall, method: str, path: str) -> None:
    """Write down that a script came in with the operator's secret, before it does anything."""
    async with hall.units.write() as uow:
        record(uow, "operator_came_in", actor_id=OPERATOR_ID, method=method, path=path)
