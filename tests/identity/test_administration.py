"""What admins and the operator see and change, and what is written down about it."""

from __future__ import annotations

import asyncio
import csv
import hmac
import io
import json
from dataclasses import replace
from typing import Any
from uuid import UUID

import asyncpg
import pytest
import structlog
from pydantic import SecretStr
from sqlalchemy import insert, select

from guildhall.entrypoints.api import furnish
from guildhall.identity import administration
from guildhall.identity.models import AuditEntry, ExternalIdentity
from guildhall.infra.door import TOMBSTONE
from guildhall.infra.hall import Hall
from guildhall.infra.settings import RateLimitSettings
from guildhall.kernel.ids import new_id
from guildhall.kernel.member import OPERATOR_ID, Role
from guildhall.kernel.paging import cursor_of
from tests import factories
from tests.factories import Person
from tests.world import Client, SettableClock

SECRET = "a secret of the operator, forty characters"
EXPORT = "/admin/audit-log/export"
LOG = "/admin/audit-log"


@pytest.fixture
def operated(application: Any, client: Client, committed: Hall) -> Client:
    """A client of a hall that has an operator's secret."""
    security = committed.settings.security.model_copy(
        update={"admin_secret_key": SecretStr(SECRET)}
    )
    settings = replace(committed.settings, security=security)
    furnish(application, replace(committed, settings=settings))
    return client


async def as_operator(
    client: Client, path: str, method: str = "GET", secret: str = SECRET, **request: Any
) -> Any:
    headers = {"X-Admin-Secret-Key": secret}
    return await client.request(method, path, headers=headers, **request)


async def audited(hall: Hall, action: str) -> list[AuditEntry]:
    async with hall.units.read() as uow:
        query = select(AuditEntry).where(AuditEntry.action == action).order_by(AuditEntry.id)
        return list(await uow.session.scalars(query))


async def test_the_operators_secret_opens_admin_routes_and_is_on_record(
    operated: Client, committed: Hall, member: Person
) -> None:
    assert (await as_operator(operated, "/admin/users")).status_code == 200
    path = f"/admin/users/{member.id}"
    changed = await as_operator(operated, path, "PATCH", json={"role": "moderator"})
    assert changed.json()["role"] == "moderator"
    came = await audited(committed, "operator_came_in")
    assert [(e.actor_id, e.address, e.details["method"], e.details["path"]) for e in came] == [
        (OPERATOR_ID, "127.0.0.1", "GET", "/api/v1/admin/users"),
        (OPERATOR_ID, "127.0.0.1", "PATCH", f"/api/v1{path}"),
    ]
    (change,) = await audited(committed, "user_changed")
    assert (change.actor_id, change.target_id) == (OPERATOR_ID, member.id)


async def test_a_wrong_secret_opens_nothing_and_is_counted_as_a_sign_in(
    application: Any, client: Client, committed: Hall
) -> None:
    security = committed.settings.security.model_copy(
        update={"admin_secret_key": SecretStr(SECRET)}
    )
    few = RateLimitSettings(rate_limit_sign_in_per_minute=5)
    settings = replace(committed.settings, security=security, rate_limit=few)
    furnish(application, replace(committed, settings=settings))
    wrong = [SECRET[:-1], SECRET + "x", "", "é", SECRET.upper()]
    for guess in wrong:
        headers = {"X-Admin-Secret-Key": guess.encode()}
        answer = await client.get("/admin/users", headers=headers)
        assert (answer.status_code, answer.json()["error"]) == (401, "admin_secret_wrong")
    limited = await as_operator(client, "/admin/users")
    assert (limited.status_code, limited.json()["error"]) == (429, "rate_limited")
    assert await audited(committed, "operator_came_in") == []


async def test_a_hall_without_a_secret_has_no_operator(client: Client) -> None:
    for guess in ("", "None", SECRET):
        answer = await as_operator(client, "/admin/users", secret=guess)
        assert (answer.status_code, answer.json()["error"]) == (401, "admin_secret_wrong")


async def test_the_operators_secret_opens_no_members_route(operated: Client) -> None:
    for path in ("/users/me", "/users/me/sessions", "/progress/me"):
        answer = await as_operator(operated, path)
        assert (answer.status_code, answer.json()["error"]) == (401, "not_signed_in")


async def test_the_secret_is_compared_in_constant_time(
    operated: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared = []

    def watched(left: bytes, right: bytes) -> bool:
        compared.append((left, right))
        return real(left, right)

    real = hmac.compare_digest
    monkeypatch.setattr(hmac, "compare_digest", watched)
    await as_operator(operated, "/admin/users", secret="guess")
    assert compared == [(b"guess", SECRET.encode())]


async def test_users_are_found_by_how_a_name_or_address_begins(
    client: Client, committed: Hall, admin: Person
) -> None:
    for name in ("Ada", "adam", "Grace", "a_da", "a%da"):
        await factories.person(committed, username=name)
    found = {
        search: [user["username"] for user in await listed(client.of(admin), search=search)]
        for search in ("ada", "ADA", "adam@", "grace@example.org", "a_", "a%", "da", " ada ", "\\")
    }
    assert found == {
        "ada": ["Ada", "adam"],
        "ADA": ["Ada", "adam"],
        "adam@": ["adam"],
        "grace@example.org": ["Grace"],
        "a_": ["a_da"],
        "a%": ["a%da"],
        "da": [],
        " ada ": ["Ada", "adam"],
        "\\": [],
    }


async def listed(client: Client, **query: str) -> list[dict[str, Any]]:
    """Read all of a list of users, two at a time."""
    read: list[dict[str, Any]] = []
    while True:
        answer = await client.get("/admin/users", params=query | {"limit": "2"})
        assert answer.status_code == 200, answer.text
        page = answer.json()
        read += page["items"]
        if page["next_cursor"] is None:
            return read
        query["cursor"] = page["next_cursor"]


async def test_users_are_filtered_by_role_and_status(
    client: Client, committed: Hall, admin: Person
) -> None:
    people = [await factories.person(committed) for _ in range(5)]
    moderator = await factories.person(committed, role=Role.MODERATOR)
    await factories.person(committed, status="suspended")
    chief = client.of(admin)
    members = [user["id"] for user in await listed(chief, role="member", status="active")]
    assert members == [str(person.id) for person in people]
    assert [user["id"] for user in await listed(chief, role="moderator")] == [str(moderator.id)]
    assert len(await listed(chief, status="suspended")) == 1
    assert len(await listed(chief)) == 8
    for wrong in ({"role": "king"}, {"status": "gone"}, {"search": "x" * 101}):
        assert (await chief.get("/admin/users", params=wrong)).status_code == 422


async def test_a_search_reads_an_index_and_not_every_account(owner: asyncpg.Connection) -> None:
    async with owner.transaction():
        # Of few rows any way is quick; what is asked is whether there is one by both indexes.
        await owner.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_indexscan = off")
        plan = await owner.fetch(
            "EXPLAIN SELECT id FROM users"
            " WHERE username_key LIKE 'ada%' OR email_key LIKE 'ada%' ORDER BY id LIMIT 20"
        )
    read = "\n".join(line[0] for line in plan)
    assert "ix_users_username_start" in read
    assert "ix_users_email_start" in read


async def test_an_account_is_read_with_how_it_is_used(
    client: Client, admin: Person, member: Person
) -> None:
    await client.of(member).post(
        "/users/me/api-keys", json={"name": "k", "scopes": ["identity:read"]}
    )
    account = (await client.of(admin).get(f"/admin/users/{member.id}")).json()
    assert account["username"] == member.username
    assert (account["session_count"], account["api_key_count"]) == (1, 1)
    assert account["second_factor"] is False
    assert account["last_seen_at"] == "2031-05-14T12:00:00Z"
    assert [device["name"] for device in account["devices"]] == ["tests"]
    assert "password" not in json.dumps(account)
    nobody = await client.of(admin).get(f"/admin/users/{new_id()}")
    assert (nobody.status_code, nobody.json()["error"]) == (404, "user_not_found")


@pytest.mark.parametrize("redis_forgets", [False, True])
async def test_an_admin_ends_somebodys_sessions_at_once(
    client: Client, committed: Hall, admin: Person, member: Person, redis_forgets: bool
) -> None:
    assert (await client.of(member).get("/users/me")).status_code == 200
    path = f"/admin/users/{member.id}/end-sessions"
    assert (await client.of(admin).post(path)).json() == {"ended": 1}
    if redis_forgets:
        await committed.redis.flushdb()
    assert (await client.of(member).get("/users/me")).status_code == 401
    assert (await client.of(admin).post(path)).json() == {"ended": 0}
    ends = await audited(committed, "sessions_ended")
    assert [(e.actor_id, e.target_id, e.details) for e in ends] == [
        (admin.id, member.id, {"sessions": 1}),
        (admin.id, member.id, {"sessions": 0}),
    ]
    nobody = await client.of(admin).post(f"/admin/users/{new_id()}/end-sessions")
    assert (nobody.status_code, nobody.json()["error"]) == (404, "user_not_found")


async def test_a_suspension_shuts_the_door_to_who_somebody_is_elsewhere(
    client: Client, committed: Hall, admin: Person, member: Person
) -> None:
    async with committed.units.write() as uow:
        await uow.session.execute(
            insert(ExternalIdentity).values(
                issuer="https://id.example.org", subject="ada", user_id=member.id,
                created_at=uow.now, last_seen_at=uow.now,
            )
        )  # fmt: skip
    await client.of(admin).patch(f"/admin/users/{member.id}", json={"status": "suspended"})
    shut = [
        key async for key in committed.redis.scan_iter("session:*")
        if await committed.redis.get(key) == TOMBSTONE
    ]  # fmt: skip
    assert len(shut) == 2  # The session and the identity.


async def test_a_change_of_a_plain_member_needs_no_other_admin(
    operated: Client, member: Person
) -> None:
    """In a hall without an admin, the operator's secret still suspends and appoints."""
    path = f"/admin/users/{member.id}"
    for change in ({"status": "suspended"}, {"status": "active"}, {"role": "admin"}):
        assert (await as_operator(operated, path, "PATCH", json=change)).status_code == 200
    last = await as_operator(operated, path, "PATCH", json={"role": "member"})
    assert (last.status_code, last.json()["error"]) == (409, "last_admin")


async def test_an_erased_account_is_not_brought_back(
    client: Client, committed: Hall, admin: Person
) -> None:
    erased = await factories.person(committed, status="erased")
    answer = await client.of(admin).patch(f"/admin/users/{erased.id}", json={"status": "active"})
    assert (answer.status_code, answer.json()["error"]) == (404, "user_not_found")


async def write_entries(hall: Hall, *entries: dict[str, Any]) -> None:
    async with hall.units.write() as uow:
        for fields in entries:
            row = {"occurred_at": uow.now, "action": "tried", "details": {}} | fields
            uow.session.add(AuditEntry(**row))
            await uow.session.flush()


async def test_the_audit_log_is_filtered_by_each_of_its_columns_and_by_time(
    client: Client, committed: Hall, clock: SettableClock, admin: Person
) -> None:
    someone, another = new_id(), new_id()
    await write_entries(
        committed,
        {"actor_id": someone, "address": "10.0.0.1", "request_id": "r-1"},
        {"target_id": someone, "action": "other", "address": "10.0.0.2"},
    )
    clock.advance(hours=1)
    await write_entries(committed, {"actor_id": another, "address": "10.0.0.1"})
    queries: dict[str, tuple[dict[str, Any], int]] = {
        "all": ({}, 3),
        "action": ({"action": "tried"}, 2),
        "actor": ({"actor_id": str(someone)}, 1),
        "target": ({"target_id": str(someone)}, 1),
        "address": ({"address": "10.0.0.1"}, 2),
        "request": ({"request_id": "r-1"}, 1),
        "since": ({"since": "2031-05-14T13:00:00Z"}, 1),
        "until": ({"until": "2031-05-14T13:00:00Z"}, 2),
        "both": ({"since": "2031-05-14T12:00:00Z", "until": "2031-05-14T12:00:00Z"}, 0),
        "together": ({"address": "10.0.0.1", "actor_id": str(someone)}, 1),
        "empty": ({"action": ""}, 0),
    }
    chief = client.of(admin)
    for name, (query, count) in queries.items():
        read = (await chief.get(LOG, params=query)).json()["items"]
        exported = (await chief.get(EXPORT, params=query)).text.splitlines()
        assert [json.loads(line) for line in exported] == read, name
        read = [entry for entry in read if entry["action"] != "audit_log_exported"]
        assert len(read) == count, name
    for wrong in ({"actor_id": "x"}, {"since": "2031-05-14"}, {"address": "x" * 61}):
        for path in (LOG, EXPORT):
            assert (await chief.get(path, params=wrong)).status_code == 422, wrong


async def test_an_export_has_every_entry_once_and_is_on_record(
    client: Client, committed: Hall, admin: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(administration, "ENTRIES_AT_ONCE", 10)
    await write_entries(committed, *({"details": {"number": number}} for number in range(30)))
    query = {"action": "tried"}
    for count in (30, 31):
        answer = await client.of(admin).get(EXPORT, params=query)
        assert answer.headers["content-type"] == "application/jsonl"
        assert answer.headers["content-disposition"] == 'attachment; filename="audit-log.jsonl"'
        numbers = [json.loads(line)["details"]["number"] for line in answer.text.splitlines()]
        assert numbers == list(range(count))[::-1]
        await write_entries(committed, {"details": {"number": count}})
    exports = await audited(committed, "audit_log_exported")
    assert [(e.actor_id, e.address) for e in exports] == [(admin.id, "127.0.0.1")] * 2
    assert exports[0].details == {"format": "jsonl", "filters": query}


async def test_an_export_as_csv_holds_no_formula(
    client: Client, committed: Hall, admin: Person
) -> None:
    formulas = ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "\nx", '=HYPERLINK("http://x")']
    await write_entries(committed, *({"action": formula} for formula in formulas))
    await write_entries(committed, {"action": 'plain, "quoted"\nline', "details": {"a": "=1"}})
    answer = await client.of(admin).get(EXPORT, params={"format": "csv"})
    assert answer.headers["content-type"].startswith("text/csv")
    header, *rows = csv.reader(io.StringIO(answer.text, newline=""))
    assert header == list(administration.COLUMNS)
    actions = [row[2] for row in rows]
    assert actions == ['plain, "quoted"\nline', *(f"'{formula}" for formula in formulas[::-1])]
    assert json.loads(rows[0][header.index("details")]) == {"a": "=1"}
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@"))]


async def test_an_unknown_format_or_an_unusable_value_is_refused_before_the_file_begins(
    client: Client, admin: Person
) -> None:
    for query in ({"format": "xml"}, {"action": "\x00"}, {"until": "9999-12-31T23:59:59-23:59"}):
        answer = await client.of(admin).get(EXPORT, params=query)
        assert answer.status_code in (200, 422), answer.text
        if answer.status_code == 422:
            assert answer.headers["content-type"] == "application/problem+json"


async def test_a_tampered_cursor_of_an_admins_list_is_refused(
    client: Client, admin: Person
) -> None:
    for path, cursor in ((LOG, cursor_of("x")), (LOG, "?"), ("/admin/users", cursor_of(1))):
        answer = await client.of(admin).get(path, params={"cursor": cursor})
        assert (answer.status_code, answer.json()["error"]) == (422, "cursor_unreadable")


async def test_who_was_refused_what_and_from_where_is_in_the_logs(
    client: Client, member: Person
) -> None:
    with structlog.testing.capture_logs() as logs:
        await client.of(member).get("/admin/users")
        await client.get("/admin/audit-log")
    refused = [line for line in logs if line["event"] == "access_refused"]
    told = [(line["error"], line["path"], line["member_id"], line["address"]) for line in refused]
    assert told == [
        ("admins_only", "/api/v1/admin/users", str(member.id), "127.0.0.1"),
        ("not_signed_in", "/api/v1/admin/audit-log", None, "127.0.0.1"),
    ]


async def test_twenty_role_changes_at_once_leave_a_record_that_adds_up(
    client: Client, committed: Hall, admin: Person, member: Person
) -> None:
    chief = client.of(admin)
    roles = ["moderator", "member"] * 10
    answers = await asyncio.gather(
        *(chief.patch(f"/admin/users/{member.id}", json={"role": role}) for role in roles)
    )
    assert {answer.status_code for answer in answers} == {200}
    changes = await audited(committed, "user_changed")
    role = "member"
    for change in changes:
        assert change.details["before"]["role"] == role
        assert change.details["after"] != change.details["before"]
        role = change.details["after"]["role"]
    now = (await chief.get(f"/admin/users/{member.id}")).json()
    assert (now["role"], UUID(now["id"])) == (role, member.id)


async def test_the_audit_log_names_members_as_they_are_called_now(
    client: Client, committed: Hall, admin: Person, member: Person
) -> None:
    await write_entries(
        committed,
        {"actor_id": admin.id, "target_id": member.id},
        {"actor_id": OPERATOR_ID},
    )
    chief = client.of(admin)
    await client.of(member).patch("/users/me", json={"username": "Renamed"})
    query = {"action": "tried"}
    entries = (await chief.get(LOG, params=query)).json()["items"]
    names = [(entry["actor_name"], entry["target_name"]) for entry in entries]
    assert names == [(None, None), (admin.username, "Renamed")]
