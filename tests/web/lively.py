"""A hall in which people have been at work for weeks.

It is lived through before it is opened: the clock is moved day by day, and everybody does what they
would do by the API, in this process. Everything else is real, so what is to be seen afterwards was
earned: XP, streaks, badges, boards, and a plan with days that were missed.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from guildhall.entrypoints.api import create_app, furnish
from guildhall.entrypoints.prepare import prepare
from guildhall.entrypoints.wiring import WIRING
from guildhall.goals.tasks import close_days
from guildhall.identity.passwords import hash_password
from guildhall.infra.embedded import servers_for
from guildhall.infra.endpoints import Endpoints
from guildhall.infra.hall import Hall, open_hall
from guildhall.infra.settings import ApiSettings, HallSettings, RateLimitSettings, Settings
from guildhall.kernel.member import Role
from tests import factories
from tests.system.running_hall import PASSWORD, RunningHall, running_hall
from tests.world import Client, SettableClock, settle_hall

DAYS = 45
GOAL_AFTER_DAYS = 20
MISSED_EVERY = 6
REVIEWS_WAIT_DAYS = 6


@dataclass
class Inhabitant:
    """A member; how likely they do something on a day, and how likely it is right."""

    name: str
    zone: str
    diligence: float
    skill: float
    client: Client = field(init=False)
    passed: set[str] = field(default_factory=set)
    seen: int = 0


STAR = Inhabitant("Lina", "Europe/Berlin", 0.93, 0.8)
OTHERS = (
    Inhabitant("Tomás", "Europe/Lisbon", 0.8, 0.75),
    Inhabitant("Ayumi", "Asia/Tokyo", 0.75, 0.9),
    Inhabitant("Ngozi", "Africa/Lagos", 0.7, 0.8),
    Inhabitant("Ivo", "Europe/Prague", 0.65, 0.6),
    Inhabitant("Priya", "Asia/Kolkata", 0.6, 0.85),
    Inhabitant("Mateo", "America/Bogota", 0.5, 0.7),
    Inhabitant("Sigrun", "Atlantic/Reykjavik", 0.45, 0.8),
    Inhabitant("Wanjiru", "Africa/Nairobi", 0.4, 0.7),
    Inhabitant("Elif", "Europe/Istanbul", 0.35, 0.8),
    Inhabitant("Noah", "America/New_York", 0.3, 0.6),
    Inhabitant("Mei", "Asia/Shanghai", 0.25, 0.9),
    Inhabitant("Oskar", "Europe/Warsaw", 0.15, 0.6),
)
WARDEN = "warden"
GOAL = {
    "title": "Write small Python programs for my work",
    "description": "A script that sorts my invoices. I have never programmed.",
    "minutes_per_day": 45,
    "domain": "python",
}
WORK = (
    "I went through the log of last week with three commands. The first counts the requests of each"
    " address, the second keeps those above a hundred, and the third sorts them.\n\nWhat surprised"
    " me: two thirds of all requests came from one address, our own health check."
)


@dataclass
class _Life:
    """What a hall is lived through with."""

    hall: Hall
    clock: SettableClock
    admin: Client
    chance: random.Random
    challenges: list[dict[str, Any]] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)


@asynccontextmanager
async def lively_hall(seed: int = 7) -> AsyncIterator[RunningHall]:
    """Give a running hall with weeks of life in it; everybody has `PASSWORD`."""
    async with running_hall(before=lambda hall: _live(hall, random.Random(seed))) as hall:
        yield hall


async def _live(running: RunningHall, chance: random.Random) -> None:
    loaded = Settings.load()
    settings = replace(
        loaded,
        hall=HallSettings(data_dir=running.data_dir),
        api=ApiSettings(trusted_hosts=("hall",)),
        rate_limit=RateLimitSettings(rate_limit_enabled=False),
    )
    clock = SettableClock()
    now = datetime.now(UTC)
    clock.set(now - timedelta(days=DAYS))
    async with servers_for(settings) as configured:
        await prepare(settings, configured)
        async with _opened(settings, configured, clock) as (hall, client):
            life = await _furnished(hall, client, clock, chance)
            for day in range(1, DAYS + 1):
                clock.set(now - timedelta(days=DAYS - day))
                await _live_a_day(life, day)


@asynccontextmanager
async def _opened(
    settings: Settings, configured: Endpoints, clock: SettableClock
) -> AsyncIterator[tuple[Hall, Client]]:
    # As the owner: whoever settles everything at once sees everything.
    endpoints = replace(configured, database_url=configured.owner_url)
    async with open_hall(settings, endpoints, WIRING, clock=clock, pool_size=4) as hall:
        application = create_app(settings)
        furnish(application, hall)
        async with Client(application) as client:
            yield hall, client


async def _furnished(
    hall: Hall, client: Client, clock: SettableClock, chance: random.Random
) -> _Life:
    """Let everybody in, and read every challenge with its solution."""
    known = {"password_hash": await hash_password(PASSWORD), "email_verified_at": hall.clock.now()}
    admin = client.of(await factories.person(hall, role=Role.ADMIN, username=WARDEN, **known))
    for inhabitant in (STAR, *OTHERS):
        person = await factories.person(
            hall, username=inhabitant.name, time_zone=inhabitant.zone, **known
        )
        inhabitant.client = client.of(person)
    changes = {"daily_capacity_minutes": 60, "rest_days": [6]}
    _read(await STAR.client.patch("/users/me", json=changes))
    life = _Life(hall, clock, admin, chance)
    cursor: str | None = None
    while True:
        query = {"limit": 50} | ({"cursor": cursor} if cursor else {})
        page = _read(await admin.get("/challenges", params=query))
        for item in page["items"]:
            life.challenges.append(_read(await admin.get(f"/challenges/{item['id']}")))
        if (cursor := page["next_cursor"]) is None:
            return life


async def _live_a_day(life: _Life, day: int) -> None:
    await close_days(factories.task_run(life.hall))
    for inhabitant in (STAR, *OTHERS):
        if life.chance.random() < inhabitant.diligence:
            await _take_a_challenge(life, inhabitant)
    if day == GOAL_AFTER_DAYS:
        await _set_a_goal(life)
    if day > GOAL_AFTER_DAYS:
        await _work_at_the_goal(life, is_last=day == DAYS)
    if day < DAYS - REVIEWS_WAIT_DAYS:
        await _review(life)
    await settle_hall(life.hall)


async def _take_a_challenge(life: _Life, who: Inhabitant) -> None:
    """Try one of the next few that one has not passed."""
    open_ones = [each for each in life.challenges if each["id"] not in who.passed]
    open_ones = [each for each in open_ones if set(each["requires"]) <= who.passed]
    if not open_ones:
        return
    challenge = life.chance.choice(open_ones[:8])
    started = await who.client.post(f"/challenges/{challenge['id']}/attempts")
    if started.status_code != 201:  # They have tried it too often.
        return
    is_right = life.chance.random() < who.skill
    attempt = started.json()["id"]
    body = _answer(challenge["secret"]["grader"], is_right=is_right)
    _read(await who.client.post(f"/attempts/{attempt}/submit", json=body))
    kind = challenge["grader_type"]
    if kind == "review":
        life.waiting.append(attempt)
    if is_right or kind in ("review", "self"):
        who.passed.add(challenge["id"])


def _answer(grader: dict[str, Any], *, is_right: bool) -> dict[str, Any]:
    match grader["type"]:
        case "flag":
            return {"answer": grader["flag"] if is_right else "I am not sure"}
        case "quiz":
            known = {each["id"]: _known(each) for each in grader["questions"]}
            return {"answers": known if is_right else dict(list(known.items())[:1])}
        case "review":
            return {"text": WORK}
        case _:
            return {"note": "Done this morning, before work."}


def _known(question: dict[str, Any]) -> Any:
    answer = question["answer"]
    return answer[0] if question["kind"] == "text" and isinstance(answer, list) else answer


async def _set_a_goal(life: _Life) -> None:
    deadline = (life.clock.now() + timedelta(days=120)).date().isoformat()
    goal = _read(await STAR.client.post("/goals", json=GOAL | {"deadline": deadline}))
    await settle_hall(life.hall)
    plan = _read(await STAR.client.get(f"/goals/{goal['id']}"))["plan"]
    accepted = {"version": plan["version"]}
    _read(await STAR.client.post(f"/goals/{goal['id']}/plan/accept", json=accepted))


async def _work_at_the_goal(life: _Life, *, is_last: bool) -> None:
    """Do what is for today, but for every sixth task; today the last one is still to be done."""
    for preview in _read(await STAR.client.get("/reschedulings"))["items"]:
        if not is_last:
            _read(await STAR.client.post(f"/reschedulings/{preview['id']}/accept"))
    today = _read(await STAR.client.post("/tasks/generate", json={}))["items"]
    for task in today[:1] if is_last else today:
        STAR.seen += 1
        if STAR.seen % MISSED_EVERY:
            _read(await STAR.client.patch(f"/tasks/{task['id']}", json={"status": "done"}))


async def _review(life: _Life) -> None:
    """Look at what was handed in."""
    for attempt in life.waiting:
        score = life.chance.randint(60, 95)
        body = {"score": score, "comment": "Clear, and you say what you looked for. Well done."}
        _read(await life.admin.post(f"/attempts/{attempt}/review", json=body))
    life.waiting.clear()


def _read(answer: httpx.Response) -> Any:
    assert answer.is_success, f"{answer.request.url}: {answer.status_code} {answer.text}"
    return answer.json()
