"""What becomes of tasks: done once and paid once, missed, moved, taken up again, reported."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio

from guildhall.entrypoints.api import create_app, furnish
from guildhall.entrypoints.wiring import WIRING
from guildhall.goals import rules
from guildhall.infra.hall import Hall, open_hall
from guildhall.infra.http.hot import SharedAnswers
from guildhall.infra.settings import RateLimitSettings
from tests import factories
from tests.factories import Person
from tests.goals.at_work import (
    happened,
    held_up,
    ok,
    planned,
    shorten,
    tasks_of,
    unlimited,
    wait_in_line,
)
from tests.infra.test_http import problem
from tests.world import NOON, Client, SettableClock

Settle = Callable[[], Awaitable[None]]
TODAY = NOON.date()
DONE = {"status": "done"}


@pytest_asyncio.fixture
async def mine(application: Any, client: Client, committed: Hall, member: Person) -> Client:
    unlimited(application, committed)
    return client.of(member)


@pytest_asyncio.fixture
async def neighbour(committed: Hall, clock: SettableClock, member: Person) -> AsyncIterator[Client]:
    """The member, at another process of the same hall."""
    free = replace(committed.settings, rate_limit=RateLimitSettings(rate_limit_enabled=False))
    async with open_hall(
        free, committed.endpoints, WIRING, clock=clock, pool_size=8, reach=""
    ) as hall:
        application = create_app(hall.settings)
        furnish(application, hall)
        application.state.shared = SharedAnswers(seconds=0)
        async with Client(application) as client:
            yield client.of(member)


@pytest_asyncio.fixture
async def goal(committed: Hall, member: Person, mine: Client) -> dict[str, Any]:
    """A goal whose plan holds, half an hour a day."""
    made = await factories.goal(committed, member.member)
    return await planned(mine, made.id)


async def say(client: Client, task_id: object, **body: Any) -> Any:
    return await client.patch(f"/tasks/{task_id}", json=body)


async def report(client: Client, task_id: object, **body: Any) -> Any:
    return await client.patch("/progress/update", json={"task_id": str(task_id)} | body)


async def kinds(client: Client, task_id: object) -> list[str]:
    """Give what happened on a task, oldest first."""
    items = ok(await client.get(f"/tasks/{task_id}/activities"))["items"]
    return [item["kind"] for item in reversed(items)]


async def xp(client: Client) -> int:
    return int(ok(await client.get("/progress/me"))["total_xp"])


async def done_today(owner: asyncpg.Connection, day: date = TODAY) -> int:
    found = await owner.fetchval("SELECT done_minutes FROM work_days WHERE local_day = $1", day)
    return int(found or 0)


@pytest.mark.parametrize("difficulty", list(rules.XP))
async def test_a_task_that_is_done_is_paid_by_its_difficulty(
    mine: Client,
    goal: dict[str, Any],
    owner: asyncpg.Connection,
    settle: Settle,
    difficulty: str,
) -> None:
    await owner.execute("UPDATE tasks SET difficulty = $1", difficulty)
    task = ok(await say(mine, tasks_of(goal)[0]["id"], **DONE))
    assert (task["status"], task["percent"]) == ("done", 100)
    assert task["done_at"] is not None
    await settle()
    assert await xp(mine) == rules.XP[difficulty]


async def test_done_undone_and_done_again_a_task_is_paid_once(
    mine: Client, goal: dict[str, Any], owner: asyncpg.Connection, settle: Settle
) -> None:
    id_ = tasks_of(goal)[0]["id"]
    for status in ("done", "open", "done", "missed", "done", "done"):
        assert ok(await say(mine, id_, status=status))["status"] == status
        await settle()
    told = await happened(owner, "goals.task_completed.v1")
    assert [event["cause"] for event in told] == [id_]
    assert await xp(mine) == int(told[0]["xp"]) > 0
    assert (await planned(mine, goal["id"]))["tasks_done"] == 1
    said = ["done", "reopened", "done", "missed", "done"]
    assert await kinds(mine, id_) == said


async def test_done_by_twenty_at_once_a_task_is_done_once(
    mine: Client, goal: dict[str, Any], owner: asyncpg.Connection, settle: Settle
) -> None:
    task = tasks_of(goal)[0]
    answers = await asyncio.gather(*(say(mine, task["id"], **DONE) for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200}
    assert await kinds(mine, task["id"]) == ["done"]
    assert len(await happened(owner, "goals.task_completed.v1")) == 1
    assert await done_today(owner) == task["minutes"]


async def test_a_days_tasks_are_worth_so_much_and_no_more_however_they_come(
    mine: Client,
    goal: dict[str, Any],
    owner: asyncpg.Connection,
    settle: Settle,
    clock: SettableClock,
) -> None:
    await owner.execute("UPDATE tasks SET difficulty = 'hard'")  # Worth 40 each.
    ids = [task["id"] for task in tasks_of(goal)]
    answers = await asyncio.gather(*(say(mine, id_, **DONE) for id_ in ids[:12]))
    assert {answer.status_code for answer in answers} == {200}
    await settle()
    assert await xp(mine) == rules.MOST_XP_A_DAY
    told = await happened(owner, "goals.task_completed.v1")
    assert sorted(int(event["xp"]) for event in told) == [0] * 7 + [40] * 5
    # What was worth nothing on a full day is worth nothing on the next one either.
    clock.advance(days=1)
    paid_nothing = next(event["cause"] for event in told if event["xp"] == "0")
    for status in ("open", "done"):
        ok(await say(mine, paid_nothing, status=status))
    ok(await say(mine, ids[12], **DONE))
    await settle()
    assert await xp(mine) == rules.MOST_XP_A_DAY + 40


async def test_the_last_two_tasks_done_at_once_complete_their_goal_once(
    mine: Client, goal: dict[str, Any], owner: asyncpg.Connection, settle: Settle
) -> None:
    last = await shorten(owner, goal["id"], 2)
    answers = await asyncio.gather(*(say(mine, id_, **DONE) for id_ in last * 5))
    assert {answer.status_code for answer in answers} == {200}
    reached = await planned(mine, goal["id"])
    assert (reached["status"], reached["tasks_done"]) == ("completed", 2)
    assert reached["completed_at"] is not None
    await settle()
    assert len(await happened(owner, "goals.goal_completed.v1")) == 1
    assert len(await happened(owner, "goals.task_completed.v1")) == 2


async def test_a_goal_is_reached_once_though_its_last_task_is_taken_up_again(
    mine: Client, goal: dict[str, Any], owner: asyncpg.Connection, clock: SettableClock
) -> None:
    (last,) = await shorten(owner, goal["id"], 1)
    ok(await say(mine, last, **DONE))
    first = await planned(mine, goal["id"])
    assert first["status"] == "completed"
    clock.advance(hours=1)
    ok(await say(mine, last, status="open"))
    reopened = await planned(mine, goal["id"])
    assert (reopened["status"], reopened["completed_at"]) == ("active", None)
    ok(await say(mine, last, **DONE))
    again = await planned(mine, goal["id"])
    assert (again["status"], again["completed_at"]) == ("completed", first["completed_at"])
    assert len(await happened(owner, "goals.goal_completed.v1")) == 1


async def test_of_a_completed_goal_nothing_else_is_said(
    mine: Client, goal: dict[str, Any], owner: asyncpg.Connection
) -> None:
    first, last = await shorten(owner, goal["id"], 2)
    for id_ in (first, last):
        ok(await say(mine, id_, **DONE))
    ok(await say(mine, last, **DONE))  # Sent again, for the answer was lost.
    problem(await say(mine, last, status="missed"), 409, "goal_closed")
    problem(await say(mine, last, minutes=10), 409, "goal_closed")
    ok(await mine.post(f"/tasks/{last}/activities", json={"note": "It was worth it."}), 201)


async def test_a_task_of_a_goal_given_up_is_refused(mine: Client, goal: dict[str, Any]) -> None:
    id_ = tasks_of(goal)[0]["id"]
    ok(await mine.patch(f"/goals/{goal['id']}", json={"status": "abandoned"}))
    for body in (DONE, {"status": "open"}, {"minutes": 5}, {"status": "missed"}):
        problem(await say(mine, id_, **body), 409, "goal_closed")
        problem(await report(mine, id_, **body), 409, "goal_closed")


async def test_a_dropped_task_is_closed(
    mine: Client, goal: dict[str, Any], owner: asyncpg.Connection
) -> None:
    await shorten(owner, goal["id"], 1)
    id_ = tasks_of(goal)[1]["id"]
    problem(await say(mine, id_, **DONE), 409, "task_closed")
    problem(await report(mine, id_, percent=10), 409, "task_closed")
    problem(await mine.post(f"/tasks/{id_}/activities", json={"note": "x"}), 409, "task_closed")


@pytest.mark.parametrize(
    "body",
    [
        {"status": "dropped"},
        {"status": "DONE"},
        {"status": None, "xp": 1000},
        {"minutes": -1},
        {"minutes": 1441},
        {"minutes": 10**30},
        {"minutes": "ten"},
        {"minutes": 0.5},
        {"passed": None},
        {"scheduled_on": "soon"},
        {"scheduled_on": "9999-12-31"},
        {"scheduled_on": 10**20},
        {"percent": 50},
    ],
    ids=str,
)
async def test_what_makes_no_sense_of_a_task_is_refused(
    mine: Client, goal: dict[str, Any], body: dict[str, Any]
) -> None:
    problem(await say(mine, tasks_of(goal)[0]["id"], **body), 422, "validation_failed")
    assert await planned(mine, goal["id"]) == goal


@pytest.mark.parametrize(
    "body",
    [
        {"percent": -1},
        {"percent": 101},
        {"percent": 10**30},
        {"percent": "half"},
        {"minutes": -1},
        {"minutes": 1441},
        {"status": "dropped"},
        {"scheduled_on": "2031-06-01"},
        {"task_id": "a"},
        {"task_id": None},
    ],
    ids=str,
)
async def test_a_report_that_makes_no_sense_is_refused(
    mine: Client, goal: dict[str, Any], body: dict[str, Any]
) -> None:
    said = {"task_id": tasks_of(goal)[0]["id"]} | body
    problem(await mine.patch("/progress/update", json=said), 422, "validation_failed")
    assert await planned(mine, goal["id"]) == goal


@pytest.mark.parametrize(
    "body", [{}, {"minutes": 0}, {"note": ""}, {"note": "   "}, {"note": "\x00"}, {"kind": "done"}]
)
async def test_an_activity_says_something(
    mine: Client, goal: dict[str, Any], body: dict[str, Any]
) -> None:
    id_ = tasks_of(goal)[0]["id"]
    problem(await mine.post(f"/tasks/{id_}/activities", json=body), 422, "validation_failed")
    assert await kinds(mine, id_) == []


async def test_activities_are_added_up_and_listed_newest_first(
    mine: Client, goal: dict[str, Any], owner: asyncpg.Connection
) -> None:
    id_ = tasks_of(goal)[0]["id"]
    for body in ({"minutes": 10}, {"minutes": 5, "note": "Slow"}, {"note": "A word"}):
        ok(await mine.post(f"/tasks/{id_}/activities", json=body), 201)
    page = ok(await mine.get(f"/tasks/{id_}/activities", params={"limit": 2}))
    assert [(item["kind"], item["minutes"], item["note"]) for item in page["items"]] == [
        ("noted", None, "A word"),
        ("worked", 5, "Slow"),
    ]
    rest = ok(await mine.get(f"/tasks/{id_}/activities", params={"cursor": page["next_cursor"]}))
    assert [item["minutes"] for item in rest["items"]] == [10]
    assert await done_today(owner) == 15
    task = ok(await mine.get("/tasks"))["items"][0]
    assert task["spent_minutes"] == 15


# What was said of a task of thirty minutes, and the minutes that its day has then.
@pytest.mark.parametrize(
    ("said", "minutes"),
    [
        ([DONE], 30),
        ([{"status": "done", "minutes": 50}], 50),
        ([{"status": "done", "minutes": 0}], 30),
        ([{"minutes": 10}, DONE], 10),
        ([DONE, {"minutes": 45}], 45),
        ([DONE, {"status": "open"}], 0),
        ([DONE, {"minutes": 45}, {"status": "open"}], 45),
        ([DONE, {"status": "open"}, DONE, {"status": "missed"}], 0),
        ([{"status": "missed"}], 0),
    ],
    ids=str,
)
async def test_a_day_has_the_minutes_that_were_spent_or_else_planned(
    mine: Client,
    goal: dict[str, Any],
    owner: asyncpg.Connection,
    said: list[dict[str, Any]],
    minutes: int,
) -> None:
    await owner.execute("UPDATE tasks SET minutes = 30")
    for body in said:
        ok(await say(mine, tasks_of(goal)[0]["id"], **body))
    assert await done_today(owner) == minutes


async def test_what_is_taken_back_on_another_day_is_taken_from_its_own(
    mine: Client, goal: dict[str, Any], owner: asyncpg.Connection, clock: SettableClock
) -> None:
    task = tasks_of(goal)[0]
    ok(await say(mine, task["id"], **DONE))
    clock.advance(days=1)
    ok(await say(mine, task["id"], status="open"))
    ok(await say(mine, task["id"], **DONE))
    assert await done_today(owner) == 0
    assert await done_today(owner, TODAY + timedelta(days=1)) == task["minutes"]


@pytest.mark.parametrize(
    ("days", "error"), [(-1, "day_past"), (-400, "day_past"), (181, "day_beyond_deadline")]
)
async def test_a_task_moves_neither_into_the_past_nor_beyond_the_deadline(
    mine: Client, goal: dict[str, Any], days: int, error: str
) -> None:
    day = (TODAY + timedelta(days=days)).isoformat()
    problem(await say(mine, tasks_of(goal)[0]["id"], scheduled_on=day), 422, error)
    assert await planned(mine, goal["id"]) == goal


@pytest.mark.parametrize("days", [0, 1, 180])
@pytest.mark.parametrize("before", ["open", "missed", "done"])
async def test_a_task_that_moves_is_open_again(
    mine: Client, goal: dict[str, Any], before: str, days: int
) -> None:
    task = tasks_of(goal)[1]  # It is for tomorrow.
    ok(await say(mine, task["id"], status=before))
    day = (TODAY + timedelta(days=days)).isoformat()
    moved = ok(await say(mine, task["id"], status="open", scheduled_on=day))
    assert (moved["status"], moved["scheduled_on"]) == ("open", day)
    moves = 1 if day != task["scheduled_on"] else 0
    assert (await kinds(mine, task["id"])).count("moved") == moves


async def test_after_the_deadline_a_task_can_still_be_for_today(
    mine: Client, goal: dict[str, Any], clock: SettableClock
) -> None:
    clock.advance(days=200)
    today = (TODAY + timedelta(days=200)).isoformat()
    id_ = tasks_of(goal)[0]["id"]
    assert ok(await say(mine, id_, scheduled_on=today))["scheduled_on"] == today
    later = (TODAY + timedelta(days=201)).isoformat()
    problem(await say(mine, id_, scheduled_on=later), 422, "day_beyond_deadline")


async def test_progress_is_percent_and_minutes(mine: Client, goal: dict[str, Any]) -> None:
    id_ = tasks_of(goal)[0]["id"]
    task = ok(await report(mine, id_, percent=40, minutes=10))
    assert (task["status"], task["percent"], task["spent_minutes"]) == ("open", 40, 10)
    task = ok(await report(mine, id_, percent=30))
    assert (task["percent"], task["spent_minutes"]) == (30, 10)


async def test_all_of_a_task_is_the_task(
    mine: Client, goal: dict[str, Any], settle: Settle
) -> None:
    id_ = tasks_of(goal)[0]["id"]
    task = ok(await report(mine, id_, percent=100, minutes=25))
    assert (task["status"], task["percent"], task["spent_minutes"]) == ("done", 100, 25)
    await settle()
    assert await xp(mine) > 0
    reopened = ok(await report(mine, id_, status="open", percent=60))
    assert (reopened["status"], reopened["percent"]) == ("open", 60)


async def test_the_same_report_counts_once_while_it_is_remembered(
    mine: Client, goal: dict[str, Any], committed: Hall, member: Person
) -> None:
    id_ = tasks_of(goal)[0]["id"]
    first = await report(mine, id_, minutes=10)
    assert (await report(mine, id_, minutes=10)).content == first.content
    key = f"cache:progress:{member.id}:{id_}"
    assert 0 < await committed.redis.ttl(key) <= 15
    await committed.redis.delete(key)  # Fifteen seconds later.
    assert ok(await report(mine, id_, minutes=10))["spent_minutes"] == 20


async def test_another_report_counts_and_so_does_the_first_after_it(
    mine: Client, goal: dict[str, Any]
) -> None:
    first, second = (task["id"] for task in tasks_of(goal)[:2])
    spent = [
        ok(await report(mine, id_, minutes=minutes))["spent_minutes"]
        for id_, minutes in ((first, 10), (first, 11), (first, 11), (first, 10), (second, 10))
    ]
    assert spent == [10, 21, 21, 31, 10]


async def test_a_change_in_between_makes_a_report_a_new_one(
    mine: Client, goal: dict[str, Any]
) -> None:
    id_ = tasks_of(goal)[0]["id"]
    assert ok(await report(mine, id_, **DONE))["status"] == "done"
    ok(await say(mine, id_, status="open"))
    assert ok(await report(mine, id_, **DONE))["status"] == "done"


async def test_the_same_report_at_once_in_two_processes_counts_once(
    mine: Client, neighbour: Client, goal: dict[str, Any]
) -> None:
    id_ = tasks_of(goal)[0]["id"]
    doors = [mine, neighbour] * 10
    answers = await asyncio.gather(*(report(door, id_, minutes=7) for door in doors))
    assert {answer.status_code for answer in answers} == {200}
    assert {answer.json()["spent_minutes"] for answer in answers} == {7}
    assert await kinds(mine, id_) == ["worked"]


async def test_different_reports_at_once_all_count(mine: Client, goal: dict[str, Any]) -> None:
    id_ = tasks_of(goal)[0]["id"]
    answers = await asyncio.gather(*(report(mine, id_, minutes=n) for n in range(1, 11)))
    assert {answer.status_code for answer in answers} == {200}
    assert ok(await mine.get("/tasks"))["items"][0]["spent_minutes"] == sum(range(1, 11))


async def test_the_same_words_of_another_member_are_their_own(
    mine: Client, goal: dict[str, Any], other: Person
) -> None:
    id_ = tasks_of(goal)[0]["id"]
    ok(await report(mine, id_, minutes=10))
    problem(await report(mine.of(other), id_, minutes=10), 404, "task_not_found")


async def test_a_refusal_is_not_remembered(mine: Client, goal: dict[str, Any]) -> None:
    id_ = tasks_of(goal)[0]["id"]
    ok(await mine.patch(f"/goals/{goal['id']}", json={"status": "abandoned"}))
    problem(await report(mine, id_, minutes=10), 409, "goal_closed")
    ok(await mine.patch(f"/goals/{goal['id']}", json={"status": "active"}))
    assert ok(await report(mine, id_, minutes=10))["spent_minutes"] == 10


async def test_more_than_twenty_reports_a_minute_are_refused(
    client: Client, committed: Hall, member: Person
) -> None:
    made = await factories.goal(committed, member.member)
    mine = client.of(member)
    id_ = tasks_of(await planned(mine, made.id))[0]["id"]
    answers = await asyncio.gather(*(report(mine, id_, percent=n) for n in range(60)))
    taken = [answer for answer in answers if answer.status_code == 200]
    refused = [answer for answer in answers if answer.status_code != 200]
    assert len(taken) >= 20
    assert refused  # A place comes free every three seconds, so it is not told how many.
    for answer in refused:
        problem(answer, 429, "rate_limited")
        assert answer.headers["ratelimit-policy"] == '"progress";q=20;w=60'
        assert int(answer.headers["retry-after"]) >= 1


async def test_a_task_taken_up_again_needs_a_place_for_its_goal(
    mine: Client, goal: dict[str, Any], owner: asyncpg.Connection, member: Person
) -> None:
    (last,) = await shorten(owner, goal["id"], 1)
    ok(await say(mine, last, **DONE))
    await owner.executemany(
        "INSERT INTO goals (user_id, id, title, description, deadline, status, last_version,"
        " created_at, updated_at) VALUES ($1, $2, 'One more', '', $3, 'proposed', 0, $4, $4)",
        [
            (member.id, UUID(int=n), TODAY + timedelta(days=30), NOON)
            for n in range(rules.MOST_GOALS)
        ],
    )
    problem(await say(mine, last, status="open"), 409, "too_many_goals")


async def test_whoever_does_moves_chooses_and_plans_at_once_waits_for_nobody_for_ever(
    mine: Client, goal: dict[str, Any], owner: asyncpg.Connection, committed: Hall, member: Person
) -> None:
    """Everything that takes locks, against each other: nothing ends in a deadlock."""
    await owner.execute("UPDATE tasks SET kind = 'practise'")
    tasks = tasks_of(goal)
    second = await factories.goal(committed, member.member, minutes_per_day=20, accepted=False)
    tomorrow = (TODAY + timedelta(days=1)).isoformat()
    calls = []
    for number, task in enumerate(tasks[:10]):
        calls += [
            say(mine, task["id"], **DONE),
            say(mine, task["id"], status="open", scheduled_on=tomorrow),
            mine.post(f"/tasks/{task['id']}/activities", json={"minutes": number + 1}),
            mine.patch(f"/goals/{goal['id']}", json={"title": f"Spanish {number}"}),
        ]
    calls += [mine.post("/tasks/generate", json={}) for _ in range(4)]
    calls += [mine.post("/reschedulings") for _ in range(2)]
    calls += [mine.post(f"/goals/{second.id}/plan/accept", json={"version": 1})]
    answers = await asyncio.gather(*calls)
    assert {answer.status_code for answer in answers} <= {200, 201, 409}, [
        answer.text for answer in answers if answer.status_code >= 500
    ]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "/tasks/{task}", DONE),
        ("PATCH", "/progress/update", {"task_id": "{task}", "minutes": 5}),
        ("POST", "/tasks/{task}/activities", {"minutes": 5}),
        ("PATCH", "/goals/{goal}", {"title": "Another one"}),
        ("DELETE", "/goals/{goal}", None),
        ("POST", "/goals", {"title": "Another one", "deadline": "2031-12-01"}),
        ("POST", "/goals/{goal}/plan/accept", {"version": 1}),
        ("POST", "/tasks/generate", {}),
        ("POST", "/reschedulings", None),
        ("POST", "/reschedulings/{preview}/accept", None),
    ],
)
async def test_whoever_changes_a_schedule_holds_nothing_while_waiting_for_it(
    mine: Client,
    goal: dict[str, Any],
    owner: asyncpg.Connection,
    member: Person,
    method: str,
    path: str,
    body: dict[str, Any] | None,
) -> None:
    """Or two could wait for each other: one lock comes before all others."""
    ok(await say(mine, tasks_of(goal)[1]["id"], status="missed"))
    preview = ok(await mine.post("/reschedulings"), 201)
    names = {"task": tasks_of(goal)[0]["id"], "goal": goal["id"], "preview": preview["id"]}
    said = {
        key: value.format(**names) if key == "task_id" else value
        for key, value in (body or {}).items()
    }
    call = mine.request(method, path.format(**names), json=None if body is None else said)
    async with asyncio.TaskGroup() as group, held_up(owner, member.id):
        answer = group.create_task(call)
        pids = await wait_in_line(owner, answer)
        held = await owner.fetch(
            "SELECT relation::regclass::text AS held, mode FROM pg_locks"
            " WHERE pid = ANY($1) AND locktype = 'relation'"
            " AND mode IN ('RowShareLock', 'RowExclusiveLock')",
            pids,
        )
    assert [tuple(row.values()) for row in held] == []
    assert answer.result().status_code < 300, answer.result().text
