"""Letters: what the hall writes to one address, and how it becomes a mail."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid

import idna

from guildhall.kernel.errors import Refusal

__all__ = ["Letter", "MailRefused", "mail_of"]

# A line of a text stays whole, links above all; RFC 5322, section 2.1.1 has 998 as the longest.
POLICY = SMTP.clone(max_line_length=998)


class MailRefused(Refusal):
    """For good: the same letter would be refused again."""

    code = "mail_refused"
    detail = "The mail server refused this letter for good."


@dataclass(frozen=True)
class Letter:
    """A letter in plain text to one address. No repr of the text: it may hold a token."""

    to: str
    subject: str
    text: str = field(repr=False)


def mail_of(letter: Letter, sender: str, now: datetime) -> EmailMessage:
    """Write a letter as a mail (RFC 5322) that asks for no automatic answer (RFC 3834).

    Raises MailRefused for an address or a subject that would not stay in its line.
    """
    for line in (letter.to, letter.subject, sender):
        if not line.isprintable():
            raise MailRefused("A line of this letter's head has characters that none may have.")
    mail = EmailMessage(POLICY)
    try:
        mail["From"] = Address("Guildhall", addr_spec=_in_ascii(sender))
        mail["To"] = Address(addr_spec=_in_ascii(letter.to))
    except (ValueError, IndexError):  # What `Address` and IDNA raise for what is no address.
        raise MailRefused("This letter is addressed to nobody.") from None
    mail["Subject"] = letter.subject
    mail["Date"] = format_datetime(now.astimezone(UTC))
    mail["Message-ID"] = make_msgid(domain=mail["From"].addresses[0].domain)
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    mail.set_content(letter.text, cte="7bit" if letter.text.isascii() else "quoted-printable")
    return mail


def _in_ascii(address: str) -> str:
    """Give an address with its domain as the DNS knows it; its first part may need SMTPUTF8."""
    name, _, domain = address.rpartition("@")
    return f"{name}@{domain if domain.isascii() else idna.encode(domain, uts46=True).decode()}"
