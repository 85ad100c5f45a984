"""What is next: the nearest badges, the next rank; and what the streak lived through."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event

from guildhall.infra.hall import Hall
from guildhall.progression import award_achievements
from tests import factories
from tests.factories import Person, achievement
from tests.world import NOON, Client, SettableClock


async def award(hall: Hall, *events: Any) -> None:
    async with hall.units.write() as uow:
        await award_achievements(uow, events)


async def next_of(client: Client, who: Person, **query: Any) -> list[dict[str, Any]]:
    answer = await client.of(who).get("/badges/next", params=query)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def test_the_nearest_badges_come_first_with_what_they_take(
    client: Client, committed: Hall, member: Person
) -> None:
    tools = await factories.domain(committed)
    for slug, condition in {
        "earned": {"type": "xp", "threshold": 100},
        "half": {"type": "xp", "threshold": 300, "domain": tools},
        "near": {"type": "attempt_count", "count": 2, "status": "passed"},
        "far": {"type": "consecutive_days", "days": 30},
        "gone": {"type": "not", "of": {"type": "xp", "threshold": 1}},
    }.items():
        await factories.badge(committed, condition, slug=slug)
    await factories.badge(
        committed, {"type": "xp", "threshold": 151}, slug="switched-off", active=False
    )
    assert "gone" not in {badge["slug"] for badge in await next_of(client, member)}
    await award(committed, achievement(member.member, NOON, 150, domain=tools))
    found = await next_of(client, member)
    assert [(it["slug"], it["counted"], it["domain"], it["have"], it["want"]) for it in found] == [
        ("near", "passed", None, 1, 2),
        ("half", "xp", tools, 150, 300),
        ("far", "days", None, 1, 30),
    ]
    assert found[0]["name"] == "A badge"
    assert found[0]["description"] == "For something."
    assert [it["slug"] for it in await next_of(client, member, limit=1)] == ["near"]


async def test_a_run_that_is_over_is_not_counted_towards_a_badge(
    client: Client, committed: Hall, member: Person, clock: SettableClock
) -> None:
    await factories.badge(committed, {"type": "consecutive_days", "days": 5})
    days = [NOON + timedelta(days=n) for n in range(3)]
    await award(committed, *(achievement(member.member, day) for day in days))
    clock.set(days[-1])
    assert [it["have"] for it in await next_of(client, member)] == [3]
    clock.advance(days=9)
    assert [it["have"] for it in await next_of(client, member)] == [0]


async def test_the_nearest_badges_take_as_many_statements_however_many_there_are(
    client: Client, committed: Hall, member: Person
) -> None:
    await award(committed, achievement(member.member, NOON, 10))
    counts: list[int] = []
    for more in (1, 20):
        for number in range(more):
            await factories.badge(committed, {"type": "xp", "threshold": 1000 + number})
        await committed.cache.drop("badges-to-earn")
        statements: list[str] = []

        def note(_: Any, __: Any, statement: str, *___: Any, said: Any = statements) -> None:
            said.append(statement)

        event.listen(committed.database.engine.sync_engine, "before_cursor_execute", note)
        try:
            await next_of(client, member, limit=100)
        finally:
            event.remove(committed.database.engine.sync_engine, "before_cursor_execute", note)
        counts.append(len(statements))
    assert counts[0] == counts[1] > 0


@pytest.mark.parametrize(
    ("xp", "rank", "rank_xp", "next_rank", "next_rank_xp"),
    [(10, "E", 0, "D", 100), (100, "D", 100, "C", 300), (5000, "S", 2000, None, None)],
)
async def test_a_rank_says_how_far_it_is_to_the_next(
    client: Client,
    committed: Hall,
    member: Person,
    xp: int,
    rank: str,
    rank_xp: int,
    next_rank: str | None,
    next_rank_xp: int | None,
) -> None:
    tools = await factories.domain(committed)
    await award(committed, achievement(member.member, NOON, xp, domain=tools))
    expected = {
        "domain": tools, "rank": rank, "xp": xp, "rank_xp": rank_xp, "next_rank": next_rank,
        "next_rank_xp": next_rank_xp,
    }  # fmt: skip
    mine = client.of(member)
    for path in ("/progress/me", f"/dashboard/{member.id}", f"/users/{member.id}/progress"):
        assert (await mine.get(path)).json()["ranks"] == [expected], path


async def test_progress_says_where_the_level_begins_and_ends(
    client: Client, committed: Hall, member: Person
) -> None:
    mine = client.of(member)
    for total, level, begins, ends in ((0, 1, 0, 100), (450, 3, 400, 900)):
        if total:
            await award(committed, achievement(member.member, NOON, total))
        progress = (await mine.get("/progress/me")).json()
        found = [progress[name] for name in ("level", "level_xp", "next_level_xp")]
        assert found == [level, begins, ends]
        dashboard = (await mine.get(f"/dashboard/{member.id}")).json()["progress"]
        assert dashboard["level_xp"] == begins


async def test_days_that_freezes_were_spent_on_are_listed(
    client: Client, committed: Hall, member: Person, clock: SettableClock
) -> None:
    days = [NOON + timedelta(days=n) for n in (*range(7), 8)]  # Seven earn a freeze; one is missed.
    await award(committed, *(achievement(member.member, day) for day in days))
    clock.set(days[-1])
    missed = (NOON + timedelta(days=7)).date()
    mine = client.of(member)
    assert (await mine.get("/progress/me/freezes")).json()["items"] == [{"day": str(missed)}]
    later = {"since": str(missed + timedelta(days=1))}
    assert (await mine.get("/progress/me/freezes", params=later)).json()["items"] == []
