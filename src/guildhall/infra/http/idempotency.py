"""`Idempotency-Key`: the same request again gets the first answer again.

The answer is remembered in the transaction of the effect, so there is never one without the
other: a request that died half way left neither, and its retry is simply the first. While it is
in flight it holds an advisory lock, which a crash frees.

An answer that says `Cache-Control: no-store` holds a secret that is shown once, and is not kept:
the same request again is refused, and nothing is done twice.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime
from uuid import UUID

from sqlalchemy import LargeBinary, SmallInteger, Text, select, text
from sqlalchemy.orm import Mapped, mapped_column
from starlette.responses import Response

from guildhall.infra.database import Base
from guildhall.infra.unit_of_work import UnitOfWork
from guildhall.kernel.errors import Conflict, Invalid

__all__ = ["IdempotencyKey", "IdempotentRequest", "Replay"]

LONGEST_KEY = 255
NOT_KEPT = 0


class IdempotencyKey(Base):
    """An answer that was given, by who asked and under which key."""

    __tablename__ = "idempotency_keys"

    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(Text, primary_key=True)
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary)
    status: Mapped[int] = mapped_column(SmallInteger)
    media_type: Mapped[str | None] = mapped_column(Text)
    body: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(index=True)


class IdempotencyInFlight(Conflict):
    code = "idempotency_in_flight"
    detail = "The first request with this Idempotency-Key is still being answered."


class IdempotencyMismatch(Invalid):
    code = "idempotency_mismatch"
    detail = "This Idempotency-Key was used for a different request."


class AnswerShownOnce(Conflict):
    code = "answer_shown_once"
    detail = "This was done. Its answer held a secret, which was shown once and is not kept."


class IdempotencyKeyInvalid(Invalid):
    code = "idempotency_key_invalid"
    detail = f"An Idempotency-Key has 1 to {LONGEST_KEY} printable characters."


class Replay(Exception):
    """Not an error: the answer is known already."""

    def __init__(self, response: Response) -> None:
        self.response = response


class IdempotentRequest:
    """One request under a key."""

    def __init__(
        self, user_id: UUID, key: str, method: str, path: str, body: bytes, secret_key: str
    ) -> None:
        if not 1 <= len(key) <= LONGEST_KEY or not key.isprintable():
            raise IdempotencyKeyInvalid
        self._user_id = user_id
        self._key = key
        said = f"{method} {path}\n".encode() + body
        # Under a key: a body may hold a password, and who reads this table may guess fast.
        self._fingerprint = hmac.new(secret_key.encode(), said, hashlib.sha256).digest()

    async def begin(self, uow: UnitOfWork) -> None:
        """Take the key, or raise Replay with the answer already given under it."""
        free = await uow.session.scalar(
            text("SELECT pg_try_advisory_xact_lock(hashtextextended(:name, 1))"),
            {"name": f"{self._user_id}:{self._key}"},
        )
        if not free:
            raise IdempotencyInFlight
        given = await uow.session.scalar(
            select(IdempotencyKey).where(
                IdempotencyKey.user_id == self._user_id, IdempotencyKey.key == self._key
            )
        )
        if given is None:
            return
        if given.fingerprint != self._fingerprint:
            raise IdempotencyMismatch
        if given.status == NOT_KEPT:
            raise AnswerShownOnce
        raise Replay(
            Response(
                given.body,
                given.status,
                {"Idempotent-Replayed": "true"},
                media_type=given.media_type,
            )
        )

    def remember(self, uow: UnitOfWork, response: Response) -> None:
        """Keep the answer, in the transaction of what it tells of."""
        kept = "no-store" not in response.headers.get("cache-control", "")
        uow.session.add(
            IdempotencyKey(
                user_id=self._user_id,
                key=self._key,
                fingerprint=self._fingerprint,
                status=response.status_code if kept else NOT_KEPT,
                media_type=response.media_type,
                body=bytes(response.body) if kept else b"",
                created_at=uow.now,
            )
        )
