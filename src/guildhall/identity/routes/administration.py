"""HTTP of administration: accounts and the record."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from fastapi import Depends, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import AwareDatetime

from guildhall.identity import administration, repository
from guildhall.identity.administration import ExportForm
from guildhall.identity.repository import AuditFilters, UserFilters
from guildhall.identity.routes.base import RecentMember, admin
from guildhall.identity.schemas import (
    AccountChange,
    AuditEntryOut,
    SessionsEnded,
    UserDetails,
    UserOut,
)
from guildhall.infra.http import CurrentMember, Reads, Writes, hall_of
from guildhall.kernel.member import Role
from guildhall.kernel.paging import Limit, Page, page_of, position_in

__all__: list[str] = []

MEDIA_TYPES: dict[ExportForm, str] = {"jsonl": "application/jsonl", "csv": "text/csv"}


@admin.get("/admin/users")
async def list_users(
    uow: Reads,
    limit: Limit = 20,
    cursor: str | None = None,
    search: Annotated[
        str | None, Query(max_length=100, description="The start of a name or address.")
    ] = None,
    role: Role | None = None,
    status: Literal["active", "suspended", "erased"] | None = None,
) -> Page[UserOut]:
    """List accounts in the order they were opened."""
    after = position_in(cursor, UUID)[0] if cursor else None
    filters = UserFilters(search, role.value if role else None, status)
    found = (await uow.session.scalars(repository.users_page(after, limit, filters))).all()
    return page_of(found, limit, UserOut.model_validate)


@admin.get("/admin/users/{user_id}")
async def read_user(user_id: UUID, uow: Reads) -> UserDetails:
    """Read an account, and how it is used."""
    return await administration.details(uow, user_id)


@admin.patch("/admin/users/{user_id}")
async def change_user(
    user_id: UUID, body: AccountChange, who: RecentMember, uow: Writes
) -> UserOut:
    """Change a member's role, or suspend them. Takes effect at once."""
    return UserOut.model_validate(await administration.change_account(uow, who, user_id, body))


@admin.post("/admin/users/{user_id}/end-sessions")
async def end_sessions_of_member(user_id: UUID, who: RecentMember, uow: Writes) -> SessionsEnded:
    """End all of a member's sessions, at once."""
    return SessionsEnded(ended=await administration.end_sessions(uow, who, user_id))


def _audit_filters(
    action: Annotated[str | None, Query(max_length=60)] = None,
    actor_id: UUID | None = None,
    target_id: UUID | None = None,
    address: Annotated[str | None, Query(max_length=60)] = None,
    request_id: Annotated[str | None, Query(max_length=64)] = None,
    since: AwareDatetime | None = None,
    until: Annotated[AwareDatetime | None, Query(description="Not included.")] = None,
) -> AuditFilters:
    return AuditFilters(action, actor_id, target_id, address, request_id, since, until)


Filters = Annotated[AuditFilters, Depends(_audit_filters)]


@admin.get("/admin/audit-log")
async def read_audit_log(
    uow: Reads, filters: Filters, limit: Limit = 50, cursor: str | None = None
) -> Page[AuditEntryOut]:
    """Read the audit log, newest first."""
    before = position_in(cursor, int)[0] if cursor else None
    query = repository.audit_entries(before, limit, filters)
    found = await administration.with_names(uow, (await uow.session.scalars(query)).all())
    return page_of(found, limit, lambda entry: entry)


@admin.get(
    "/admin/audit-log/export",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "A line an entry, newest first.",
            "content": {media_type: {} for media_type in MEDIA_TYPES.values()},
        }
    },
)
async def export_audit_log(
    request: Request,
    who: CurrentMember,
    filters: Filters,
    form: Annotated[ExportForm, Query(alias="format")] = "jsonl",
) -> StreamingResponse:
    """Fetch the audit log as a file. This is written into it as well."""
    pieces = await administration.export_audit_log(hall_of(request), who, filters, form)
    return StreamingResponse(
        pieces,
        media_type=MEDIA_TYPES[form],
        headers={"Content-Disposition": f'attachment; filename="audit-log.{form}"'},
    )
