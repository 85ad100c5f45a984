"""A mail server on this machine that speaks SMTP for real, and misbehaves on request."""

from __future__ import annotations

import asyncio
import ssl
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP as POLICY
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

USER, PASSWORD = "hall@example.org", "p/a:s s@w"


def make_certificate(folder: Path) -> Path:
    """Make a certificate for localhost that signs itself; the file has its key too."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "localhost.pem"
    path.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        + certificate.public_bytes(Encoding.PEM)
    )
    return path


@dataclass
class MailServer:
    """Takes letters. `answers` are given to the next recipients, before all others are taken."""

    port: int = 0
    answers: list[str] = field(default_factory=list)
    after_data: str = "250 OK"
    hangs: bool = False
    drops: bool = False
    dawdles_seconds: float = 0
    arrived: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    users: list[bytes] = field(default_factory=list)
    tried: int = 0

    async def handle_MAIL(  # noqa: N802  # the library's name
        self, _: SMTP, __: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        await asyncio.sleep(self.dawdles_seconds)
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(  # noqa: N802  # the library's name
        self, server: SMTP, _: Session, envelope: Envelope, address: str, __: list[str]
    ) -> str:
        self.tried += 1
        await asyncio.sleep(self.dawdles_seconds)
        if self.hangs:
            await asyncio.Event().wait()
        if self.drops:
            assert server.transport is not None
            server.transport.abort()
        if self.answers:
            return self.answers.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802  # the library's name
        self, _: SMTP, __: Session, envelope: Envelope
    ) -> str:
        if self.after_data.startswith("2"):
            assert isinstance(envelope.content, bytes)
            mail = message_from_bytes(envelope.content, policy=POLICY)
            assert isinstance(mail, EmailMessage)
            self.arrived.append(mail)
            self.recipients += envelope.rcpt_tos
        return self.after_data

    def authenticate(self, *told: Any) -> AuthResult:
        login = told[-1]
        assert isinstance(login, LoginPassword)
        self.users.append(login.login)
        right = login == LoginPassword(USER.encode(), PASSWORD.encode())
        return AuthResult(success=right, handled=False)


@asynccontextmanager
async def mail_server(
    certificate: Path | None = None, *, at_once: bool = False, needs_login: bool = False
) -> AsyncIterator[MailServer]:
    """Run a mail server: in the clear, with STARTTLS, or with TLS `at_once`."""
    context = None
    if certificate is not None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
    running = MailServer()
    loop = asyncio.get_running_loop()

    def protocol() -> SMTP:
        with warnings.catch_warnings():
            # It does not know that there is TLS already, and warns of passwords in the clear.
            warnings.simplefilter("ignore", UserWarning)
            return SMTP(
                running,
                hostname="localhost",
                enable_SMTPUTF8=True,
                tls_context=None if at_once else context,
                require_starttls=context is not None and not at_once,
                authenticator=running.authenticate,
                auth_required=needs_login,
                auth_require_tls=not at_once,
                loop=loop,
            )

    server = await loop.create_server(protocol, "127.0.0.1", 0, ssl=context if at_once else None)
    running.port = server.sockets[0].getsockname()[1]
    try:
        yield running
    finally:
        server.close()
