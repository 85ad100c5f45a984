"""Showing once more who one is: as much as signing in takes, and a new session for it."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import Any

import asyncpg
import pyotp
import pytest
from sqlalchemy import select

from guildhall.identity.models import ActiveSession, AuditEntry
from guildhall.identity.proofs import WRONG_PASSWORDS
from guildhall.infra.hall import Hall
from tests.identity.authenticator import Authenticator
from tests.world import Client, SettableClock

PASSWORD = "analytical engine at noon"
ADA = {"username": "ada", "email": "ada@example.org", "password": PASSWORD}
LOGIN = {"login": "ada", "password": PASSWORD, "device": "laptop"}
OWN_PAGE = {"sec-fetch-site": "same-origin"}


@pytest.fixture
async def ada(client: Client) -> Client:
    await client.post("/auth/register", json=ADA)
    return await signed_in(client)


async def signed_in(client: Client) -> Client:
    answer = await client.post("/auth/login", json=LOGIN)
    return client.with_token(answer.json()["access_token"])


async def again(own: Client, **body: Any) -> tuple[int, Any]:
    answer = await own.post(
        "/auth/reauthenticate",
        content=json.dumps(body),
        headers={"content-type": "application/json"},
    )
    return answer.status_code, answer.json()


async def with_app(own: Client, clock: SettableClock) -> pyotp.TOTP:
    """Set up an authenticator app; its next code is good."""
    app = pyotp.TOTP((await own.post("/users/me/totp")).json()["secret"])
    confirmed = await own.post("/users/me/totp/confirm", json={"code": app.at(clock.now())})
    assert confirmed.status_code == 200
    clock.advance(seconds=30)
    return app


async def with_passkey(own: Client) -> Authenticator:
    authenticator = Authenticator()
    options = (await own.post("/users/me/passkeys/options")).json()["options"]
    body = {"name": "phone", "credential": authenticator.create(options)}
    assert (await own.post("/users/me/passkeys", json=body)).status_code == 201
    return authenticator


async def signature(client: Client, authenticator: Authenticator) -> Any:
    options = (await client.post("/auth/passkey/options")).json()["options"]
    return authenticator.get(options)


async def second_factor_of(own: Client) -> bool:
    sessions = (await own.get("/users/me/sessions")).json()["items"]
    [current] = [each for each in sessions if each["current"]]
    proven: bool = current["second_factor"]
    return proven


async def test_a_password_opens_a_recent_session_in_place_of_the_old_one(
    client: Client, committed: Hall, clock: SettableClock, ada: Client
) -> None:
    clock.advance(minutes=11)
    assert (await ada.post("/users/me/totp")).json()["error"] == "reauthentication_required"
    status, tokens = await again(ada, password=PASSWORD)
    assert status == 200
    new = client.with_token(tokens["access_token"])
    assert (await new.post("/users/me/totp")).status_code == 201
    assert (await ada.get("/users/me")).status_code == 401
    refreshed = await client.post("/auth/refresh", json={"refresh_token": tokens["refresh_token"]})
    assert refreshed.status_code == 200
    sessions = (await new.get("/users/me/sessions")).json()["items"]
    assert [each["device"] for each in sessions] == ["laptop"]
    async with committed.units.read() as uow:
        rows = (await uow.session.scalars(select(ActiveSession).order_by(ActiveSession.id))).all()
        methods = (
            await uow.session.scalars(
                select(AuditEntry.details["method"].astext).where(AuditEntry.action == "login")
            )
        ).all()
    assert [row.end_reason for row in rows] == ["reauthenticated", None]
    assert sorted(methods) == ["again:password", "password"]


async def test_of_many_at_once_one_takes_the_sessions_place(ada: Client, client: Client) -> None:
    answers = await asyncio.gather(*(again(ada, password=PASSWORD) for _ in range(8)))
    statuses = Counter(status for status, _ in answers)
    assert statuses[200] == 1
    assert set(statuses) <= {200, 401, 404}
    [tokens] = [answer for status, answer in answers if status == 200]
    own = client.with_token(tokens["access_token"])
    assert len((await own.get("/users/me/sessions")).json()["items"]) == 1


async def test_a_wrong_password_is_on_record_and_guesses_have_to_wait(
    client: Client, committed: Hall, ada: Client
) -> None:
    for _ in range(WRONG_PASSWORDS):
        status, answer = await again(ada, password="a guess at it")
        assert (status, answer["error"]) == (401, "credentials_wrong")
    answer = await ada.post("/auth/reauthenticate", json={"password": PASSWORD})
    assert (answer.status_code, answer.json()["error"]) == (429, "login_throttled")
    assert int(answer.headers["retry-after"]) > 0
    assert (await ada.get("/users/me")).status_code == 200  # The session is none the worse.
    await signed_in(client)  # Nor has its owner to wait elsewhere.
    async with committed.units.read() as uow:
        failed = (
            await uow.session.scalars(
                select(AuditEntry).where(AuditEntry.action == "reauthentication_failed")
            )
        ).all()
    assert len(failed) == WRONG_PASSWORDS


async def test_an_account_with_an_app_needs_password_and_code(
    client: Client, clock: SettableClock, ada: Client
) -> None:
    app = await with_app(ada, clock)
    status, answer = await again(ada, password=PASSWORD)
    assert (status, answer["error"]) == (422, "second_factor_code_missing")
    code = app.at(clock.now())
    wrong = "000000" if code != "000000" else "000001"
    assert (await again(ada, password=PASSWORD, code=wrong))[1]["error"] == "second_factor_wrong"
    # A wrong password does not use up a code.
    status, answer = await again(ada, password="a guess at it", code=code)
    assert (status, answer["error"]) == (401, "credentials_wrong")
    assert not await second_factor_of(ada)
    status, tokens = await again(ada, password=PASSWORD, code=code)
    assert status == 200
    own = client.with_token(tokens["access_token"])
    assert await second_factor_of(own)
    assert (await again(own, password=PASSWORD, code=code))[1]["error"] == "second_factor_wrong"
    codes = (await own.post("/users/me/recovery-codes")).json()["recovery_codes"]
    status, tokens = await again(own, password=PASSWORD, recovery_code=codes[0])
    assert status == 200
    assert await second_factor_of(client.with_token(tokens["access_token"]))


async def test_a_code_is_not_enough(clock: SettableClock, ada: Client) -> None:
    app = await with_app(ada, clock)
    assert (await again(ada, code=app.at(clock.now())))[0] == 422


async def test_a_passkey_is_enough_even_without_a_password(
    client: Client, owner: asyncpg.Connection, clock: SettableClock, ada: Client
) -> None:
    phone = await with_passkey(ada)
    _, tokens = await again(ada, credential=await signature(client, phone))
    ada = client.with_token(tokens["access_token"])
    await with_app(ada, clock)
    await owner.execute("UPDATE users SET password_hash = NULL")
    signed = await signature(client, phone)
    status, tokens = await again(ada, credential=signed)
    assert status == 200
    own = client.with_token(tokens["access_token"])
    assert await second_factor_of(own)
    status, answer = await again(own, credential=signed)
    assert (status, answer["error"]) == (422, "passkey_challenge_invalid")


async def test_an_account_without_a_password_has_none_that_is_right(
    owner: asyncpg.Connection, ada: Client
) -> None:
    await owner.execute("UPDATE users SET password_hash = NULL")
    for password in (PASSWORD, "nobody has this password"):
        assert (await again(ada, password=password))[1]["error"] == "credentials_wrong"


async def test_anothers_passkey_is_refused(client: Client, ada: Client) -> None:
    grace = {"username": "grace", "email": "grace@example.org", "password": PASSWORD}
    await client.post("/auth/register", json=grace)
    answer = await client.post("/auth/login", json={"login": "grace", "password": PASSWORD})
    theirs = await with_passkey(client.with_token(answer.json()["access_token"]))
    status, answer_ = await again(ada, credential=await signature(client, theirs))
    assert (status, answer_["error"]) == (401, "passkey_refused")
    assert (await ada.get("/users/me")).status_code == 200


async def test_a_browser_gets_new_cookies(client: Client, ada: Client) -> None:
    login = await client.post("/auth/login", json=LOGIN | {"transport": "cookie"}, headers=OWN_PAGE)
    cookies = "; ".join(f"{name}={value}" for name, value in login.cookies.items())
    csrf = login.json()["csrf_token"]
    body = {"password": PASSWORD}
    refused = await client.post(
        "/auth/reauthenticate", json=body, headers={"cookie": cookies, **OWN_PAGE}
    )
    assert (refused.status_code, refused.json()["error"]) == (403, "csrf_token_invalid")
    renewed = await client.post(
        "/auth/reauthenticate",
        json=body,
        headers={"cookie": cookies, "x-csrf-token": csrf, **OWN_PAGE},
    )
    assert renewed.status_code == 200
    assert renewed.json()["csrf_token"] != csrf
    old, new = login.cookies["__Host-guildhall"], renewed.cookies["__Host-guildhall"]
    assert (await client.with_token(old).get("/users/me")).status_code == 401
    assert (await client.with_token(new).get("/users/me")).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"password": None},
        {"password": ""},
        {"password": 1},
        {"password": "x" * 257},
        {"password": "x" * 100_000},
        {"password": "a\x00b"},
        {"password": "\ud800"},
        {"password": PASSWORD, "credential": {}},
        {"password": PASSWORD, "code": "123456", "recovery_code": "AAAA-AAAA-AAAA-AAAA-AAAA-AAAA"},
        {"password": PASSWORD, "code": "12345x"},
        {"credential": "x"},
        {"credential": {"id": "x", "rawId": "x", "type": "public-key", "response": {}}},
        {"credential": {}, "extra": 1},
    ],
)
async def test_what_shows_nothing_is_refused(ada: Client, body: dict[str, Any]) -> None:
    assert (await again(ada, **body))[0] == 422
