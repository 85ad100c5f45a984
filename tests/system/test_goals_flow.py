"""The main flow of the hall: from signing up to a rank, over weeks, in two zones at once.

One member lives in New York, where the clocks go forward on 9 March 2031; the other in Kiritimati,
fourteen hours ahead of UTC. The clock of the hall is moved by hours; everything else is real: the
API, the database, every event and every task.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from guildhall.entrypoints.api import furnish
from guildhall.entrypoints.seeding import read_content, seed, starter_content
from guildhall.goals.tasks import close_days
from guildhall.infra.hall import Hall
from guildhall.infra.settings import RateLimitSettings
from tests import factories
from tests.world import Client, SettableClock

Settle = Callable[[], Awaitable[None]]

START = datetime(2031, 2, 24, 11, tzinfo=UTC)  # A Monday; in Kiritimati it is Tuesday, 1:00.
WEEKS = 4
MISSED_EVERY = 5  # Life happens: every fifth task is not done.
PASSWORD = "correct horse battery staple"


@dataclass
class Learner:
    """Somebody who sets a goal and does most of what it takes."""

    name: str
    zone: str
    client: Client
    goal_id: str = ""
    id: str = ""
    done: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    seen: int = 0
    moved: int = 0

    def today(self, clock: SettableClock) -> date:
        return clock.now().astimezone(ZoneInfo(self.zone)).date()

    async def get(self, path: str, **query: Any) -> dict[str, Any]:
        answer = await self.client.get(path, params=query)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


async def sign_up(client: Client, name: str, zone: str) -> Learner:
    body = {"username": name, "email": f"{name}@example.org", "password": PASSWORD}
    registered = await client.post("/auth/register", json=body)
    assert registered.status_code == 201, registered.text
    signed_in = await client.post("/auth/login", json={"login": name, "password": PASSWORD})
    learner = Learner(name, zone, client.with_token(signed_in.json()["access_token"]))
    days = {"time_zone": zone, "daily_capacity_minutes": 60, "rest_days": [6]}
    changed = await learner.client.patch("/users/me", json=days)
    assert changed.status_code == 200, changed.text
    learner.id = changed.json()["id"]
    return learner


async def renew(client: Client, learner: Learner) -> None:
    """Sign in again: a token lasts half an hour."""
    signed_in = await client.post("/auth/login", json={"login": learner.name, "password": PASSWORD})
    assert signed_in.status_code == 200, signed_in.text
    learner.client = client.with_token(signed_in.json()["access_token"])


async def set_goal(learner: Learner, settle: Settle, clock: SettableClock) -> dict[str, Any]:
    deadline = learner.today(clock) + timedelta(days=120)
    body = {
        "title": "Write small Python programs for my work",
        "description": "A script that sorts my invoices. I have never programmed.",
        "deadline": deadline.isoformat(),
        "minutes_per_day": 45,
        "domain": "python",
    }
    answer = await learner.client.post("/goals", json=body)
    assert (answer.status_code, answer.json()["status"]) == (202, "analysing"), answer.text
    learner.goal_id = answer.json()["id"]
    await settle()
    goal = await learner.get(f"/goals/{learner.goal_id}")
    assert goal["status"] == "proposed"
    assert goal["plan"]["provider"] == goal["findings"]["provider"] == "offline"
    assert goal["rank"]["domain"] == "python"
    accepted = await learner.client.post(
        f"/goals/{learner.goal_id}/plan/accept", json={"version": goal["plan"]["version"]}
    )
    assert (accepted.status_code, accepted.json()["status"]) == (200, "active"), accepted.text
    found: dict[str, Any] = accepted.json()
    return found


def tasks_of(goal: dict[str, Any]) -> list[dict[str, Any]]:
    return [task for milestone in goal["plan"]["milestones"] for task in milestone["tasks"]]


def holds_together(goal: dict[str, Any], first_day: date) -> list[str]:
    """Say what an accepted plan breaks of the member's capacity, order, rest days and deadline."""
    broken = []
    tasks = {task["id"]: task for task in tasks_of(goal)}
    minutes: dict[str, int] = {}
    for task in tasks.values():
        day = task["scheduled_on"]
        if day is None:
            continue
        minutes[day] = minutes.get(day, 0) + task["minutes"]
        if not first_day.isoformat() <= day <= goal["deadline"]:
            broken.append(f"{task['title']} is on {day}")
        if date.fromisoformat(day).weekday() == 6:
            broken.append(f"{task['title']} is on a Sunday")
        for other in task["depends_on"]:
            before = tasks[other]["scheduled_on"]
            if before is None or before > day:
                broken.append(f"{task['title']} is before {tasks[other]['title']}")
    broken += [f"{day} holds {sum_}" for day, sum_ in minutes.items() if sum_ > 45]
    return broken


async def live_a_day(learner: Learner, clock: SettableClock) -> None:
    """Look at what is for today; do it, but for every fifth."""
    answer = await learner.client.post("/tasks/generate", json={})
    assert answer.status_code == 200, answer.text
    today = answer.json()
    assert today["date"] == learner.today(clock).isoformat()
    assert sum(item["minutes"] for item in today["items"]) <= today["capacity_minutes"]
    if learner.today(clock).weekday() == 6:
        assert today["items"] == []
    for item in today["items"]:
        assert item["reason"]
        learner.seen += 1
        if learner.seen % MISSED_EVERY == 0:
            learner.missed.append(item["id"])
            continue
        done = await learner.client.patch(f"/tasks/{item['id']}", json={"status": "done"})
        assert (done.status_code, done.json()["status"]) == (200, "done"), done.text
        learner.done.append(item["id"])


async def take_new_days(learner: Learner) -> None:
    """Accept the preview of new days for what was missed, if there is one."""
    waiting = (await learner.get("/reschedulings"))["items"]
    for preview in waiting:
        moves = f"/reschedulings/{preview['id']}/accept"
        accepted = await learner.client.post(moves)
        assert (accepted.status_code, accepted.json()["state"]) == (200, "accepted"), accepted.text
        learner.moved += len(preview["moves"])


async def pass_a_day(
    client: Client, hall: Hall, clock: SettableClock, settle: Settle, learners: Sequence[Learner]
) -> None:
    """Let a whole day go by in steps of six hours; everybody lives theirs when it is noon there."""
    for _ in range(4):
        clock.advance(hours=6)
        await close_days(factories.task_run(hall))
        for learner in learners:
            if 9 <= clock.now().astimezone(ZoneInfo(learner.zone)).hour < 15:
                await renew(client, learner)
                await take_new_days(learner)
                await live_a_day(learner, clock)
        await settle()


@pytest.mark.parametrize("zones", [("America/New_York", "Pacific/Kiritimati")])
async def test_from_a_sentence_to_a_rank(
    application: Any,
    client: Client,
    committed: Hall,
    clock: SettableClock,
    settle: Settle,
    zones: tuple[str, str],
) -> None:
    clock.set(START)
    # Weeks go by in a minute: limits are by the clock of Redis, which cannot be moved.
    unlimited = replace(committed.settings, rate_limit=RateLimitSettings(rate_limit_enabled=False))
    furnish(application, replace(committed, settings=unlimited))
    await seed(committed, read_content(starter_content(), committed.wiring.topics))
    learners = [
        await sign_up(client, f"learner-{number}", zone) for number, zone in enumerate(zones)
    ]
    await settle()
    for learner in learners:
        goal = await set_goal(learner, settle, clock)
        assert holds_together(goal, learner.today(clock)) == []
        assert goal["plan"]["unplaced"] == []

    for _ in range(7 * WEEKS):
        await pass_a_day(client, committed, clock, settle, learners)

    for learner in learners:
        await renew(client, learner)
        assert learner.missed, "the test must see something missed"
        assert learner.moved, "what was missed must have got new days"
        progress = await learner.get("/progress/me")
        history = await learner.get("/progress/me/history", limit=100)
        earned = [entry for entry in history["items"] if entry["cause_type"] == "task"]
        # Every task that was done is in the ledger once, and nothing else is.
        assert sorted(entry["cause_id"] for entry in earned) == sorted(learner.done)
        assert progress["total_xp"] == sum(entry["xp"] for entry in history["items"])
        assert {entry["rule"] for entry in earned} == {"task"}
        ranks = {rank["domain"]: rank["rank"] for rank in progress["ranks"]}
        assert ranks["python"] != "E", progress
        # One day of the 28 is a DST change, and none was counted twice or left out. Sundays are
        # rest days, so streaks end; what was lived through is right nevertheless.
        days = {entry["local_day"] for entry in earned}
        assert all(date.fromisoformat(day).weekday() != 6 for day in days)
        goal = await learner.get(f"/goals/{learner.goal_id}")
        assert goal["status"] in ("active", "completed")
        done = {task["id"] for task in tasks_of(goal) if task["status"] == "done"}
        assert done <= set(learner.done)
        assert goal["tasks_done"] == len(done)
        dashboard = await learner.get(f"/dashboard/{learner.id}")
        assert dashboard["progress"]["total_xp"] == progress["total_xp"]
        assert {goal["id"] for goal in dashboard["goals"]["items"]} == {learner.goal_id}
