"""Letters: what the hall writes to one address, and how it becomes a mail."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid

from email_validator import EmailNotValidError, validate_email

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
    try:
        to = validate_email(letter.to, check_deliverability=False)
    except EmailNotValidError:
        raise MailRefused("This letter is addressed to nobody.") from None
    # A name that is not in ASCII needs a server that takes one (RFC 6531); a domain never does.
    mail = EmailMessage(POLICY.clone(utf8=not to.local_part.isascii()))
    mail["From"] = Address("Guildhall", *sender.rsplit("@", 1))
    mail["To"] = Address("", to.local_part, to.ascii_domain)
    mail["Subject"] = letter.subject
    mail["Date"] = format_datetime(now.astimezone(UTC))
    mail["Message-ID"] = make_msgid(domain=mail["From"].addresses[0].domain)
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    mail.set_content(letter.text, cte="7bit" if letter.text.isascii() else "quoted-printable")
    return mail
