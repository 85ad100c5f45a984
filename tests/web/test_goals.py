"""Goals in a browser: set by talking or by a form, planned, accepted in part, worked on, moved, and
caught up with; with the hall's own rules only, as a fresh hall has no model."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, StorageState

from tests.system.guests import Guest, admin_of, publish_flag
from tests.system.running_hall import RunningHall
from tests.web.looks import Theme, in_every_light, look_at
from tests.web.visitor import Visitor

PATIENCE_SECONDS = 60
PYTHON = "Write small Python programs for my work"


def in_days(days: int) -> str:
    return (datetime.now(UTC).date() + timedelta(days=days)).isoformat()


async def once(member: Guest, path: str, state: Callable[[Any], bool]) -> Any:
    """Ask until it is so."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not state(answer := await member.get(path)):  # noqa: ASYNC110  # as a page would
            await asyncio.sleep(0.1)
    return answer


async def proposed(member: Guest, title: str = PYTHON, **more: Any) -> Any:
    """Set a goal, and wait for its plan."""
    body = {"title": title, "deadline": in_days(40), "minutes_per_day": 45} | more
    goal = await member.post("/goals", body, expect=202)
    return await once(member, f"/goals/{goal['id']}", lambda it: it["plan"] is not None)


async def active(member: Guest, title: str = PYTHON, **more: Any) -> Any:
    """Set a goal, and accept its plan."""
    goal = await proposed(member, title, **more)
    return await member.post(f"/goals/{goal['id']}/plan/accept", {"version": 1}, expect=200)


async def changed(member: Guest, goal: Any, **change: Any) -> None:
    """Change a goal, and wait for the version of its plan that follows from it."""
    answer, _ = await member.ask("PATCH", f"/goals/{goal['id']}", change)
    assert answer.status_code == 200, answer.text
    await member.post(f"/goals/{goal['id']}/plan", {}, expect=202)
    await once(member, f"/goals/{goal['id']}", lambda it: it["proposal"] is not None)


def tasks_of(goal: Any) -> list[Any]:
    return [task for milestone in goal["plan"]["milestones"] for task in milestone["tasks"]]


async def miss(hall: RunningHall, task: Any) -> None:
    """Have a task be left over from yesterday, as the end of a day does it."""
    await hall.rows(
        "UPDATE tasks SET status = 'missed', scheduled_on = scheduled_on - 1 WHERE id = $1",
        task["id"],
    )


@dataclass
class Shown:
    """A member with goals in every state."""

    state: StorageState
    at_work: str
    to_accept: str
    to_compare: str
    missed: str


@pytest_asyncio.fixture(scope="module")
async def shown(browser: Browser, hall: RunningHall) -> AsyncIterator[Shown]:
    async with (
        httpx.AsyncClient(base_url=hall.url, timeout=30) as client,
        Visitor.at(browser, hall) as visitor,
    ):
        await visitor.sign_up()
        member = Guest(client, visitor.name)
        await member.login()
        at_work = await active(member, description="A script that sorts my invoices.")
        tasks = tasks_of(at_work)
        await member.ask("PATCH", f"/tasks/{tasks[0]['id']}", {"status": "done"})
        await member.ask("PATCH", "/progress/update", {"task_id": tasks[1]["id"], "percent": 40})
        flag = await publish_flag(await admin_of(hall, client), "lantern", 120, "python")
        milestone = at_work["plan"]["milestones"][0]["id"]
        await member.ask(
            "PATCH", f"/goals/{at_work['id']}/milestones/{milestone}", {"challenges": [flag]}
        )
        to_compare = await active(member, "Hold a conversation in Spanish", minutes_per_day=15)
        await changed(member, to_compare, deadline=in_days(60))
        late = await active(member, "Run ten kilometres", minutes_per_day=15, deadline=in_days(30))
        await miss(hall, tasks_of(late)[0])
        to_accept = await proposed(member, "Read a novel", deadline=in_days(6), minutes_per_day=10)
        given_up = await proposed(member, "Learn to juggle", minutes_per_day=5)
        await member.ask("PATCH", f"/goals/{given_up['id']}", {"status": "abandoned"})
        yield Shown(
            await visitor.context.storage_state(),
            at_work["id"],
            to_accept["id"],
            to_compare["id"],
            late["id"],
        )


@in_every_light
@pytest.mark.parametrize("room", ["goals", "new", "at_work", "to_accept", "to_compare", "missed"])
async def test_a_room_of_goals_is_there(
    browser: Browser, hall: RunningHall, shown: Shown, room: str, theme: Theme, size: str
) -> None:
    rooms = {
        "goals": ("/goals", "Under way"),
        "new": ("/goals/new", "Ways that worked for others"),
        "at_work": (f"/goals/{shown.at_work}", "Your days"),
        "to_accept": (f"/goals/{shown.to_accept}", "The plan the hall proposes"),
        "to_compare": (f"/goals/{shown.to_compare}", "A new version of your plan"),
        "missed": (f"/goals/{shown.missed}", "1 task was missed"),
    }
    await look_at(browser, hall, (f"goals-{room}", *rooms[room]), theme, size, shown.state)
