"""Accepting plans: which version, which tasks, and whether the days still have the room."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio

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
async def proposed(committed: Hall, member: Person, mine: Client) -> dict[str, Any]:
    """A goal whose plan waits for an answer."""
    goal = await factories.goal(committed, member.member, accepted=False)
    return await planned(mine, goal.id)


@pytest_asyncio.fixture
async def active(committed: Hall, member: Person, mine: Client) -> dict[str, Any]:
    """A goal whose plan holds."""
    goal = await factories.goal(committed, member.member)
    return await planned(mine, goal.id)


async def accept(client: Client, goal: dict[str, Any], version: int = 1, **more: Any) -> Any:
    return await client.post(f"/goals/{goal['id']}/plan/accept", json={"version": version} | more)


async def plan_again(
    client: Client, settle: Settle, goal: dict[str, Any], **body: Any
) -> dict[str, Any]:
    ok(await client.post(f"/goals/{goal['id']}/plan", json=body), 202)
    await settle()
    return await planned(client, goal["id"])


async def done(client: Client, task: dict[str, Any]) -> None:
    ok(await client.patch(f"/tasks/{task['id']}", json={"status": "done"}))


async def test_an_accepted_plan_is_what_was_proposed(
    mine: Client, proposed: dict[str, Any]
) -> None:
    accepted = ok(await accept(mine, proposed))
    assert (accepted["status"], accepted["plan"]["state"]) == ("active", "accepted")
    assert tasks_of(accepted) == [
        task | {"depends_on": sorted(task["depends_on"])} for task in tasks_of(proposed)
    ]
    titles = [milestone["title"] for milestone in accepted["plan"]["milestones"]]
    assert titles == [milestone["title"] for milestone in proposed["plan"]["milestones"]]
    assert accepted["tasks_total"] == len(tasks_of(proposed))
    assert accepted["proposal"] is None


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"version": 0},
        {"version": -1},
        {"version": 10**30},
        {"version": "one"},
        {"version": 1.5},
        {"version": None},
        {"version": 1, "leave_out": "all"},
        {"version": 1, "leave_out": [1]},
        {"version": 1, "leave_out": [str(UUID(int=n)) for n in range(1001)]},
        {"version": 1, "status": "active"},
    ],
    ids=lambda body: str(body)[:40],
)
async def test_an_answer_that_makes_no_sense_is_refused(
    mine: Client, proposed: dict[str, Any], body: dict[str, Any]
) -> None:
    answer = await mine.post(f"/goals/{proposed['id']}/plan/accept", json=body)
    problem(answer, 422, "validation_failed")
    assert (await planned(mine, proposed["id"]))["status"] == "proposed"


@pytest.mark.parametrize("version", [2, 7, 1_000_000])
async def test_a_version_that_is_not_there_is_stale(
    mine: Client, proposed: dict[str, Any], version: int
) -> None:
    problem(await accept(mine, proposed, version), 409, "plan_stale")


async def test_only_the_newest_version_can_be_accepted(
    mine: Client, proposed: dict[str, Any], settle: Settle
) -> None:
    again = await plan_again(mine, settle, proposed)
    assert again["plan"]["version"] == 2
    problem(await accept(mine, proposed, 1), 409, "plan_stale")
    ok(await accept(mine, proposed, 2))


async def test_a_plan_is_not_accepted_while_another_is_made(
    mine: Client, proposed: dict[str, Any], settle: Settle
) -> None:
    ok(await mine.post(f"/goals/{proposed['id']}/plan"), 202)
    problem(await accept(mine, proposed), 409, "plan_in_the_making")
    await settle()
    problem(await accept(mine, proposed), 409, "plan_stale")


async def test_the_plan_of_a_goal_given_up_is_not_accepted(
    mine: Client, proposed: dict[str, Any]
) -> None:
    ok(await mine.patch(f"/goals/{proposed['id']}", json={"status": "abandoned"}))
    problem(await accept(mine, proposed), 409, "goal_closed")


async def test_accepting_twice_changes_nothing(mine: Client, proposed: dict[str, Any]) -> None:
    first = ok(await accept(mine, proposed))
    await done(mine, tasks_of(first)[0])
    before = await planned(mine, proposed["id"])
    again = ok(await accept(mine, proposed, leave_out=[tasks_of(first)[-1]["id"]]))
    assert again == before


async def test_accepted_by_twenty_at_once_a_plan_is_written_once(
    mine: Client, proposed: dict[str, Any], owner: asyncpg.Connection
) -> None:
    answers = await asyncio.gather(*(accept(mine, proposed) for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert await owner.fetchval("SELECT count(*) FROM tasks") == len(tasks_of(proposed))
    assert await owner.fetchval("SELECT count(*) FROM plans WHERE state = 'accepted'") == 1


async def test_what_is_left_out_takes_what_depends_on_it_along(
    mine: Client, proposed: dict[str, Any]
) -> None:
    tasks = tasks_of(proposed)
    root = tasks[len(tasks) // 2]
    gone = {root["id"]}
    for task in tasks:  # In the order of the plan nothing depends on what comes later.
        if gone & set(task["depends_on"]):
            gone.add(task["id"])
    while more := {t["id"] for t in tasks if gone & set(t["depends_on"])} - gone:
        gone |= more
    assert 1 < len(gone) < len(tasks)
    accepted = ok(await accept(mine, proposed, leave_out=[root["id"], str(new_id())]))
    assert {task["id"] for task in tasks_of(accepted)} == {t["id"] for t in tasks} - gone
    assert accepted["tasks_total"] == len(tasks) - len(gone)


async def test_a_plan_of_which_all_is_left_out_is_no_plan(
    mine: Client, proposed: dict[str, Any]
) -> None:
    everything = [task["id"] for task in tasks_of(proposed)]
    problem(await accept(mine, proposed, leave_out=everything), 422, "nothing_chosen")
    assert (await planned(mine, proposed["id"]))["status"] == "proposed"


async def test_a_plan_whose_first_day_is_over_is_stale(
    mine: Client, proposed: dict[str, Any], clock: SettableClock, settle: Settle
) -> None:
    clock.advance(days=1)
    problem(await accept(mine, proposed), 409, "plan_stale")
    renewed = await plan_again(mine, settle, proposed, same_tasks=True)
    accepted = ok(await accept(mine, renewed, 2))
    assert min(minutes_by_day(tasks_of(accepted))) >= TODAY + timedelta(days=1)


async def test_a_plan_is_stale_when_its_room_was_taken(
    mine: Client, committed: Hall, member: Person, settle: Settle
) -> None:
    # An hour a day, of which a tenth stays free: two halves of it do not fit beside each other.
    first, second = [
        await planned(mine, goal.id)
        for goal in [
            await factories.goal(committed, member.member, accepted=False) for _ in range(2)
        ]
    ]
    ok(await accept(mine, first))
    problem(await accept(mine, second), 409, "plan_stale")
    renewed = await plan_again(mine, settle, second, same_tasks=True)
    ok(await accept(mine, renewed, 2))
    await within_capacity(mine, [first, second])


async def within_capacity(client: Client, goals: list[dict[str, Any]], most: int = 54) -> None:
    tasks = []
    for goal in goals:
        tasks += [
            task for task in tasks_of(await planned(client, goal["id"])) if task["status"] == "open"
        ]
    assert {day: minutes for day, minutes in minutes_by_day(tasks).items() if minutes > most} == {}


async def test_of_plans_accepted_at_once_none_takes_the_others_room(
    mine: Client, committed: Hall, member: Person
) -> None:
    goals = [
        await planned(
            mine,
            (
                await factories.goal(
                    committed, member.member, accepted=False, minutes_per_day=minutes
                )
            ).id,
        )
        for minutes in (20, 25, 30, 45)
    ]
    answers = await asyncio.gather(*(accept(mine, goal) for goal in goals))
    codes = sorted(answer.status_code for answer in answers)
    assert 200 in codes
    assert 409 in codes
    taken = [g for g, answer in zip(goals, answers, strict=True) if answer.status_code == 200]
    await within_capacity(mine, taken)


async def test_what_is_done_between_proposal_and_answer_stays_done(
    mine: Client, active: dict[str, Any], settle: Settle, committed: Hall
) -> None:
    renewed = await plan_again(mine, settle, active, same_tasks=True)
    assert renewed["proposal"]["version"] == 2
    today = tasks_of(active)[0]
    assert today["scheduled_on"] == TODAY.isoformat()
    await done(mine, today)
    accepted = ok(await accept(mine, active, 2))
    kept = {task["id"]: task["status"] for task in tasks_of(accepted)}
    assert kept[today["id"]] == "done"
    assert accepted["tasks_done"] == 1


async def test_what_is_done_cannot_be_left_out(
    mine: Client, active: dict[str, Any], settle: Settle
) -> None:
    first = tasks_of(active)[0]
    await done(mine, first)
    await plan_again(mine, settle, active, same_tasks=True)
    accepted = ok(await accept(mine, active, 2, leave_out=[first["id"]]))
    assert [task["id"] for task in tasks_of(accepted)] == [t["id"] for t in tasks_of(active)]


async def test_the_same_tasks_keep_their_ids_and_their_days(
    mine: Client, active: dict[str, Any], settle: Settle
) -> None:
    await done(mine, tasks_of(active)[0])
    renewed = await plan_again(mine, settle, active, same_tasks=True)
    change = renewed["proposal"]["change"]
    assert (change["added"], change["removed"], change["moved"]) == ([], [], [])
    assert set(change["kept"]) == {task["id"] for task in tasks_of(active)}
    assert renewed["plan"]["version"] == 1  # What holds, holds until the answer.
    accepted = ok(await accept(mine, active, 2))
    before = {task["id"]: task["scheduled_on"] for task in tasks_of(active)}
    assert {task["id"]: task["scheduled_on"] for task in tasks_of(accepted)} == before
    milestones = [milestone["id"] for milestone in active["plan"]["milestones"]]
    assert [milestone["id"] for milestone in accepted["plan"]["milestones"]] == milestones
    assert accepted["tasks_done"] == 1


async def test_a_shorter_plan_drops_what_is_not_in_it_and_keeps_what_is_done(
    mine: Client, active: dict[str, Any], settle: Settle, owner: asyncpg.Connection
) -> None:
    first = tasks_of(active)[0]
    await done(mine, first)
    deadline = (TODAY + timedelta(days=30)).isoformat()
    ok(await mine.patch(f"/goals/{active['id']}", json={"deadline": deadline}))
    renewed = await plan_again(mine, settle, active)
    change = renewed["proposal"]["change"]
    proposal = {task["id"] for task in tasks_of(renewed, "proposal")}
    assert change["removed"]
    assert not set(change["removed"]) & proposal
    accepted = ok(await accept(mine, active, 2))
    now = {task["id"]: task for task in tasks_of(accepted)}
    assert now.keys() == proposal
    assert now[first["id"]]["status"] == "done"
    assert max(minutes_by_day(tasks_of(accepted))) <= date.fromisoformat(deadline)
    for id_ in change["removed"]:
        refused = await mine.patch(f"/tasks/{id_}", json={"status": "done"})
        problem(refused, 409, "task_closed")
    old = {milestone["title"]: milestone["id"] for milestone in active["plan"]["milestones"]}
    for milestone in accepted["plan"]["milestones"]:
        assert milestone["id"] == old.get(milestone["title"], milestone["id"])
    dropped = await owner.fetchval("SELECT count(*) FROM tasks WHERE status = 'dropped'")
    assert dropped == len(change["removed"])


async def test_what_is_done_is_shown_though_the_new_plan_does_not_know_it(
    mine: Client, active: dict[str, Any], settle: Settle, owner: asyncpg.Connection
) -> None:
    """A model may call everything otherwise; what was done was done all the same."""
    first = tasks_of(active)[0]
    await done(mine, first)
    await owner.execute("UPDATE tasks SET key = 'old-' || key")
    await owner.execute("UPDATE milestones SET title = 'Old: ' || title")
    renewed = await plan_again(mine, settle, active)
    assert first["id"] not in {task["id"] for task in tasks_of(renewed, "proposal")}
    accepted = ok(await accept(mine, active, 2))
    assert tasks_of(accepted)[0]["id"] == first["id"]
    assert tasks_of(accepted)[0]["status"] == "done"
    assert accepted["plan"]["milestones"][0]["title"].startswith("Old: ")
    assert not accepted["plan"]["milestones"][1]["title"].startswith("Old: ")
    assert accepted["tasks_total"] == len(tasks_of(accepted))
    # Once more, and they still stand in front.
    await plan_again(mine, settle, active, same_tasks=True)
    again = ok(await accept(mine, active, 3))
    assert [task["id"] for task in tasks_of(again)] == [task["id"] for task in tasks_of(accepted)]


async def test_what_was_done_ahead_leaves_its_day_to_others(
    mine: Client, active: dict[str, Any], committed: Hall, member: Person
) -> None:
    late = tasks_of(active)[3]
    await done(mine, late)
    goal = await factories.goal(committed, member.member, minutes_per_day=60)
    taken = minutes_by_day(tasks_of(await planned(mine, goal.id)))
    day = date.fromisoformat(late["scheduled_on"])
    beside = minutes_by_day([t for t in tasks_of(active) if t["id"] != late["id"]])
    assert taken.get(day, 0) > 54 - beside.get(day, 0) - late["minutes"]
    assert taken.get(TODAY, 0) <= 54 - beside[TODAY] - late["minutes"]


async def test_a_request_of_the_same_tasks_without_a_plan_makes_one(
    mine: Client, settle: Settle, committed: Hall
) -> None:
    body = {"title": "Bake bread", "deadline": (TODAY + timedelta(days=60)).isoformat()}
    id_ = ok(await mine.post("/goals", json=body), 202)["id"]
    ok(await mine.post(f"/goals/{id_}/plan", json={"same_tasks": True}), 202)
    await settle()
    goal = await planned(mine, id_)
    assert (goal["plan"]["version"], bool(tasks_of(goal))) == (1, True)  # The first was given up.


@pytest.mark.parametrize(
    "body", [{"wish": "x" * 5001}, {"wish": "\x00"}, {"wish": 1}, {"same_tasks": "maybe"}, {"a": 1}]
)
async def test_a_wish_that_makes_no_sense_is_refused(
    mine: Client, proposed: dict[str, Any], body: dict[str, Any]
) -> None:
    problem(await mine.post(f"/goals/{proposed['id']}/plan", json=body), 422, "validation_failed")


async def test_the_sixth_plan_within_a_minute_is_refused(
    client: Client, committed: Hall, member: Person
) -> None:
    goal = await factories.goal(committed, member.member)
    mine = client.of(member)
    for _ in range(5):
        ok(await mine.post(f"/goals/{goal.id}/plan", json={}), 202)
    problem(await mine.post(f"/goals/{goal.id}/plan", json={}), 429, "rate_limited")


@pytest.mark.parametrize(
    ("path", "change"),
    [
        ("/users/me", {"daily_capacity_minutes": 10}),
        ("/users/me", {"rest_days": [0, 1, 2, 3, 4, 5]}),
        ("/goals/{goal}", {"minutes_per_day": 10}),
        ("/goals/{goal}", {"deadline": (TODAY + timedelta(days=2)).isoformat()}),
    ],
)
async def test_a_plan_is_stale_when_its_owner_has_less_time_now(
    mine: Client, proposed: dict[str, Any], path: str, change: dict[str, Any]
) -> None:
    ok(await mine.patch(path.format(goal=proposed["id"]), json=change))
    problem(await accept(mine, proposed), 409, "plan_stale")
    assert (await planned(mine, proposed["id"]))["status"] == "proposed"


async def test_a_version_turned_down_leaves_the_plan_as_it_was(
    mine: Client, settle: Settle, active: dict[str, Any]
) -> None:
    again = await plan_again(mine, settle, active, same_tasks=True)
    version = again["proposal"]["version"]
    for _ in range(2):  # Saying it twice changes nothing.
        answer = await mine.post(f"/goals/{active['id']}/plan/decline", json={"version": version})
        assert ok(answer)["proposal"] is None
        assert ok(answer)["plan"] == again["plan"]
    problem(await accept(mine, active, version), 409, "plan_stale")
    held = await mine.post(f"/goals/{active['id']}/plan/decline", json={"version": 1})
    problem(held, 409, "plan_stale")


async def test_a_plan_that_nobody_waits_for_any_more_is_not_kept(
    mine: Client, settle: Settle, active: dict[str, Any]
) -> None:
    ok(await mine.post(f"/goals/{active['id']}/plan", json={}), 202)
    assert ok(await mine.post(f"/goals/{active['id']}/plan/stop"))["planning"] is False
    await settle()
    now = await planned(mine, active["id"])
    assert now["proposal"] is None
    assert now["next_task"]["id"] == tasks_of(now)[0]["id"]


async def test_accepted_declined_and_stopped_at_once_a_plan_holds_or_does_not(
    mine: Client, proposed: dict[str, Any], owner: asyncpg.Connection
) -> None:
    goal, version = f"/goals/{proposed['id']}", {"version": 1}

    async def all_three() -> list[Any]:
        return [
            *await asyncio.gather(
                accept(mine, proposed),
                mine.post(f"{goal}/plan/decline", json=version),
                mine.post(f"{goal}/plan/stop"),
            )
        ]

    answers = await asyncio.gather(*(all_three() for _ in range(20)))
    held = await owner.fetchval("SELECT state FROM plans") == "accepted"
    for accepting, declining, stopping in answers:
        assert accepting.status_code == (200 if held else 409)
        assert declining.status_code == (409 if held else 200)
        assert stopping.status_code == 200
    assert await owner.fetchval("SELECT count(*) FROM tasks") == held * len(tasks_of(proposed))
