"""Goals over HTTP: what is taken down, what is refused, and who sees it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio

from guildhall.entrypoints.api import create_app, furnish
from guildhall.entrypoints.wiring import WIRING
from guildhall.goals import rules
from guildhall.goals.tasks import take_up_lost
from guildhall.infra.hall import Hall, open_hall
from guildhall.infra.http.hot import SharedAnswers
from guildhall.kernel.ids import new_id
from tests import factories
from tests.factories import Person
from tests.goals.at_work import ok, planned, statements, tasks_of, unlimited
from tests.infra.test_http import problem
from tests.world import NOON, Client, SettableClock

Settle = Callable[[], Awaitable[None]]
TODAY = NOON.date()
GOAL = {"title": "Bake good bread", "deadline": (TODAY + timedelta(days=60)).isoformat()}


@pytest_asyncio.fixture
async def mine(application: Any, client: Client, committed: Hall, member: Person) -> Client:
    """A client of the member, without limits a minute."""
    unlimited(application, committed)
    return client.of(member)


@pytest_asyncio.fixture
async def neighbour(committed: Hall, clock: SettableClock) -> AsyncIterator[Client]:
    """Another process of the same hall: its own pools, the same database and Redis."""
    async with open_hall(
        committed.settings, committed.endpoints, WIRING, clock=clock, pool_size=2, reach=""
    ) as hall:
        application = create_app(hall.settings)
        furnish(application, hall)
        application.state.shared = SharedAnswers(seconds=0)
        async with Client(application) as client:
            yield client


async def fill(owner: asyncpg.Connection, person: Person, number: int) -> None:
    """Give somebody so many goals at once."""
    await owner.executemany(
        "INSERT INTO goals (user_id, id, title, description, deadline, status, last_version,"
        " created_at, updated_at) VALUES ($1, $2, 'One more', '', $3, 'proposed', 0, $4, $4)",
        [(person.id, new_id(), TODAY + timedelta(days=30), NOON) for _ in range(number)],
    )


async def goals_in(owner: asyncpg.Connection) -> int:
    return int(await owner.fetchval("SELECT count(*) FROM goals"))


@pytest.mark.parametrize(
    "change",
    [
        {"title": None},
        {"title": 7},
        {"title": "ab"},
        {"title": "   a   "},
        {"title": "x" * 201},
        {"title": "Bread\x00"},
        {"title": "Bread \ud800"},
        {"title": ["Bake", "bread"]},
        {"description": None},
        {"description": "x" * 5_001},
        {"description": "\x00"},
        {"deadline": None},
        {"deadline": "tomorrow"},
        {"deadline": "2031-02-30"},
        {"deadline": 10**30},
        {"deadline": "9999-12-31"},
        {"deadline": "-0001-01-01"},
        {"minutes_per_day": 4},
        {"minutes_per_day": 961},
        {"minutes_per_day": 10**30},
        {"minutes_per_day": -30},
        {"minutes_per_day": 30.5},
        {"minutes_per_day": "half an hour"},
        {"minutes_per_day": {"a": 1}},
        {"domain": ""},
        {"domain": "x" * 101},
        {"domain": "a\x00"},
        {"template": 3},
        {"template": "a\x00"},
        {"status": "active"},
        {"user_id": str(UUID(int=1))},
    ],
    ids=str,
)
async def test_what_is_no_goal_is_refused_and_nothing_is_kept(
    mine: Client, owner: asyncpg.Connection, change: dict[str, Any]
) -> None:
    # A lone surrogate is no text, but JSON can say it in ASCII.
    body, kind = json.dumps(GOAL | change), {"content-type": "application/json"}
    problem(await mine.post("/goals", content=body, headers=kind), 422, "validation_failed")
    assert await goals_in(owner) == 0


@pytest.mark.parametrize("body", ["null", "[]", '"a"', "{", "", "1e999", "[" * 5000])
async def test_a_body_that_is_no_object_is_refused(
    mine: Client, owner: asyncpg.Connection, body: str
) -> None:
    answer = await mine.post("/goals", content=body, headers={"content-type": "application/json"})
    assert answer.status_code in (400, 422)
    assert await goals_in(owner) == 0


@pytest.mark.parametrize(
    ("days", "taken"),
    [(-1, False), (0, False), (1, True), (365, True), (1827, True), (1828, False), (30_000, False)],
)
async def test_a_deadline_is_at_least_tomorrow_and_at_most_five_years_away(
    mine: Client, days: int, taken: bool
) -> None:
    assert TODAY + timedelta(days=1827) == TODAY.replace(year=TODAY.year + 5)
    deadline = (TODAY + timedelta(days=days)).isoformat()
    answer = await mine.post("/goals", json=GOAL | {"deadline": deadline})
    if taken:
        ok(answer, 202)
    else:
        problem(answer, 422, "deadline_out_of_reach")


async def test_today_is_the_members_own_day(
    application: Any, client: Client, committed: Hall, clock: SettableClock
) -> None:
    unlimited(application, committed)
    east = await factories.person(committed, time_zone="Pacific/Kiritimati")  # 02:00 on the 15th
    west = await factories.person(committed, time_zone="Pacific/Niue")
    tomorrow = (TODAY + timedelta(days=1)).isoformat()
    refused = await client.of(east).post("/goals", json=GOAL | {"deadline": tomorrow})
    problem(refused, 422, "deadline_out_of_reach")
    ok(await client.of(west).post("/goals", json=GOAL | {"deadline": tomorrow}), 202)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"domain": "alchemy"}, "goal_domain_unknown"),
        ({"template": "philosophers-stone"}, "template_unknown"),
    ],
)
async def test_what_nobody_knows_is_refused(
    mine: Client, owner: asyncpg.Connection, change: dict[str, str], error: str
) -> None:
    problem(await mine.post("/goals", json=GOAL | change), 422, error)
    assert await goals_in(owner) == 0


async def test_a_goal_is_planned_in_the_background(
    mine: Client, settle: Settle, committed: Hall
) -> None:
    begun = ok(await mine.post("/goals", json=GOAL | {"title": "  Bake good bread  "}), 202)
    waiting = await planned(mine, begun["id"])
    assert begun["status"] == waiting["status"] == "analysing"
    assert (waiting["planning"], waiting["plan"], waiting["findings"]) == (True, None, None)
    await settle()
    goal = await planned(mine, begun["id"])
    assert (goal["status"], goal["planning"], goal["title"]) == (
        "proposed",
        False,
        "Bake good bread",
    )
    assert goal["plan"]["provider"] == goal["findings"]["provider"] == "offline"
    assert goal["proposal"] is None
    assert (goal["tasks_done"], goal["tasks_total"]) == (0, 0)


async def test_the_fifty_first_goal_is_refused_until_one_is_given_up(
    mine: Client, owner: asyncpg.Connection, member: Person
) -> None:
    await fill(owner, member, rules.MOST_GOALS)
    problem(await mine.post("/goals", json=GOAL), 409, "too_many_goals")
    first = ok(await mine.get("/goals"))["items"][0]["id"]
    ok(await mine.patch(f"/goals/{first}", json={"status": "abandoned"}))
    ok(await mine.post("/goals", json=GOAL), 202)
    # And the one that was given up cannot be taken up beside fifty others.
    again = await mine.patch(f"/goals/{first}", json={"status": "active"})
    problem(again, 409, "too_many_goals")


async def test_of_many_at_once_only_the_fiftieth_goal_is_taken(
    mine: Client, owner: asyncpg.Connection, member: Person
) -> None:
    await fill(owner, member, rules.MOST_GOALS - 1)
    answers = await asyncio.gather(*(mine.post("/goals", json=GOAL) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [202] + [409] * 7
    assert await goals_in(owner) == rules.MOST_GOALS


async def test_a_goal_sent_twice_under_one_key_is_one_goal(
    mine: Client, owner: asyncpg.Connection
) -> None:
    key = {"Idempotency-Key": "bread-1"}
    first = await mine.post("/goals", json=GOAL, headers=key)
    second = await mine.post("/goals", json=GOAL, headers=key)
    assert (first.status_code, first.content) == (second.status_code, second.content)
    assert await goals_in(owner) == 1
    assert await owner.fetchval("SELECT count(*) FROM task_executions") == 1
    another = await mine.post("/goals", json=GOAL | {"title": "Bake cakes"}, headers=key)
    problem(another, 422, "idempotency_mismatch")


async def test_the_sixth_goal_within_a_minute_is_refused_in_any_process(
    client: Client, neighbour: Client, member: Person, other: Person, owner: asyncpg.Connection
) -> None:
    here, there = client.of(member), neighbour.of(member)
    for door in (here, there, here, there, here):
        taken = await door.post("/goals", json=GOAL)
        ok(taken, 202)
        assert taken.headers["ratelimit-policy"] == '"goals";q=5;w=60'
    for door in (here, there):
        refused = await door.post("/goals", json=GOAL)
        problem(refused, 429, "rate_limited")
        assert refused.headers["ratelimit-policy"] == '"goals";q=5;w=60'
        assert refused.headers["ratelimit"].startswith('"goals";r=0;t=')
        assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert await goals_in(owner) == 5
    ok(await client.of(other).post("/goals", json=GOAL), 202)  # Counted for each by themselves.
    ok(await here.get("/goals"))


async def test_goals_are_listed_newest_first_page_by_page(
    mine: Client, owner: asyncpg.Connection, member: Person, other: Person
) -> None:
    await fill(owner, other, 3)
    await fill(owner, member, 7)
    seen, cursor, pages = [], None, 0
    while True:
        query = {"limit": 3} | ({"cursor": cursor} if cursor else {})
        page = ok(await mine.get("/goals", params=query))
        seen += [goal["id"] for goal in page["items"]]
        pages += 1
        if (cursor := page["next_cursor"]) is None:
            break
    rows = await owner.fetch("SELECT id FROM goals WHERE user_id = $1 ORDER BY id DESC", member.id)
    assert seen == [str(row["id"]) for row in rows]
    assert pages == 3


async def test_goals_are_listed_by_their_status(
    mine: Client, owner: asyncpg.Connection, member: Person
) -> None:
    await fill(owner, member, 3)
    first = ok(await mine.get("/goals"))["items"][0]["id"]
    ok(await mine.patch(f"/goals/{first}", json={"status": "abandoned"}))
    given_up = ok(await mine.get("/goals", params={"status": "abandoned"}))["items"]
    assert [goal["id"] for goal in given_up] == [first]
    assert len(ok(await mine.get("/goals", params={"status": "proposed"}))["items"]) == 2


@pytest.mark.parametrize("path", ["/goals", "/tasks", "/goal-templates"])
@pytest.mark.parametrize(
    ("query", "error"),
    [
        ({"limit": 0}, "validation_failed"),
        ({"limit": 101}, "validation_failed"),
        ({"limit": "ten"}, "validation_failed"),
        ({"cursor": "garbage"}, "cursor_unreadable"),
        ({"cursor": "W10"}, "cursor_unreadable"),  # []
        ({"cursor": "WzFd"}, "cursor_unreadable"),  # [1]
        ({"cursor": "bnVsbA"}, "cursor_unreadable"),  # null
        ({"cursor": "\x00"}, "cursor_unreadable"),
        ({"cursor": "W" * 5000}, "cursor_unreadable"),
    ],
    ids=str,
)
async def test_a_list_refuses_what_it_did_not_give_out(
    mine: Client, path: str, query: dict[str, Any], error: str
) -> None:
    problem(await mine.get(path, params=query), 422, error)


@pytest.mark.parametrize("query", [{"status": "lost"}, {"status": "\x00"}, {"status": ""}], ids=str)
async def test_an_unknown_status_is_no_filter(mine: Client, query: dict[str, str]) -> None:
    problem(await mine.get("/goals", params=query), 422, "validation_failed")


@pytest.mark.parametrize(
    "change",
    [
        {"title": "Bake the best bread"},
        {"description": "With a crust."},
        {"description": ""},
        {"deadline": (TODAY + timedelta(days=90)).isoformat()},
        {"minutes_per_day": 45},
        {"minutes_per_day": None},
    ],
    ids=str,
)
async def test_a_change_changes_what_it_names_and_nothing_else(
    mine: Client, committed: Hall, member: Person, change: dict[str, Any]
) -> None:
    goal = await factories.goal(committed, member.member)
    before = await planned(mine, goal.id)
    after = ok(await mine.patch(f"/goals/{goal.id}", json=change))
    assert after == before | change
    assert await planned(mine, goal.id) == after


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"title": "ab"}, "validation_failed"),
        ({"title": "Bread\x00"}, "validation_failed"),
        ({"deadline": TODAY.isoformat()}, "deadline_out_of_reach"),
        ({"deadline": "2050-01-01"}, "deadline_out_of_reach"),
        ({"minutes_per_day": 0}, "validation_failed"),
        ({"status": "completed"}, "validation_failed"),
        ({"status": "analysing"}, "validation_failed"),
        ({"domain": "tools"}, "validation_failed"),
        ({"planning": None}, "validation_failed"),
    ],
    ids=str,
)
async def test_a_change_that_cannot_be_is_refused_whole(
    mine: Client, committed: Hall, member: Person, change: dict[str, Any], error: str
) -> None:
    goal = await factories.goal(committed, member.member, accepted=False)
    before = await planned(mine, goal.id)
    refused = await mine.patch(f"/goals/{goal.id}", json={"description": "New"} | change)
    problem(refused, 422, error)
    assert await planned(mine, goal.id) == before


async def test_a_goal_of_a_passed_deadline_can_still_be_called_otherwise(
    mine: Client, committed: Hall, member: Person, clock: SettableClock
) -> None:
    goal = await factories.goal(committed, member.member)
    deadline = goal.deadline.isoformat()
    clock.advance(days=200)
    changed = {"title": "Spanish, some day", "deadline": deadline}
    assert ok(await mine.patch(f"/goals/{goal.id}", json=changed))["title"] == "Spanish, some day"
    problem(await mine.post(f"/goals/{goal.id}/plan", json={}), 422, "deadline_out_of_reach")


@pytest.mark.parametrize("accepted", [True, False])
async def test_a_goal_given_up_is_taken_up_where_it_was(
    mine: Client, committed: Hall, member: Person, accepted: bool
) -> None:
    goal = await factories.goal(committed, member.member, accepted=accepted)
    before = await planned(mine, goal.id)
    for _ in range(2):  # Said twice, it is so once.
        given_up = ok(await mine.patch(f"/goals/{goal.id}", json={"status": "abandoned"}))
        assert given_up["status"] == "abandoned"
    assert ok(await mine.get("/tasks"))["items"] == []
    problem(await mine.post(f"/goals/{goal.id}/plan", json={}), 409, "goal_closed")
    again = ok(await mine.patch(f"/goals/{goal.id}", json={"status": "active"}))
    assert again == before
    assert bool(ok(await mine.get("/tasks"))["items"]) == accepted


async def test_a_goal_given_up_while_it_was_planned_is_planned_when_it_is_taken_up(
    mine: Client, settle: Settle
) -> None:
    id_ = ok(await mine.post("/goals", json=GOAL), 202)["id"]
    given_up = ok(await mine.patch(f"/goals/{id_}", json={"status": "abandoned"}))
    assert (given_up["status"], given_up["planning"]) == ("abandoned", False)
    await settle()
    assert (await planned(mine, id_))["plan"] is None
    again = ok(await mine.patch(f"/goals/{id_}", json={"status": "active"}))
    assert (again["status"], again["planning"]) == ("analysing", True)
    await settle()
    assert (await planned(mine, id_))["status"] == "proposed"


@pytest.mark.parametrize("status", ["abandoned", "active"])
async def test_a_completed_goal_is_neither_given_up_nor_taken_up(
    mine: Client, committed: Hall, member: Person, owner: asyncpg.Connection, status: str
) -> None:
    goal = await factories.goal(committed, member.member)
    await owner.execute("UPDATE goals SET status = 'completed', completed_at = $1", NOON)
    problem(await mine.patch(f"/goals/{goal.id}", json={"status": status}), 409, "goal_closed")
    problem(await mine.post(f"/goals/{goal.id}/plan", json={}), 409, "goal_closed")
    assert ok(await mine.patch(f"/goals/{goal.id}", json={"title": "Reached"}))["title"]


async def test_a_deleted_goal_leaves_nothing_but_what_was_earned(
    mine: Client, committed: Hall, member: Person, owner: asyncpg.Connection, settle: Settle
) -> None:
    goal = await factories.goal(committed, member.member)
    task = tasks_of(await planned(mine, goal.id))[0]
    ok(await mine.patch(f"/tasks/{task['id']}", json={"status": "done"}))
    await settle()
    earned = ok(await mine.get("/progress/me"))["total_xp"]
    assert earned > 0
    assert (await mine.delete(f"/goals/{goal.id}")).status_code == 204
    problem(await mine.delete(f"/goals/{goal.id}"), 404, "goal_not_found")
    for table in ("goals", "plans", "milestones", "tasks", "task_dependencies", "task_activities"):
        assert await owner.fetchval(f"SELECT count(*) FROM {table}") == 0, table
    assert ok(await mine.get("/progress/me"))["total_xp"] == earned
    await settle()


async def test_a_goal_deleted_while_it_is_planned_is_gone(mine: Client, settle: Settle) -> None:
    id_ = ok(await mine.post("/goals", json=GOAL), 202)["id"]
    assert (await mine.delete(f"/goals/{id_}")).status_code == 204
    await settle()
    problem(await mine.get(f"/goals/{id_}"), 404, "goal_not_found")


ROUTES = [
    ("GET", "/goals/{goal}", None, "goal_not_found"),
    ("PATCH", "/goals/{goal}", {"title": "Stolen"}, "goal_not_found"),
    ("DELETE", "/goals/{goal}", None, "goal_not_found"),
    ("POST", "/goals/{goal}/plan", {}, "goal_not_found"),
    ("POST", "/goals/{goal}/plan/accept", {"version": 1}, "goal_not_found"),
    ("PATCH", "/goals/{goal}/milestones/{milestone}", {"challenges": []}, "goal_not_found"),
    ("PATCH", "/tasks/{task}", {"status": "done"}, "task_not_found"),
    ("GET", "/tasks/{task}/activities", None, "task_not_found"),
    ("POST", "/tasks/{task}/activities", {"note": "I was here"}, "task_not_found"),
    ("PATCH", "/progress/update", {"task_id": "{task}", "status": "done"}, "task_not_found"),
    ("POST", "/reschedulings/{preview}/accept", None, "rescheduling_not_found"),
]


@pytest.mark.parametrize(("method", "path", "body", "error"), ROUTES)
@pytest.mark.parametrize("whose", ["another member's", "nobody's"])
async def test_what_is_anothers_is_not_found(
    mine: Client,
    committed: Hall,
    other: Person,
    clock: SettableClock,
    method: str,
    path: str,
    body: dict[str, Any] | None,
    error: str,
    whose: str,
) -> None:
    theirs = mine.of(other)
    goal = await factories.goal(committed, other.member)
    before = await planned(theirs, goal.id)
    task = tasks_of(before)[0]
    ok(await theirs.patch(f"/tasks/{task['id']}", json={"status": "missed"}))
    preview = ok(await theirs.post("/reschedulings"), 201)
    before = await planned(theirs, goal.id)
    names = {
        "goal": goal.id,
        "milestone": before["plan"]["milestones"][0]["id"],
        "task": task["id"],
        "preview": preview["id"],
    }
    if whose == "nobody's":
        names = {name: new_id() for name in names}
    said = {key: str(value).format(**names) for key, value in (body or {}).items()}
    if body is not None and "challenges" in body:
        said = body
    if body is not None and "version" in body:
        said = body
    answer = await mine.request(method, path.format(**names), json=None if body is None else said)
    problem(answer, 404, error)
    assert await planned(theirs, goal.id) == before
    assert ok(await mine.get("/goals"))["items"] == []
    assert ok(await mine.get("/tasks"))["items"] == []
    assert ok(await mine.get("/reschedulings"))["items"] == []


async def test_reading_takes_as_many_statements_for_much_as_for_little(
    mine: Client, committed: Hall, member: Person
) -> None:
    async def bills(goal_id: UUID) -> list[int]:
        bills = []
        for path in ("/goals", f"/goals/{goal_id}", "/tasks"):
            await mine.get(path)
            with statements(committed) as seen:
                ok(await mine.get(path))
            bills.append(len(seen))
        return bills

    little = await factories.goal(
        committed, member.member, deadline=TODAY + timedelta(days=5), minutes_per_day=10
    )
    cheap = await bills(little.id)
    for _ in range(3):
        much = await factories.goal(committed, member.member, minutes_per_day=15)
    assert len(tasks_of(await planned(mine, much.id))) > 2 * len(
        tasks_of(await planned(mine, little.id))
    )
    assert await bills(much.id) == cheap
    assert max(cheap) <= 10


async def test_planning_that_was_lost_is_taken_up_once(
    mine: Client,
    committed: Hall,
    owner: asyncpg.Connection,
    clock: SettableClock,
    settle: Settle,
) -> None:
    id_ = ok(await mine.post("/goals", json=GOAL), 202)["id"]
    await owner.execute("DELETE FROM task_executions")
    assert (await take_up_lost(factories.task_run(committed)))["taken_up"] == 0
    clock.advance(minutes=21)
    both = await asyncio.gather(*(take_up_lost(factories.task_run(committed)) for _ in range(2)))
    assert sum(one["taken_up"] for one in both) == 1
    assert (await take_up_lost(factories.task_run(committed)))["taken_up"] == 0
    assert await owner.fetchval("SELECT count(*) FROM task_executions") == 1
    await settle()
    goal = await planned(mine, id_)
    assert (goal["status"], goal["plan"]["version"]) == ("proposed", 1)
    clock.set(datetime(2031, 6, 1, tzinfo=UTC))
    assert (await take_up_lost(factories.task_run(committed)))["taken_up"] == 0


async def test_planning_is_lost_only_when_nobody_will_do_it_and_is_asked_for_in_the_same_words(
    mine: Client, committed: Hall, owner: asyncpg.Connection, clock: SettableClock, settle: Settle
) -> None:
    id_ = ok(await mine.post("/goals", json=GOAL), 202)["id"]
    await settle()
    wish = {"wish": "Less grammar.", "same_tasks": True}
    ok(await mine.post(f"/goals/{id_}/plan", json=wish), 202)
    clock.advance(hours=1)
    # There is much to do, and it has not come to its turn.
    assert (await take_up_lost(factories.task_run(committed)))["taken_up"] == 0
    await owner.execute("UPDATE task_executions SET state = 'failed' WHERE state = 'queued'")
    assert (await take_up_lost(factories.task_run(committed)))["taken_up"] == 1
    arguments = await owner.fetchval("SELECT arguments FROM task_executions WHERE state = 'queued'")
    assert json.loads(arguments).items() >= wish.items()


async def test_a_plan_that_is_lost_again_and_again_is_given_up_and_the_goal_says_so(
    mine: Client, committed: Hall, owner: asyncpg.Connection, clock: SettableClock, settle: Settle
) -> None:
    id_ = ok(await mine.post("/goals", json=GOAL), 202)["id"]
    outcomes = []
    for _ in range(5):
        await owner.execute("UPDATE task_executions SET state = 'failed' WHERE state = 'queued'")
        clock.advance(minutes=21)
        outcomes.append(await take_up_lost(factories.task_run(committed)))
    assert [one["taken_up"] for one in outcomes] == [1, 1, 1, 0, 0]
    assert [one["given_up"] for one in outcomes] == [0, 0, 0, 1, 0]
    goal = ok(await mine.get(f"/goals/{id_}"))
    assert goal["planning"] is False
    assert "could not be made" in goal["findings"]["notes"][0]
    # Who asks for it themselves begins anew.
    ok(await mine.post(f"/goals/{id_}/plan"), 202)
    await settle()
    assert ok(await mine.get(f"/goals/{id_}"))["plan"]["version"] == 1
