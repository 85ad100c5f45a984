"""Leaderboards: one order everywhere, rebuilt when lost, silent about who opted out."""

from __future__ import annotations

import asyncio
import contextlib
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError  # noqa: A004  # it is what Redis raises
from sqlalchemy import text

from guildhall.infra.hall import Hall
from guildhall.kernel.ids import new_id
from guildhall.progression import audit, award_achievements, boards, close_seasons, rebuild_boards
from guildhall.progression.boards import Entry
from tests import factories
from tests.factories import Person, achievement
from tests.world import NOON, Client, SettableClock


async def award(hall: Hall, *events: Any) -> None:
    async with hall.units.write() as uow:
        await award_achievements(uow, events)


async def rebuild(hall: Hall) -> int:
    return (await rebuild_boards(factories.task_run(hall)))["entries"]


async def agree(hall: Hall) -> None:
    found = await audit(hall.units, hall.redis)
    assert found.all_equal, found.differences


async def read(client: Client, board: str = "global", **parameters: Any) -> list[Any]:
    """Read a whole board, page by page."""
    lines, cursor = [], None
    while True:
        more = {"cursor": cursor} if cursor else {}
        answer = await client.get(f"/leaderboards/{board}", params=parameters | more)
        assert answer.status_code == 200, answer.text
        lines += answer.json()["items"]
        if (cursor := answer.json()["next_cursor"]) is None:
            return lines


@pytest.fixture
async def crowd(committed: Hall) -> list[Person]:
    """Seven members, some of them with equal XP reached at different or equal moments."""
    people = sorted([await factories.person(committed) for _ in range(7)], key=lambda p: p.id)
    await factories.domain(committed)
    plan = [(50, 0), (90, 5), (90, 3), (90, 3), (10, 1), (70, 2), (70, 9)]
    await award(
        committed,
        *(
            achievement(who.member, NOON + timedelta(seconds=late), xp, domain="tools")
            for who, (xp, late) in zip(people, plan, strict=True)
        ),
    )
    return people


ORDER = [2, 3, 1, 5, 6, 0, 4]


@pytest.mark.parametrize("from_redis", [True, False])
@pytest.mark.parametrize("limit", [1, 2, 3, 100])
async def test_a_board_is_ordered_by_xp_then_who_was_first_then_id_on_every_page(
    client: Client, committed: Hall, crowd: list[Person], from_redis: bool, limit: int
) -> None:
    if from_redis:
        assert await rebuild(committed) > 0
    else:
        await committed.redis.flushdb()
    reader = client.of(crowd[0])
    for board in ("global", "tools"):
        for window in ("all", "season", "week", "day"):
            lines = await read(reader, board, window=window, limit=limit)
            assert [line["user_id"] for line in lines] == [str(crowd[n].id) for n in ORDER]
            assert [line["rank"] for line in lines] == list(range(1, 8))
    assert lines[0]["username"] == crowd[2].username


@pytest.mark.parametrize("from_redis", [True, False])
async def test_a_member_has_one_rank_wherever_it_is_shown(
    client: Client, committed: Hall, crowd: list[Person], from_redis: bool
) -> None:
    if from_redis:
        await rebuild(committed)
    for rank, number in enumerate(ORDER, 1):
        mine = client.of(crowd[number])
        place = (await mine.get("/leaderboards/global/me", params={"around": 1})).json()
        assert (place["rank"], place["members"]) == (rank, 7)
        around = [line["rank"] for line in place["around"]]
        assert around == [r for r in (rank - 1, rank, rank + 1) if 1 <= r <= 7]
        same = (await mine.get("/leaderboards/global", params={"around": "me", "limit": 3})).json()
        assert same["items"] == place["around"]


async def test_a_flushed_redis_is_served_from_postgresql_and_filled_again_equal(
    client: Client, committed: Hall, crowd: list[Person], settle: Any
) -> None:
    await rebuild(committed)
    reader = client.of(crowd[0])
    before = await read(reader)
    await committed.redis.flushdb()
    assert not await boards.is_ready(committed.redis)
    assert await read(reader) == before
    await rebuild(committed)
    assert await boards.is_ready(committed.redis)
    assert await read(reader) == before
    await settle()
    assert await read(reader) == before


async def test_awards_between_any_two_steps_of_a_rebuild_are_on_the_boards(
    committed: Hall, crowd: list[Person]
) -> None:
    await rebuild(committed)
    chance, awards = random.Random(11), 0

    class Busy(Redis):
        """Redis where somebody else gets an award before each command of one's own."""

        async def execute_command(self, *command: Any, **options: Any) -> Any:
            nonlocal awards
            awards += 1
            who = chance.choice(crowd)
            at = NOON + timedelta(minutes=awards)
            await award(committed, achievement(who.member, at, 5, domain="tools"))
            return await super().execute_command(*command, **options)

    busy = Busy(connection_pool=committed.redis.connection_pool)
    assert await boards.rebuild(committed.units, busy, NOON) > 0
    assert awards > 10
    await agree(committed)


@pytest.mark.parametrize("dies", [False, True])
@pytest.mark.parametrize("step", range(1, 8))
async def test_a_rebuild_overtaken_by_another_takes_nothing_away(
    committed: Hall, crowd: list[Person], step: int, dies: bool
) -> None:
    await rebuild(committed)

    class Slow(Redis):
        """Redis where another rebuild runs from start to end before some command of one's own."""

        commands = 0

        async def execute_command(self, *command: Any, **options: Any) -> Any:
            self.commands += 1
            if self.commands == step:
                assert await rebuild(committed) > 0
            elif self.commands > step + 1 and dies:
                raise ConnectionError
            return await super().execute_command(*command, **options)

    slow = Slow(connection_pool=committed.redis.connection_pool)
    with contextlib.suppress(ConnectionError):
        await boards.rebuild(committed.units, slow, NOON)
    assert slow.commands >= step
    if await boards.is_ready(committed.redis):
        await agree(committed)


async def test_an_award_shows_at_once_on_a_filled_board(
    client: Client, committed: Hall, crowd: list[Person]
) -> None:
    await rebuild(committed)
    await award(committed, achievement(crowd[4].member, NOON, 500))
    assert (await read(client.of(crowd[0]), limit=1))[0]["user_id"] == str(crowd[4].id)


@pytest.mark.parametrize("from_redis", [True, False])
async def test_who_opts_out_is_absent_from_every_surface_and_comes_back(
    client: Client, committed: Hall, crowd: list[Person], from_redis: bool
) -> None:
    if from_redis:
        await rebuild(committed)
    shy, reader = crowd[2], client.of(crowd[0])
    mine = client.of(shy)

    async def surfaces() -> list[int]:
        return [
            sum(line["user_id"] == str(shy.id) for line in await read(reader)),
            sum(line["user_id"] == str(shy.id) for line in await read(reader, "tools")),
            (await reader.get(f"/users/{shy.id}/progress")).status_code,
            (await reader.get(f"/users/{shy.id}/badges")).status_code,
            (await mine.get("/leaderboards/global/me")).status_code,
        ]

    assert await surfaces() == [1, 1, 200, 200, 200]
    await mine.patch("/progress/me", json={"on_leaderboards": False})
    assert await surfaces() == [0, 0, 404, 404, 404]
    await award(committed, achievement(shy.member, NOON, 1000, domain="tools"))
    assert await surfaces() == [0, 0, 404, 404, 404]
    assert [line["rank"] for line in await read(reader)] == list(range(1, 7))
    if from_redis:
        await rebuild(committed)
        assert await surfaces() == [0, 0, 404, 404, 404]
    assert (await mine.get("/progress/me")).json()["total_xp"] == 1090
    await mine.patch("/progress/me", json={"on_leaderboards": True})
    assert await surfaces() == [1, 1, 200, 200, 200]
    assert (await read(reader, limit=1))[0]["user_id"] == str(shy.id)


async def test_entries_published_late_twice_or_out_of_order_come_to_the_same(
    committed: Hall,
) -> None:
    ids = [new_id() for _ in range(4)]
    history = [
        Entry(True, id_, "global", "all", 10 * version, NOON + timedelta(seconds=version), version)
        for id_ in ids
        for version in range(1, 6)
    ]
    history += [Entry(False, ids[0], "global", "all", 50, NOON, 6)]
    chance = random.Random(7)
    results = []
    for _ in range(6):
        await committed.redis.flushdb()
        told = history * 2
        chance.shuffle(told)
        for start in range(0, len(told), 3):
            await boards.publish(committed.redis, told[start : start + 3])
        results.append(await committed.redis.zrange("board:global:all", 0, -1, withscores=True))
    assert all(result == results[0] for result in results)
    assert len(results[0]) == 3
    assert {score for _, score in results[0]} == {-50.0}


async def test_a_new_period_begins_empty_and_deletes_nothing(
    client: Client, committed: Hall, clock: SettableClock, crowd: list[Person]
) -> None:
    clock.advance(days=1)
    reader = client.of(crowd[0])
    assert await read(reader, window="day") == []
    assert len(await read(reader, window="week")) == 7
    clock.advance(days=7)
    assert await read(reader, window="week") == []
    assert len(await read(reader, window="season")) == 7


async def test_an_unknown_board_window_or_cursor_is_refused(
    client: Client, committed: Hall, member: Person
) -> None:
    mine = client.of(member)
    for path in ("/leaderboards/nowhere", "/leaderboards/nowhere/me"):
        assert (await mine.get(path)).json()["error"] == "board_not_found"
    assert (await mine.get("/leaderboards/global/me")).json()["error"] == "not_on_board"
    assert (await mine.get("/leaderboards/global?window=year")).status_code == 422
    for cursor in ("x", "WzFd", "WzEsImZmIl0", "WyIxIiwiIl0", "bnVsbA", "W10", "%00"):
        answer = await mine.get("/leaderboards/global", params={"cursor": cursor})
        assert (answer.status_code, answer.json()["error"]) == (422, "cursor_unreadable")


async def results(hall: Hall) -> list[tuple[Any, ...]]:
    async with hall.units.read() as uow:
        rows = await uow.session.execute(
            text("SELECT season, board, rank, xp FROM season_results ORDER BY 1, 2, 3")
        )
        return [tuple(row) for row in rows]


async def test_seasons_close_once_catch_up_and_leave_the_running_one_open(
    client: Client, committed: Hall, clock: SettableClock
) -> None:
    people = [await factories.person(committed) for _ in range(2)]
    quarters = [datetime(2031, month, 10, tzinfo=UTC) for month in (2, 5, 8)]
    for at in quarters:
        await award(
            committed, *(achievement(who.member, at, 10 + n) for n, who in enumerate(people))
        )
    run = factories.task_run(committed)
    clock.set(datetime(2031, 7, 1, 0, 9, tzinfo=UTC))
    assert await close_seasons(run) == {"closed": 1}
    clock.advance(minutes=2)
    assert await close_seasons(run) == {"closed": 1}
    expected = [
        (s, "global", rank, xp) for s in ("2031-Q1", "2031-Q2") for rank, xp in ((1, 11), (2, 10))
    ]
    assert await results(committed) == expected
    assert await close_seasons(run) == {"closed": 0}
    assert await results(committed) == expected
    mine = client.of(people[0])
    assert [s["id"] for s in (await mine.get("/seasons")).json()["items"]] == ["2031-Q2", "2031-Q1"]
    archived = await read(mine, season="2031-Q1", limit=1)
    assert [(line["rank"], line["xp"]) for line in archived] == [(1, 11), (2, 10)]
    still_open = await mine.get("/leaderboards/global", params={"season": "2031-Q3"})
    assert still_open.json()["error"] == "season_not_found"


async def test_two_closers_at_once_close_a_season_once(
    committed: Hall, clock: SettableClock
) -> None:
    who = await factories.member(committed)
    await award(committed, achievement(who, datetime(2031, 2, 1, tzinfo=UTC)))
    closings = await asyncio.gather(
        *(close_seasons(factories.task_run(committed)) for _ in range(8))
    )
    assert sum(closing["closed"] for closing in closings) == 1
    assert len(await results(committed)) == 1
