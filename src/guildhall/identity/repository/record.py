"""Queries of the record."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, select

from guildhall.identity.models import (
    AuditEntry,
)

__all__ = [
    "AuditFilters",
    "audit_entries",
]


@dataclass(frozen=True)
class AuditFilters:
    """Which entries of the audit log; what is None is not asked for. `until` is not included."""

    action: str | None = None
    actor_id: UUID | None = None
    target_id: UUID | None = None
    address: str | None = None
    request_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def audit_entries(before: int | None, limit: int, filters: AuditFilters) -> Select[AuditEntry]:
    """Give the newest entries first."""
    query = select(AuditEntry).order_by(AuditEntry.id.desc()).limit(limit)
    if before is not None:
        query = query.where(AuditEntry.id < before)
    for column, value in (
        (AuditEntry.action, filters.action),
        (AuditEntry.actor_id, filters.actor_id),
        (AuditEntry.target_id, filters.target_id),
        (AuditEntry.address, filters.address),
        (AuditEntry.request_id, filters.request_id),
    ):
        if value is not None:
            query = query.where(column == value)
    if filters.since is not None:
        query = query.where(AuditEntry.occurred_at >= filters.since)
    if filters.until is not None:
        query = query.where(AuditEntry.occurred_at < filters.until)
    return query
