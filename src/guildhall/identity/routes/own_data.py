"""HTTP of one's rights over one's data: take it along, or have it erased."""

from __future__ import annotations

from fastapi import Request, Response

from guildhall.identity import deletion, exports
from guildhall.identity.routes.base import PersonOnly, RecentOwner, member
from guildhall.identity.schemas import ExportOut, UserOut
from guildhall.infra.http import Reads, Writes, hall_of

__all__: list[str] = []


@member.post("/users/me/export", status_code=202)
async def ask_for_export(who: RecentOwner, uow: Writes) -> ExportOut:
    """Have everything that the hall holds of oneself put together; one at a time."""
    return await exports.ask(uow, who)


@member.get("/users/me/export")
async def newest_export(who: PersonOnly, uow: Reads) -> ExportOut:
    """Read how far one's newest export is."""
    return await exports.newest(uow, who.id)


@member.get(
    "/users/me/export/download",
    response_class=Response,
    responses={200: {"content": {"application/zip": {}}, "description": "The zip."}},
)
async def download_export(who: RecentOwner, uow: Writes) -> Response:
    """Fetch one's newest export: a zip with a JSON file for each table."""
    content, ready_at = await exports.fetch(uow, who)
    return Response(
        content,
        media_type="application/zip",
        headers={
            "Content-Disposition": f'attachment; filename="guildhall-{ready_at:%Y-%m-%d}.zip"',
            "Cache-Control": "no-store",
        },
    )


@member.delete("/users/me", status_code=202)
async def leave_hall(who: RecentOwner, uow: Writes, request: Request) -> UserOut:
    """Have one's account erased, for good, at `erase_after`. Ends all other sessions."""
    settings = hall_of(request).settings.security
    return UserOut.model_validate(await deletion.leave(uow, who, settings))


@member.post("/users/me/keep")
async def keep_account(who: PersonOnly, uow: Writes) -> UserOut:
    """Keep one's account although one had it deleted."""
    return UserOut.model_validate(await deletion.keep(uow, who))
