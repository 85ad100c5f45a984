"""The whole hall, started as its operator starts it."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from tests.system.checks import agrees, quiet
from tests.system.guests import Guest, Promises, admin_of, publish_flag
from tests.system.running_hall import (
    PASSWORD,
    RunningHall,
    descendants_of,
    is_there,
    kill,
    running_hall,
    until,
)

RACERS = 20


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def hall() -> AsyncIterator[RunningHall]:
    """One hall for this file: what is promised must hold whatever was done to it before."""
    async with running_hall() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def client(hall: RunningHall) -> AsyncIterator[httpx.AsyncClient]:
    limits = httpx.Limits(max_connections=RACERS, max_keepalive_connections=RACERS)
    async with httpx.AsyncClient(base_url=hall.url, timeout=15, limits=limits) as open_client:
        yield open_client


def _new(client: httpx.AsyncClient) -> Guest:
    return Guest(client, f"guest-{secrets.token_hex(5)}")


async def test_an_admins_challenge_becomes_a_members_xp_within_a_second(
    hall: RunningHall, client: httpx.AsyncClient
) -> None:
    status, said = await hall.run(
        *("create-admin", "--username", "warden", "--email", "warden@example.org"),
        "--password-stdin",
        given=f"{PASSWORD}\n",
    )
    assert status == 0, said
    admin, member = Guest(client, "warden"), _new(client)
    await admin.login()
    challenge_id = await publish_flag(admin, "under the mat", 100)

    await member.register()
    attempt = await member.post(f"/challenges/{challenge_id}/attempts", expect=201)
    path = f"/attempts/{attempt['id']}"
    await member.post(f"{path}/submit", {"answer": "under the mat"}, expect=202)
    deadline = time.monotonic() + 1
    while (graded := await member.get(path))["status"] == "submitted":
        assert time.monotonic() < deadline, "not graded within a second"
        await asyncio.sleep(0.01)
    assert (graded["status"], graded["score"], graded["xp_awarded"]) == ("passed", 100, 100)

    await quiet(hall)
    progress = await member.get("/progress/me")
    assert (progress["total_xp"], progress["level"]) == (100, 2)
    assert "first-steps" in {badge["slug"] for badge in progress["badges"]}
    place = await member.get("/leaderboards/global/me")
    assert place["xp"] == 100
    board = await member.get("/leaderboards/global")
    assert (member.username, 100) in {(line["username"], line["xp"]) for line in board["items"]}

    status, said = await hall.run("audit")
    assert status == 0, said
    assert "all equal" in said


async def test_of_twenty_at_once_one_has_an_effect(
    hall: RunningHall, client: httpx.AsyncClient
) -> None:
    admin, member = await admin_of(hall, client), _new(client)
    await member.register()
    challenge_id = await publish_flag(admin, "here", 50)

    async def at_once(path: str, body: object, guest: Guest = member) -> list[httpx.Response]:
        """Ask twenty times at the same moment."""
        ready = asyncio.Event()

        async def one() -> httpx.Response:
            await ready.wait()
            return await client.post(f"/api/v1{path}", json=body, headers=guest.headers)

        asked = [asyncio.create_task(one()) for _ in range(RACERS)]
        await asyncio.sleep(0)
        ready.set()
        return await asyncio.gather(*asked)

    started = await at_once(f"/challenges/{challenge_id}/attempts", None)
    assert {answer.status_code for answer in started} == {201}
    (attempt_id,) = {answer.json()["id"] for answer in started}

    submitted = await at_once(f"/attempts/{attempt_id}/submit", {"answer": "here"})
    assert sorted(answer.status_code for answer in submitted) == [202] + [409] * (RACERS - 1)

    name = f"twin-{secrets.token_hex(4)}"
    registered = await at_once(
        "/auth/register",
        {"username": name, "email": f"{name}@example.org", "password": PASSWORD},
    )
    assert sorted(answer.status_code for answer in registered) == [201] + [409] * (RACERS - 1)

    twin = Guest(client, name)
    tokens = await twin.login()
    refreshed = await at_once("/auth/refresh", {"refresh_token": tokens["refresh_token"]}, twin)
    # Tabs that ask at once are one client: each gets the one child, and nobody is signed out.
    assert {answer.status_code for answer in refreshed} == {200}
    assert len({answer.json()["refresh_token"] for answer in refreshed}) == 1
    (families,) = await hall.rows(
        "SELECT count(*) AS number FROM active_sessions s JOIN users u ON u.id = s.user_id"
        " WHERE u.username = $1",
        name,
    )
    assert families["number"] == 1

    await quiet(hall)
    await agrees(hall, {attempt_id})
    assert (await member.get("/progress/me"))["total_xp"] == 50


async def test_boards_are_served_while_redis_is_wiped_and_complete_afterwards(
    hall: RunningHall, client: httpx.AsyncClient, tmp_path: Path
) -> None:
    admin = await admin_of(hall, client)
    challenges = {await publish_flag(admin, f"here {n}", 10 + n): n for n in range(10)}
    guests = [_new(client) for _ in range(10)]
    await asyncio.gather(*(guest.register() for guest in guests))
    promises = Promises(tmp_path / "promises")
    wiping, looks = True, 0

    async def wipe() -> None:
        async with hall.opened() as inside:
            for _ in range(5):
                await inside.redis.flushall()
                await asyncio.sleep(0.3)

    async def look() -> None:
        nonlocal looks
        seen: dict[str, int] = {}
        while wiping:
            # What one answer has shown is never missing, or less, in a later one.
            page = await guests[0].get("/leaderboards/global?limit=100")
            now = {line["username"]: line["xp"] for line in page["items"]}
            assert all(now.get(name, 0) >= xp for name, xp in seen.items()), (seen, now)
            seen = now
            looks += 1

    async def hand_in(guest: Guest) -> None:
        for challenge_id, n in challenges.items():
            await guest.submit(challenge_id, f"here {n}", promises)

    looking = asyncio.create_task(look())
    await asyncio.gather(wipe(), *(hand_in(guest) for guest in guests))
    await quiet(hall)
    wiping = False
    await looking
    promises.close()

    assert looks > 10
    await agrees(hall, promises.kept)
    board = await guests[0].get("/leaderboards/global?limit=100")
    shown = {line["username"]: line["xp"] for line in board["items"]}
    everything = sum(10 + n for n in challenges.values())
    assert {guest.username: everything for guest in guests}.items() <= shown.items()
    assert not [fault for guest in guests for fault in guest.faults]


async def test_a_worker_takes_up_work_again_after_redis_was_killed(
    hall: RunningHall, client: httpx.AsyncClient, capsys: pytest.CaptureFixture[str]
) -> None:
    admin, member = await admin_of(hall, client), _new(client)
    await member.register()
    waits = []
    for n in range(3):
        challenge_id = await publish_flag(admin, "here", 10 + n)
        attempt = await member.post(f"/challenges/{challenge_id}/attempts", expect=201)
        worker = hall.child("worker")
        assert kill(hall.child("valkey"))
        began = time.monotonic()
        await member.post(f"/attempts/{attempt['id']}/submit", {"answer": "here"}, expect=202)
        while (await member.get(f"/attempts/{attempt['id']}"))["status"] == "submitted":
            assert time.monotonic() - began < 30, "a worker is alive and does nothing"
            await asyncio.sleep(0.02)
        waits.append(time.monotonic() - began)
        assert hall.child("worker") == worker, "it was to come back by itself"
    with capsys.disabled():
        print(f"\nRedis killed to graded: {', '.join(f'{w:.1f} s' for w in waits)}")  # noqa: T201
    await quiet(hall)
    await agrees(hall, ())


async def test_a_second_hall_on_the_same_directory_is_refused(hall: RunningHall) -> None:
    before = {role: hall.child(role) for role in ("postgres", "valkey", "api", "worker")}
    status, said = await hall.run("up")
    assert status not in (0, None)
    assert said.strip(), "without a word"
    assert "Traceback" not in said
    assert {role: hall.child(role) for role in before} == before
    await hall.ready()


async def test_a_hall_whose_supervisor_was_killed_comes_back_with_all_it_promised(
    hall: RunningHall, client: httpx.AsyncClient, tmp_path: Path
) -> None:
    admin = await admin_of(hall, client)
    challenges = [await publish_flag(admin, "here", 10 + n) for n in range(6)]
    guests = [_new(client) for _ in range(5)]
    await asyncio.gather(*(guest.register() for guest in guests))
    promises = Promises(tmp_path / "promises")

    async def hand_in(guest: Guest) -> None:
        for challenge_id in challenges:
            await guest.submit(challenge_id, "here", promises)

    async def interrupt() -> None:
        await until(lambda: len(promises.kept) >= 10, 20, "ten promises")
        below = list(descendants_of(hall.pid))
        assert below
        hall.kill_supervisor()
        hall.start()
        await hall.ready()
        # Killed is not yet gone: the kernel may still be writing for one of them.
        await until(lambda: not any(map(is_there, below)), 10, "nothing left of the hall before")

    await asyncio.gather(interrupt(), *(hand_in(guest) for guest in guests))
    promises.close()
    assert len(promises.kept) == len(guests) * len(challenges)
    await quiet(hall)
    await agrees(hall, promises.kept)


@pytest.mark.parametrize("role", ["postgres", "valkey", "api", "worker", "relay", "scheduler"])
async def test_a_killed_child_is_brought_back(hall: RunningHall, role: str) -> None:
    before = hall.child(role)
    assert kill(before)
    await until(lambda: hall.child(role) not in (None, before), 15, f"another {role}")
    await hall.ready()
