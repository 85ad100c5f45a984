"""Everything that the hall holds of a member, as a zip of JSON that is made in the background."""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
import zipfile
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import IO, Any
from uuid import UUID

import orjson
from sqlalchemy import Row, delete, func, or_, select, update

from guildhall.identity import repository
from guildhall.identity.audit_trail import record
from guildhall.identity.errors import ExportNotFound, ExportNotReady
from guildhall.identity.models import DataExport
from guildhall.identity.schemas import ExportOut
from guildhall.infra import tasks
from guildhall.infra.personal import Personal, pages
from guildhall.infra.tasks import TaskExecution, TaskRun
from guildhall.infra.unit_of_work import UnitOfWork
from guildhall.kernel.ids import new_id
from guildhall.kernel.member import Member

__all__ = ["EXPORT_TASK", "ask", "export_data", "fetch", "newest", "tidy_exports"]

EXPORT_TASK = "identity.export_data"
EXPORT_KEPT = timedelta(days=7)
DOWNLOAD_PATH = "/api/v1/users/me/export/download"
UNDER_WAY = ("queued", "sent", "running")
IN_MEMORY_BYTES = 1 << 20

README = """\
Everything that this hall holds of you
======================================

Each .json file is one table: a list of rows, each with its columns by name. Times are in UTC.
manifest.json says how many rows each has, its SHA-256, and when all of this was put together.

Not in it, because whoever has this file could come in with it, or because it is of no use to
anybody: hashes of your password, keys, codes and links, and the secrets of second factors.
Where somebody else did something to your account, audit_log.json does not say who.
"""


async def ask(uow: UnitOfWork, member: Member) -> ExportOut:
    """Start an export; while one is under way, give that. Audited."""
    # Of many who ask at once, one starts it: the others wait here, and find it.
    await repository.lock_account(uow, member.id)
    latest = await _newest(uow, member.id)
    if latest is not None and latest.ready_at is None and latest.state in UNDER_WAY:
        return _out(latest)
    export_id = new_id()
    execution_id = await tasks.start(
        uow,
        EXPORT_TASK,
        {"user_id": str(member.id), "export_id": str(export_id)},
        requested_by=member.id,
    )
    assert execution_id is not None  # Only under a key is there ever none.
    uow.session.add(
        DataExport(user_id=member.id, id=export_id, execution_id=execution_id, created_at=uow.now)
    )
    record(uow, "export_asked", actor_id=member.id)
    await uow.session.flush()
    return await newest(uow, member.id)


async def newest(uow: UnitOfWork, user_id: UUID) -> ExportOut:
    """Give the state of a member's newest export."""
    found = await _newest(uow, user_id)
    if found is None or (found.expires_at is not None and found.expires_at <= uow.now):
        raise ExportNotFound
    return _out(found)


async def fetch(uow: UnitOfWork, member: Member) -> tuple[bytes, datetime]:
    """Give the member's newest finished export, and when it was finished. Audited."""
    found = (
        await uow.session.execute(
            select(DataExport.content, DataExport.ready_at)
            .where(
                DataExport.user_id == member.id,
                DataExport.content.is_not(None),
                DataExport.expires_at > uow.now,
            )
            .order_by(DataExport.id.desc())
            .limit(1)
        )
    ).one_or_none()
    if found is None:
        await newest(uow, member.id)
        raise ExportNotReady
    record(uow, "export_fetched", actor_id=member.id)
    return found.content, found.ready_at


async def export_data(
    run: TaskRun, *, personal: Sequence[Personal], user_id: str, export_id: str
) -> dict[str, int]:
    """Put a member's export together, table by table and page by page, and keep it for a while.

    Made anew by each attempt; kept once. Memory is bounded by a page and by the zip.
    """
    owner, id_ = UUID(user_id), UUID(export_id)
    with tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES) as file:
        rows = await _write(run, personal, owner, file)
        file.seek(0)
        zipped = await asyncio.to_thread(file.read)
    async with run.units.write(member=owner) as uow:
        mine = DataExport.user_id == owner
        kept = await uow.session.scalar(
            update(DataExport)
            .where(mine, DataExport.id == id_, DataExport.ready_at.is_(None))
            .values(content=zipped, ready_at=uow.now, expires_at=uow.now + EXPORT_KEPT)
            .returning(DataExport.id)
        )
        if kept is not None:
            await uow.session.execute(delete(DataExport).where(mine, DataExport.id < id_))
    return {"tables": len(personal), "rows": rows, "bytes": len(zipped)}


async def tidy_exports(run: TaskRun) -> dict[str, int]:
    """Remove the exports that have expired, and those that came to nothing."""
    async with run.write() as uow:
        gone = await uow.session.execute(
            delete(DataExport)
            .where(
                or_(
                    DataExport.expires_at <= uow.now,
                    DataExport.ready_at.is_(None) & (DataExport.created_at < uow.now - EXPORT_KEPT),
                )
            )
            .returning(DataExport.id)
        )
        return {"removed": len(gone.all())}


async def _write(run: TaskRun, personal: Sequence[Personal], user_id: UUID, file: IO[bytes]) -> int:
    """Write the zip; give the number of rows in it."""
    async with run.read() as uow:
        manifest: dict[str, Any] = {
            "user_id": user_id,
            "generated_at": uow.now,
            "format": 1,
            "files": {},
        }
    total = 0
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("README.txt", README)
        for number, table in enumerate(personal):
            await run.progress(number, len(personal))
            count, digest = 0, hashlib.sha256()
            with archive.open(f"{table.name}.json", "w", force_zip64=True) as part:

                def put(text: bytes, part: IO[bytes] = part, digest: Any = digest) -> None:
                    part.write(text)
                    digest.update(text)

                put(b"[")
                async for page in pages(run.units, table, user_id):
                    await asyncio.to_thread(put, _lines(page, first=count == 0))
                    count += len(page)
                put(b"\n]\n")
            manifest["files"][f"{table.name}.json"] = {"rows": count, "sha256": digest.hexdigest()}
            total += count
        archive.writestr("manifest.json", orjson.dumps(manifest, option=orjson.OPT_INDENT_2))
    await run.progress(len(personal))
    return total


def _lines(page: Sequence[dict[str, Any]], *, first: bool) -> bytes:
    lines = b",\n".join(orjson.dumps(row, default=_plain) for row in page)
    return (b"\n" if first else b",\n") + lines


def _plain(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)


async def _newest(uow: UnitOfWork, user_id: UUID) -> Row[Any] | None:
    return (
        await uow.session.execute(
            select(
                DataExport.id,
                DataExport.execution_id,
                DataExport.created_at,
                DataExport.ready_at,
                DataExport.expires_at,
                func.octet_length(DataExport.content).label("size_bytes"),
                TaskExecution.state,
                TaskExecution.progress_done,
                TaskExecution.progress_total,
            )
            .outerjoin(TaskExecution, TaskExecution.id == DataExport.execution_id)
            .where(DataExport.user_id == user_id)
            .order_by(DataExport.id.desc())
            .limit(1)
        )
    ).one_or_none()


def _out(row: Row[Any]) -> ExportOut:
    ready = row.ready_at is not None
    if ready:
        state = "ready"
    elif row.state in ("queued", "sent"):
        state = "queued"
    else:
        # One that ended without a file has failed; its task may be tidied away by now.
        state = row.state if row.state in ("running", "cancelled") else "failed"
    return ExportOut(
        **row._asdict()
        | {
            "state": state,
            "progress_done": row.progress_done or 0,
            "download": DOWNLOAD_PATH if ready else None,
        }
    )
