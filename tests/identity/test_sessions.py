"""Staying in, and leaving: rotation, ends, and changes that take effect at once."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from guildhall.identity import administration
from guildhall.identity.models import ActiveSession, AuditEntry, User
from guildhall.identity.schemas import AccountChange
from guildhall.infra.hall import Hall
from guildhall.infra.tokens import Tokens
from guildhall.kernel.member import Role
from guildhall.kernel.paging import cursor_of
from tests import factories
from tests.factories import Person
from tests.identity.waiting import until_it_waits
from tests.world import Client, SettableClock

Tokens_ = dict[str, Any]
PASSWORD = "analytical engine"


@pytest.fixture
async def signed_in(client: Client) -> Tokens_:
    await client.post(
        "/auth/register",
        json={"username": "ada", "email": "ada@example.org", "password": PASSWORD},
    )
    return await sign_in(client)


async def sign_in(client: Client, device: str = "laptop") -> Tokens_:
    body = {"login": "ada", "password": PASSWORD, "device": device}
    tokens: Tokens_ = (await client.post("/auth/login", json=body)).json()
    return tokens


async def refresh(client: Client, tokens: Tokens_) -> Any:
    return await client.post("/auth/refresh", json={"refresh_token": tokens["refresh_token"]})


async def status_of(client: Client, tokens: Tokens_) -> int:
    return (await client.with_token(tokens["access_token"]).get("/users/me")).status_code


async def test_a_refresh_token_is_exchanged_for_its_child(
    client: Client, clock: SettableClock, signed_in: Tokens_
) -> None:
    clock.advance(minutes=31)
    assert await status_of(client, signed_in) == 401
    answer = await refresh(client, signed_in)
    assert answer.status_code == 200
    assert answer.json()["refresh_token"] != signed_in["refresh_token"]
    assert await status_of(client, answer.json()) == 200


async def test_twenty_refreshes_of_one_token_at_once_get_the_same_child(
    client: Client, clock: SettableClock, signed_in: Tokens_
) -> None:
    clock.tick(seconds=0.3)  # Two that both rotated would sign different instants.
    answers = await asyncio.gather(*(refresh(client, signed_in) for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["refresh_token"] for answer in answers}) == 1
    assert (await refresh(client, answers[0].json())).status_code == 200


async def test_the_parent_within_the_grace_gets_the_same_child_again(
    client: Client, clock: SettableClock, signed_in: Tokens_
) -> None:
    child = (await refresh(client, signed_in)).json()
    clock.advance(seconds=30)
    assert (await refresh(client, signed_in)).json() == child


async def family_ended(client: Client, hall: Hall, tokens: Tokens_, newest: Tokens_) -> None:
    """Check that a reused token ended its family, and that this is on record."""
    reused = await refresh(client, tokens)
    assert (reused.status_code, reused.json()["error"]) == (401, "refresh_token_reused")
    ended = await refresh(client, newest)
    assert (ended.status_code, ended.json()["error"]) == (401, "refresh_token_invalid")
    assert await status_of(client, newest) == 401
    async with hall.units.read() as uow:
        recorded = (
            await uow.session.scalars(
                select(AuditEntry).where(AuditEntry.action == "refresh_token_reused")
            )
        ).all()
        session = (await uow.session.scalars(select(ActiveSession))).one()
    assert [entry.target_id for entry in recorded] == [session.user_id]
    assert recorded[0].details == {"session_id": str(session.id)}
    assert recorded[0].address == "127.0.0.1"
    assert session.end_reason == "refresh_reused"


async def test_a_parent_after_the_grace_ends_its_family(
    client: Client, committed: Hall, clock: SettableClock, signed_in: Tokens_
) -> None:
    child = (await refresh(client, signed_in)).json()
    clock.advance(seconds=31)
    assert await status_of(client, child) == 200
    await family_ended(client, committed, signed_in, child)


async def test_a_grandparent_ends_its_family_even_within_the_grace(
    client: Client, committed: Hall, signed_in: Tokens_
) -> None:
    child = (await refresh(client, signed_in)).json()
    grandchild = (await refresh(client, child)).json()
    await family_ended(client, committed, signed_in, grandchild)


async def test_a_refresh_token_dies_of_age(
    client: Client, clock: SettableClock, signed_in: Tokens_
) -> None:
    clock.advance(days=7)
    assert (await refresh(client, signed_in)).json()["error"] == "refresh_token_invalid"


async def test_each_type_of_token_opens_only_its_own_door(
    client: Client, signed_in: Tokens_
) -> None:
    wrong = await client.with_token(signed_in["refresh_token"]).get("/users/me")
    assert (wrong.status_code, wrong.json()["error"]) == (401, "token_invalid")
    swapped = {"refresh_token": signed_in["access_token"]}
    assert (await refresh(client, swapped)).status_code == 401


async def test_a_token_signed_by_somebody_else_opens_nothing(
    client: Client, member: Person
) -> None:
    forged = Tokens("another key of at least 32 characters").sign(
        "access",
        {"sub": str(member.id), "sid": str(member.member.session_id), "exp": 1 << 33},
    )
    unsigned = "eyJhbGciOiJub25lIn0." + forged.split(".")[1] + "."
    for token in (forged, unsigned, "x", "a.b.c", "é", "x" * 3000):
        answer = await client.get(
            "/users/me", headers={"Authorization": b"Bearer " + token.encode()}
        )
        assert answer.status_code == 401, token[:20]
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("redis_forgets", [False, True])
async def test_logging_out_shuts_the_door_at_once(
    client: Client, committed: Hall, signed_in: Tokens_, redis_forgets: bool
) -> None:
    assert await status_of(client, signed_in) == 200
    out = await client.with_token(signed_in["access_token"]).post("/auth/logout")
    assert out.status_code == 204
    if redis_forgets:
        await committed.redis.flushdb()
    assert await status_of(client, signed_in) == 401
    assert (await refresh(client, signed_in)).status_code == 401


async def test_a_wiped_redis_logs_nobody_out(
    client: Client, committed: Hall, signed_in: Tokens_
) -> None:
    assert await status_of(client, signed_in) == 200
    await committed.redis.flushdb()
    assert await status_of(client, signed_in) == 200
    assert (await refresh(client, signed_in)).status_code == 200


async def test_a_session_that_ends_while_the_door_asks_stays_shut(
    client: Client, committed: Hall, signed_in: Tokens_
) -> None:
    """The tombstone, laid between the door's question and its answer, is not overwritten."""
    claims = Tokens(committed.endpoints.secret_key).read(
        signed_in["access_token"], "access", committed.clock.now()
    )
    await committed.redis.set(f"session:{claims['sid']}", b"ended")
    assert await status_of(client, signed_in) == 401


async def test_a_member_sees_and_ends_their_other_session(
    client: Client, signed_in: Tokens_
) -> None:
    phone = await sign_in(client, "phone")
    mine = client.with_token(signed_in["access_token"])
    sessions = (await mine.get("/users/me/sessions")).json()["items"]
    assert [(s["device"], s["current"]) for s in sessions] == [("phone", False), ("laptop", True)]
    assert await status_of(client, phone) == 200
    ended = await mine.delete(f"/users/me/sessions/{sessions[0]['id']}")
    assert ended.status_code == 204
    assert await status_of(client, phone) == 401
    assert await status_of(client, signed_in) == 200
    again = await mine.delete(f"/users/me/sessions/{sessions[0]['id']}")
    assert (again.status_code, again.json()["error"]) == (404, "session_not_found")


async def test_devices_and_sessions_are_read_page_by_page(
    client: Client, clock: SettableClock, signed_in: Tokens_
) -> None:
    for device in "abcd":
        await sign_in(client, device)
        if device != "b":  # Two that were seen at the same instant are told apart all the same.
            clock.advance(seconds=1)
    mine = client.with_token(signed_in["access_token"])
    for what, name in (("devices", "name"), ("sessions", "device")):
        for limit in (1, 2, 5, 6):
            read = await read_all(mine, f"/users/me/{what}", limit)
            assert [item[name] for item in read] == ["d", "c", "b", "a", "laptop"]


async def read_all(client: Client, path: str, limit: int) -> list[Any]:
    """Read a whole list, page by page."""
    items: list[Any] = []
    query: dict[str, Any] = {"limit": limit}
    while True:
        page = (await client.get(path, params=query)).json()
        assert len(page["items"]) <= limit
        items += page["items"]
        if (cursor := page["next_cursor"]) is None:
            return items
        query["cursor"] = cursor


@pytest.mark.parametrize("what", ["devices", "sessions"])
@pytest.mark.parametrize(
    "position",
    [("x",), (1,), (None,), (None, None), ("2031-05-14", "x"), (1, 2), ("x", "y", "z"), ()],
)
async def test_a_tampered_cursor_is_refused(
    client: Client, member: Person, what: str, position: tuple[object, ...]
) -> None:
    query = {"cursor": cursor_of(*position)}
    answer = await client.of(member).get(f"/users/me/{what}", params=query)
    assert (answer.status_code, answer.json()["error"]) == (422, "cursor_unreadable")


@pytest.mark.parametrize(
    "instant", ["2031-05-14", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59"]
)
async def test_an_instant_that_is_none_breaks_nothing(
    client: Client, member: Person, instant: str
) -> None:
    query = {"cursor": cursor_of(instant, member.id)}
    answer = await client.of(member).get("/users/me/devices", params=query)
    assert answer.status_code in (200, 422), answer.text


async def test_forgetting_a_device_ends_its_sessions(client: Client, signed_in: Tokens_) -> None:
    phones = [await sign_in(client, "phone") for _ in range(2)]
    mine = client.with_token(signed_in["access_token"])
    devices = (await mine.get("/users/me/devices")).json()["items"]
    assert Counter(device["name"] for device in devices) == {"phone": 1, "laptop": 1}
    (phone,) = [device for device in devices if device["name"] == "phone"]
    assert (await mine.delete(f"/users/me/devices/{phone['id']}")).status_code == 204
    assert [await status_of(client, tokens) for tokens in phones] == [401, 401]
    assert await status_of(client, signed_in) == 200


async def test_a_role_takes_effect_at_once(client: Client, admin: Person, member: Person) -> None:
    mine, chief = client.of(member), client.of(admin)
    assert (await mine.get("/admin/users")).status_code == 403
    await chief.patch(f"/admin/users/{member.id}", json={"role": "admin"})
    assert (await mine.get("/admin/users")).status_code == 200
    await chief.patch(f"/admin/users/{member.id}", json={"role": "member"})
    assert (await mine.get("/admin/users")).status_code == 403


async def test_a_suspension_takes_effect_at_once_and_ends_every_session(
    client: Client, committed: Hall, admin: Person, signed_in: Tokens_
) -> None:
    me = client.with_token(signed_in["access_token"])
    user_id = (await me.get("/users/me")).json()["id"]
    path = f"/admin/users/{user_id}"
    changed = await client.of(admin).patch(path, json={"status": "suspended"})
    assert changed.json()["status"] == "suspended"
    assert await status_of(client, signed_in) == 401
    assert (await refresh(client, signed_in)).status_code == 403
    body = {"login": "ada", "password": PASSWORD}
    refused = await client.post("/auth/login", json=body)
    assert (refused.status_code, refused.json()["error"]) == (403, "account_suspended")
    refused = await client.post("/auth/login", json=body | {"password": "another one"})
    assert (refused.status_code, refused.json()["error"]) == (401, "credentials_wrong")
    await client.of(admin).patch(path, json={"status": "active"})
    assert await status_of(client, signed_in) == 401
    assert (await client.post("/auth/login", json=body)).status_code == 200


async def test_a_suspended_member_cannot_refresh(
    client: Client, committed: Hall, signed_in: Tokens_
) -> None:
    """The sessions of a suspended member are ended; this one slipped through."""
    async with committed.units.write() as uow:
        (await uow.session.scalars(select(User))).one().status = "suspended"
    refused = await refresh(client, signed_in)
    assert (refused.status_code, refused.json()["error"]) == (403, "account_suspended")


async def test_who_is_suspended_while_signing_in_gets_no_session(
    client: Client, committed: Hall, admin: Person, signed_in: Tokens_
) -> None:
    async with committed.units.write() as uow:
        ada = (await uow.session.scalars(select(User).where(User.username == "ada"))).one()
        change = AccountChange(status="suspended")
        await administration.change_account(uow, admin.member, ada.id, change)
        body = {"login": "ada", "password": PASSWORD}
        signing_in = asyncio.create_task(client.post("/auth/login", json=body))
        await until_it_waits(committed, signing_in)
    answer = await signing_in
    assert (answer.status_code, answer.json()["error"]) == (403, "account_suspended")
    async with committed.units.read() as uow:
        sessions = await uow.session.scalars(
            select(ActiveSession.end_reason).where(ActiveSession.user_id == ada.id)
        )
        assert sessions.all() == ["suspended"]


async def test_the_last_admin_cannot_step_down_not_even_two_at_once(
    client: Client, committed: Hall, admin: Person
) -> None:
    second = await factories.person(committed, role=Role.ADMIN)
    answers = await asyncio.gather(
        client.of(admin).patch(f"/admin/users/{second.id}", json={"role": "member"}),
        client.of(second).patch(f"/admin/users/{admin.id}", json={"status": "suspended"}),
    )
    assert sorted(answer.status_code for answer in answers) in ([200, 401], [200, 403], [200, 409])
    async with committed.units.read() as uow:
        left = await uow.session.scalars(
            select(User.id).where(User.role == "admin", User.status == "active")
        )
        assert len(left.all()) == 1
    only = admin if (await client.of(admin).get("/admin/users")).status_code == 200 else second
    refused = await client.of(only).patch(f"/admin/users/{only.id}", json={"role": "member"})
    assert (refused.status_code, refused.json()["error"]) == (409, "last_admin")


async def test_the_audit_log_tells_who_did_what_and_can_be_filtered(
    client: Client, admin: Person, member: Person
) -> None:
    chief = client.of(admin)
    await chief.patch(f"/admin/users/{member.id}", json={"role": "moderator"})
    await client.of(member).post("/auth/logout")
    everything = (await chief.get("/admin/audit-log")).json()["items"]
    assert [entry["action"] for entry in everything] == ["session_ended", "user_changed"]
    (change,) = (await chief.get("/admin/audit-log", params={"action": "user_changed"})).json()[
        "items"
    ]
    assert (change["actor_id"], change["target_id"]) == (str(admin.id), str(member.id))
    assert change["details"]["before"] == {"role": "member", "status": "active"}
    assert change["details"]["after"] == {"role": "moderator", "status": "active"}
    assert change["request_id"]
    by_actor = await chief.get("/admin/audit-log", params={"actor_id": str(member.id)})
    assert [entry["action"] for entry in by_actor.json()["items"]] == ["session_ended"]
    later = await chief.get("/admin/audit-log", params={"since": "2032-01-01T00:00:00Z"})
    assert later.json()["items"] == []
    first = (await chief.get("/admin/audit-log", params={"limit": 1})).json()
    rest = (
        await chief.get("/admin/audit-log", params={"limit": 1, "cursor": first["next_cursor"]})
    ).json()
    assert [first["items"][0]["id"], rest["items"][0]["id"]] == [e["id"] for e in everything]


async def test_a_new_zone_is_known_to_the_door_at_once(
    client: Client, committed: Hall, clock: SettableClock, member: Person
) -> None:
    mine = client.of(member)
    await mine.get("/users/me")
    await mine.patch("/users/me", json={"time_zone": "Pacific/Kiritimati", "day_starts_at": 4})
    answer = (await mine.get("/users/me")).json()
    assert (answer["time_zone"], answer["day_starts_at"]) == ("Pacific/Kiritimati", 4)
    refused = await mine.patch("/users/me", json={"time_zone": "Mars/Olympus"})
    assert refused.status_code == 422


async def test_renaming_oneself_to_a_taken_name_is_refused(
    client: Client, member: Person, other: Person
) -> None:
    mine = client.of(member)
    taken = await mine.patch("/users/me", json={"username": other.username.upper()})
    assert (taken.status_code, taken.json()["error"]) == (409, "username_taken")
    free = await mine.patch("/users/me", json={"username": member.username.upper()})
    assert free.status_code == 200


async def test_of_twenty_members_who_want_one_name_at_once_one_gets_it(
    client: Client, committed: Hall
) -> None:
    people = [await factories.person(committed) for _ in range(20)]
    answers = await asyncio.gather(
        *(client.of(one).patch("/users/me", json={"username": "Wanted"}) for one in people)
    )
    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: 19}


def test_the_grace_is_thirty_seconds_by_default(committed: Hall) -> None:
    assert timedelta(seconds=committed.settings.security.refresh_grace_seconds) == timedelta(
        seconds=30
    )


async def test_who_is_suspended_meanwhile_is_told_so_when_they_refresh(
    client: Client, committed: Hall, admin: Person, signed_in: Tokens_
) -> None:
    async with committed.units.read() as uow:
        ada = await uow.session.scalar(select(User.id).where(User.username == "ada"))
    path = f"/admin/users/{ada}"
    await client.of(admin).patch(path, json={"status": "suspended"})
    told = await refresh(client, signed_in)
    assert (told.status_code, told.json()["error"]) == (403, "account_suspended")
    await client.of(admin).patch(path, json={"status": "active"})
    over = await refresh(client, signed_in)
    assert (over.status_code, over.json()["error"]) == (401, "refresh_token_invalid")


async def test_a_member_ends_all_sessions_but_the_one_they_ask_from(
    client: Client, committed: Hall, signed_in: Tokens_
) -> None:
    others = [await sign_in(client, f"device {n}") for n in range(3)]
    own = client.with_token(signed_in["access_token"])
    answer = await own.delete("/users/me/sessions")
    assert (answer.status_code, answer.json()) == (200, {"ended": 3})
    assert [await status_of(client, tokens) for tokens in (signed_in, *others)] == [
        200, *[401] * 3,
    ]  # fmt: skip
    assert [s["current"] for s in (await own.get("/users/me/sessions")).json()["items"]] == [True]
    async with committed.units.read() as uow:
        entry = await uow.session.scalar(
            select(AuditEntry).where(AuditEntry.action == "sessions_ended")
        )
    assert entry is not None
    assert entry.details == {"sessions": 3}
