"""New days for what was missed: a preview, and nothing moves before it is accepted."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from guildhall.goals.tasks import close_days
from guildhall.infra.hall import Hall
from guildhall.kernel.ids import new_id
from tests import factories
from tests.factories import Person
from tests.goals.at_work import minutes_by_day, ok, planned, tasks_of, unlimited
from tests.infra.test_http import problem
from tests.world import NOON, Client, SettableClock

Settle = Callable[[], Awaitable[None]]
TODAY = NOON.date()


@pytest_asyncio.fixture
async def mine(application: Any, client: Client, committed: Hall, member: Person) -> Client:
    unlimited(application, committed)
    return client.of(member)


@pytest_asyncio.fixture
async def goal(committed: Hall, member: Person, mine: Client) -> dict[str, Any]:
    """A goal whose plan holds, half an hour a day."""
    made = await factories.goal(committed, member.member)
    return await planned(mine, made.id)


async def preview(client: Client) -> dict[str, Any]:
    found: dict[str, Any] = ok(await client.post("/reschedulings"), 201)
    return found


async def accept(client: Client, shown: dict[str, Any]) -> Any:
    return await client.post(f"/reschedulings/{shown['id']}/accept")


async def days_of(client: Client, goal: dict[str, Any]) -> dict[str, str | None]:
    now = await planned(client, goal["id"])
    return {task["id"]: task["scheduled_on"] for task in tasks_of(now)}


async def miss(client: Client, goal: dict[str, Any], number: int = 1) -> list[str]:
    ids: list[str] = [task["id"] for task in tasks_of(goal)[:number]]
    for id_ in ids:
        ok(await client.patch(f"/tasks/{id_}", json={"status": "missed"}))
    return ids


async def test_where_all_is_well_nothing_is_moved(mine: Client, goal: dict[str, Any]) -> None:
    problem(await mine.post("/reschedulings"), 409, "nothing_to_reschedule")
    assert ok(await mine.get("/reschedulings"))["items"] == []


async def test_who_has_no_goals_has_nothing_to_move(mine: Client) -> None:
    problem(await mine.post("/reschedulings"), 409, "nothing_to_reschedule")


async def test_a_preview_moves_nothing_and_accepted_it_moves_what_it_says(
    mine: Client, goal: dict[str, Any]
) -> None:
    before = await days_of(mine, goal)
    (id_,) = await miss(mine, goal)
    shown = await preview(mine)
    assert await days_of(mine, goal) == before
    assert shown["state"] == "proposed"
    moves = {move["task_id"]: move for move in shown["moves"]}
    assert moves[id_]["was_on"] == TODAY.isoformat()
    assert moves[id_]["moves_to"] > TODAY.isoformat()  # Today was given up.
    assert ok(await mine.get("/reschedulings"))["items"] == [shown]
    assert ok(await accept(mine, shown))["state"] == "accepted"
    moved = {task_id: move["moves_to"] for task_id, move in moves.items()}
    assert await days_of(mine, goal) == before | moved
    tasks = tasks_of(await planned(mine, goal["id"]))
    assert {task["status"] for task in tasks} == {"open"}
    assert max(minutes_by_day(tasks).values()) <= 54
    assert ok(await mine.get("/reschedulings"))["items"] == []
    problem(await mine.post("/reschedulings"), 409, "nothing_to_reschedule")


async def test_moved_tasks_keep_their_order_rest_days_and_deadline(
    mine: Client, goal: dict[str, Any], clock: SettableClock, committed: Hall
) -> None:
    ok(await mine.patch("/users/me", json={"rest_days": [5, 6]}))
    clock.advance(days=4)
    await close_days(factories.task_run(committed))
    ok(await accept(mine, await preview(mine)))
    tasks = {task["id"]: task for task in tasks_of(await planned(mine, goal["id"]))}
    placed = [task for task in tasks.values() if task["scheduled_on"] is not None]
    assert len(placed) > len(tasks) // 2
    for task in placed:
        day = date.fromisoformat(task["scheduled_on"])
        assert TODAY + timedelta(days=4) <= day <= date.fromisoformat(goal["deadline"])
        assert day.weekday() < 5
        for other in task["depends_on"]:
            assert tasks[other]["scheduled_on"] <= task["scheduled_on"]


async def test_accepting_twice_changes_nothing(mine: Client, goal: dict[str, Any]) -> None:
    await miss(mine, goal)
    shown = await preview(mine)
    answers = await asyncio.gather(*(accept(mine, shown) for _ in range(10)))
    assert {answer.status_code for answer in answers} == {200}
    after = await days_of(mine, goal)
    first = tasks_of(goal)[0]["id"]
    ok(await mine.patch(f"/tasks/{first}", json={"status": "done"}))
    ok(await accept(mine, shown))
    assert await days_of(mine, goal) == after
    kinds = [item["kind"] for item in ok(await mine.get(f"/tasks/{first}/activities"))["items"]]
    assert kinds.count("moved") == 1


async def test_a_newer_preview_takes_the_place_of_an_older(
    mine: Client, goal: dict[str, Any], owner: asyncpg.Connection
) -> None:
    await miss(mine, goal)
    first, second = await preview(mine), await preview(mine)
    problem(await accept(mine, first), 409, "rescheduling_stale")
    ok(await accept(mine, second))
    states = await owner.fetch("SELECT state FROM reschedulings ORDER BY id")
    assert [row["state"] for row in states] == ["overtaken", "accepted"]


async def test_previews_asked_for_at_once_leave_one(
    mine: Client, goal: dict[str, Any], owner: asyncpg.Connection
) -> None:
    await miss(mine, goal)
    answers = await asyncio.gather(*(mine.post("/reschedulings") for _ in range(6)))
    assert {answer.status_code for answer in answers} == {201}
    waiting = await owner.fetchval("SELECT count(*) FROM reschedulings WHERE state = 'proposed'")
    assert waiting == 1


@pytest.mark.parametrize("change", ["done", "moved", "given up", "deadline", "days passed"])
async def test_a_preview_is_stale_once_its_tasks_have_changed(
    mine: Client, goal: dict[str, Any], clock: SettableClock, change: str
) -> None:
    (id_,) = await miss(mine, goal)
    ok(await mine.patch("/users/me", json={"rest_days": [3, 4]}))  # The next two days.
    shown = await preview(mine)
    if change == "done":
        ok(await mine.patch(f"/tasks/{id_}", json={"status": "done"}))
    elif change == "moved":
        day = (TODAY + timedelta(days=9)).isoformat()
        ok(await mine.patch(f"/tasks/{id_}", json={"scheduled_on": day}))
    elif change == "given up":
        ok(await mine.patch(f"/goals/{goal['id']}", json={"status": "abandoned"}))
    elif change == "deadline":
        assert all(move["moves_to"] > "2031-05-16" for move in shown["moves"])
        ok(await mine.patch(f"/goals/{goal['id']}", json={"deadline": "2031-05-16"}))
    else:
        clock.advance(days=30)
    before_it = await days_of(mine, goal)
    problem(await accept(mine, shown), 409, "rescheduling_stale")
    assert await days_of(mine, goal) == before_it


async def test_a_preview_is_stale_when_another_plan_has_taken_its_room(
    mine: Client, goal: dict[str, Any], committed: Hall, member: Person
) -> None:
    await miss(mine, goal)
    shown = await preview(mine)
    second = await factories.goal(committed, member.member, minutes_per_day=60)
    taken = minutes_by_day(tasks_of(await planned(mine, second.id)))
    assert taken, "the other plan must take what was left"
    problem(await accept(mine, shown), 409, "rescheduling_stale")
    fresh = await preview(mine)
    ok(await accept(mine, fresh))
    tasks = [
        task
        for id_ in (goal["id"], second.id)
        for task in tasks_of(await planned(mine, id_))
        if task["status"] == "open"
    ]
    assert {day: m for day, m in minutes_by_day(tasks).items() if m > 54} == {}


async def test_what_finds_no_day_is_said_and_stands_on_none(
    mine: Client, goal: dict[str, Any], clock: SettableClock, committed: Hall
) -> None:
    deadline = date.fromisoformat(goal["deadline"])
    clock.advance(days=(deadline - TODAY).days - 3)
    await close_days(factories.task_run(committed))
    (shown,) = ok(await mine.get("/reschedulings"))["items"]
    assert shown["unplaced"]
    assert all(unplaced["why"] for unplaced in shown["unplaced"])
    ok(await accept(mine, shown))
    after = await days_of(mine, goal)
    assert {unplaced["id"] for unplaced in shown["unplaced"]} == {
        id_ for id_, day in after.items() if day is None
    }
    said = (await planned(mine, goal["id"]))["plan"]["unplaced"]
    assert {task["id"] for task in said} == {task["id"] for task in shown["unplaced"]}
    for move in shown["moves"]:
        assert after[move["task_id"]] == move["moves_to"]


async def test_reviews_of_a_day_leave_less_of_it(
    mine: Client, goal: dict[str, Any], owner: asyncpg.Connection, clock: SettableClock
) -> None:
    await owner.execute("UPDATE tasks SET kind = 'practise', minutes = 20")
    first = tasks_of(goal)[0]["id"]
    ok(await mine.patch(f"/tasks/{first}", json={"status": "done"}))
    due = await owner.fetchval("SELECT due_day FROM review_cards")
    clock.advance(days=(due - TODAY).days)
    ok(await mine.post("/tasks/generate", json={}))
    await owner.execute("UPDATE tasks SET minutes = 50 WHERE kind = 'review'")
    shown = await preview(mine)  # Today is full with it.
    ok(await accept(mine, shown))
    tasks = await owner.fetch(
        "SELECT kind, minutes FROM tasks WHERE status = 'open' AND scheduled_on = $1", due
    )
    assert [row["kind"] for row in tasks] == ["review"]


async def test_a_preview_that_is_not_there_is_not_found(mine: Client) -> None:
    problem(await accept(mine, {"id": new_id()}), 404, "rescheduling_not_found")
    problem(await accept(mine, {"id": "soon"}), 422, "validation_failed")


async def test_the_seventh_preview_within_a_minute_is_refused(
    client: Client, committed: Hall, member: Person
) -> None:
    made = await factories.goal(committed, member.member)
    mine = client.of(member)
    await miss(mine, await planned(mine, made.id))
    for _ in range(6):
        await preview(mine)
    problem(await mine.post("/reschedulings"), 429, "rate_limited")


async def test_a_preview_is_stale_once_its_order_would_not_hold(
    mine: Client, goal: dict[str, Any]
) -> None:
    (first,) = await miss(mine, goal)
    shown = await preview(mine)
    moved = {move["task_id"] for move in shown["moves"]}
    after = next(
        task["id"]
        for task in tasks_of(goal)
        if first in task["depends_on"] and task["id"] not in moved
    )
    ok(await mine.patch(f"/tasks/{after}", json={"scheduled_on": TODAY.isoformat()}))
    problem(await accept(mine, shown), 409, "rescheduling_stale")
    assert (await days_of(mine, goal))[first] == TODAY.isoformat()
    ok(await accept(mine, await preview(mine)))
    days = await days_of(mine, goal)
    assert days[first] is not None
    assert days[after] is not None
    assert days[first] <= days[after]


async def test_what_found_no_day_and_was_given_one_by_hand_keeps_it(
    mine: Client, goal: dict[str, Any], owner: asyncpg.Connection
) -> None:
    last = tasks_of(goal)[-1]["id"]
    await owner.execute("UPDATE tasks SET minutes = 600 WHERE id = $1", last)
    shown = await preview(mine)
    assert [unplaced["id"] for unplaced in shown["unplaced"]] == [last]
    deadline = goal["deadline"]
    ok(await mine.patch(f"/tasks/{last}", json={"scheduled_on": deadline}))
    problem(await accept(mine, shown), 409, "rescheduling_stale")
    assert (await days_of(mine, goal))[last] == deadline


async def test_what_is_taken_up_again_after_its_day_is_for_today(
    mine: Client, goal: dict[str, Any], clock: SettableClock, committed: Hall
) -> None:
    id_ = tasks_of(goal)[0]["id"]
    clock.advance(days=2)
    await close_days(factories.task_run(committed))
    reopened = ok(await mine.patch(f"/tasks/{id_}", json={"status": "open"}))
    today = (TODAY + timedelta(days=2)).isoformat()
    assert (reopened["status"], reopened["scheduled_on"]) == ("open", today)
    assert (await close_days(factories.task_run(committed)))["missed"] == 0
    clock.advance(days=1)
    assert (await close_days(factories.task_run(committed)))["missed"] >= 1
