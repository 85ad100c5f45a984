"""Whom a credential lets in, as the database knows it: asked for what Redis has forgotten."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable

from guildhall.identity.api_keys import note_use
from guildhall.identity.foreigners import Foreigner, arrive
from guildhall.identity.rules import identity_id
from guildhall.infra.door import Admitted, Credential, Kind, Recall
from guildhall.infra.hall import Hall
from guildhall.kernel.member import Member, Role

__all__ = ["foreign_reader_of", "recall_of"]

SESSION = """
SELECT u.id, u.role, u.time_zone, u.day_starts_at, s.second_factor, s.expires_at
FROM active_sessions s JOIN users u ON u.id = s.user_id
WHERE s.user_id = $1 AND s.id = $2 AND s.ended_at IS NULL AND s.expires_at > $3
  AND u.status = 'active'
"""

KEY = """
SELECT u.id, u.role, u.time_zone, u.day_starts_at, k.scopes, k.secret_hash, k.expires_at
FROM api_keys k JOIN users u ON u.id = k.user_id
WHERE k.user_id = $1 AND k.id = $2 AND k.revoked_at IS NULL
  AND (k.expires_at IS NULL OR k.expires_at > $3) AND u.status = 'active'
"""


ACCOUNT = """
SELECT id, role, time_zone, day_starts_at FROM users WHERE id = $1 AND status = 'active'
"""


def recall_of(hall: Hall) -> Recall:
    """Give the function with which the door asks about a credential."""

    async def recall(credential: Credential) -> Admitted | None:
        match credential.kind:
            case Kind.SESSION:
                return await _row(hall, credential, SESSION)
            case Kind.KEY:
                return await _key(hall, credential)
            case Kind.ISSUER:
                return await _foreigner(hall, credential)

    return recall


async def _key(hall: Hall, credential: Credential) -> Admitted | None:
    admitted = await _row(hall, credential, KEY)
    # Asked about two minutes apart while a key is in use, so its use is noted here.
    if admitted and hmac.compare_digest(admitted.secret_hash, credential.secret_hash):
        await note_use(hall, admitted.member.id, credential.id)
    return admitted


def foreign_reader_of(hall: Hall) -> Callable[[str], Awaitable[Credential | None]] | None:
    """Give the function that reads bearer tokens of external issuers; None if there are none."""
    if not hall.issuers.external:
        return None

    async def read(token: str) -> Credential:
        claims = await hall.issuers.read_access_token(token)
        return Credential(
            Kind.ISSUER, identity_id(claims["iss"], claims["sub"]), None, claims=claims
        )

    return read


async def _foreigner(hall: Hall, credential: Credential) -> Admitted | None:
    """Let in whom an issuer names; on first sight they get an account."""
    assert credential.claims is not None
    issuer = hall.issuers.external[credential.claims["iss"]]
    foreigner = Foreigner.of(credential.claims, issuer.username_claim)
    user_id = await arrive(hall.units, foreigner)
    row = await hall.database.reads.fetchrow(ACCOUNT, user_id)
    if row is None:
        return None
    return Admitted(
        Member(row["id"], credential.id, Role(row["role"]), row["time_zone"], row["day_starts_at"])
    )


async def _row(hall: Hall, credential: Credential, statement: str) -> Admitted | None:
    assert credential.user_id is not None
    now = hall.clock.now()
    async with hall.database.reads_of(credential.user_id) as connection:
        row = await connection.fetchrow(statement, credential.user_id, credential.id, now)
    if row is None:
        return None
    member = Member(
        row["id"],
        credential.id,
        Role(row["role"]),
        row["time_zone"],
        row["day_starts_at"],
        second_factor=row.get("second_factor", False),
        scopes=frozenset(row["scopes"]) if credential.kind is Kind.KEY else None,
    )
    expires_at = row["expires_at"]
    seconds_left = (expires_at - now).total_seconds() if expires_at else float("inf")
    return Admitted(member, row.get("secret_hash") or b"", seconds_left)
