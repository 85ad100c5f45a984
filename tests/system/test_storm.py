"""kill -9, twenty times each, while members hand in two thousand answers."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.system.checks import agrees, quiet
from tests.system.guests import Guest, Promises, admin_of, publish_flag
from tests.system.running_hall import RunningHall, kill, running_hall, until

SUBMISSIONS = int(os.environ.get("STORM_SUBMISSIONS", "2000"))
KILLS_EACH = int(os.environ.get("STORM_KILLS_EACH", "20"))
CHALLENGES = 20
# The API dies too, though less often: only then do clients get no answer at all.
DEATHS = KILLS_EACH * ["worker", "relay", "valkey", "postgres"] + KILLS_EACH // 4 * ["api"]
MEMBERS = SUBMISSIONS // CHALLENGES
AT_ONCE = 8
LIMIT_SECONDS = 420
BACK_WITHIN_SECONDS = 30


async def test_kill_9_of_anything_loses_no_acknowledged_attempt_and_awards_none_twice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seed = int(os.environ.get("SEED") or random.randrange(1 << 32))
    with capsys.disabled():
        print(f"\nstorm: SEED={seed}, {SUBMISSIONS} submissions, {len(DEATHS)} kills")  # noqa: T201
    chance = random.Random(seed)
    limits = httpx.Limits(max_connections=AT_ONCE * 2, max_keepalive_connections=AT_ONCE)
    async with (
        asyncio.timeout(LIMIT_SECONDS),
        running_hall() as hall,
        httpx.AsyncClient(base_url=hall.url, timeout=15, limits=limits) as client,
    ):
        admin = await admin_of(hall, client)
        prices = {
            await publish_flag(
                admin, f"flag-{n}", 10 + 7 * n, domain="python" if n % 3 else None
            ): n
            for n in range(CHALLENGES)
        }
        guests = [Guest(client, f"guest{n:03}") for n in range(MEMBERS)]
        await asyncio.gather(*(guest.register() for guest in guests))

        work = [
            (guest, id_, n, chance.random() < 0.9) for guest in guests for id_, n in prices.items()
        ]
        chance.shuffle(work)
        promises = Promises(tmp_path / "promises")
        earned: Counter[str] = Counter()
        kills: Counter[str] = Counter()
        per_kill = SUBMISSIONS / len(DEATHS)

        async def hand_in() -> None:
            while work:
                # Not far ahead of the storm, or the last deaths would meet an idle hall.
                await until(
                    lambda: len(promises.kept) <= (sum(kills.values()) + 2) * per_kill,
                    LIMIT_SECONDS,
                    "the storm",
                )
                guest, challenge_id, n, knows = work.pop()
                await guest.submit(challenge_id, f"flag-{n}" if knows else "?", promises)
                if knows:
                    earned[guest.username] += 10 + 7 * n

        began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            storm = group.create_task(
                _storm(hall, chance, kills, lambda: len(promises.kept) / SUBMISSIONS)
            )
            for _ in range(AT_ONCE):
                group.create_task(hand_in())
        took = time.monotonic() - began
        promises.close()
        longest_away = storm.result()

        await hall.ready()
        recovery = await quiet(hall)
        audit = await agrees(hall, promises.kept)
        totals = {
            row["username"]: row["total_xp"]
            for row in await hall.rows(
                "SELECT u.username, p.total_xp FROM users u JOIN subject_progress p"
                " ON p.subject_id = u.id WHERE p.total_xp > 0"
            )
        }
        shown = await _whole_board(guests[0])
        told = {
            guest.username: (await guest.get("/progress/me"))["total_xp"] for guest in guests[:10]
        }
        faults = [fault for guest in guests for fault in guest.faults]
        reasons = hall.reasons() if faults else ""

    with capsys.disabled():
        print(  # noqa: T201  # the figures are what this test is for
            f"storm: SEED={seed}: {len(promises.kept)} acknowledged in {took:.1f} s, kills"
            f" {dict(kills)}, {sum(guest.unanswered for guest in guests)} outcomes unknown and"
            f" {sum(guest.refused for guest in guests)} answers 503, all asked again;"
            f" longest until a part was back {longest_away:.1f} s; at rest {recovery:.1f} s after"
            f" the last; {audit.ledger_rows} ledger rows, {audit.ledger_xp} XP: all equal"
        )
    assert len(promises.kept) == SUBMISSIONS
    assert kills == Counter(DEATHS)
    assert totals == dict(earned)
    assert shown == dict(earned)
    assert told.items() <= dict(earned).items()
    assert not faults, f"{faults[:5]}\n{reasons}"


async def _storm(
    hall: RunningHall, chance: random.Random, kills: Counter[str], done: Callable[[], float]
) -> float:
    """Kill in a random order, spread over the work; give how long a part was away at most."""
    order = chance.sample(DEATHS, len(DEATHS))
    longest = 0.0
    for number, role in enumerate(order):
        share = 0.98 * number / len(order)
        await until(lambda share=share: done() >= share, LIMIT_SECONDS, "the work")  # type: ignore[misc]
        began = time.monotonic()
        # A part that is away already cannot be killed: first the hall has to bring it back.
        inner = kills[role] % 2 == 1 and role in ("worker", "postgres")
        while not kill(hall.child_of_child(role) if inner else hall.child(role)):
            if time.monotonic() - began > BACK_WITHIN_SECONDS:
                raise AssertionError(f"{role} did not come back\n{hall.last_words()}")
            await asyncio.sleep(0.02)
        longest = max(longest, time.monotonic() - began)
        kills[role] += 1
        await asyncio.sleep(chance.uniform(0.05, 0.4))
    return longest


async def _whole_board(guest: Guest) -> dict[str, int]:
    """Read the whole leaderboard, page by page."""
    shown: dict[str, int] = {}
    cursor = ""
    while True:
        page = await guest.get(f"/leaderboards/global?limit=50{cursor}")
        shown |= {line["username"]: line["xp"] for line in page["items"]}
        if page["next_cursor"] is None:
            return shown
        cursor = f"&cursor={page['next_cursor']}"
