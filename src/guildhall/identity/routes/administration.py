"""HTTP of administration: accounts and the record."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import Query
from pydantic import AwareDatetime

from guildhall.identity import repository, service
from guildhall.identity.routes.base import RecentMember, admin
from guildhall.identity.schemas import AuditEntryOut, UserOut, UserRoleChange
from guildhall.infra.http import Reads, Writes
from guildhall.kernel.paging import Limit, Page, page_of, position_in

__all__: list[str] = []


@admin.get("/admin/users")
async def users(
    uow: Reads,
    limit: Limit = 20,
    cursor: str | None = None,
    search: Annotated[str | None, Query(max_length=100)] = None,
) -> Page[UserOut]:
    """List accounts in the order they were opened; `search` is the start of a name or address."""
    after = position_in(cursor, UUID)[0] if cursor else None
    found = (await uow.session.scalars(repository.users_page(after, limit, search))).all()
    return page_of(found, limit, UserOut.model_validate)


@admin.patch("/admin/users/{user_id}")
async def change_user(
    user_id: UUID, body: UserRoleChange, who: RecentMember, uow: Writes
) -> UserOut:
    """Change a member's role, or suspend them. Takes effect at once."""
    return UserOut.model_validate(await service.change_role(uow, who, user_id, body))


@admin.get("/admin/audit-log")
async def audit_log(
    uow: Reads,
    limit: Limit = 50,
    cursor: str | None = None,
    action: Annotated[str | None, Query(max_length=60)] = None,
    actor_id: UUID | None = None,
    target_id: UUID | None = None,
    since: AwareDatetime | None = None,
) -> Page[AuditEntryOut]:
    """Read the audit log, newest first."""
    query = repository.audit_entries(
        position_in(cursor, int)[0] if cursor else None,
        limit,
        action=action,
        actor_id=actor_id,
        target_id=target_id,
        since=since,
    )
    found = (await uow.session.scalars(query)).all()
    return page_of(found, limit, AuditEntryOut.model_validate)
