"""The door: what it remembers of a session is never older than what it was told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from uuid import UUID

import pytest

from guildhall.entrypoints.api import create_app, furnish
from guildhall.identity import recall_of
from guildhall.infra.door import (
    Admitted,
    Credential,
    Door,
    Kind,
    RateLimited,
    Recall,
    session_key,
    subscriber,
)
from guildhall.infra.hall import Hall, open_redis
from guildhall.infra.settings import RateLimitSettings
from guildhall.infra.tokens import TokenRefused
from guildhall.infra.unit_of_work import UnitsOfWork
from guildhall.kernel.ids import new_id
from guildhall.kernel.member import Role
from tests import factories
from tests.factories import Person
from tests.infra.test_http import limited
from tests.world import Client


class SlowQuestion:
    """The hall's own question to the database, whose answer is held up on the way back."""

    def __init__(self, hall: Hall) -> None:
        self._load = recall_of(hall)
        self.answered, self.delivered = asyncio.Event(), asyncio.Event()

    async def __call__(self, credential: Credential) -> Admitted | None:
        admitted = await self._load(credential)
        self.answered.set()
        await self.delivered.wait()
        return admitted


@asynccontextmanager
async def asking(hall: Hall, who: Person) -> AsyncIterator[None]:
    """Have a door ask the database before the block, and hear the answer after it."""
    question = SlowQuestion(hall)
    entering = asyncio.create_task(door_of(hall, question).admit(session_of(who)))
    await question.answered.wait()
    yield
    question.delivered.set()
    await entering


def door_of(hall: Hall, recall: Recall | None = None) -> Door:
    return Door(hall.redis, recall or recall_of(hall), hall.settings.rate_limit)


def session_of(person: Person) -> Credential:
    return Credential(Kind.SESSION, person.member.session_id, person.id)


async def test_a_role_taken_away_while_the_door_asks_is_gone(
    client: Client, committed: Hall, admin: Person
) -> None:
    demoted = await factories.person(committed, role=Role.ADMIN)
    async with asking(committed, demoted):
        answer = await client.of(admin).patch(f"/admin/users/{demoted.id}", json={"role": "member"})
        assert answer.status_code == 200
    entered, _ = await door_of(committed).admit(session_of(demoted))
    assert entered.role is Role.MEMBER


@pytest.mark.parametrize("redis_forgets", [False, True])
async def test_a_session_ended_while_the_door_asks_stays_shut(
    client: Client, committed: Hall, member: Person, redis_forgets: bool
) -> None:
    async with asking(committed, member):
        assert (await client.of(member).post("/auth/logout")).status_code == 204
        if redis_forgets:
            await committed.redis.flushdb()
    with pytest.raises(TokenRefused):
        await door_of(committed).admit(session_of(member))


async def test_a_session_is_asked_for_once_and_then_remembered(
    committed: Hall, member: Person
) -> None:
    asked = []
    load = recall_of(committed)

    async def count(credential: Credential) -> Admitted | None:
        asked.append(credential)
        return await load(credential)

    door = door_of(committed, count)
    for _ in range(3):
        assert (await door.admit(session_of(member)))[0] == member.member
    assert len(asked) == 1


@pytest.fixture
async def cut_off(committed: Hall) -> AsyncIterator[Client]:
    """A client of a process whose changes cannot reach Redis, although its door can."""
    async with open_redis("unix:///nowhere/redis.sock") as nowhere:
        units = UnitsOfWork(
            committed.database.sessions,
            committed.clock,
            committed.wiring.readers,
            nowhere,
            committed.cache,
            reach="",
        )
        app = create_app(committed.settings)
        furnish(app, replace(committed, units=units))
        async with Client(app) as client:
            yield client


async def test_a_session_ended_without_redis_is_shut_by_an_event(
    cut_off: Client, client: Client, member: Person, settle: Callable[[], Awaitable[None]]
) -> None:
    mine = client.of(member)
    assert (await mine.get("/users/me")).status_code == 200
    assert (await cut_off.of(member).post("/auth/logout")).status_code == 204
    await settle()
    assert (await mine.get("/users/me")).status_code == 401


async def test_a_role_taken_away_without_redis_is_gone_by_an_event(
    cut_off: Client,
    client: Client,
    committed: Hall,
    admin: Person,
    settle: Callable[[], Awaitable[None]],
) -> None:
    demoted = await factories.person(committed, role=Role.ADMIN)
    assert (await client.of(demoted).get("/admin/users")).status_code == 200
    path = f"/admin/users/{demoted.id}"
    answer = await cut_off.of(admin).patch(path, json={"role": "member"})
    assert answer.status_code == 200
    await settle()
    assert (await client.of(demoted).get("/admin/users")).status_code == 403


@pytest.mark.parametrize("token", [None, "forged", "ended"])
async def test_whoever_is_not_let_in_is_counted_by_address(
    committed: Hall, member: Person, token: str | None
) -> None:
    client = limited(committed, rate_limit_public_per_minute=2)
    if token == "ended":
        await client.of(member).post("/auth/logout")
        token = member.token
    stranger = client.with_token(token) if token else client
    answers = [await stranger.get("/users/me") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [401, 401, 429]
    assert answers[0].headers["ratelimit-policy"] == '"public";q=2;w=60'
    assert 1 <= int(answers[2].headers["retry-after"]) <= 60
    elsewhere = await client.at("10.1.2.3").get("/users/me")
    assert elsewhere.status_code == 401


async def test_strangers_use_up_nothing_of_a_member_at_the_same_address(
    committed: Hall, member: Person
) -> None:
    client = limited(committed, rate_limit_public_per_minute=1)
    assert [(await client.get("/users/me")).status_code for _ in range(2)] == [401, 429]
    assert (await client.of(member).get("/users/me")).status_code == 200


async def test_a_made_up_key_counts_as_a_stranger_before_anybody_asks_about_it(
    committed: Hall, member: Person
) -> None:
    asked = []

    async def nobody(credential: Credential) -> Admitted | None:
        asked.append(credential)
        return None

    door = Door(committed.redis, nobody, RateLimitSettings(rate_limit_public_per_minute=2))

    async def show(address: str) -> None:
        await door.admit(Credential(Kind.KEY, new_id(), member.id, b"x"), address=address)

    for _ in range(2):
        with pytest.raises(TokenRefused):
            await show("10.1.0.1")
    for _ in range(3):
        with pytest.raises(RateLimited):
            await show("10.1.0.1")
    assert len(asked) == 2
    with pytest.raises(TokenRefused):
        await show("10.1.0.2")


async def test_a_key_waits_with_the_strangers_of_its_address_only_until_it_is_known(
    client: Client, committed: Hall, member: Person
) -> None:
    body = {"name": "reader", "scopes": ["identity:read"]}
    made = (await client.of(member).post("/users/me/api-keys", json=body)).json()
    one = limited(committed, rate_limit_public_per_minute=1)

    async def show() -> int:
        answer = await one.get("/users/me", headers={"X-API-Key": made["key"]})
        return answer.status_code

    assert [await show() for _ in range(3)] == [200, 200, 200]
    assert (await one.get("/users/me")).status_code == 429
    assert await show() == 200
    await committed.redis.delete(session_key(UUID(made["id"])))
    assert await show() == 429


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("::FFFF:cb00:7107", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2::", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("::1", "::/64"),
        ("local", "local"),
        ("no:address", "no:address"),
    ],
)
def test_a_place_is_an_ipv4_address_or_a_subscriber_s_part_of_ipv6(
    address: str, place: str
) -> None:
    assert subscriber(address) == place


@pytest.mark.parametrize(
    ("one", "same", "other"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", "2001:db8:1:3::1"),
        ("10.1.0.1", "::ffff:10.1.0.1", "::ffff:10.1.0.2"),
    ],
)
async def test_strangers_are_counted_by_where_they_are(
    committed: Hall, one: str, same: str, other: str
) -> None:
    client = limited(committed, rate_limit_public_per_minute=1)
    answers = [await client.at(address).get("/users/me") for address in (one, same, other)]
    assert [answer.status_code for answer in answers] == [401, 429, 401]
