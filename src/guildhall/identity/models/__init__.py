"""Tables of identity."""

from guildhall.identity.models.accounts import AuditEntry, SetupToken, User
from guildhall.identity.models.proofs import (
    TOTP_SECRET,
    DataExport,
    EmailVerificationToken,
    Passkey,
    PasswordResetToken,
    RecoveryCode,
    TotpSecret,
)
from guildhall.identity.models.sessions import ActiveSession, ApiKey, Device, ExternalIdentity

__all__ = [
    "TOTP_SECRET",
    "ActiveSession",
    "ApiKey",
    "AuditEntry",
    "DataExport",
    "Device",
    "EmailVerificationToken",
    "ExternalIdentity",
    "Passkey",
    "PasswordResetToken",
    "RecoveryCode",
    "SetupToken",
    "TotpSecret",
    "User",
]
