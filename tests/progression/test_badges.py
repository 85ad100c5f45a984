"""Badges: earned once, counted from what happened, tried before they are switched on."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, text

from guildhall.infra.hall import Hall
from guildhall.progression import BadgeEarned, award_achievements
from guildhall.progression.models import SubjectBadge
from tests import factories
from tests.factories import Person, achievement
from tests.world import NOON, Client

XP_100 = {"type": "xp", "threshold": 100}
NEW = {"slug": "hundred", "name": "Hundred", "description": "A hundred XP.", "condition": XP_100}


async def award(hall: Hall, *events: Any) -> list[Any]:
    async with hall.units.write() as uow:
        await award_achievements(uow, events)
        return [told.event for told in uow._told if isinstance(told.event, BadgeEarned)]


async def earned(hall: Hall) -> list[Any]:
    async with hall.units.read() as uow:
        return list(await uow.session.scalars(select(SubjectBadge)))


@pytest.mark.parametrize(
    "condition",
    [
        XP_100,
        {"type": "xp", "threshold": 100, "domain": "tools"},
        {"type": "attempt_count", "count": 1, "status": "passed"},
        {"type": "attempt_count", "count": 1, "domain": "tools"},
        {"type": "consecutive_days", "days": 1},
        {"type": "event_count", "event": "challenges.attempt_graded", "count": 1},
        {"type": "all", "of": [XP_100, {"type": "not", "of": {"type": "xp", "threshold": 101}}]},
        {"type": "any", "of": [{"type": "xp", "threshold": 9999}, XP_100]},
    ],
)
async def test_every_type_of_condition_gives_its_badge_once(
    hall: Hall, condition: Mapping[str, Any]
) -> None:
    tools, who = await factories.domain(hall), await factories.member(hall)
    badge = await factories.badge(hall, condition)
    off = await factories.badge(hall, condition, active=False)
    first = await award(hall, achievement(who, NOON, 100, domain=tools))
    assert [event.badge_id for event in first] == [badge.id]
    assert await award(hall, achievement(who, NOON, 1, domain=tools)) == []
    assert [row.badge_id for row in await earned(hall)] == [badge.id]
    assert off.id != badge.id


@pytest.mark.parametrize(
    "condition",
    [
        {"type": "xp", "threshold": 101},
        {"type": "xp", "threshold": 1, "domain": "tools"},
        {"type": "attempt_count", "count": 1, "status": "failed"},
        {"type": "consecutive_days", "days": 2},
        {"type": "all", "of": [XP_100, {"type": "not", "of": XP_100}]},
    ],
)
async def test_who_does_not_meet_it_does_not_get_it(
    hall: Hall, condition: Mapping[str, Any]
) -> None:
    await factories.badge(hall, condition)
    assert await award(hall, achievement(await factories.member(hall), NOON, 100)) == []


async def test_parallel_batches_give_a_badge_once(committed: Hall) -> None:
    who = await factories.member(committed)
    await factories.badge(committed, XP_100)
    told = await asyncio.gather(*(award(committed, achievement(who, NOON, 100)) for _ in range(10)))
    assert sum(map(len, told)) == 1
    assert len(await earned(committed)) == 1


async def test_a_badge_can_count_badges(
    client: Client, committed: Hall, member: Person, settle: Any
) -> None:
    await factories.badge(committed, XP_100, slug="first")
    count = {"type": "event_count", "event": "progression.badge_earned", "count": 1}
    await factories.badge(committed, count, slug="second")
    await award(committed, achievement(member.member, NOON, 100))
    await settle()
    badges = (await client.of(member).get("/progress/me")).json()["badges"]
    assert {badge["slug"] for badge in badges} == {"first", "second"}


async def test_an_admin_saves_a_badge_and_a_faulty_condition_is_refused_with_its_path(
    client: Client, admin: Person
) -> None:
    chief = client.of(admin)
    made = await chief.post("/admin/badges", json=NEW)
    assert (made.status_code, made.json()["active"], made.json()["version"]) == (201, False, 1)
    taken = await chief.post("/admin/badges", json=NEW)
    assert (taken.status_code, taken.json()["error"]) == (409, "badge_slug_taken")
    faulty = {"type": "all", "of": [XP_100, {"type": "xp", "threshold": 0}]}
    path = f"/admin/badges/{made.json()['id']}"
    for refused in (
        await chief.post("/admin/badges", json=NEW | {"slug": "other", "condition": faulty}),
        await chief.patch(path, json={"condition": faulty}),
        await chief.post("/admin/badges/trial", json={"condition": faulty}),
    ):
        assert (refused.status_code, refused.json()["error"]) == (422, "condition_invalid")
        assert [fault["path"] for fault in refused.json()["faults"]] == ["of.1.threshold"]
    renamed = (await chief.patch(path, json={"name": "C"})).json()
    assert (renamed["name"], renamed["version"]) == ("C", 1)
    changed = (await chief.patch(path, json={"condition": XP_100 | {"threshold": 7}})).json()
    assert changed["version"] == 2


async def test_a_badge_is_tried_on_history_and_then_given_to_the_same_members(
    client: Client, committed: Hall, admin: Person, settle: Any
) -> None:
    people = [await factories.person(committed) for _ in range(4)]
    await award(
        committed, *(achievement(who.member, NOON, 50 * n) for n, who in enumerate(people, 1))
    )
    chief = client.of(admin)
    started = await chief.post("/admin/badges/trial", json={"condition": XP_100})
    assert started.status_code == 202
    await settle()
    task = await chief.get(f"/task-executions/{started.json()['task_execution_id']}")
    assert task.json()["result"]["would_get"] == 3
    assert set(task.json()["result"]["sample"]) == {str(who.id) for who in people[1:]}
    assert await earned(committed) == []
    badge = (await chief.post("/admin/badges", json=NEW)).json()
    for _ in range(2):
        started = await chief.post(f"/admin/badges/{badge['id']}/award")
        assert started.status_code == 202
        await settle()
    task = await chief.get(f"/task-executions/{started.json()['task_execution_id']}")
    assert (task.json()["state"], task.json()["result"]) == ("succeeded", {"given": 0})
    assert {row.subject_id for row in await earned(committed)} == {who.id for who in people[1:]}


async def test_a_badge_stays_when_its_condition_changes(
    client: Client, committed: Hall, admin: Person, member: Person
) -> None:
    badge = await factories.badge(committed, XP_100)
    await award(committed, achievement(member.member, NOON, 100))
    change = {"condition": XP_100 | {"threshold": 10_000}, "active": False}
    await client.of(admin).patch(f"/admin/badges/{badge.id}", json=change)
    await award(committed, achievement(member.member, NOON + timedelta(days=1), 100))
    assert len((await client.of(member).get("/progress/me")).json()["badges"]) == 1
    async with committed.units.read() as uow:
        assert await uow.session.scalar(text("SELECT badge_version FROM subject_badges")) == 1
