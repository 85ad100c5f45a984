"""Members hear at once what happened to them, once it is committed, and once."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from redis.asyncio.client import PubSub
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from guildhall.infra.channels import Channel
from guildhall.infra.hall import Hall
from guildhall.kernel.ids import new_id
from guildhall.progression import award_achievements
from tests import factories
from tests.factories import Person, achievement
from tests.infra.listening import ear, heard, told
from tests.infra.serving import PATIENCE_SECONDS
from tests.world import NOON, Client


async def award(hall: Hall, *events: Any) -> None:
    async with hall.units.write() as uow:
        await award_achievements(uow, events)


async def test_a_member_hears_of_xp_and_of_all_that_it_brought(committed: Hall) -> None:
    who, tools = await factories.member(committed), await factories.domain(committed)
    await factories.badge(committed, {"type": "xp", "threshold": 100}, slug="hundred")
    cause = new_id()
    async with ear(committed) as pubsub:
        await award(committed, achievement(who, NOON, 150, domain=tools, cause_id=cause))
        news = await told(committed, pubsub)
    assert {user_id for user_id, _, _ in news} == {str(who.id)}
    name = next(data["name"] for _, event, data in news if event == "badge")
    assert [(event, data) for _, event, data in news] == [
        (
            "xp",
            {
                "xp": 150,
                "total_xp": 150,
                "level": 2,
                "level_xp": 100,
                "next_level_xp": 400,
                "causes": [
                    {"xp": 150, "cause_type": "attempt", "cause_id": str(cause), "domain": tools}
                ],
                "causes_total": 1,
            },
        ),
        ("level", {"level": 2}),
        ("rank", {"domain": tools, "rank": "D"}),
        ("badge", {"slug": "hundred", "name": name}),
        ("streak", {"days": 1, "longest_days": 1, "freezes": 0}),
    ]


async def test_an_event_handled_twice_is_told_once(committed: Hall) -> None:
    who = await factories.member(committed)
    event = achievement(who, NOON, 30)
    async with ear(committed) as pubsub:
        await award(committed, event)
        assert [name for _, name, _ in await told(committed, pubsub)] == ["xp", "streak"]
        await award(committed, event)
        assert await heard(committed, pubsub) == []


async def test_what_is_rolled_back_is_not_told(committed: Hall) -> None:
    who = await factories.member(committed)
    async with ear(committed) as pubsub:
        with contextlib.suppress(DBAPIError):
            async with committed.units.write() as uow:
                await award_achievements(uow, [achievement(who, NOON, 30)])
                await uow.session.execute(text("SELECT 1 / 0"))
        assert await heard(committed, pubsub) == []


async def test_a_batch_over_many_members_is_one_message(committed: Hall) -> None:
    people = [await factories.member(committed) for _ in range(20)]
    async with ear(committed) as pubsub:
        await award(committed, *(achievement(who, NOON, 10) for who in people * 2))
        messages = await heard(committed, pubsub)
    by_channel = [channel for channel, _ in messages]
    assert sorted(by_channel) == [Channel.MEMBERS, Channel.HALL]
    batch = dict(messages)[Channel.MEMBERS]
    xp = {user_id: data for user_id, event, data in batch if event == "xp"}
    assert xp.keys() == {str(who.id) for who in people}
    assert {(data["xp"], data["causes_total"]) for data in xp.values()} == {(20, 2)}


async def test_a_long_list_of_causes_is_cut(committed: Hall) -> None:
    who = await factories.member(committed)
    async with ear(committed) as pubsub:
        await award(committed, *(achievement(who, NOON, 1) for _ in range(50)))
        (_, event, data), *_ = await told(committed, pubsub)
    assert (event, data["xp"], data["causes_total"], len(data["causes"])) == ("xp", 50, 50, 5)


async def test_boards_that_moved_are_named(committed: Hall) -> None:
    who, tools = await factories.member(committed), await factories.domain(committed)
    async with ear(committed) as pubsub:
        await award(committed, achievement(who, NOON, 10, domain=tools))
        news = dict(await heard(committed, pubsub))
    event, names = news[Channel.HALL]
    assert (event, sorted(names)) == ("boards", ["global", tools])


async def test_a_correction_is_told_with_what_is_left(
    client: Client, committed: Hall, member: Person, admin: Person
) -> None:
    await award(committed, achievement(member.member, NOON, 150))
    async with ear(committed) as pubsub:
        answer = await client.of(admin).post(
            "/admin/xp", json={"user_id": str(member.id), "xp": -100, "reason": "Counted twice."}
        )
        assert answer.status_code == 201, answer.text
        ((_, event, data),) = await told(committed, pubsub)
    assert (event, data["xp"], data["total_xp"], data["level"]) == ("xp", -100, 50, 1)
    assert data["causes"][0]["cause_type"] == "correction"


async def test_what_is_told_is_to_be_read_by_then(
    client: Client, committed: Hall, member: Person
) -> None:
    """Whoever reads their dashboard because they were told finds it there, though it is cached."""
    mine = client.of(member)
    before = (await mine.get(f"/dashboard/{member.id}")).json()
    assert before["progress"]["total_xp"] == 0
    async with ear(committed) as pubsub:
        reading = asyncio.create_task(_read_when_told(pubsub, mine, member))
        await award(committed, achievement(member.member, NOON, 30))
        async with asyncio.timeout(PATIENCE_SECONDS):
            assert (await reading)["progress"]["total_xp"] == 30


async def _read_when_told(pubsub: PubSub, mine: Any, member: Person) -> Any:
    message: Any = None
    while message is None or not message["channel"].startswith(b"live@"):
        with contextlib.suppress(TimeoutError):
            message = await pubsub.get_message(timeout=1)
    return (await mine.get(f"/dashboard/{member.id}")).json()
