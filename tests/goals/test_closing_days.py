"""Days that are over where their member lives: what was left open is missed, once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg
import pytest
import pytest_asyncio

from guildhall.goals.tasks import close_days
from guildhall.infra.hall import Hall
from tests import factories
from tests.factories import Person
from tests.goals.at_work import ok, planned, tasks_of, unlimited
from tests.world import NOON, Client, SettableClock

Settle = Callable[[], Awaitable[None]]
TODAY = NOON.date()


@pytest_asyncio.fixture
async def mine(application: Any, client: Client, committed: Hall, member: Person) -> Client:
    unlimited(application, committed)
    return client.of(member)


async def close(hall: Hall) -> int:
    """Close all days that are over; give how many tasks were missed."""
    return int((await close_days(factories.task_run(hall)))["missed"])


async def missed(owner: asyncpg.Connection) -> list[date]:
    rows = await owner.fetch("SELECT scheduled_on FROM tasks WHERE status = 'missed' ORDER BY 1")
    return [row["scheduled_on"] for row in rows]


async def test_what_was_left_of_a_day_is_missed_once_and_gets_a_preview(
    mine: Client,
    committed: Hall,
    member: Person,
    owner: asyncpg.Connection,
    clock: SettableClock,
) -> None:
    goal = await factories.goal(committed, member.member)
    first = tasks_of(await planned(mine, goal.id))[0]
    left = [
        t for t in tasks_of(await planned(mine, goal.id)) if t["scheduled_on"] == TODAY.isoformat()
    ]
    assert await close(committed) == 0
    clock.advance(days=1)
    assert await close(committed) == len(left) > 0
    for _ in range(2):
        assert await close(committed) == 0
    assert await missed(owner) == [TODAY] * len(left)
    row = await owner.fetchrow(
        "SELECT misses, first_outcome FROM tasks WHERE key = $1", first["key"]
    )
    assert row is not None
    assert tuple(row.values()) == (1, "missed")
    noted = await owner.fetch("SELECT kind, local_day FROM task_activities")
    assert [tuple(row.values()) for row in noted] == [("missed", TODAY)] * len(left)
    day = await owner.fetchrow("SELECT planned_minutes, done_minutes FROM work_days")
    assert day is not None
    assert tuple(day.values()) == (sum(task["minutes"] for task in left), 0)
    (preview,) = ok(await mine.get("/reschedulings"))["items"]
    assert {task["id"] for task in left} <= {move["task_id"] for move in preview["moves"]}
    assert all(move["moves_to"] > TODAY.isoformat() for move in preview["moves"])


async def test_closed_by_two_at_once_a_day_is_closed_once(
    mine: Client,
    committed: Hall,
    member: Person,
    owner: asyncpg.Connection,
    clock: SettableClock,
) -> None:
    await factories.goal(committed, member.member)
    clock.advance(days=3)
    both = await asyncio.gather(*(close(committed) for _ in range(4)))
    assert sum(both) == len(await missed(owner)) > 0
    assert await owner.fetchval("SELECT max(misses) FROM tasks") == 1
    waiting = await owner.fetchval("SELECT count(*) FROM reschedulings WHERE state = 'proposed'")
    assert waiting == 1


# Where a member lives, when their day begins, and the instant at which 14 May is over for them.
@pytest.mark.parametrize(
    ("zone", "starts_at", "day", "over"),
    [
        ("UTC", 0, date(2031, 5, 14), datetime(2031, 5, 15, 0, tzinfo=UTC)),
        ("UTC", 5, date(2031, 5, 14), datetime(2031, 5, 15, 5, tzinfo=UTC)),
        ("Pacific/Kiritimati", 0, date(2031, 5, 15), datetime(2031, 5, 15, 10, tzinfo=UTC)),
        ("Pacific/Niue", 0, date(2031, 5, 14), datetime(2031, 5, 15, 11, tzinfo=UTC)),
        ("Asia/Kathmandu", 4, date(2031, 5, 14), datetime(2031, 5, 14, 22, 15, tzinfo=UTC)),
    ],
)
async def test_a_day_is_over_when_it_is_over_for_its_member(
    committed: Hall,
    owner: asyncpg.Connection,
    clock: SettableClock,
    zone: str,
    starts_at: int,
    day: date,
    over: datetime,
) -> None:
    person = await factories.person(committed, time_zone=zone, day_starts_at=starts_at)
    await factories.goal(committed, person.member)
    assert await owner.fetchval("SELECT min(scheduled_on) FROM tasks") == day
    clock.set(over - timedelta(minutes=1))
    assert await close(committed) == 0
    clock.set(over)
    assert await close(committed) > 0
    assert set(await missed(owner)) == {day}


# In Berlin clocks go forward on 30 March 2031, and back on 26 October.
@pytest.mark.parametrize(("night", "hours"), [(date(2031, 3, 30), 23), (date(2031, 10, 26), 25)])
@pytest.mark.parametrize("starts_at", [0, 2, 3])
async def test_a_night_with_a_change_of_clocks_is_one_night(
    committed: Hall,
    owner: asyncpg.Connection,
    clock: SettableClock,
    night: date,
    hours: int,
    starts_at: int,
) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    clock.set(datetime(night.year, night.month, night.day, 12, tzinfo=berlin).astimezone(UTC))
    person = await factories.person(committed, time_zone="Europe/Berlin", day_starts_at=starts_at)
    await factories.goal(committed, person.member)
    over = datetime(night.year, night.month, night.day, starts_at, tzinfo=berlin) + timedelta(
        days=1
    )
    # From one beginning at midnight to the next it was as many hours as the clocks say.
    begin = datetime(night.year, night.month, night.day, tzinfo=berlin)
    assert (begin + timedelta(days=1)).astimezone(UTC) - begin.astimezone(UTC) == timedelta(
        hours=hours
    )
    clock.set(over.astimezone(UTC) - timedelta(minutes=1))
    assert await close(committed) == 0
    clock.set(over.astimezone(UTC))
    assert await close(committed) > 0
    assert set(await missed(owner)) == {night}


async def test_a_day_closed_before_a_flight_west_is_not_closed_again(
    mine: Client,
    committed: Hall,
    member: Person,
    owner: asyncpg.Connection,
    clock: SettableClock,
) -> None:
    ok(await mine.patch("/users/me", json={"time_zone": "Pacific/Kiritimati"}))
    goal = await factories.goal(committed, member.member)
    clock.advance(hours=24)  # It is the 16th in Kiritimati.
    first = await close(committed)
    assert first > 0
    ok(await mine.patch("/users/me", json={"time_zone": "Pacific/Niue"}))  # Here, the 15th.
    assert await close(committed) == 0
    assert len(await missed(owner)) == first
    # The 15th is lived twice: what was given up on it is not asked for again before the 16th.
    today = ok(await mine.post("/tasks/generate", json={}))
    assert today["date"] == "2031-05-15"
    (preview,) = ok(await mine.get("/reschedulings"))["items"]
    assert not {item["id"] for item in today["items"]} & {
        move["task_id"] for move in preview["moves"]
    }
    accepted = ok(await mine.post(f"/reschedulings/{preview['id']}/accept"))
    assert all(move["moves_to"] >= "2031-05-16" for move in accepted["moves"])
    assert await missed(owner) == []
    assert (await planned(mine, goal.id))["status"] == "active"


async def test_a_review_that_was_left_is_dropped_and_asked_again(
    mine: Client,
    committed: Hall,
    member: Person,
    owner: asyncpg.Connection,
    clock: SettableClock,
) -> None:
    goal = await factories.goal(committed, member.member)
    await owner.execute("UPDATE tasks SET kind = 'practise', minutes = 20")
    id_ = tasks_of(await planned(mine, goal.id))[0]["id"]
    ok(await mine.patch(f"/tasks/{id_}", json={"status": "done"}))
    due = await owner.fetchval("SELECT due_day FROM review_cards")
    clock.advance(days=(due - TODAY).days)
    ok(await mine.post("/tasks/generate", json={}))
    state = "SELECT status, misses FROM tasks WHERE kind = 'review' ORDER BY id"
    assert [tuple(row.values()) for row in await owner.fetch(state)] == [("open", 0)]
    clock.advance(days=1)
    await close(committed)
    assert [tuple(row.values()) for row in await owner.fetch(state)] == [("dropped", 0)]
    (preview,) = ok(await mine.get("/reschedulings"))["items"]
    reviews = await owner.fetch("SELECT id FROM tasks WHERE kind = 'review'")
    assert not {str(row["id"]) for row in reviews} & {m["task_id"] for m in preview["moves"]}
    ok(await mine.post("/tasks/generate", json={}))
    assert [row["status"] for row in await owner.fetch(state)] == ["dropped", "open"]
    assert await owner.fetchval("SELECT count(*) FROM task_reviews") == 1  # Nothing was failed.


async def test_days_of_a_goal_given_up_are_let_be(
    mine: Client, committed: Hall, member: Person, owner: asyncpg.Connection, clock: SettableClock
) -> None:
    goal = await factories.goal(committed, member.member)
    ok(await mine.patch(f"/goals/{goal.id}", json={"status": "abandoned"}))
    clock.advance(days=5)
    assert await close(committed) == 0
    assert await missed(owner) == []


async def test_days_of_all_members_are_closed(
    committed: Hall,
    owner: asyncpg.Connection,
    clock: SettableClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("guildhall.goals.tasks.MEMBERS_AT_ONCE", 2)
    people = [await factories.person(committed) for _ in range(5)]
    for person in people:
        await factories.goal(committed, person.member, deadline=TODAY + timedelta(days=20))
    clock.advance(days=1)
    told = await close_days(factories.task_run(committed))
    assert told["members"] == len(people)
    rows = await owner.fetch("SELECT DISTINCT user_id FROM tasks WHERE status = 'missed'")
    assert {row["user_id"] for row in rows} == {person.id for person in people}


async def test_who_is_gone_is_passed_over(
    committed: Hall, member: Person, owner: asyncpg.Connection, clock: SettableClock
) -> None:
    await factories.goal(committed, member.member)
    await owner.execute("UPDATE users SET status = 'suspended'")
    clock.advance(days=1)
    assert await close(committed) == 0


async def test_capacity_is_learnt_from_the_days_that_were_lived(
    mine: Client, committed: Hall, member: Person, clock: SettableClock
) -> None:
    """Who does nothing for weeks is planned less for; who does what is planned, not less."""
    # Small steps: what is longer than any day holds would have to be planned anew.
    await factories.goal(committed, member.member, minutes_per_day=10)
    before = ok(await mine.post("/tasks/generate", json={}))["capacity_minutes"]
    for _ in range(21):
        clock.advance(days=1)
        await close(committed)
        ok(await mine.post("/tasks/generate", json={}))
    after = ok(await mine.post("/tasks/generate", json={}))
    assert after["capacity_minutes"] < before
    assert sum(item["minutes"] for item in after["items"]) <= after["capacity_minutes"]
    ok(await mine.post("/reschedulings"), 201)
    (preview,) = ok(await mine.get("/reschedulings"))["items"]
    minutes: dict[str, int] = {}
    lengths = {row["id"]: row["minutes"] for row in await all_tasks(mine)}
    for move in preview["moves"]:
        minutes[move["moves_to"]] = minutes.get(move["moves_to"], 0) + lengths[move["task_id"]]
    assert max(minutes.values()) < before


async def test_who_comes_back_after_weeks_finds_something_to_do(
    mine: Client, committed: Hall, member: Person, clock: SettableClock
) -> None:
    goal = await factories.goal(committed, member.member)  # Of tasks of half an hour.
    for _ in range(21):
        ok(await mine.post("/tasks/generate", json={}))
        clock.advance(days=1)
        await close(committed)
    reasons = []
    for _ in range(10):
        today = ok(await mine.post("/tasks/generate", json={}))
        assert today["items"], today
        assert sum(item["minutes"] for item in today["items"]) <= today["capacity_minutes"]
        reasons.append(today["capacity_reason"])
        for item in today["items"]:
            ok(await mine.patch(f"/tasks/{item['id']}", json={"status": "done"}))
        clock.advance(days=1)
        await close(committed)
    assert "there is room for that" in reasons[0]
    assert (await planned(mine, goal.id))["tasks_done"] >= 10


async def all_tasks(client: Client) -> list[dict[str, Any]]:
    tasks = []
    for goal in ok(await client.get("/goals"))["items"]:
        tasks += tasks_of(await planned(client, goal["id"]))
    return tasks


@pytest.mark.parametrize("off", ["pause", "rest"])
async def test_what_a_day_off_leaves_open_gets_new_days_and_proves_nothing(
    mine: Client,
    committed: Hall,
    member: Person,
    owner: asyncpg.Connection,
    clock: SettableClock,
    off: str,
) -> None:
    await factories.goal(committed, member.member)
    day = TODAY.isoformat()
    if off == "pause":
        ok(await mine.post("/progress/me/pauses", json={"starts_on": day, "ends_on": day}), 201)
    else:
        ok(await mine.patch("/users/me", json={"rest_days": [TODAY.weekday()]}))
    clock.advance(days=1)
    assert await close(committed) > 0
    rows = await owner.fetch("SELECT misses, first_outcome FROM tasks WHERE status = 'missed'")
    assert {tuple(row.values()) for row in rows} == {(0, None)}
    assert await owner.fetchval("SELECT count(*) FROM task_abilities") == 0
    assert ok(await mine.get("/reschedulings"))["items"]


async def test_one_whose_days_cannot_be_closed_stops_nobody_else(
    committed: Hall, owner: asyncpg.Connection, clock: SettableClock
) -> None:
    people = sorted([await factories.person(committed) for _ in range(3)], key=lambda one: one.id)
    for person in people:
        await factories.goal(committed, person.member)
    broken = people[1].id
    await owner.execute("UPDATE users SET time_zone = 'Nowhere/AtAll' WHERE id = $1", broken)
    clock.advance(days=1)
    told = await close_days(factories.task_run(committed))
    assert (told["members"], told["failed"]) == (2, 1)
    await owner.execute("UPDATE users SET time_zone = 'UTC' WHERE id = $1", broken)
    assert (await close_days(factories.task_run(committed)))["members"] == 1
