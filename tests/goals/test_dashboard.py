"""The dashboard: all in one call, few round trips, and never older than one's own last write."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from asyncpg.pool import PoolConnectionProxy
from sqlalchemy import event, select

from guildhall.entrypoints.api import create_app, furnish
from guildhall.entrypoints.wiring import WIRING
from guildhall.goals import repository
from guildhall.goals.models import ReviewCard, Task
from guildhall.goals.page import DashboardOut
from guildhall.infra.hall import Hall, open_hall
from guildhall.infra.views import view_key
from guildhall.kernel.ids import new_id
from tests import factories
from tests.factories import Person
from tests.infra.test_http import problem
from tests.world import Client, SettableClock


async def page(client: Client, person: Person) -> dict[str, Any]:
    answer = await client.of(person).get(f"/dashboard/{person.id}")
    assert answer.status_code == 200, answer.text
    DashboardOut.model_validate_json(answer.content)
    body: dict[str, Any] = answer.json()
    return body


async def task_of(hall: Hall, person: Person, number: int = 0) -> Task:
    async with hall.units.read(member=person.id) as uow:
        tasks = await uow.session.scalars(
            select(Task).where(Task.user_id == person.id).order_by(Task.position)
        )
        return tasks.all()[number]


def of_kind(body: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [line for line in body["suggestions"] if line["kind"] == kind]


async def test_a_newcomer_sees_an_empty_day_and_templates_to_begin_with(
    client: Client, committed: Hall, member: Person
) -> None:
    body = await page(client, member)
    assert body["user_id"] == str(member.id)
    assert body["progress"]["total_xp"] == 0
    assert body["streak"]["days"] == 0
    assert body["today"]["tasks"] == []
    assert body["goals"] == {"running": 0, "completed": 0, "items": []}
    assert body["ranks"] == body["badges"] == body["suggestions"] == []


async def test_everything_of_a_member_is_on_one_page(
    client: Client,
    committed: Hall,
    member: Person,
    settle: Callable[[], Awaitable[None]],
) -> None:
    challenge = await factories.challenge(committed, xp=100)
    goal = await factories.goal(committed, member.member)
    done = await task_of(committed, member)
    answer = await client.of(member).patch(f"/tasks/{done.id}", json={"status": "done"})
    assert answer.status_code == 200
    await settle()
    body = await page(client, member)
    assert body["progress"]["total_xp"] == done_xp(await task_of(committed, member))
    assert body["streak"]["days"] == 1
    assert body["goals"]["running"] == 1
    [line] = body["goals"]["items"]
    assert (line["id"], line["status"], line["tasks_done"]) == (str(goal.id), "active", 1)
    assert line["tasks_total"] > 1
    assert str(done.id) in {task["id"] for task in body["today"]["tasks"]} or (
        done.scheduled_on != member.member.local_day(committed.clock.now())
    )
    assert body["today"]["minutes_done"] == done.minutes
    [step] = of_kind(body, "next_step")
    assert step["id"] != str(done.id)
    [suggested] = of_kind(body, "challenge")
    assert suggested["id"] == str(challenge.id)
    assert not of_kind(body, "template")


def done_xp(task: Task) -> int:
    assert task.xp
    return task.xp


async def test_a_plan_that_waits_for_an_answer_is_suggested(
    client: Client, committed: Hall, member: Person
) -> None:
    goal = await factories.goal(committed, member.member, accepted=False)
    [line] = of_kind(await page(client, member), "decide_plan")
    assert line["id"] == str(goal.id)


async def test_the_dashboard_of_another_is_not_there_unless_for_an_admin(
    client: Client, committed: Hall, member: Person, other: Person, admin: Person
) -> None:
    await factories.goal(committed, other.member)
    problem(await client.of(member).get(f"/dashboard/{other.id}"), 404, "dashboard_not_found")
    problem(await client.of(member).get(f"/dashboard/{new_id()}"), 404, "dashboard_not_found")
    problem(await client.of(member).get("/dashboard/me"), 404, "dashboard_not_found")
    problem(await client.of(admin).get(f"/dashboard/{new_id()}"), 404, "dashboard_not_found")
    theirs = await client.of(admin).get(f"/dashboard/{other.id}")
    assert theirs.status_code == 200
    assert theirs.json() == await page(client, other)
    assert theirs.json()["goals"]["running"] == 1


async def test_the_eleventh_look_within_a_minute_is_refused(client: Client, member: Person) -> None:
    for _ in range(10):
        await page(client, member)
    refused = await client.of(member).get(f"/dashboard/{member.id}")
    problem(refused, 429, "rate_limited")
    assert refused.headers["ratelimit-policy"].startswith('"dashboard";q=10')


@contextmanager
def counted(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Count the statements that reach the database, by either door."""
    seen: list[str] = []

    def by_sqlalchemy(_: Any, __: Any, statement: str, *___: Any) -> None:
        seen.append(statement)

    watched = PoolConnectionProxy

    for name in ("execute", "fetch", "fetchrow", "fetchval"):
        ours = getattr(asyncpg.Connection, name)

        async def noting(
            self: Any, query: str, *args: Any, _ours: Any = ours, **kwargs: Any
        ) -> Any:
            seen.append(query)
            return await _ours(self, query, *args, **kwargs)

        monkeypatch.setattr(watched, name, noting)
    engine = hall.database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", by_sqlalchemy)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", by_sqlalchemy)
        monkeypatch.undo()


async def test_a_cold_page_takes_three_round_trips_and_a_warm_one_none(
    client: Client, committed: Hall, member: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    await factories.goal(committed, member.member)
    mine = client.of(member)
    await mine.get("/progress/me")  # Who they are is known at the door from here on.
    with counted(committed, monkeypatch) as seen:
        cold = await mine.get(f"/dashboard/{member.id}")
        assert cold.status_code == 200
        assert 2 <= len(seen) <= 3, seen
        seen.clear()
        warm = await mine.get(f"/dashboard/{member.id}")
        assert warm.content == cold.content
        assert seen == []


async def test_a_page_is_kept_for_half_a_minute(
    client: Client, committed: Hall, member: Person
) -> None:
    await page(client, member)
    assert 0 < await committed.redis.ttl(f"cache:{view_key(member.id)}") <= 30


@pytest_asyncio.fixture
async def neighbour(committed: Hall, clock: SettableClock) -> AsyncIterator[Client]:
    """Another process of the same hall: its own pools and caches, the same database and Redis."""
    async with open_hall(
        committed.settings, committed.endpoints, WIRING, clock=clock, pool_size=2, reach=""
    ) as hall:
        application = create_app(hall.settings)
        furnish(application, hall)
        async with Client(application) as client:
            yield client


async def test_an_own_write_is_in_the_very_next_page_of_any_process(
    client: Client, neighbour: Client, committed: Hall, member: Person
) -> None:
    goal = await factories.goal(committed, member.member)
    task = await task_of(committed, member)
    for writes, reads in ((client, neighbour), (neighbour, client)):
        for status, number in (("done", 1), ("open", 0)):
            before = await page(reads, member)
            assert before["goals"]["items"][0]["tasks_done"] == 1 - number
            answer = await writes.of(member).patch(f"/tasks/{task.id}", json={"status": status})
            assert answer.status_code == 200, answer.text
            after = await page(reads, member)
            assert after["goals"]["items"][0]["tasks_done"] == number
    answer = await client.of(member).patch(f"/goals/{goal.id}", json={"title": "Speak Spanish"})
    assert answer.status_code == 200
    assert (await page(neighbour, member))["goals"]["items"][0]["title"] == "Speak Spanish"


async def test_only_challenges_that_one_can_take_are_suggested(
    client: Client, committed: Hall, member: Person, settle: Callable[[], Awaitable[None]]
) -> None:
    await factories.challenge(committed, member.member, title="One's own")
    used_up = await factories.challenge(committed, max_attempts=1)
    await factories.attempt(committed, member.member, used_up, {"answer": "wrong"})
    await settle()
    assert of_kind(await page(client, member), "challenge") == []


async def test_a_pause_of_the_streak_is_in_the_next_page(
    client: Client, committed: Hall, member: Person
) -> None:
    await page(client, member)
    assert await committed.redis.exists(f"cache:{view_key(member.id)}")
    pause = {"starts_on": "2031-05-20", "ends_on": "2031-05-22"}
    answer = await client.of(member).post("/progress/me/pauses", json=pause)
    assert answer.status_code == 201, answer.text
    assert not await committed.redis.exists(f"cache:{view_key(member.id)}")


async def test_a_challenge_that_is_passed_is_in_the_next_page_after_its_xp(
    client: Client, committed: Hall, member: Person, settle: Callable[[], Awaitable[None]]
) -> None:
    challenge = await factories.challenge(committed, xp=100)
    before = await page(client, member)
    [suggested] = of_kind(before, "challenge")
    assert (suggested["id"], before["progress"]["total_xp"]) == (str(challenge.id), 0)
    attempt = await factories.attempt(committed, member.member, challenge)
    answer = await client.of(member).post(
        f"/attempts/{attempt.id}/submit", json={"answer": "open sesame"}
    )
    assert answer.status_code == 202, answer.text
    await settle()
    after = await page(client, member)
    assert after["progress"]["total_xp"] == 100
    assert of_kind(after, "challenge") == []


async def test_past_midnight_a_kept_page_is_of_the_new_day(
    client: Client, committed: Hall, member: Person, clock: SettableClock
) -> None:
    clock.set(clock.now().replace(hour=23, minute=59, second=55))
    before = await page(client, member)
    clock.advance(seconds=10)
    after = await page(client, member)
    [one, two] = [body["today"]["date"] for body in (before, after)]
    assert (one, two) == ("2031-05-14", "2031-05-15")


async def test_what_is_due_for_review_is_suggested(
    client: Client, committed: Hall, member: Person, clock: SettableClock
) -> None:
    await factories.goal(committed, member.member)
    task = await task_of(committed, member)
    done = {"status": "done"}
    assert (await client.of(member).patch(f"/tasks/{task.id}", json=done)).status_code == 200
    today = member.member.local_day(clock.now())
    async with committed.units.write(member=member.id) as uow:
        uow.session.add(
            ReviewCard(
                user_id=member.id,
                task_id=task.id,
                stability=3.0,
                difficulty=5.0,
                due_day=today + timedelta(days=3),
                last_day=today,
                passes=1,
                lapses=0,
            )
        )
    assert of_kind(await page(client, member), "review") == []
    clock.advance(days=3)
    [line] = of_kind(await page(client, member), "review")
    assert line["text"].startswith("1 thing is due")
    assert line["facts"] == {"count": 1}


async def test_a_review_that_was_missed_is_not_left_over_on_later_days(
    client: Client, committed: Hall, member: Person, owner: asyncpg.Connection, clock: SettableClock
) -> None:
    await factories.goal(committed, member.member)
    task = await task_of(committed, member)
    await owner.execute("UPDATE tasks SET status = 'dropped' WHERE id <> $1", task.id)
    missed = "UPDATE tasks SET status = 'missed', kind = 'review' WHERE id = $1"
    await owner.execute(missed, task.id)
    assert [line["id"] for line in (await page(client, member))["today"]["tasks"]] == [str(task.id)]
    clock.advance(days=1)
    assert (await page(client, member))["today"]["tasks"] == []
    async with committed.units.read(member=member.id) as uow:
        assert await repository.unfinished(uow, member.id) == []
