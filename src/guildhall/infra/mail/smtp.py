"""A post that hands letters to a mail server (SMTP), over TLS."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Self
from urllib.parse import SplitResult, unquote, urlsplit

import aiosmtplib

from guildhall.infra.mail.letters import Letter, MailRefused, mail_of
from guildhall.infra.settings import MailSettings
from guildhall.kernel.clock import Clock

__all__ = ["SmtpPost"]

FIRST_PERMANENT_CODE = 500  # RFC 5321, section 4.2.1.
GOODBYE_SECONDS = 1.0


class SmtpPost:
    """Opens a connection for each letter: a hall writes few, and none waits behind another's."""

    def __init__(self, server: SplitResult, settings: MailSettings, clock: Clock) -> None:
        self._server = server
        self._settings = settings
        self._clock = clock

    @classmethod
    def at(cls, url: str, settings: MailSettings, clock: Clock) -> Self:
        return cls(urlsplit(url), settings, clock)

    async def send(self, letter: Letter) -> None:
        sender = self._settings.mail_from
        mail = mail_of(letter, sender, self._clock.now())
        over_tls = self._server.scheme == "smtps"
        server = aiosmtplib.SMTP(
            hostname=self._server.hostname,
            port=self._server.port,
            username=unquote(self._server.username) if self._server.username else None,
            password=unquote(self._server.password) if self._server.password else None,
            use_tls=over_tls,
            start_tls=self._settings.smtp_start_tls and not over_tls,
            local_hostname=mail["From"].addresses[0].domain,
            timeout=self._settings.mail_timeout_seconds,
        )
        try:
            # The library's own limit is for each of a dozen steps.
            async with asyncio.timeout(self._settings.mail_timeout_seconds):
                await server.connect()
                await server.send_message(mail)
        except (
            aiosmtplib.SMTPRecipientsRefused,
            aiosmtplib.SMTPSenderRefused,
            aiosmtplib.SMTPDataError,
        ) as refusal:
            codes = _codes(refusal)
            if min(codes) < FIRST_PERMANENT_CODE:
                raise
            raise MailRefused(f"The mail server refused this letter for good: {codes}.") from None
        except aiosmtplib.SMTPNotSupported:
            raise MailRefused("The mail server cannot write to such an address.") from None
        else:
            # It has the letter; whatever becomes of the goodbye, it is not sent again.
            with contextlib.suppress(aiosmtplib.SMTPException):
                await server.quit(timeout=GOODBYE_SECONDS)
        finally:
            server.close()


def _codes(
    refusal: aiosmtplib.SMTPRecipientsRefused | aiosmtplib.SMTPResponseException,
) -> list[int]:
    if isinstance(refusal, aiosmtplib.SMTPRecipientsRefused):
        return [recipient.code for recipient in refusal.recipients]
    return [refusal.code]
