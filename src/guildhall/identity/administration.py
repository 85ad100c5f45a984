"""Use cases of admins: other people's accounts, and the record."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict
from typing import Literal
from uuid import UUID

import orjson
from sqlalchemy import func, select

from guildhall.identity import api_keys, repository
from guildhall.identity.audit_trail import record
from guildhall.identity.errors import LastAdmin, UserNotFound
from guildhall.identity.models import ActiveSession, AuditEntry, User
from guildhall.identity.repository import AuditFilters
from guildhall.identity.schemas import (
    AccountChange,
    AuditEntryOut,
    DeviceOut,
    UserDetails,
    UserOut,
)
from guildhall.identity.sessions import ask_again, end_all, tell_door
from guildhall.infra.door import tombstone
from guildhall.infra.hall import Hall
from guildhall.infra.unit_of_work import UnitOfWork
from guildhall.kernel.member import Member, Role

__all__ = [
    "ExportForm",
    "change_account",
    "details",
    "end_sessions",
    "export_audit_log",
    "with_names",
]

SHOWN_DEVICES = 20
ENTRIES_AT_ONCE = 1000
COLUMNS = tuple(AuditEntryOut.model_fields)
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")

ExportForm = Literal["jsonl", "csv"]


async def change_account(
    uow: UnitOfWork, admin: Member, user_id: UUID, body: AccountChange
) -> User:
    """Change a member's role or status. Takes effect at once, whatever they come in with; audited.

    A suspension ends their sessions and API keys for good.
    """
    others = await repository.other_admins(uow, user_id)
    changed = await uow.session.get(User, user_id, with_for_update=True)
    if changed is None or changed.status == "erased":
        raise UserNotFound
    before = {"role": changed.role, "status": changed.status}
    after = {
        "role": (body.role or Role(changed.role)).value,
        "status": body.status or changed.status,
    }
    if after == before:
        return changed
    if before == {"role": Role.ADMIN.value, "status": "active"} and not others:
        raise LastAdmin
    changed.role, changed.status = after["role"], after["status"]
    record(
        uow,
        "user_changed",
        actor_id=admin.id,
        target_id=user_id,
        before=before,
        after=after,
    )
    if changed.status == "suspended":
        opening = await repository.door_ids(uow, user_id)
        await repository.end_sessions(uow, user_id, "suspended")
        await api_keys.revoke_all(uow, user_id)
        tell_door(uow, user_id, opening, tombstone)
    else:
        await ask_again(uow, user_id)
    return changed


async def details(uow: UnitOfWork, user_id: UUID) -> UserDetails:
    """Give an account with what says how it is used."""
    account = await uow.session.get(User, user_id)
    if account is None:
        raise UserNotFound
    devices = await repository.devices_of(uow, user_id, SHOWN_DEVICES, None)
    renewed_at = await uow.session.scalar(
        select(func.max(ActiveSession.rotated_at)).where(ActiveSession.user_id == user_id)
    )
    return UserDetails(
        **UserOut.model_validate(account).model_dump(),
        second_factor=await repository.has_second_factor(uow, user_id),
        session_count=len(await repository.living_sessions(uow, user_id)),
        api_key_count=await api_keys.living_count(uow, user_id),
        last_seen_at=renewed_at,
        devices=[DeviceOut.model_validate(device) for device in devices],
    )


async def end_sessions(uow: UnitOfWork, admin: Member, user_id: UUID) -> int:
    """End all of a member's sessions, at once on every process; give how many. Audited."""
    if await uow.session.get(User, user_id) is None:
        raise UserNotFound
    ended = await end_all(uow, user_id, "admin")
    record(uow, "sessions_ended", actor_id=admin.id, target_id=user_id, sessions=len(ended))
    return len(ended)


async def with_names(uow: UnitOfWork, entries: Sequence[AuditEntry]) -> list[AuditEntryOut]:
    """Give entries as they are shown: with the names of the members that they are about."""
    ids = {id_ for entry in entries for id_ in (entry.actor_id, entry.target_id) if id_}
    names = await repository.usernames(uow, ids)
    return [
        AuditEntryOut.model_validate(entry).model_copy(
            update={
                "actor_name": names.get(entry.actor_id) if entry.actor_id else None,
                "target_name": names.get(entry.target_id) if entry.target_id else None,
            }
        )
        for entry in entries
    ]


async def export_audit_log(
    hall: Hall, admin: Member, filters: AuditFilters, form: ExportForm
) -> AsyncIterator[bytes]:
    """Give the audit log as a file, newest first, a piece at a time. Audited.

    What is written meanwhile is not in it. The first piece is read before this returns, so that
    what cannot be asked for is refused.
    """
    async with hall.units.write() as uow:
        newest = (
            await uow.session.scalars(repository.audit_entries(None, ENTRIES_AT_ONCE, filters))
        ).all()
        shown = await with_names(uow, newest)
        record(
            uow,
            "audit_log_exported",
            actor_id=admin.id,
            format=form,
            filters={name: str(value) for name, value in asdict(filters).items() if value},
        )
    return _pieces(hall, filters, form, shown)


async def _pieces(
    hall: Hall, filters: AuditFilters, form: ExportForm, entries: Sequence[AuditEntryOut]
) -> AsyncIterator[bytes]:
    if form == "csv":
        yield _csv([COLUMNS])
    while entries:
        shown = [entry.model_dump(mode="json") for entry in entries]
        if form == "csv":
            yield _csv([[_cell(entry[name]) for name in COLUMNS] for entry in shown])
        else:
            yield b"".join(orjson.dumps(entry, option=orjson.OPT_APPEND_NEWLINE) for entry in shown)
        if len(entries) < ENTRIES_AT_ONCE:
            return
        async with hall.units.read() as uow:
            following = repository.audit_entries(entries[-1].id, ENTRIES_AT_ONCE, filters)
            entries = await with_names(uow, (await uow.session.scalars(following)).all())


def _csv(rows: Sequence[Sequence[str]]) -> bytes:
    written = io.StringIO()
    csv.writer(written).writerows(rows)
    return written.getvalue().encode()


def _cell(value: object) -> str:
    """Write a value so that no spreadsheet takes it for a formula (OWASP, "CSV Injection")."""
    if value is None:
        return ""
    cell = orjson.dumps(value).decode() if isinstance(value, dict) else str(value)
    return f"'{cell}" if cell.startswith(FORMULA_STARTS) else cell
