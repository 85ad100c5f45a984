"""The record of security-relevant acts."""

from __future__ import annotations

from uuid import UUID

from asgi_correlation_id import correlation_id

from guildhall.identity.models import AuditEntry
from guildhall.infra.unit_of_work import UnitOfWork

__all__ = ["record"]


def record(
    uow: UnitOfWork,
    action: str,
    *,
    actor_id: UUID | None = None,
    target_id: UUID | None = None,
    address: str | None = None,
    **details: object,
) -> None:
    """Write one line of the audit log, in the transaction of the act. No secrets in details."""
    uow.session.add(
        AuditEntry(
            occurred_at=uow.now,
            action=action,
            actor_id=actor_id,
            target_id=target_id,
            address=address,
            details=details,
            request_id=correlation_id.get(),
        )
    )
