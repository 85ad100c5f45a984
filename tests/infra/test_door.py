"""The door: what it remembers of a session is never older than what it was told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from guildhall.entrypoints.api import create_app, furnish
from guildhall.identity import recall_of
from guildhall.infra.door import Admitted, Credential, Door, Kind, Recall
from guildhall.infra.hall import Hall, open_redis
from guildhall.infra.tokens import TokenRefused
from guildhall.infra.unit_of_work import UnitsOfWork
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
