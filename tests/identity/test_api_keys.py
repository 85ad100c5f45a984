"""API keys: shown once, scoped, and shut at once."""

from __future__ import annotations

import asyncio
import base64
from collections import Counter
from dataclasses import replace
from typing import Any

import asyncpg
import pytest
import structlog
from fastapi.routing import APIRoute

from guildhall.entrypoints.api import furnish
from guildhall.entrypoints.wiring import ROUTERS
from guildhall.identity import routers
from guildhall.infra.hall import Hall
from guildhall.infra.handles import mint
from guildhall.infra.http.access import scopes_of
from guildhall.kernel.ids import new_id
from guildhall.kernel.member import Role
from tests import factories
from tests.factories import Person
from tests.world import Client, SettableClock

KEYS = "/users/me/api-keys"
READER = {"name": "reader", "scopes": ["identity:read"]}
# What a program may change in identity: a name and a time zone. And it may have a ticket for a
# stream, which opens what its key does.
LEFT_TO_PROGRAMS = {"PATCH /users/me", "POST /auth/tickets"}


async def make(client: Client, owner: Person, **fields: Any) -> dict[str, Any]:
    answer = await client.of(owner).post(KEYS, json=READER | fields)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def ask(client: Client, key: str, path: str = "/users/me", method: str = "GET") -> Any:
    return await client.request(method, path, headers={"X-API-Key": key})


async def refused(client: Client, key: str, path: str = "/users/me") -> tuple[int, str]:
    answer = await ask(client, key, path)
    return answer.status_code, answer.json().get("error")


async def test_a_key_is_shown_once_and_opens_what_it_was_made_for(
    client: Client, member: Person
) -> None:
    made = await make(client, member)
    assert made["key"].startswith("ghk_")
    assert made["hint"] == f"{made['key'][:8]}…{made['key'][-4:]}"
    assert (await ask(client, made["key"])).json()["id"] == str(member.id)
    listed = (await client.of(member).get(KEYS)).json()["items"]
    assert len(listed) == 1
    assert listed[0] == {k: v for k, v in made.items() if k != "key"} | {
        "last_used_at": listed[0]["last_used_at"]
    }


async def test_the_plain_key_is_nowhere_in_the_database(
    client: Client, member: Person, owner: asyncpg.Connection
) -> None:
    """Not even where answers are remembered for an Idempotency-Key."""
    headers = {"Idempotency-Key": "once"}
    answer = await client.of(member).post(KEYS, json=READER, headers=headers)
    rotated = await client.of(member).post(
        f"{KEYS}/{answer.json()['id']}/rotate", headers={"Idempotency-Key": "twice"}
    )
    secrets = [made.json()["key"] for made in (answer, rotated)]
    tables = await owner.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    rows = 0
    for (table,) in tables:
        for row in await owner.fetch(f"SELECT * FROM {table}"):
            rows += 1
            for value in row.values():
                written = value if isinstance(value, bytes) else str(value).encode()
                for secret in secrets:
                    for middle in (secret, secret[-40:-8]):
                        assert middle.encode() not in written, table
                        assert base64.b64encode(middle.encode()) not in written, table
    assert rows > 5


async def test_the_same_request_again_makes_no_second_key(client: Client, member: Person) -> None:
    headers = {"Idempotency-Key": "once"}
    answers = await asyncio.gather(
        *(client.of(member).post(KEYS, json=READER, headers=headers) for _ in range(20))
    )
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 19}
    again = await client.of(member).post(KEYS, json=READER, headers=headers)
    assert (again.status_code, again.json()["error"]) == (409, "answer_shown_once")
    assert len((await client.of(member).get(KEYS)).json()["items"]) == 1


async def test_a_key_that_is_not_quite_right_opens_nothing_and_is_in_no_log(
    client: Client, committed: Hall, clock: SettableClock, member: Person, other: Person
) -> None:
    right = (await make(client, member))["key"]
    revoked = await make(client, member)
    await client.of(member).delete(f"{KEYS}/{revoked['id']}")
    soon = await make(client, member, expires_at="2031-05-14T12:01:00Z")
    forged, _ = mint("ghk", member.id, new_id())
    another_secret, _ = mint("ghk", member.id, await key_id_of(client, member))
    flipped = right[:-1] + ("A" if right[-1] != "A" else "B")
    clock.advance(minutes=1)
    with structlog.testing.capture_logs() as logs:
        for key in (flipped, right[:-1], right + "x", right.swapcase(), "", "ghk_", "é" * 20):
            headers = {"X-API-Key": key.encode()}
            answer = await client.get("/users/me", headers=headers)
            assert (answer.status_code, answer.json()["error"]) == (401, "api_key_invalid"), key
        for key in (revoked["key"], soon["key"], forged, another_secret):
            assert await refused(client, key) == (401, "api_key_invalid")
        assert await refused(client, right, "/challenges") == (403, "scope_missing")
        answer = await client.get("/users/me", headers={"Authorization": f"Bearer {right}"})
        assert answer.json()["error"] == "token_invalid"
        assert "X-API-Key" in answer.json()["detail"]
        for query in ("api_key", "key", "ticket", "X-API-Key", "access_token"):
            answer = await client.get("/users/me", params={query: right})
            assert (answer.status_code, answer.json()["error"]) == (401, "not_signed_in")
        bearer = await client.with_token(right).get("/users/me")
        assert bearer.status_code == 401
        assert (await ask(client, right)).status_code == 200
    written = repr(logs)
    assert "access_refused" in written
    for key in (right, flipped, revoked["key"], soon["key"], forged, another_secret):
        assert key[12:40] not in written


async def key_id_of(client: Client, member: Person) -> Any:
    listed = (await client.of(member).get(KEYS)).json()["items"]
    return type(member.id)(listed[-1]["id"])


async def test_a_key_right_but_for_its_secret_opens_nothing_while_the_door_knows_it(
    client: Client, member: Person
) -> None:
    made = await make(client, member)
    assert (await ask(client, made["key"])).status_code == 200
    guess, _ = mint("ghk", member.id, type(member.id)(made["id"]))
    assert await refused(client, guess) == (401, "api_key_invalid")
    assert (await ask(client, made["key"])).status_code == 200


@pytest.mark.parametrize("redis_forgets", [False, True])
async def test_a_revoked_key_is_shut_at_once(
    client: Client, committed: Hall, member: Person, redis_forgets: bool
) -> None:
    made = await make(client, member)
    assert (await ask(client, made["key"])).status_code == 200
    assert (await client.of(member).delete(f"{KEYS}/{made['id']}")).status_code == 204
    if redis_forgets:
        await committed.redis.flushdb()
    assert await refused(client, made["key"]) == (401, "api_key_invalid")
    again = await client.of(member).delete(f"{KEYS}/{made['id']}")
    assert (again.status_code, again.json()["error"]) == (404, "api_key_not_found")
    (listed,) = (await client.of(member).get(KEYS)).json()["items"]
    assert listed["revoked_at"]


async def test_another_members_key_is_not_found(
    client: Client, member: Person, other: Person
) -> None:
    theirs = await make(client, other)
    mine = client.of(member)
    for answer in (
        await mine.delete(f"{KEYS}/{theirs['id']}"),
        await mine.post(f"{KEYS}/{theirs['id']}/rotate"),
    ):
        assert (answer.status_code, answer.json()["error"]) == (404, "api_key_not_found")
    assert (await mine.get(KEYS)).json()["items"] == []
    assert (await ask(client, theirs["key"])).status_code == 200


async def test_a_rotated_key_opens_beside_the_new_one_until_the_overlap_is_over(
    client: Client, committed: Hall, clock: SettableClock, member: Person
) -> None:
    old = await make(client, member, scopes=["identity:read", "challenges:read"])
    assert (await ask(client, old["key"])).status_code == 200
    answer = await client.of(member).post(
        f"{KEYS}/{old['id']}/rotate", json={"overlap_seconds": 60}
    )
    new = answer.json()
    assert (new["name"], new["scopes"], new["expires_at"]) == (old["name"], old["scopes"], None)
    clock.advance(seconds=59)
    await committed.redis.flushdb()
    assert [(await ask(client, key["key"])).status_code for key in (old, new)] == [200, 200]
    clock.advance(seconds=1)
    await committed.redis.flushdb()
    assert [(await ask(client, key["key"])).status_code for key in (old, new)] == [401, 200]


async def test_a_rotation_without_overlap_shuts_the_old_key_at_once(
    client: Client, member: Person
) -> None:
    old = await make(client, member)
    assert (await ask(client, old["key"])).status_code == 200
    rotate = f"{KEYS}/{old['id']}/rotate"
    new = (await client.of(member).post(rotate, json={"overlap_seconds": 0})).json()
    assert [(await ask(client, key["key"])).status_code for key in (old, new)] == [401, 200]
    again = await client.of(member).post(rotate)
    assert (again.status_code, again.json()["error"]) == (404, "api_key_not_found")


async def test_a_rotated_key_lasts_as_long_as_the_one_before(
    client: Client, clock: SettableClock, member: Person
) -> None:
    old = await make(client, member, expires_at="2031-05-24T12:00:00Z")
    clock.advance(minutes=5)
    new = (await client.of(member).post(f"{KEYS}/{old['id']}/rotate")).json()
    assert new["expires_at"] == "2031-05-24T12:05:00Z"
    (_, listed) = (await client.of(member).get(KEYS)).json()["items"]
    assert listed["expires_at"] == "2031-05-15T12:05:00Z"


async def test_of_thirty_keys_made_at_once_twenty_are(client: Client, member: Person) -> None:
    answers = await asyncio.gather(*(client.of(member).post(KEYS, json=READER) for _ in range(30)))
    assert Counter(answer.status_code for answer in answers) == {201: 20, 409: 10}
    assert {a.json()["error"] for a in answers if a.status_code == 409} == {"api_key_limit"}
    some = next(answer.json() for answer in answers if answer.status_code == 201)
    rotate = f"{KEYS}/{some['id']}/rotate"
    assert (await client.of(member).post(rotate)).json()["error"] == "api_key_limit"
    assert (await client.of(member).post(rotate, json={"overlap_seconds": 0})).status_code == 201
    listed = (await client.of(member).get(KEYS, params={"limit": 100})).json()["items"]
    await client.of(member).delete(f"{KEYS}/{listed[0]['id']}")
    await make(client, member)


async def test_keys_are_listed_page_by_page_newest_first(
    client: Client, member: Person, other: Person
) -> None:
    made = [(await make(client, member, name=str(number)))["id"] for number in range(5)]
    await make(client, other)
    read, query = [], {"limit": "2"}
    while True:
        page = (await client.of(member).get(KEYS, params=query)).json()
        read += [item["id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert read == made[::-1]


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"scopes": []}, "validation_failed"),
        ({"scopes": ["identity:read"] * 51}, "validation_failed"),
        ({"scopes": "identity:read"}, "validation_failed"),
        ({"scopes": ["identity"]}, "scope_unknown"),
        ({"scopes": ["identity:*"]}, "scope_unknown"),
        ({"scopes": ["identity:read", "gold:write"]}, "scope_unknown"),
        ({"scopes": ["identity:read\x00"]}, "scope_unknown"),
        ({"name": " "}, "validation_failed"),
        ({"name": "x" * 81}, "validation_failed"),
        ({"name": "a\x00b"}, "validation_failed"),
        ({"expires_at": "2031-05-14T12:00:00Z"}, "expiry_passed"),
        ({"expires_at": "0001-01-01T00:00:00+23:59"}, "expiry_passed"),
        ({"expires_at": "2032-01-01T00:00:00"}, "validation_failed"),
        ({"role": "admin"}, "validation_failed"),
    ],
)
async def test_what_cannot_be_a_key_is_refused(
    client: Client, member: Person, wrong: dict[str, Any], error: str
) -> None:
    answer = await client.of(member).post(KEYS, json=READER | wrong)
    assert (answer.status_code, answer.json()["error"]) == (422, error)
    if error == "scope_unknown":
        assert answer.json()["scopes"] == sorted(scopes_of(ROUTERS))


@pytest.mark.parametrize("seconds", [-1, 604_801, 1e300, "x", None])
async def test_an_overlap_out_of_range_is_refused(
    client: Client, member: Person, seconds: object
) -> None:
    made = await make(client, member)
    answer = await client.of(member).post(
        f"{KEYS}/{made['id']}/rotate", json={"overlap_seconds": seconds}
    )
    assert (answer.status_code, answer.json()["error"]) == (422, "validation_failed")


async def test_scopes_are_those_that_some_route_asks_for(
    client: Client, member: Person, admin: Person
) -> None:
    mine = (await client.of(member).get("/auth/scopes")).json()["scopes"]
    assert {"identity:read", "identity:write", "challenges:write"} <= set(mine)
    assert not [scope for scope in mine if scope.startswith("admin:")]
    chiefs = (await client.of(admin).get("/auth/scopes")).json()["scopes"]
    assert set(chiefs) - set(mine) == {"admin:read", "admin:write"}
    asked = {
        f"{route.tags[0]}:{'read' if method == 'GET' else 'write'}"
        for slice_routers in ROUTERS
        for route in slice_routers.member.routes
        if isinstance(route, APIRoute)
        for method in route.methods or ()
    }
    assert set(mine) == asked


@pytest.mark.parametrize("role", [Role.MEMBER, Role.MODERATOR])
async def test_only_an_admin_gives_admin_scopes(
    client: Client, committed: Hall, role: Role
) -> None:
    who = await factories.person(committed, role=role)
    answer = await client.of(who).post(KEYS, json=READER | {"scopes": ["admin:read"]})
    assert (answer.status_code, answer.json()["error"]) == (403, "admin_scope_refused")


async def test_an_admins_key_does_what_its_scopes_say_and_no_more(
    client: Client, admin: Person
) -> None:
    reader = await make(client, admin, scopes=["admin:read"])
    assert (await ask(client, reader["key"], "/admin/users")).status_code == 200
    assert await refused(client, reader["key"]) == (403, "scope_missing")
    replay = await ask(client, reader["key"], "/admin/events/1/replay", "POST")
    assert (replay.status_code, replay.json()["error"]) == (403, "scope_missing")
    plain = await make(client, admin)
    assert await refused(client, plain["key"], "/admin/users") == (403, "scope_missing")


async def test_an_admin_without_the_second_factor_that_the_hall_asks_for_gives_no_admin_scope(
    application: Any, client: Client, committed: Hall, admin: Person
) -> None:
    """Else a key would be the way around it."""
    reader = await make(client, admin, scopes=["admin:read"])
    furnish(application, committed)
    application.state.entrance = replace(application.state.entrance, admins_need_second_factor=True)
    answer = await client.of(admin).post(KEYS, json=READER | {"scopes": ["admin:read"]})
    assert (answer.status_code, answer.json()["error"]) == (403, "admin_scope_refused")
    rotated = await client.of(admin).post(f"{KEYS}/{reader['id']}/rotate")
    assert (rotated.status_code, rotated.json()["error"]) == (403, "admin_scope_refused")


async def test_a_demoted_admins_key_loses_admin_at_once(
    client: Client, committed: Hall, admin: Person
) -> None:
    demoted = await factories.person(committed, role=Role.ADMIN)
    key = (await make(client, demoted, scopes=["admin:read", "identity:read"]))["key"]
    assert (await ask(client, key, "/admin/users")).status_code == 200
    await client.of(admin).patch(f"/admin/users/{demoted.id}", json={"role": "member"})
    assert await refused(client, key, "/admin/users") == (403, "admins_only")
    assert (await ask(client, key)).status_code == 200


@pytest.mark.parametrize("redis_forgets", [False, True])
async def test_a_suspended_members_key_is_shut_at_once_and_stays_shut(
    client: Client, committed: Hall, admin: Person, member: Person, redis_forgets: bool
) -> None:
    key = (await make(client, member))["key"]
    assert (await ask(client, key)).status_code == 200
    path = f"/admin/users/{member.id}"
    await client.of(admin).patch(path, json={"status": "suspended"})
    if redis_forgets:
        await committed.redis.flushdb()
    assert await refused(client, key) == (401, "api_key_invalid")
    await client.of(admin).patch(path, json={"status": "active"})
    assert await refused(client, key) == (401, "api_key_invalid")


async def test_a_key_manages_nobodys_credentials(client: Client, admin: Person) -> None:
    everything = sorted(scopes_of(ROUTERS))
    key = (await make(client, admin, scopes=everything))["key"]
    tried = 0
    for route in routers.member.routes:
        if not isinstance(route, APIRoute):
            continue
        for method in route.methods or ():
            if method == "GET" or f"{method} {route.path}" in LEFT_TO_PROGRAMS:
                continue
            path = route.path.replace("{", "").replace("}", "")
            answer = await ask(client, key, path, method)
            refusal = answer.status_code, answer.json()["error"]
            assert refusal == (403, "person_required"), f"{method} {path}: {answer.text}"
            tried += 1
    assert tried >= 6
    for path in (KEYS, "/users/me/sessions", "/users/me/devices", "/auth/scopes"):
        assert await refused(client, key, path) == (403, "person_required")


async def test_last_use_is_noted_about_every_two_minutes(
    client: Client, committed: Hall, clock: SettableClock, member: Person
) -> None:
    made = await make(client, member)

    async def noted() -> Any:
        return (await client.of(member).get(KEYS)).json()["items"][0]["last_used_at"]

    assert await noted() is None
    guess, _ = mint("ghk", member.id, type(member.id)(made["id"]))
    await ask(client, guess)
    assert await noted() is None
    await committed.redis.flushdb()
    for seconds, seen in ((0, "12:00:00"), (60, "12:00:00"), (60, "12:02:00"), (300, "12:07:00")):
        clock.advance(seconds=seconds)
        await committed.redis.flushdb()
        assert (await ask(client, made["key"])).status_code == 200
        assert await noted() == f"2031-05-14T{seen}Z"


async def test_a_use_that_cannot_be_noted_fails_nobody(
    client: Client, committed: Hall, member: Person, owner: asyncpg.Connection
) -> None:
    made = await make(client, member)
    async with owner.transaction():  # Somebody is changing the key: nobody waits for them.
        await owner.execute("SELECT 1 FROM api_keys FOR UPDATE")
        assert (await ask(client, made["key"])).status_code == 200
    await owner.execute("REVOKE UPDATE ON api_keys FROM guildhall_app")
    try:
        await committed.redis.flushdb()
        with structlog.testing.capture_logs() as logs:
            assert (await ask(client, made["key"])).status_code == 200
    finally:
        await owner.execute("GRANT UPDATE ON api_keys TO guildhall_app")
    assert "api_key_use_not_noted" in {line["event"] for line in logs}


async def test_what_is_done_with_keys_is_on_record(
    client: Client, admin: Person, member: Person
) -> None:
    made = await make(client, member)
    await client.of(member).post(f"{KEYS}/{made['id']}/rotate")
    await client.of(member).delete(f"{KEYS}/{made['id']}")
    log = await client.of(admin).get("/admin/audit-log", params={"actor_id": str(member.id)})
    actions = [entry["action"] for entry in log.json()["items"]]
    assert actions == ["api_key_revoked", "api_key_rotated", "api_key_made"]
    assert made["key"][12:40] not in log.text


async def test_an_old_sign_in_makes_no_key(
    client: Client, clock: SettableClock, member: Person
) -> None:
    made = await make(client, member)
    clock.advance(minutes=11)
    for method, path in (
        ("POST", KEYS), ("POST", f"{KEYS}/{made['id']}/rotate"), ("DELETE", f"{KEYS}/{made['id']}"),
    ):  # fmt: skip
        answer = await client.of(member).request(
            method, path, json=READER if path == KEYS else None
        )
        assert (answer.status_code, answer.json()["error"]) == (403, "reauthentication_required")
