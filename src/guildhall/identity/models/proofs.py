"""Tables of what proves who somebody is, beside the password."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, ForeignKey, Index, LargeBinary, Text
from sqlalchemy.orm import Mapped, mapped_column

from guildhall.infra.database import Base
from guildhall.infra.sealing import SealedColumn

__all__ = [
    "TOTP_SECRET",
    "DataExport",
    "EmailVerificationToken",
    "Passkey",
    "PasswordResetToken",
    "RecoveryCode",
    "TotpSecret",
]


class _MailedToken:
    """A token that went out by mail: hashed, good once, one a member; a newer one replaces it."""

    user_id: Mapped[UUID] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    token_hash: Mapped[bytes] = mapped_column(LargeBinary)
    email_key: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class PasswordResetToken(_MailedToken, Base):
    """Lets who reads a member's mail set a new password."""

    __tablename__ = "password_reset_tokens"


class EmailVerificationToken(_MailedToken, Base):
    """Shows that a member reads what comes to their address."""

    __tablename__ = "email_verification_tokens"


class TotpSecret(Base):
    """What a member's authenticator app counts from (RFC 6238), sealed; theirs once confirmed.

    `last_step` is the newest time step whose code was taken: no code is good twice.
    """

    __tablename__ = "totp_secrets"

    user_id: Mapped[UUID] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]
    last_step: Mapped[int] = mapped_column(BigInteger, server_default="0")


TOTP_SECRET = SealedColumn("totp_secrets", "sealed")


class RecoveryCode(Base):
    """Stands in for the authenticator app, once. Removed when it was used."""

    __tablename__ = "recovery_codes"

    user_id: Mapped[UUID] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    code_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)


class Passkey(Base):
    """A member's WebAuthn credential."""

    __tablename__ = "passkeys"

    user_id: Mapped[UUID] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    id: Mapped[UUID] = mapped_column(primary_key=True)
    credential_id: Mapped[bytes] = mapped_column(LargeBinary)
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    sign_count: Mapped[int] = mapped_column(BigInteger)
    name: Mapped[str] = mapped_column(Text)
    transports: Mapped[list[str]] = mapped_column(ARRAY(Text))
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]

    __table_args__ = (Index(None, "user_id", "credential_id", unique=True),)


class DataExport(Base):
    """Everything the hall knows of a member, as a zip that is theirs to fetch for a while."""

    __tablename__ = "data_exports"

    user_id: Mapped[UUID] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    id: Mapped[UUID] = mapped_column(primary_key=True)
    execution_id: Mapped[UUID]
    content: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    created_at: Mapped[datetime]
    ready_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
