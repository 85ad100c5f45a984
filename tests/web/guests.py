"""Members with something to show."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.system.guests import Guest, publish_flag

PATIENCE_SECONDS = 60


async def busy_member(member: Guest, admin: Guest) -> dict[str, Any]:
    """Set a goal, plan it, do today's first task, and pass a challenge; give the dashboard."""
    deadline = datetime.now(UTC).date() + timedelta(days=90)
    goal = await member.post(
        "/goals",
        {
            "title": "Write small Python programs for my work",
            "description": "A script that sorts my invoices. I have never programmed.",
            "deadline": deadline.isoformat(),
            "minutes_per_day": 45,
            "domain": "python",
        },
        expect=202,
    )
    goal = await once(member, f"/goals/{goal['id']}", lambda it: it["status"] == "proposed")
    version = goal["plan"]["version"]
    await member.post(f"/goals/{goal['id']}/plan/accept", {"version": version}, expect=200)
    await member.post("/tasks/generate", {}, expect=200)
    challenge = await publish_flag(admin, "lantern", 120, "python")
    attempt = await member.post(f"/challenges/{challenge}/attempts", expect=201)
    await member.post(f"/attempts/{attempt['id']}/submit", {"answer": "lantern"}, expect=202)
    return await once(
        member,
        f"/dashboard/{member.id}",
        lambda it: it["progress"]["total_xp"] > 0 and it["today"]["tasks"] != [],
    )


async def once(member: Guest, path: str, state: Any) -> dict[str, Any]:
    """Ask until it is so."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not state(answer := await member.get(path)):  # noqa: ASYNC110  # as a page would
            await asyncio.sleep(0.1)
    found: dict[str, Any] = answer
    return found
