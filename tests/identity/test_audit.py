"""What members, admins and workers do is on record: who, what, and from where."""

from __future__ import annotations

from typing import Any

import asyncpg
import pyotp

from guildhall.infra.hall import Hall
from tests.factories import Person
from tests.identity.leaving import erase_due
from tests.identity.mailbox import Mailbox, deliver
from tests.world import Client, SettableClock

ADDRESS = "127.0.0.1"
ADA = {"username": "ada", "email": "ada@example.org", "password": "analytical engine"}
BY_HTTP = {
    "api_key_made", "api_key_revoked", "api_key_rotated", "audit_log_exported",
    "deletion_asked", "deletion_withdrawn", "email_changed", "email_verified",
    "export_asked", "export_fetched", "login", "login_failed", "password_change_failed",
    "password_changed", "password_reset", "reauthentication_failed", "recovery_codes_replaced",
    "second_factor_failed", "second_factor_removed", "session_ended", "sessions_ended",
    "totp_confirmed", "totp_removed", "totp_started", "user_changed", "user_registered",
    "username_changed",
}  # fmt: skip


async def acts(owner: asyncpg.Connection) -> list[Any]:
    return list(await owner.fetch("SELECT action, address, details FROM audit_log ORDER BY id"))


async def token_of(client: Client, code: str | None = None) -> str:
    body = {"login": "ada", "password": ADA["password"]}
    answer = (await client.post("/auth/login", json=body)).json()
    if code is not None:
        body = {"second_factor_token": answer["second_factor_token"], "code": code}
        answer = (await client.post("/auth/second-factor", json=body)).json()
    return str(answer["access_token"])


async def test_every_act_of_a_request_says_where_it_was_asked_from(
    client: Client,
    committed: Hall,
    owner: asyncpg.Connection,
    admin: Person,
    clock: SettableClock,
) -> None:
    mailbox = Mailbox()
    ada = (await client.post("/auth/register", json=ADA)).json()["id"]
    await deliver(committed, mailbox)
    token = mailbox.token(ADA["email"], "Confirm your address")
    await client.post("/auth/verify-email", json={"token": token})
    await client.post("/auth/login", json={"login": "ada", "password": "wrong"})
    mine = client.with_token(await token_of(client))

    key = await mine.post("/users/me/api-keys", json={"name": "a", "scopes": ["identity:read"]})
    again = await mine.post(f"/users/me/api-keys/{key.json()['id']}/rotate")
    await mine.delete(f"/users/me/api-keys/{again.json()['id']}")
    await mine.patch("/users/me", json={"username": "countess", "email": "c@example.org"})
    await mine.patch("/users/me", json={"username": "ada"})
    await mine.post("/users/me/export")
    await deliver(committed, mailbox)
    await mine.get("/users/me/export/download")
    await mine.delete("/users/me")
    await mine.post("/users/me/keep")
    wrong = {"current_password": "wrong", "new_password": "difference engine"}
    await mine.post("/users/me/password", json=wrong)
    right = wrong | {"current_password": ADA["password"], "new_password": "another engine"}
    await mine.post("/users/me/password", json=right)
    await mine.post("/users/me/password", json={
        "current_password": "another engine", "new_password": ADA["password"]
    })  # fmt: skip
    await mine.post("/auth/reauthenticate", json={"password": "wrong"})
    secret = (await mine.post("/users/me/totp")).json()["secret"]
    await mine.post("/users/me/totp/confirm", json={"code": "000000"})
    await mine.post("/users/me/totp/confirm", json={"code": pyotp.TOTP(secret).at(clock.now())})
    clock.advance(seconds=30)
    mine = client.with_token(await token_of(client, code=pyotp.TOTP(secret).at(clock.now())))
    await mine.post("/users/me/recovery-codes")
    await mine.delete("/users/me/totp")
    await mine.post("/auth/logout")
    await deliver(committed, mailbox)
    token = mailbox.token("c@example.org", "Confirm your address")
    await client.post("/auth/verify-email", json={"token": token})
    await client.post("/auth/password-reset", json={"email": "c@example.org"})
    await deliver(committed, mailbox)
    reset = mailbox.token("c@example.org", "Set a new password")
    body = {"token": reset, "password": "difference engine"}
    await client.post("/auth/password-reset/confirm", json=body)

    chief = client.of(admin)
    await chief.post(f"/admin/users/{ada}/end-sessions")
    await chief.delete(f"/admin/users/{ada}/second-factor")
    await chief.patch(f"/admin/users/{ada}", json={"role": "moderator"})
    await chief.get("/admin/audit-log/export")

    entries = await acts(owner)
    assert BY_HTTP - {entry["action"] for entry in entries} == set()
    assert {entry["action"] for entry in entries if entry["address"] != ADDRESS} == set()


async def test_what_a_worker_does_was_asked_from_nowhere(
    client: Client,
    committed: Hall,
    owner: asyncpg.Connection,
    member: Person,
    clock: SettableClock,
) -> None:
    await client.of(member).delete("/users/me")
    clock.advance(days=15)
    assert (await erase_due(committed))["erased"] == 1
    (erased,) = [entry for entry in await acts(owner) if entry["action"] == "account_erased"]
    assert erased["address"] is None


async def test_a_change_that_changes_nothing_is_not_on_record(
    client: Client, owner: asyncpg.Connection, admin: Person, member: Person
) -> None:
    path = f"/admin/users/{member.id}"
    for same in ({}, {"role": "member"}, {"status": "active"}):
        assert (await client.of(admin).patch(path, json=same)).status_code == 200
    assert await acts(owner) == []


async def test_another_name_is_on_record_and_no_key_gives_it(
    client: Client, owner: asyncpg.Connection, member: Person
) -> None:
    mine = client.of(member)
    body = {"name": "a", "scopes": ["identity:write"]}
    key = (await mine.post("/users/me/api-keys", json=body)).json()["key"]
    program = {"headers": {"X-API-Key": key}}
    answer = await client.patch("/users/me", json={"username": "countess"}, **program)
    assert (answer.status_code, answer.json()["error"]) == (403, "person_required")
    answer = await client.patch("/users/me", json={"time_zone": "Asia/Tokyo"}, **program)
    assert answer.status_code == 200
    assert (await mine.patch("/users/me", json={"username": "countess"})).status_code == 200
    details = await owner.fetchval(
        "SELECT details FROM audit_log WHERE action = 'username_changed' AND actor_id = $1",
        member.id,
    )
    assert member.username in str(details)
    assert "countess" in str(details)


async def test_a_new_way_in_is_told_by_mail(
    client: Client, committed: Hall, member: Person
) -> None:
    mailbox = Mailbox()
    body = {"name": "a", "scopes": ["identity:read"]}
    made = await client.of(member).post("/users/me/api-keys", json=body)
    assert made.status_code == 201
    await deliver(committed, mailbox)
    (letter,) = mailbox.letters
    assert "An API key was made" in letter.text
