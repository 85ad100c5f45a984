"""Getting back in, a new password, and an address that is shown to be one's own."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select, text

from guildhall.identity.models import (
    ApiKey,
    AuditEntry,
    ExternalIdentity,
    Passkey,
    PasswordResetToken,
    RecoveryCode,
    TotpSecret,
    User,
)
from guildhall.identity.passwords import hash_password
from guildhall.infra.hall import Hall
from guildhall.infra.handles import mint
from guildhall.kernel.ids import new_id
from tests import factories
from tests.factories import Person
from tests.identity.mailbox import Mailbox, deliver
from tests.identity.waiting import until_it_waits
from tests.world import Client, SettableClock

OLD, NEW = "analytical engine", "difference engine"
ADA = {"username": "Ada", "email": "ada@example.org", "password": OLD}
RESET, VERIFY = "Set a new password", "Confirm your address"


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


async def registered(
    client: Client, hall: Hall, mailbox: Mailbox, *, verified: bool = True, **other: str
) -> UUID:
    """Open an account; give its id."""
    body = ADA | other
    answer = await client.post("/auth/register", json=body)
    assert answer.status_code == 201, answer.text
    await deliver(hall, mailbox)
    if verified:
        token = mailbox.token(body["email"], VERIFY)
        assert (await client.post("/auth/verify-email", json={"token": token})).status_code == 204
    return UUID(answer.json()["id"])


async def sign_in(
    client: Client, password: str = OLD, login: str = "ada", device: str = "laptop"
) -> Client | None:
    body = {"login": login, "password": password, "device": device}
    answer = await client.post("/auth/login", json=body)
    return client.with_token(answer.json()["access_token"]) if answer.is_success else None


async def ask(client: Client, hall: Hall, mailbox: Mailbox, email: str = "ada@example.org") -> Any:
    answer = await client.post("/auth/password-reset", json={"email": email})
    assert answer.status_code == 202
    await deliver(hall, mailbox)
    return answer.json()


async def confirm(client: Client, token: str, password: str = NEW) -> tuple[int, str | None]:
    answer = await client.post(
        "/auth/password-reset/confirm", json={"token": token, "password": password}
    )
    return answer.status_code, answer.json()["error"] if answer.content else None


async def verify(client: Client, token: str) -> tuple[int, str | None]:
    answer = await client.post("/auth/verify-email", json={"token": token})
    return answer.status_code, answer.json()["error"] if answer.content else None


async def actions(hall: Hall) -> Counter[str]:
    async with hall.units.read() as uow:
        return Counter(await uow.session.scalars(select(AuditEntry.action)))


INVALID = (422, "reset_token_invalid")


async def test_a_link_from_a_mail_sets_a_new_password_once(
    client: Client, committed: Hall, mailbox: Mailbox
) -> None:
    await registered(client, committed, mailbox)
    mine = await sign_in(client)
    assert mine is not None
    await ask(client, committed, mailbox)
    token = mailbox.token(ADA["email"], RESET)
    assert await confirm(client, token) == (204, None)
    assert (await mine.get("/users/me")).status_code == 401
    assert await sign_in(client, OLD) is None
    assert await sign_in(client, NEW) is not None
    assert await confirm(client, token) == INVALID
    await deliver(committed, mailbox)
    assert len(mailbox.to(ADA["email"], "Your password was changed")) == 1
    assert (await actions(committed))["password_reset"] == 1


async def test_of_twenty_who_show_one_link_at_once_one_succeeds(
    client: Client, committed: Hall, mailbox: Mailbox
) -> None:
    await registered(client, committed, mailbox)
    await ask(client, committed, mailbox)
    token = mailbox.token(ADA["email"], RESET)
    passwords = [f"{NEW} {n}" for n in range(20)]
    answers = await asyncio.gather(*(confirm(client, token, each) for each in passwords))
    assert Counter(answers) == {(204, None): 1, INVALID: 19}
    winner = passwords[answers.index((204, None))]
    assert await sign_in(client, winner) is not None


async def test_who_asks_is_told_the_same_whether_or_not_there_is_an_account(
    client: Client, committed: Hall, mailbox: Mailbox
) -> None:
    await registered(client, committed, mailbox)
    mailbox.letters.clear()
    told = [
        await ask(client, committed, mailbox, email)
        for email in (ADA["email"], "nobody@example.org")
    ]
    assert told[0] == told[1]
    assert {letter.to for letter in mailbox.letters} == {ADA["email"]}


async def test_the_request_does_the_same_work_whether_or_not_there_is_an_account(
    client: Client, committed: Hall, mailbox: Mailbox
) -> None:
    """It starts a task and looks nothing up."""
    await registered(client, committed, mailbox)
    for email in (ADA["email"], "nobody@example.org"):
        await client.post("/auth/password-reset", json={"email": email})
    async with committed.units.read() as uow:
        started = await uow.session.execute(
            text(
                "SELECT arguments FROM task_executions WHERE name = 'identity.mail_reset'"
                " ORDER BY id"
            )
        )
        assert [row.arguments for row in started] == [
            {"email": ADA["email"]},
            {"email": "nobody@example.org"},
        ]
        assert await uow.session.scalar(select(func.count(PasswordResetToken.user_id))) == 0


async def test_the_link_is_good_for_ten_minutes(
    client: Client, committed: Hall, mailbox: Mailbox, clock: SettableClock
) -> None:
    await registered(client, committed, mailbox)
    await ask(client, committed, mailbox)
    token = mailbox.token(ADA["email"], RESET)
    clock.advance(minutes=10)
    assert await confirm(client, token) == INVALID
    assert await sign_in(client, OLD) is not None


async def test_a_newer_link_makes_the_one_before_it_worthless(
    client: Client, committed: Hall, mailbox: Mailbox, clock: SettableClock
) -> None:
    await registered(client, committed, mailbox)
    await ask(client, committed, mailbox)
    first = mailbox.token(ADA["email"], RESET)
    clock.advance(seconds=60)
    await ask(client, committed, mailbox)
    second = mailbox.token(ADA["email"], RESET)
    assert first != second
    assert await confirm(client, first) == INVALID
    assert await confirm(client, second) == (204, None)


async def test_nobody_is_sent_two_links_in_a_minute_however_often_one_is_asked_for(
    client: Client, committed: Hall, mailbox: Mailbox, clock: SettableClock
) -> None:
    await registered(client, committed, mailbox)
    await asyncio.gather(
        *(client.post("/auth/password-reset", json={"email": ADA["email"]}) for _ in range(8))
    )
    await deliver(committed, mailbox)
    assert len(mailbox.to(ADA["email"], RESET)) == 1
    clock.advance(seconds=59)
    await ask(client, committed, mailbox)
    assert len(mailbox.to(ADA["email"], RESET)) == 1
    clock.advance(seconds=1)
    assert await confirm(client, mailbox.token(ADA["email"], RESET)) == (204, None)


async def test_the_mails_that_strangers_can_have_sent_to_an_address_are_bounded(
    client: Client, committed: Hall, mailbox: Mailbox, clock: SettableClock
) -> None:
    for n in range(20):
        await client.post("/auth/register", json=ADA | {"username": f"eve{n}"})
        await ask(client, committed, mailbox)
        clock.advance(seconds=61)
    assert 5 < len(mailbox.letters) <= 12


async def made_up() -> list[str]:
    nobodys, _ = mint("ghr", new_id())
    other_kind, _ = mint("ghv", new_id())
    flipped = nobodys[:-1] + ("a" if nobodys[-1] != "a" else "b")
    return [
        nobodys, other_kind, flipped, "x", "ghr_", "ghr_" + "x" * 71, "\x00", "ghr_\x00",
        "0" * 2048, "ghr_" + "é" * 71, "' OR 1=1 --",
    ]  # fmt: skip


async def test_made_up_links_open_nothing(client: Client, committed: Hall) -> None:
    for token in await made_up():
        assert await confirm(client, token) == INVALID, token
        assert (await verify(client, token))[0] == 422, token


@pytest.mark.parametrize(
    "wrong",
    [{"token": ""}, {"token": "x" * 2049}, {"token": 1}, {"password": "short"}, {"user": "me"}],
)
async def test_what_cannot_be_a_reset_is_refused(client: Client, wrong: dict[str, Any]) -> None:
    answer = await client.post(
        "/auth/password-reset/confirm", json={"token": "x", "password": NEW} | wrong
    )
    assert (answer.status_code, answer.json()["error"]) == (422, "validation_failed")


async def test_a_link_with_the_secret_of_another_member_opens_nothing(
    client: Client, committed: Hall, mailbox: Mailbox
) -> None:
    await registered(client, committed, mailbox)
    eve = await registered(client, committed, mailbox, username="eve", email="eve@example.org")
    await ask(client, committed, mailbox)
    async with committed.units.write() as uow:
        await uow.session.execute(
            text("UPDATE password_reset_tokens SET user_id = :eve"), {"eve": eve}
        )
    assert await confirm(client, mailbox.token(ADA["email"], RESET)) == INVALID


async def test_a_password_that_anybody_would_guess_does_not_use_the_link_up(
    client: Client, committed: Hall, mailbox: Mailbox
) -> None:
    await registered(client, committed, mailbox)
    await ask(client, committed, mailbox)
    token = mailbox.token(ADA["email"], RESET)
    assert await confirm(client, token, "password1") == (422, "password_too_common")
    assert await confirm(client, token, "ada@example.org") == (422, "password_too_common")
    assert await confirm(client, token) == (204, None)


async def test_a_reset_signs_nobody_in_and_leaves_the_second_factor(
    client: Client, committed: Hall, mailbox: Mailbox
) -> None:
    user_id = await registered(client, committed, mailbox)
    await _add_ways_in(committed, user_id)
    await ask(client, committed, mailbox)
    answer = await client.post(
        "/auth/password-reset/confirm",
        json={"token": mailbox.token(ADA["email"], RESET), "password": NEW},
    )
    assert (answer.status_code, answer.content) == (204, b"")
    assert "set-cookie" not in answer.headers
    answer = await client.post("/auth/login", json={"login": "ada", "password": NEW})
    assert (answer.status_code, answer.json()["error"]) == (401, "second_factor_required")
    assert await _ways_in(committed, user_id) == {
        "ApiKey": 1, "ExternalIdentity": 1, "Passkey": 1, "RecoveryCode": 1, "TotpSecret": 1,
    }  # fmt: skip


async def test_who_opened_an_account_with_anothers_address_loses_it_to_its_owner(
    client: Client, committed: Hall, mailbox: Mailbox
) -> None:
    user_id = await registered(client, committed, mailbox, verified=False)
    eve = await sign_in(client)
    assert eve is not None
    await _add_ways_in(committed, user_id)
    await ask(client, committed, mailbox)
    assert await confirm(client, mailbox.token(ADA["email"], RESET)) == (204, None)
    assert await _ways_in(committed, user_id) == {}
    assert (await eve.get("/users/me")).status_code == 401
    mine = await sign_in(client, NEW)
    assert mine is not None
    assert (await mine.get("/users/me")).json()["email_verified"] is True


async def test_a_reset_goes_to_whom_the_address_was_verified_for_else_to_the_first(
    client: Client, committed: Hall, mailbox: Mailbox, clock: SettableClock
) -> None:
    await registered(client, committed, mailbox, verified=False, username="first")
    second_token_at = len(mailbox.letters)
    await registered(client, committed, mailbox, verified=False, username="second")
    await ask(client, committed, mailbox)
    assert "first" in mailbox.to(ADA["email"], RESET)[-1].text
    second = next(m for m in mailbox.letters[second_token_at:] if m.subject == VERIFY)
    assert await verify(client, second.text.split("#token=")[1].split()[0]) == (204, None)
    clock.advance(minutes=2)
    await ask(client, committed, mailbox)
    assert "second" in mailbox.to(ADA["email"], RESET)[-1].text


async def test_a_link_for_an_address_that_another_verified_meanwhile_opens_nothing(
    client: Client, committed: Hall, mailbox: Mailbox
) -> None:
    await registered(client, committed, mailbox, verified=False, username="first")
    await ask(client, committed, mailbox)
    link = mailbox.token(ADA["email"], RESET)
    await registered(client, committed, mailbox, username="second")
    assert await confirm(client, link) == INVALID
    assert await sign_in(client, OLD, "first") is not None


@pytest.mark.parametrize("status", ["suspended", "erased"])
async def test_no_mail_goes_to_who_may_not_come_in(
    client: Client, committed: Hall, mailbox: Mailbox, clock: SettableClock, status: str
) -> None:
    user_id = await registered(client, committed, mailbox)
    await ask(client, committed, mailbox)
    token = mailbox.token(ADA["email"], RESET)
    async with committed.units.write() as uow:
        (await uow.session.get_one(User, user_id)).status = status
    mailbox.letters.clear()
    clock.advance(seconds=61)
    await ask(client, committed, mailbox)
    assert mailbox.letters == []
    assert await confirm(client, token) == INVALID


@pytest.mark.parametrize("status", ["suspended", "erased"])
async def test_nobody_is_asked_to_verify_what_they_can_no_longer_use(
    client: Client, committed: Hall, mailbox: Mailbox, status: str
) -> None:
    answer = await client.post("/auth/register", json=ADA)
    async with committed.units.write() as uow:
        (await uow.session.get_one(User, UUID(answer.json()["id"]))).status = status
    await deliver(committed, mailbox)
    assert mailbox.letters == []


async def test_a_verified_address_is_marked_once(
    client: Client, committed: Hall, mailbox: Mailbox
) -> None:
    await registered(client, committed, mailbox, verified=False)
    mine = await sign_in(client)
    assert mine is not None
    assert (await mine.get("/users/me")).json()["email_verified"] is False
    token = mailbox.token(ADA["email"], VERIFY)
    answers = await asyncio.gather(*(verify(client, token) for _ in range(20)))
    assert Counter(answers) == {(204, None): 1, (422, "verification_token_invalid"): 19}
    assert (await mine.get("/users/me")).json()["email_verified"] is True
    assert (await actions(committed))["email_verified"] == 1


async def test_a_link_that_verifies_is_good_for_a_day(
    client: Client, committed: Hall, mailbox: Mailbox, clock: SettableClock
) -> None:
    await registered(client, committed, mailbox, verified=False)
    clock.advance(hours=24)
    token = mailbox.token(ADA["email"], VERIFY)
    assert await verify(client, token) == (422, "verification_token_invalid")


async def test_another_mail_to_verify_can_be_asked_for_once_a_minute(
    client: Client, committed: Hall, mailbox: Mailbox, clock: SettableClock
) -> None:
    await registered(client, committed, mailbox, verified=False)
    mine = await sign_in(client)
    assert mine is not None
    answer = await mine.post("/users/me/verify-email")
    assert (answer.status_code, answer.json()["error"]) == (429, "mail_throttled")
    assert 0 < int(answer.headers["retry-after"]) <= 61
    clock.advance(seconds=60)
    assert (await mine.post("/users/me/verify-email")).status_code == 202
    await deliver(committed, mailbox)
    first, second = mailbox.to(ADA["email"], VERIFY)
    old = first.text.split("#token=")[1].split()[0]
    assert old not in second.text
    assert await verify(client, old) == (422, "verification_token_invalid")
    assert await verify(client, mailbox.token(ADA["email"], VERIFY)) == (204, None)
    answer = await mine.post("/users/me/verify-email")
    assert (answer.status_code, answer.json()["error"]) == (409, "address_verified")


async def test_an_address_is_verified_for_one_account_only(
    client: Client, committed: Hall, mailbox: Mailbox
) -> None:
    await registered(client, committed, mailbox, verified=False, username="first")
    firsts = mailbox.token(ADA["email"], VERIFY)
    await registered(client, committed, mailbox, username="second")
    assert await verify(client, firsts) == (409, "address_taken")


async def test_two_accounts_do_not_verify_one_address_in_the_same_moment(
    client: Client, committed: Hall, mailbox: Mailbox
) -> None:
    tokens = []
    for name in ("first", "second"):
        await registered(client, committed, mailbox, verified=False, username=name)
        tokens.append(mailbox.token(ADA["email"], VERIFY))
    answers = await asyncio.gather(*(verify(client, token) for token in tokens))
    assert sorted(answers, key=str) == [(204, None), (409, "address_taken")]


async def test_registering_with_a_known_address_tells_its_owner_and_nobody_else(
    client: Client, committed: Hall, mailbox: Mailbox
) -> None:
    await registered(client, committed, mailbox)
    mailbox.letters.clear()
    eve = await client.post("/auth/register", json=ADA | {"username": "eve"})
    new = await client.post(
        "/auth/register", json={**ADA, "username": "new", "email": "new@example.org"}
    )
    assert eve.status_code == new.status_code == 201
    assert eve.json().keys() == new.json().keys()
    await deliver(committed, mailbox)
    (letter,) = mailbox.to(ADA["email"])
    assert letter.subject == "You have an account already"
    assert "#token=" not in letter.text
    # Nor does asking again tell.
    for name in ("eve", "new"):
        signed_in = await sign_in(client, login=name)
        assert signed_in is not None
        answer = await signed_in.post("/users/me/verify-email")
        assert (answer.status_code, answer.json()["error"]) == (429, "mail_throttled")


async def test_a_new_address_is_claimed_and_the_old_one_told(
    client: Client, committed: Hall, mailbox: Mailbox
) -> None:
    await registered(client, committed, mailbox)
    mine = await sign_in(client)
    assert mine is not None
    answer = await mine.patch("/users/me", json={"email": "countess@example.org"})
    assert (answer.status_code, answer.json()["email_verified"]) == (200, False)
    await deliver(committed, mailbox)
    assert len(mailbox.to(ADA["email"], "Your address was changed")) == 1
    token = mailbox.token("countess@example.org", VERIFY)
    assert await verify(client, token) == (204, None)
    assert (await mine.get("/users/me")).json()["email_verified"] is True
    assert await sign_in(client, OLD, "countess@example.org") is not None
    assert (await actions(committed))["email_changed"] == 1


async def test_links_to_an_address_are_worth_nothing_once_it_is_another(
    client: Client, committed: Hall, mailbox: Mailbox
) -> None:
    await registered(client, committed, mailbox, verified=False)
    await ask(client, committed, mailbox)
    mine = await sign_in(client)
    assert mine is not None
    await mine.patch("/users/me", json={"email": "countess@example.org"})
    assert await confirm(client, mailbox.token(ADA["email"], RESET)) == INVALID
    old = mailbox.token(ADA["email"], VERIFY)
    assert await verify(client, old) == (422, "verification_token_invalid")


async def test_a_new_address_or_name_needs_a_recent_sign_in(
    client: Client, committed: Hall, mailbox: Mailbox, clock: SettableClock
) -> None:
    await registered(client, committed, mailbox)
    mine = await sign_in(client)
    assert mine is not None
    clock.advance(minutes=11)
    answer = await mine.patch("/users/me", json={"email": "countess@example.org"})
    assert (answer.status_code, answer.json()["error"]) == (403, "reauthentication_required")
    answer = await mine.patch("/users/me", json={"username": "countess"})
    assert (answer.status_code, answer.json()["error"]) == (403, "reauthentication_required")
    assert (await mine.patch("/users/me", json={"time_zone": "Asia/Tokyo"})).status_code == 200
    assert (await mine.get("/users/me")).json()["email"] == ADA["email"]


async def test_giving_one_address_after_another_has_to_wait(
    client: Client, committed: Hall, member: Person
) -> None:
    answers = [
        (await client.of(member).patch("/users/me", json={"email": f"a{n}@example.org"}))
        for n in range(8)
    ]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429] * 3


async def test_a_new_password_ends_all_other_sessions(
    client: Client, committed: Hall, mailbox: Mailbox
) -> None:
    await registered(client, committed, mailbox)
    mine, elsewhere = await sign_in(client), await sign_in(client, device="phone")
    assert mine is not None
    assert elsewhere is not None
    body = {"current_password": OLD, "new_password": NEW}
    assert (await mine.post("/users/me/password", json=body)).status_code == 204
    assert (await mine.get("/users/me")).status_code == 200
    assert (await elsewhere.get("/users/me")).status_code == 401
    assert await sign_in(client, OLD) is None
    assert await sign_in(client, NEW) is not None
    await deliver(committed, mailbox)
    assert len(mailbox.to(ADA["email"], "Your password was changed")) == 1
    assert (await actions(committed))["password_changed"] == 1


async def test_a_new_password_makes_links_that_were_mailed_before_worthless(
    client: Client, committed: Hall, mailbox: Mailbox
) -> None:
    await registered(client, committed, mailbox)
    await ask(client, committed, mailbox)
    mine = await sign_in(client)
    assert mine is not None
    body = {"current_password": OLD, "new_password": NEW}
    assert (await mine.post("/users/me/password", json=body)).status_code == 204
    assert await confirm(client, mailbox.token(ADA["email"], RESET)) == INVALID


async def test_guesses_at_the_current_password_have_to_wait(
    client: Client, committed: Hall, mailbox: Mailbox
) -> None:
    await registered(client, committed, mailbox)
    mine = await sign_in(client)
    assert mine is not None
    wrong: list[dict[str, Any]] = [{"new_password": NEW}, {"current_password": None}]
    wrong += [{"current_password": f"guess {n}"} for n in range(8)]
    for body in wrong:
        answer = await mine.post("/users/me/password", json={"new_password": NEW} | body)
        assert (answer.status_code, answer.json()["error"]) == (403, "current_password_wrong")
    right = {"current_password": OLD, "new_password": NEW}
    answer = await mine.post("/users/me/password", json=right)
    assert (answer.status_code, answer.json()["error"]) == (429, "login_throttled")
    assert int(answer.headers["retry-after"]) > 0
    assert (await actions(committed))["password_change_failed"] == 10


async def test_of_two_new_passwords_at_once_one_is_set(
    client: Client, committed: Hall, mailbox: Mailbox
) -> None:
    user_id = await registered(client, committed, mailbox)
    mine = await sign_in(client)
    assert mine is not None
    async with committed.units.write() as uow:
        account = await uow.session.get_one(User, user_id, with_for_update=True)
        body = {"current_password": OLD, "new_password": NEW}
        changing = asyncio.create_task(mine.post("/users/me/password", json=body))
        await until_it_waits(committed, changing)
        account.password_hash = await hash_password("somebody was quicker")
    assert (await changing).json()["error"] == "current_password_wrong"
    assert await sign_in(client, "somebody was quicker") is not None


async def test_an_account_without_a_password_gets_its_first_after_a_recent_sign_in(
    client: Client, committed: Hall, clock: SettableClock
) -> None:
    person = await factories.person(committed, username="ada", password_hash=None)
    mine = client.of(person)
    clock.advance(minutes=11)
    answer = await mine.post("/users/me/password", json={"new_password": NEW})
    assert (answer.status_code, answer.json()["error"]) == (403, "reauthentication_required")
    clock.reset()
    answer = await mine.post("/users/me/password", json={"new_password": NEW})
    assert answer.status_code == 204
    assert await sign_in(client, NEW) is not None


@pytest.mark.parametrize("new", ["password1", "lovelace"])
async def test_a_new_password_is_not_one_that_anybody_would_guess(
    client: Client, committed: Hall, mailbox: Mailbox, new: str
) -> None:
    await registered(client, committed, mailbox, username="lovelace")
    mine = await sign_in(client, login="lovelace")
    assert mine is not None
    body = {"current_password": OLD, "new_password": new}
    answer = await mine.post("/users/me/password", json=body)
    assert (answer.status_code, answer.json()["error"]) == (422, "password_too_common")


async def _add_ways_in(hall: Hall, user_id: UUID) -> None:
    """Give an account one of everything that lets somebody in beside the password."""
    now = hall.clock.now()
    async with hall.units.write() as uow:
        uow.session.add_all(
            [
                ApiKey(
                    user_id=user_id, id=new_id(), name="k", hint="h", secret_hash=b"x",
                    scopes=[], created_at=now,
                ),
                Passkey(
                    user_id=user_id, id=new_id(), credential_id=b"x", public_key=b"x",
                    sign_count=0, name="p", transports=[], created_at=now,
                ),
                TotpSecret(user_id=user_id, sealed=b"x", created_at=now, confirmed_at=now),
                RecoveryCode(user_id=user_id, code_hash=b"x"),
                ExternalIdentity(
                    issuer="https://issuer.example", subject=str(user_id), user_id=user_id,
                    created_at=now, last_seen_at=now,
                ),
            ]
        )  # fmt: skip


async def _ways_in(hall: Hall, user_id: UUID) -> dict[str, int]:
    found: Counter[str] = Counter()
    async with hall.units.read() as uow:
        for table in (ApiKey, Passkey, TotpSecret, RecoveryCode, ExternalIdentity):
            query = select(func.count()).select_from(table).where(table.user_id == user_id)
            if table is ApiKey:
                query = query.where(ApiKey.revoked_at.is_(None))
            found[table.__name__] += await uow.session.scalar(query) or 0
    return dict(+found)
