"""A day's tasks: within what the day holds, with what is due again, the same when asked again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio

from guildhall.infra.hall import Hall
from tests import factories
from tests.factories import Person
from tests.goals.at_work import (
    held_up,
    minutes_by_day,
    ok,
    planned,
    tasks_of,
    unlimited,
    wait_in_line,
)
from tests.infra.test_http import problem
from tests.world import NOON, Client, SettableClock

Settle = Callable[[], Awaitable[None]]
TODAY = NOON.date()
HOLDS = 54  # An hour, of which a tenth is left free.


@pytest_asyncio.fixture
async def mine(application: Any, client: Client, committed: Hall, member: Person) -> Client:
    unlimited(application, committed)
    return client.of(member)


@pytest_asyncio.fixture
async def goal(
    committed: Hall, member: Person, mine: Client, owner: asyncpg.Connection
) -> dict[str, Any]:
    """A goal of practice, its plan accepted; beside two of its tasks a day has a little room."""
    made = await factories.goal(committed, member.member)
    await owner.execute("UPDATE tasks SET kind = 'practise', minutes = 20")
    return await planned(mine, made.id)


async def day_of(client: Client, on: date | None = None) -> dict[str, Any]:
    body = {} if on is None else {"date": on.isoformat()}
    found: dict[str, Any] = ok(await client.post("/tasks/generate", json=body))
    return found


async def practised(client: Client, goal: dict[str, Any]) -> str:
    """Do the first task of a goal, of which the matter comes again; give its id."""
    id_: str = tasks_of(goal)[0]["id"]
    ok(await client.patch(f"/tasks/{id_}", json={"status": "done"}))
    return id_


async def due_day(owner: asyncpg.Connection) -> date:
    found: date = await owner.fetchval("SELECT due_day FROM review_cards")
    return found


async def reviews(owner: asyncpg.Connection, *columns: str) -> list[tuple[Any, ...]]:
    rows = await owner.fetch(
        f"SELECT {', '.join(columns)} FROM tasks WHERE kind = 'review' ORDER BY id"
    )
    return [tuple(row.values()) for row in rows]


async def test_a_day_holds_its_tasks_with_reasons(mine: Client, goal: dict[str, Any]) -> None:
    today = await day_of(mine)
    assert (today["date"], today["capacity_minutes"]) == (TODAY.isoformat(), HOLDS)
    assert today["capacity_reason"]
    assert today["items"][0]["id"] == tasks_of(goal)[0]["id"]
    assert sum(item["minutes"] for item in today["items"]) <= HOLDS
    for item in today["items"]:
        assert item["reason"]
        assert item["goal_id"] == goal["id"]
    listed = {task["id"] for task in ok(await mine.get("/tasks"))["items"]}
    assert {item["id"] for item in today["items"]} <= listed


async def test_asked_again_a_day_is_the_same(
    mine: Client, goal: dict[str, Any], owner: asyncpg.Connection
) -> None:
    first = await day_of(mine)
    chosen = {item["id"] for item in first["items"]}
    for _ in range(3):
        again = await day_of(mine)
        assert {item["id"] for item in again["items"]} == chosen
    days = await owner.fetchval("SELECT planned_minutes FROM work_days")
    assert days == sum(item["minutes"] for item in first["items"])


async def test_what_is_done_counts_for_its_day(mine: Client, goal: dict[str, Any]) -> None:
    first = await day_of(mine)
    item = first["items"][0]
    ok(await mine.patch(f"/tasks/{item['id']}", json={"status": "done", "minutes": 50}))
    rest = await day_of(mine)
    assert item["id"] not in {other["id"] for other in rest["items"]}
    assert sum(other["minutes"] for other in rest["items"]) <= HOLDS - 50
    assert rest["capacity_minutes"] == HOLDS


async def test_what_is_begun_takes_what_is_left_of_it(mine: Client, goal: dict[str, Any]) -> None:
    item = (await day_of(mine))["items"][0]
    ok(await mine.patch("/progress/update", json={"task_id": item["id"], "percent": 50}))
    again = {other["id"]: other["minutes"] for other in (await day_of(mine))["items"]}
    assert again[item["id"]] == item["minutes"] - item["minutes"] // 2


async def test_what_was_given_up_today_is_asked_for_tomorrow(
    mine: Client, goal: dict[str, Any], clock: SettableClock
) -> None:
    item = (await day_of(mine))["items"][0]
    ok(await mine.patch(f"/tasks/{item['id']}", json={"status": "missed"}))
    rest = {other["id"] for other in (await day_of(mine))["items"]}
    assert item["id"] not in rest
    after = {task["id"] for task in tasks_of(goal) if item["id"] in task["depends_on"]}
    assert after
    assert not after & rest
    clock.advance(days=1)
    tomorrow = (await day_of(mine))["items"]
    assert item["id"] in {other["id"] for other in tomorrow}
    status = {task["id"]: task["status"] for task in tasks_of(await planned(mine, goal["id"]))}
    assert status[item["id"]] == "open"


@pytest.mark.parametrize("why", ["rest", "pause"])
async def test_a_day_off_is_empty_and_says_why(
    mine: Client, goal: dict[str, Any], why: str
) -> None:
    if why == "rest":
        ok(await mine.patch("/users/me", json={"rest_days": [TODAY.weekday()]}))
    else:
        day = TODAY.isoformat()
        ok(await mine.post("/progress/me/pauses", json={"starts_on": day, "ends_on": day}), 201)
    today = await day_of(mine)
    assert (today["items"], today["capacity_minutes"]) == ([], 0)
    assert why in today["capacity_reason"] or "away" in today["capacity_reason"]
    assert tasks_of(goal)[0]["id"] in {task["id"] for task in today["left_out"]}


async def test_who_moves_their_clock_past_midnight_is_not_away(
    mine: Client, goal: dict[str, Any], settle: Callable[[], Awaitable[None]]
) -> None:
    """No streak is held against the days of the move; they can be worked on all the same."""
    ok(await mine.patch("/users/me", json={"time_zone": "Pacific/Kiritimati"}))
    await settle()
    today = await day_of(mine)
    assert today["date"] == (TODAY + timedelta(days=1)).isoformat()
    assert today["capacity_minutes"] > 0, today["capacity_reason"]
    assert (await mine.get("/progress/me/pauses")).json()["items"], "the move is excused"


async def test_a_newcomers_day_is_empty(mine: Client) -> None:
    today = await day_of(mine)
    assert (today["items"], today["left_out"]) == ([], [])
    assert today["capacity_minutes"] > 0


@pytest.mark.parametrize("days", [-1, -365])
async def test_a_day_that_is_over_is_not_planned(
    mine: Client, goal: dict[str, Any], days: int
) -> None:
    day = (TODAY + timedelta(days=days)).isoformat()
    problem(await mine.post("/tasks/generate", json={"date": day}), 422, "day_past")


@pytest.mark.parametrize(
    "body",
    [{"date": "soon"}, {"date": 10**30}, {"date": "1999-12-31"}, {"day": "2031-05-14"}, []],
    ids=str,
)
async def test_a_day_that_is_none_is_refused(mine: Client, body: object) -> None:
    problem(await mine.post("/tasks/generate", json=body), 422, "validation_failed")


async def test_today_is_where_the_member_is(
    application: Any, client: Client, committed: Hall, clock: SettableClock
) -> None:
    unlimited(application, committed)
    clock.set(datetime(2031, 5, 14, 3, 30, tzinfo=UTC))
    owl = await factories.person(committed, time_zone="Europe/Berlin", day_starts_at=6)
    east = await factories.person(committed, time_zone="Pacific/Auckland")
    # In Berlin it is half past five, which is still the day before for who begins at six.
    for person, day in ((owl, "2031-05-13"), (east, "2031-05-14")):
        assert (await day_of(client.of(person)))["date"] == day


async def test_a_later_day_leaves_the_days_before_it_alone(
    mine: Client, goal: dict[str, Any], owner: asyncpg.Connection
) -> None:
    later = TODAY + timedelta(days=5)
    found = await day_of(mine, later)
    assert found["date"] == later.isoformat()
    between = {
        task["id"]: task["scheduled_on"]
        for task in tasks_of(goal)
        if task["scheduled_on"] and task["scheduled_on"] < later.isoformat()
    }
    now = {task["id"]: task["scheduled_on"] for task in tasks_of(await planned(mine, goal["id"]))}
    assert {id_: now[id_] for id_ in between} == between
    meant = [t["id"] for t in tasks_of(goal) if t["scheduled_on"] == later.isoformat()]
    assert meant
    assert set(meant) <= {item["id"] for item in found["items"]}
    assert sum(item["minutes"] for item in found["items"]) <= HOLDS
    # Whether it will be lived so, nobody knows: nothing is learnt from it yet.
    assert await owner.fetchval("SELECT count(*) FROM work_days") == 0


async def test_nothing_is_put_on_a_day_after_its_deadline(
    mine: Client, goal: dict[str, Any], owner: asyncpg.Connection
) -> None:
    await owner.execute("UPDATE tasks SET scheduled_on = NULL WHERE position > 5")
    after = date.fromisoformat(goal["deadline"]) + timedelta(days=3)
    assert (await day_of(mine, after))["items"] == []


async def test_what_is_due_again_comes_on_its_day_as_a_task_of_its_own(
    mine: Client, goal: dict[str, Any], owner: asyncpg.Connection, clock: SettableClock
) -> None:
    id_ = await practised(mine, goal)
    due = await due_day(owner)
    assert due > TODAY
    await day_of(mine)
    assert await reviews(owner, "id") == []
    clock.advance(days=(due - TODAY).days - 1)
    await day_of(mine)
    assert await reviews(owner, "id") == []
    clock.advance(days=1)
    today = await day_of(mine)
    ((review, of, on),) = await reviews(owner, "id", "review_of", "scheduled_on")
    assert (str(of), on) == (id_, due)
    assert str(review) in {item["id"] for item in today["items"]}
    for _ in range(2):
        await day_of(mine)
    assert len(await reviews(owner, "id")) == 1
    # It is no part of the plan, and does not stand between a member and their goal.
    assert str(review) not in {task["id"] for task in tasks_of(await planned(mine, goal["id"]))}


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Niue"])
async def test_what_is_due_again_comes_on_the_members_own_day(
    application: Any,
    client: Client,
    committed: Hall,
    owner: asyncpg.Connection,
    clock: SettableClock,
    zone: str,
) -> None:
    unlimited(application, committed)
    person = await factories.person(committed, time_zone=zone)
    theirs = client.of(person)
    made = await factories.goal(committed, person.member)
    await owner.execute("UPDATE tasks SET kind = 'practise', minutes = 20")
    await practised(theirs, await planned(theirs, made.id))
    due = await due_day(owner)
    midnight = {"Pacific/Kiritimati": -14, "Pacific/Niue": 11}[zone]
    begins = datetime(due.year, due.month, due.day, tzinfo=UTC) + timedelta(hours=midnight)
    clock.set(begins - timedelta(minutes=1))
    await day_of(theirs)
    assert await reviews(owner, "id") == []
    clock.set(begins)
    await day_of(theirs)
    assert await reviews(owner, "scheduled_on") == [(due,)]


async def test_a_review_is_for_an_earlier_day_once_it_is_there(
    mine: Client, goal: dict[str, Any], owner: asyncpg.Connection, clock: SettableClock
) -> None:
    await practised(mine, goal)
    due = await due_day(owner)
    clock.advance(days=(due - TODAY).days)
    await day_of(mine)
    await day_of(mine, due + timedelta(days=1))
    assert await reviews(owner, "scheduled_on") == [(due,)]


@pytest.mark.parametrize("passed", [True, False])
async def test_how_a_review_goes_says_when_the_next_one_is(
    mine: Client,
    goal: dict[str, Any],
    owner: asyncpg.Connection,
    clock: SettableClock,
    settle: Settle,
    passed: bool,
) -> None:
    await practised(mine, goal)
    first = await due_day(owner)
    clock.advance(days=(first - TODAY).days)
    await day_of(mine)
    ((review,),) = await reviews(owner, "id")
    ok(await mine.patch(f"/tasks/{review}", json={"status": "done", "passed": passed}))
    card = await owner.fetchrow("SELECT * FROM review_cards")
    assert card is not None
    assert (card["last_day"], card["passes"], card["lapses"]) == (
        first,
        1 + passed,
        int(not passed),
    )
    gap, before = (card["due_day"] - first).days, (first - TODAY).days
    assert gap > before if passed else 0 < gap <= before
    rows = await owner.fetch("SELECT passed, local_day FROM task_reviews ORDER BY id")
    assert [tuple(row.values()) for row in rows] == [(True, TODAY), (passed, first)]
    await settle()
    assert (await owner.fetchval("SELECT xp FROM tasks WHERE kind = 'review'")) == 5
    # On the same day it is not asked again; on the next due day it is, by a new task.
    await day_of(mine)
    assert len(await reviews(owner, "id")) == 1
    clock.advance(days=gap)
    await day_of(mine)
    assert await reviews(owner, "status") == [("done",), ("open",)]


async def test_to_and_fro_on_one_day_is_one_review(
    mine: Client, goal: dict[str, Any], owner: asyncpg.Connection
) -> None:
    id_ = await practised(mine, goal)
    card = await owner.fetchrow("SELECT * FROM review_cards")
    for status in ("open", "done") * 5:
        ok(await mine.patch(f"/tasks/{id_}", json={"status": status}))
    assert await owner.fetchrow("SELECT * FROM review_cards") == card
    assert await owner.fetchval("SELECT count(*) FROM task_reviews") == 1


@pytest.mark.parametrize("before", ["done", "missed"])
async def test_an_old_review_is_not_taken_up_beside_a_new_one(
    mine: Client,
    goal: dict[str, Any],
    owner: asyncpg.Connection,
    clock: SettableClock,
    before: str,
) -> None:
    await practised(mine, goal)
    clock.advance(days=((await due_day(owner)) - TODAY).days)
    await day_of(mine)
    ((old,),) = await reviews(owner, "id")
    ok(await mine.patch(f"/tasks/{old}", json={"status": before, "passed": False}))
    clock.advance(days=max(1, ((await due_day(owner)) - clock.now().date()).days))
    await day_of(mine)
    assert await reviews(owner, "status") == [(before,), ("open",)]
    problem(await mine.patch(f"/tasks/{old}", json={"status": "open"}), 409, "task_closed")
    # Nor is it shown as late: its matter asks by the new one.
    assert str(old) not in {task["id"] for task in ok(await mine.get("/tasks"))["items"]}


async def test_a_review_of_a_goal_given_up_is_not_asked(
    mine: Client, goal: dict[str, Any], owner: asyncpg.Connection, clock: SettableClock
) -> None:
    await practised(mine, goal)
    clock.advance(days=((await due_day(owner)) - TODAY).days)
    ok(await mine.patch(f"/goals/{goal['id']}", json={"status": "abandoned"}))
    assert (await day_of(mine))["items"] == []
    assert await reviews(owner, "id") == []


async def test_anothers_review_is_not_found(
    mine: Client,
    goal: dict[str, Any],
    owner: asyncpg.Connection,
    clock: SettableClock,
    other: Person,
) -> None:
    await practised(mine, goal)
    clock.advance(days=((await due_day(owner)) - TODAY).days)
    await day_of(mine)
    ((review,),) = await reviews(owner, "id")
    refused = await mine.of(other).patch(f"/tasks/{review}", json={"status": "done"})
    problem(refused, 404, "task_not_found")
    assert (await day_of(mine.of(other)))["items"] == []


async def test_asked_by_many_at_once_a_day_is_chosen_once(
    mine: Client, goal: dict[str, Any], owner: asyncpg.Connection, clock: SettableClock
) -> None:
    for task in tasks_of(goal)[:3]:
        ok(await mine.patch(f"/tasks/{task['id']}", json={"status": "done"}))
    clock.advance(days=30)
    answers = await asyncio.gather(*(mine.post("/tasks/generate", json={}) for _ in range(8)))
    days = [ok(answer) for answer in answers]
    for day in days:
        assert sum(item["minutes"] for item in day["items"]) <= day["capacity_minutes"]
    assert len({frozenset(item["id"] for item in day["items"]) for day in days}) == 1
    of = [of for (of,) in await reviews(owner, "review_of")]
    assert len(of) == len(set(of)) > 0


async def in_between(
    client: Client, owner: asyncpg.Connection, member: Person, method: str, path: str, body: object
) -> dict[str, Any]:
    """Choose a day, and say something else after it was looked at and before it is written."""
    async with asyncio.TaskGroup() as group, held_up(owner, member.id):
        first = group.create_task(client.request(method, path, json=body))
        await wait_in_line(owner, first)
        chosen = group.create_task(day_of(client))
        await wait_in_line(owner, first, chosen)
    assert first.result().status_code < 300, first.result().text
    return chosen.result()


async def test_a_review_done_while_the_day_is_chosen_is_not_asked_again(
    mine: Client,
    goal: dict[str, Any],
    owner: asyncpg.Connection,
    clock: SettableClock,
    member: Person,
) -> None:
    await practised(mine, goal)
    clock.advance(days=((await due_day(owner)) - TODAY).days)
    await day_of(mine)
    ((review,),) = await reviews(owner, "id")
    path = f"/tasks/{review}"
    today = await in_between(mine, owner, member, "PATCH", path, {"status": "done"})
    assert await reviews(owner, "status") == [("done",)]
    assert str(review) not in {item["id"] for item in today["items"]}


async def test_minutes_spent_while_the_day_is_chosen_are_counted(
    mine: Client, goal: dict[str, Any], owner: asyncpg.Connection, member: Person
) -> None:
    id_ = await practised(mine, goal)
    path = f"/tasks/{id_}/activities"
    today = await in_between(mine, owner, member, "POST", path, {"minutes": 45})
    assert sum(item["minutes"] for item in today["items"]) <= HOLDS - 45


async def test_over_all_goals_a_day_holds_no_more_than_it_holds(
    mine: Client, committed: Hall, member: Person, clock: SettableClock
) -> None:
    goals = [
        (await factories.goal(committed, member.member, minutes_per_day=minutes)).id
        for minutes in (10, 15, 20)
    ]
    for _ in range(5):
        today = await day_of(mine)
        assert sum(item["minutes"] for item in today["items"]) <= today["capacity_minutes"]
        for item in today["items"]:
            ok(await mine.patch(f"/tasks/{item['id']}", json={"status": "done"}))
        clock.advance(days=1)
    tasks = []
    for id_ in goals:
        tasks += [t for t in tasks_of(await planned(mine, id_)) if t["status"] == "open"]
    now = TODAY + timedelta(days=5)
    assert all(m <= HOLDS for day, m in minutes_by_day(tasks).items() if day > now)


async def test_the_fourth_day_within_a_minute_is_refused(client: Client, member: Person) -> None:
    mine = client.of(member)
    for _ in range(3):
        await day_of(mine)
    refused = await mine.post("/tasks/generate", json={})
    problem(refused, 429, "rate_limited")
    assert refused.headers["ratelimit-policy"] == '"tasks";q=3;w=60'


async def test_tasks_are_listed_by_day_page_by_page(
    mine: Client, goal: dict[str, Any], owner: asyncpg.Connection, clock: SettableClock
) -> None:
    day = TODAY + timedelta(days=2)
    await owner.execute("UPDATE tasks SET scheduled_on = $1 WHERE position <= 5", day)
    query: dict[str, Any] = {"date": day.isoformat(), "limit": 2}
    seen: list[str] = []
    while True:
        page = ok(await mine.get("/tasks", params=query))
        seen += [task["id"] for task in page["items"]]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    rows = await owner.fetch("SELECT id FROM tasks WHERE scheduled_on = $1 ORDER BY id", day)
    assert seen == [str(row["id"]) for row in rows]
    # Left undone, they are listed with those of the day after, and nowhere else.
    clock.advance(days=3)
    assert {UUID(id_) for id_ in seen} <= {
        UUID(task["id"]) for task in ok(await mine.get("/tasks"))["items"]
    }
    later = (day + timedelta(days=3)).isoformat()
    assert not set(seen) & {
        task["id"] for task in ok(await mine.get("/tasks", params={"date": later}))["items"]
    }


@pytest.mark.parametrize("day", ["", "today", "2031-02-30", "0000-00-00", "99999-01-01", "\x00"])
async def test_a_list_of_no_day_is_refused(mine: Client, day: str) -> None:
    problem(await mine.get("/tasks", params={"date": day}), 422, "validation_failed")


async def test_without_a_day_it_is_today(mine: Client) -> None:
    assert ok(await mine.post("/tasks/generate"))["date"] == "2031-05-14"
