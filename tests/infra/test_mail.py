"""Letters go out as they were written, over TLS, and not to anybody else."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from urllib.parse import quote

import aiosmtplib
import pytest
import pytest_asyncio
from pydantic import SecretStr, ValidationError

from guildhall.infra.mail import FolderPost, Letter, MailRefused, Post, SmtpPost, mail_of
from guildhall.infra.settings import MailSettings
from tests.infra.mailserver import (
    PASSWORD,
    USER,
    MailServer,
    mail_server,
    make_certificate,
)
from tests.world import NOON, SettableClock

SENDER = "hall@hall.example.org"
LINK = "https://hall.example.org/reset-password#token=" + "x" * 200
LETTER = Letter("ada@example.org", "Set a new password", f"Hello Ada,\n\n{LINK}\n")


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A certificate that is trusted the way an operator would have it trusted."""
    path = make_certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    return path


def smtp_post(server: MailServer, scheme: str = "smtp", **settings: object) -> SmtpPost:
    url = f"{scheme}://{quote(USER)}:{quote(PASSWORD, safe='')}@localhost:{server.port}"
    told = MailSettings(
        _env_file=None,
        smtp_url=SecretStr(url),
        mail_from=SENDER,
        **settings,  # type: ignore[arg-type]
    )
    return SmtpPost.at(url, told, SettableClock())


@dataclass
class Posting:
    """A post, and what became of the letters given to it."""

    post: Post
    arrived: Callable[[], list[EmailMessage]]


def mails_in(folder: Path) -> list[EmailMessage]:
    found = [message_from_bytes(path.read_bytes(), policy=SMTP) for path in folder.glob("*.eml")]
    return [mail for mail in found if isinstance(mail, EmailMessage)]


@pytest_asyncio.fixture(params=["smtp", "folder"])
async def posting(
    request: pytest.FixtureRequest, tmp_path: Path, certificate: Path
) -> AsyncIterator[Posting]:
    async with AsyncExitStack() as stack:
        if request.param == "folder":
            folder = tmp_path / "mail"
            yield Posting(FolderPost(folder, SENDER, SettableClock()), lambda: mails_in(folder))
        else:
            server = await stack.enter_async_context(mail_server(certificate, needs_login=True))
            yield Posting(smtp_post(server), lambda: server.arrived)


async def test_a_letter_arrives_as_it_was_written(posting: Posting) -> None:
    await posting.post.send(LETTER)
    (mail,) = posting.arrived()
    assert (mail["To"], mail["Subject"]) == (LETTER.to, LETTER.subject)
    assert mail["From"].addresses[0].addr_spec == SENDER
    assert mail.get_content().replace("\r\n", "\n") == LETTER.text
    assert mail.get_content_type() == "text/plain"
    assert LINK in mail.as_string()  # Whole, not folded: people copy it from the file.


async def test_a_letter_says_when_and_that_no_machine_should_answer(posting: Posting) -> None:
    await posting.post.send(LETTER)
    await posting.post.send(LETTER)
    mails = posting.arrived()
    assert mails[0]["Auto-Submitted"] == "auto-generated"
    assert mails[0]["Date"].datetime == NOON
    ids = {mail["Message-ID"] for mail in mails}
    assert len(ids) == 2
    assert all(id_.endswith("@hall.example.org>") for id_ in ids)


@pytest.mark.parametrize("text", ["Grüße, Ñandú 🦄\n", "x" * 900 + "\n", ".\n..\n.end\n", "\n"])
async def test_any_text_arrives_whole(posting: Posting, text: str) -> None:
    await posting.post.send(Letter(LETTER.to, "Grüße 🦄", text))
    (mail,) = posting.arrived()
    assert mail.get_content().replace("\r\n", "\n") == text
    assert mail["Subject"] == "Grüße 🦄"


@pytest.mark.parametrize("to", ["jürgen@example.org", "ada@bücher.example"])
async def test_a_letter_goes_to_addresses_in_any_script(posting: Posting, to: str) -> None:
    await posting.post.send(Letter(to, "Hello", "Hello\n"))
    assert len(posting.arrived()) == 1


@pytest.mark.parametrize(
    "letter",
    [
        Letter("ada@example.org\r\nBcc: eve@example.org", "Hello", ""),
        Letter("ada@example.org\nBcc: eve@example.org", "Hello", ""),
        Letter("ada@example.org, eve@example.org", "Hello", ""),
        Letter("Eve <eve@example.org>", "Hello", ""),
        Letter("ada@example.org>\x00", "Hello", ""),
        Letter("ada@example.org", "Hello\r\nBcc: eve@example.org", ""),
        Letter("ada@example.org", "Hello\u2028Bcc: eve@example.org", ""),
        Letter("nobody", "Hello", ""),
        Letter("", "Hello", ""),
        Letter("ada@" + "x" * 70 + "\u00fc.org", "Hello", ""),
    ],
    ids=repr,
)
async def test_a_head_that_says_more_than_one_line_is_refused(
    posting: Posting, letter: Letter
) -> None:
    with pytest.raises(MailRefused):
        await posting.post.send(letter)
    assert posting.arrived() == []


async def test_nothing_in_a_text_becomes_a_header() -> None:
    mail = mail_of(Letter(LETTER.to, "Hello", "\r\nBcc: eve@example.org\r\n\r\nx"), SENDER, NOON)
    assert "Bcc" not in message_from_bytes(mail.as_bytes(), policy=SMTP)


async def test_twenty_letters_at_once_all_arrive(posting: Posting) -> None:
    letters = [Letter(f"m{n}@example.org", "Hello", "Hello\n") for n in range(20)]
    await asyncio.gather(*(posting.post.send(letter) for letter in letters))
    assert {mail["To"] for mail in posting.arrived()} == {letter.to for letter in letters}


async def test_only_the_hall_reads_the_folder(tmp_path: Path) -> None:
    await FolderPost(tmp_path / "mail", SENDER, SettableClock()).send(LETTER)
    (path,) = (tmp_path / "mail").iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


async def test_the_server_is_shown_name_and_password_over_tls(certificate: Path) -> None:
    for at_once in (False, True):
        async with mail_server(certificate, at_once=at_once, needs_login=True) as server:
            await smtp_post(server, "smtps" if at_once else "smtp").send(LETTER)
            assert (server.recipients, server.users) == ([LETTER.to], [USER.encode()])


async def test_a_server_without_tls_gets_neither_letter_nor_password() -> None:
    async with mail_server() as server:
        url = f"smtp://localhost:{server.port}"
        told = MailSettings(_env_file=None, smtp_url=SecretStr(url))  # type: ignore[call-arg]
        for post in (smtp_post(server), SmtpPost.at(url, told, SettableClock())):
            with pytest.raises(aiosmtplib.SMTPException):
                await post.send(LETTER)
        assert (server.arrived, server.users, server.tried) == ([], [], 0)
        # On this machine an operator may say that it is meant.
        in_the_clear = told.model_copy(update={"smtp_start_tls": False})
        await SmtpPost.at(url, in_the_clear, SettableClock()).send(LETTER)
        assert server.recipients == [LETTER.to]


async def test_a_server_that_is_not_whom_it_says_gets_nothing(tmp_path: Path) -> None:
    stranger = make_certificate(tmp_path)
    for at_once in (False, True):
        async with mail_server(stranger, at_once=at_once) as server:
            with pytest.raises((aiosmtplib.SMTPException, OSError)):
                await smtp_post(server, "smtps" if at_once else "smtp").send(LETTER)
            assert (server.arrived, server.users) == ([], [])


@pytest.mark.parametrize("url", ["smtp://mail.example.org:25", "smtp://10.0.0.1", "smtp://:25"])
def test_a_letter_goes_in_the_clear_only_on_this_machine(url: str) -> None:
    with pytest.raises(ValidationError):
        MailSettings(_env_file=None, smtp_url=SecretStr(url), smtp_start_tls=False)  # type: ignore[call-arg]


async def test_a_refusal_for_good_is_told_from_one_for_now(certificate: Path) -> None:
    async with mail_server(certificate) as server:
        post = smtp_post(server)
        server.answers = ["550 No such user"]
        with pytest.raises(MailRefused):
            await post.send(LETTER)
        server.answers = ["451 Try again later"]
        with pytest.raises(aiosmtplib.SMTPRecipientsRefused):
            await post.send(LETTER)
        server.after_data = "554 No spam please"
        with pytest.raises(MailRefused):
            await post.send(LETTER)
        server.after_data = "452 Disk full"
        with pytest.raises(aiosmtplib.SMTPDataError):
            await post.send(LETTER)
        assert server.arrived == []


async def test_a_server_that_hangs_or_drops_is_given_up(certificate: Path) -> None:
    async with mail_server(certificate) as server:
        server.hangs = True
        with pytest.raises(TimeoutError):
            await smtp_post(server, mail_timeout_seconds=0.3).send(LETTER)
        server.hangs, server.drops = False, True
        with pytest.raises((aiosmtplib.SMTPException, OSError)):
            await smtp_post(server).send(LETTER)
        assert server.arrived == []


async def test_a_server_that_dawdles_at_each_step_is_given_up(certificate: Path) -> None:
    async with mail_server(certificate) as server:
        server.dawdles_seconds = 0.7
        with pytest.raises(TimeoutError) as given_up:
            await smtp_post(server, mail_timeout_seconds=1.0).send(LETTER)
        assert not isinstance(given_up.value, aiosmtplib.SMTPException)
        assert server.arrived == []


async def test_a_wrong_password_is_no_fault_of_the_letter(certificate: Path) -> None:
    async with mail_server(certificate, needs_login=True) as server:
        url = f"smtp://hall:wrong@localhost:{server.port}"
        told = MailSettings(_env_file=None, smtp_url=SecretStr(url), mail_from=SENDER)  # type: ignore[call-arg]
        with pytest.raises(aiosmtplib.SMTPAuthenticationError):
            await SmtpPost.at(url, told, SettableClock()).send(LETTER)


async def test_nobody_listening_is_no_fault_of_the_letter() -> None:
    async with mail_server() as server:
        pass
    with pytest.raises(OSError, match="localhost"):
        await smtp_post(server).send(LETTER)
