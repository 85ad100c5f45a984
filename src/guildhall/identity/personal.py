"""What identity holds of a member."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import Select, case, select, text

from guildhall.identity.models import AuditEntry
from guildhall.infra.personal import Personal
from guildhall.infra.unit_of_work import UnitOfWork

__all__ = ["PERSONAL"]


def _traces(user_id: UUID) -> Select[Any]:
    """Give what is on record about a member: of others who acted, neither who nor from where."""
    own = AuditEntry.actor_id == user_id
    return select(
        AuditEntry.id,
        AuditEntry.occurred_at,
        AuditEntry.action,
        case((own, "you"), (AuditEntry.actor_id.is_(None), "nobody known"), else_="another").label(
            "by"
        ),
        case((own, AuditEntry.address)).label("address"),
        AuditEntry.details,
    )


async def _forget_traces(uow: UnitOfWork, user_id: UUID) -> int:
    await uow.session.execute(text("SELECT forget_traces(:id)"), {"id": user_id})
    return 0


TOKEN = frozenset({"token_hash"})

PERSONAL = (
    Personal("devices"),
    Personal("active_sessions"),
    Personal("api_keys", hidden=frozenset({"secret_hash"})),
    Personal("external_identities"),
    Personal("passkeys", hidden=frozenset({"credential_id", "public_key"})),
    Personal("totp_secrets", hidden=frozenset({"sealed", "last_step"})),
    Personal("recovery_codes", hidden=frozenset({"code_hash"})),
    Personal("password_reset_tokens", hidden=TOKEN),
    Personal("email_verification_tokens", hidden=TOKEN),
    Personal("data_exports", hidden=frozenset({"content"})),
    Personal(
        "audit_log",
        ("actor_id", "target_id"),
        shown=_traces,
        erase=_forget_traces,
        kept="That something happened stays on record; from where, and with what, does not.",
    ),
    Personal(
        "users",
        ("id",),
        hidden=frozenset({"password_hash"}),
        kept="What was earned adds up under its id. `deletion` makes up the rest, as its last act.",
    ),
)
