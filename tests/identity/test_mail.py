"""The letters of identity: written by tasks, tried again, and never with a token elsewhere."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio
import structlog
from pydantic import SecretStr
from sqlalchemy import select

from guildhall.identity import letters, wording
from guildhall.identity.models import User
from guildhall.infra.database import Base
from guildhall.infra.hall import Hall
from guildhall.infra.mail import FolderPost, Letter, SmtpPost
from guildhall.infra.settings import MailSettings
from tests.identity.mailbox import TOKEN, Mailbox, deliver
from tests.infra.mailserver import MailServer, mail_server, make_certificate
from tests.world import NOON, Client, SettableClock

PASSWORD = "analytical engine"
ADA = {"username": "ada", "email": "ada@example.org", "password": PASSWORD}
NEW_DEVICE = "A new device signed in"

Served = tuple[MailServer, SmtpPost]


@pytest_asyncio.fixture
async def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Served]:
    """A real mail server, and the post that hands letters to it."""
    certificate = make_certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    async with mail_server(certificate) as server:
        url = f"smtp://localhost:{server.port}"
        settings = MailSettings(_env_file=None, smtp_url=SecretStr(url))  # type: ignore[call-arg]
        yield server, SmtpPost.at(url, settings, SettableClock())


async def executions(owner: asyncpg.Connection) -> list[tuple[str, str, int]]:
    rows = await owner.fetch(
        "SELECT name, state, attempts FROM task_executions WHERE queue = 'mail' ORDER BY id"
    )
    return [(row["name"].removeprefix("identity."), row["state"], row["attempts"]) for row in rows]


async def registered(client: Client, hall: Hall) -> None:
    """Open an account whose address is verified."""
    await client.post("/auth/register", json=ADA)
    async with hall.units.write() as uow:
        (await uow.session.scalars(select(User))).one().verify_email(uow.now)


async def sign_in(client: Client, device: str = "laptop", **headers: str) -> int:
    body = {"login": "ada", "password": PASSWORD, "device": device}
    return (await client.post("/auth/login", json=body, headers=headers)).status_code


async def test_a_letter_that_the_server_puts_off_is_tried_again_and_arrives_once(
    client: Client, committed: Hall, owner: asyncpg.Connection, served: Served
) -> None:
    server, post = served
    server.answers = ["451 Later", "421 Much later"]
    await client.post("/auth/register", json=ADA)
    with structlog.testing.capture_logs():
        await deliver(committed, post)
    assert await executions(owner) == [("mail_verification", "succeeded", 3)]
    (mail,) = server.arrived
    assert mail["To"] == ADA["email"]
    # What arrived is the newest: those that did not are worth nothing, and this one is good.
    match = TOKEN.search(mail.get_content())
    assert match is not None
    answer = await client.post("/auth/verify-email", json={"token": match[1]})
    assert answer.status_code == 204


async def test_a_letter_that_is_refused_for_good_is_not_tried_again(
    client: Client, committed: Hall, owner: asyncpg.Connection, served: Served
) -> None:
    server, post = served
    server.answers = ["550 No such user"]
    await client.post("/auth/register", json=ADA)
    await deliver(committed, post)
    assert await executions(owner) == [("mail_verification", "failed", 1)]
    assert (server.arrived, server.tried) == ([], 1)
    error = await owner.fetchval("SELECT error FROM task_executions WHERE queue = 'mail'")
    assert "550" in error
    assert ADA["email"] not in error


async def test_a_server_that_is_away_is_not_asked_for_ever(
    client: Client, committed: Hall, owner: asyncpg.Connection, served: Served
) -> None:
    server, post = served
    server.drops = True
    await client.post("/auth/register", json=ADA)
    with structlog.testing.capture_logs():
        await deliver(committed, post)
    assert await executions(owner) == [("mail_verification", "failed", letters.MAX_ATTEMPTS)]


async def test_no_unit_of_work_is_open_while_a_letter_goes_out(
    client: Client, committed: Hall, owner: asyncpg.Connection
) -> None:
    open_meanwhile = []

    class Watching(Mailbox):
        async def send(self, letter: Letter) -> None:
            await super().send(letter)
            open_meanwhile.append(
                await owner.fetchval(
                    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                    " AND state LIKE 'idle in transaction%'"
                )
            )

    await client.post("/auth/register", json=ADA)
    await client.post("/auth/password-reset", json={"email": ADA["email"]})
    await deliver(committed, Watching())
    assert open_meanwhile == [0, 0]


async def test_a_token_stands_in_its_letter_and_nowhere_else(
    client: Client, committed: Hall, owner: asyncpg.Connection
) -> None:
    mailbox = Mailbox()
    with structlog.testing.capture_logs() as logged:
        await client.post("/auth/register", json=ADA)
        await client.post("/auth/password-reset", json={"email": ADA["email"]})
        await deliver(committed, mailbox)
    tokens = [match[1] for letter in mailbox.letters for match in TOKEN.finditer(letter.text)]
    assert len(tokens) == 2
    kept = str(logged) + repr(mailbox.letters)
    for table in Base.metadata.sorted_tables:
        for row in await owner.fetch(f"SELECT to_jsonb(t)::text AS row FROM {table.name} t"):
            kept += row["row"]
    assert ADA["email"] in kept
    for token in tokens:
        assert token not in kept
        assert token[4:40] not in kept


async def test_of_a_hall_without_a_server_letters_are_in_the_folder_and_in_the_log(
    client: Client, committed: Hall
) -> None:
    assert isinstance(committed.post, FolderPost)
    with structlog.testing.capture_logs() as logged:
        await client.post("/auth/register", json=ADA)
        await deliver(committed, committed.post)
    (line,) = [line for line in logged if line["event"] == "mail_kept_in_folder"]
    path = Path(line["path"])
    assert path.parent == committed.settings.hall.data_dir / "mail"
    assert (line["to"], line["subject"]) == (ADA["email"], "Confirm your address")
    match = TOKEN.search(await asyncio.to_thread(path.read_text))
    assert match is not None
    assert match[1] in line["text"]
    answer = await client.post("/auth/verify-email", json={"token": match[1]})
    assert answer.status_code == 204


async def test_links_lead_where_members_reach_the_hall(client: Client, committed: Hall) -> None:
    mailbox = Mailbox()
    await client.post("/auth/register", json=ADA)
    await client.post("/auth/password-reset", json={"email": ADA["email"]})
    await deliver(committed, mailbox)
    origin = re.escape(committed.settings.api.origin)
    assert len(mailbox.letters) == 2
    texts = "\n".join(letter.text for letter in mailbox.letters)  # In whichever order they came.
    for room in ("verify-email", "reset-password"):
        assert re.search(rf"^{origin}/{room}#token=\S+$", texts, re.MULTILINE)


async def test_a_device_that_is_new_to_an_account_is_told_of_once(
    client: Client, committed: Hall
) -> None:
    mailbox = Mailbox()
    await registered(client, committed)
    for device in ("laptop", "laptop", "phone", "phone", "laptop"):
        assert await sign_in(client, device, **{"user-agent": "Browser/1"}) == 200
        await deliver(committed, mailbox)
    (letter,) = mailbox.to(ADA["email"], NEW_DEVICE)
    for told in ("phone", "127.0.0.1", "Browser/1", "14 May 2031 at 12:00 UTC", "ada"):
        assert told in letter.text, told


async def test_the_first_sign_in_is_nothing_to_tell_of(client: Client, committed: Hall) -> None:
    mailbox = Mailbox()
    await client.post("/auth/register", json=ADA)
    assert await sign_in(client) == 200
    await deliver(committed, mailbox)
    assert mailbox.to(ADA["email"], NEW_DEVICE) == []


async def test_sign_ins_at_once_from_one_new_device_are_told_of_once(
    client: Client, committed: Hall
) -> None:
    mailbox = Mailbox()
    await registered(client, committed)
    assert await sign_in(client) == 200
    statuses = await asyncio.gather(*(sign_in(client, "phone") for _ in range(8)))
    assert Counter(statuses) == {200: 8}
    await deliver(committed, mailbox)
    assert len(mailbox.to(ADA["email"], NEW_DEVICE)) == 1


async def test_who_only_claims_an_address_cannot_have_it_flooded(
    client: Client, committed: Hall
) -> None:
    mailbox = Mailbox()
    await client.post("/auth/register", json=ADA)
    for n in range(20):
        assert await sign_in(client, f"device {n}") == 200
    await deliver(committed, mailbox)
    assert 0 < len(mailbox.letters) <= letters.LETTERS_TO_AN_ADDRESS


async def test_an_address_that_was_verified_is_told_of_every_new_device(
    client: Client, committed: Hall
) -> None:
    mailbox = Mailbox()
    await client.post("/auth/register", json=ADA)
    await deliver(committed, mailbox)
    token = mailbox.token(ADA["email"])
    assert (await client.post("/auth/verify-email", json={"token": token})).status_code == 204
    for n in range(20):
        assert await sign_in(client, f"device {n}") == 200
    await deliver(committed, mailbox)
    assert len(mailbox.to(ADA["email"], NEW_DEVICE)) == 19


@pytest.mark.parametrize(
    "device",
    [
        "x\r\nSubject: y\r\n\r\nhttps://evil.example",
        "x\u2028y",
        "x\x1b[2Jy",
        "x" * 80,
        "\u202eevil",
    ],
    ids=repr,
)
async def test_what_a_device_calls_itself_stays_in_its_line(
    client: Client, committed: Hall, device: str
) -> None:
    mailbox = Mailbox()
    await registered(client, committed)
    assert await sign_in(client) == 200
    assert await sign_in(client, device) == 200
    await deliver(committed, mailbox)
    (letter,) = mailbox.to(ADA["email"], NEW_DEVICE)
    (line,) = [line for line in letter.text.splitlines() if line.startswith("    device ")]
    assert line.isprintable()
    assert len(letter.text.splitlines()) == len(_device_letter("phone").splitlines())


def _device_letter(device: str) -> str:
    return wording.new_device(
        "ada", "https://hall.example.org", NOON, device=device, address="::1", user_agent="b"
    )[1]


@pytest.mark.parametrize(
    "words",
    [
        wording.reset_link("ada", "https://hall.example.org", "ghr_x", 10),
        wording.verification_link("ada", "https://hall.example.org", "ghv_x", 24),
        wording.already_known("ada", "https://hall.example.org"),
        wording.password_changed("ada", "https://hall.example.org", NOON),
        wording.address_changed("ada", "https://hall.example.org", NOON),
        ("A new device signed in", _device_letter("phone")),
    ],
    ids=lambda words: words[0],
)
def test_a_letter_is_plain_and_short(words: wording.Words) -> None:
    subject, text = words
    assert subject.isascii()
    assert text.isascii()
    assert all(len(line) <= 100 for line in text.splitlines())
    assert text.startswith("Hello ada,\n")
