"""How the hall sends mail."""

from __future__ import annotations

from typing import Self
from urllib.parse import urlsplit

from pydantic import EmailStr, Field, SecretStr, field_validator, model_validator

from guildhall.infra.settings.base import Concern, of_schemes

__all__ = ["MailSettings"]

LOOPBACK = ("localhost", "127.0.0.1", "::1")


class MailSettings(Concern):
    """Mail. Unset: letters land in `DATA_DIR/mail` and in the log instead of going out."""

    smtp_url: SecretStr | None = Field(
        None,
        description="smtp://user:password@host:587 (with STARTTLS) or smtps://user:password@host:465.",
    )
    smtp_start_tls: bool = Field(
        True, description="Refuse to send over smtp:// without STARTTLS; off only on loopback."
    )
    mail_from: EmailStr = Field("hall@localhost.localdomain", description="Sender of all mails.")
    mail_timeout_seconds: float = Field(
        20.0, gt=0, description="How long the mail server may take for one mail."
    )

    @field_validator("smtp_url")
    @classmethod
    def _is_smtp(cls, url: SecretStr | None) -> SecretStr | None:
        return of_schemes(url, "smtp", "smtps")

    @model_validator(mode="after")
    def _in_the_clear_only_here(self) -> Self:
        if self.smtp_url is None:
            return self
        server = urlsplit(self.smtp_url.get_secret_value())
        if not server.hostname:
            raise ValueError("SMTP_URL must name a host, such as smtp://user:password@host:587")
        if server.scheme == "smtp" and not self.smtp_start_tls and server.hostname not in LOOPBACK:
            raise ValueError("SMTP_START_TLS can be off only where SMTP_URL is on this machine")
        return self
