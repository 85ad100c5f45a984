"""A member's dashboard: everything about their way in one call, kept for half a minute.

Whoever changes what it shows drops it once that is committed (`infra.views`), so that a member's
own write is in the very next answer, whichever process gives it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import date
from typing import Any
from uuid import UUID

import orjson

from guildhall import identity, progression
from guildhall.goals.errors import DashboardNotFound
from guildhall.goals.page import OWN_PART
from guildhall.infra.hall import Hall
from guildhall.infra.views import VIEW_TIER, Suggestion, SuggestionSource, view_key
from guildhall.kernel.member import Member

__all__ = ["dashboard"]

KEPT_SECONDS = 30


async def dashboard(hall: Hall, who: Member, user_id: UUID) -> str:
    """Give a member's dashboard as the JSON of DashboardOut: one's own, or as an admin anybody's.

    Three round trips to the database if it is not kept, and none if it is. Raises
    DashboardNotFound.
    """
    whose = who if user_id == who.id else await _seen_by(hall, who, user_id)
    today = whose.local_day(hall.clock.now())

    async def load() -> list[str]:
        return [str(today), orjson.dumps(await _read(hall, whose, today)).decode()]

    key = view_key(user_id)
    day, page = await hall.cache.get(key, load, ttl_seconds=KEPT_SECONDS, tiers=VIEW_TIER)
    if day != str(today):  # Midnight has passed where they live, or they live elsewhere now.
        await hall.cache.drop(key, tiers=VIEW_TIER)
        _, page = await hall.cache.get(key, load, ttl_seconds=KEPT_SECONDS, tiers=VIEW_TIER)
    return str(page)


async def _seen_by(hall: Hall, admin: Member, user_id: UUID) -> Member:
    """Give another member as their page needs to know them."""
    if not admin.may_administer:
        raise DashboardNotFound
    async with hall.units.read(member=user_id) as uow:
        days = (await identity.days_of(uow, [user_id])).get(user_id)
    if days is None:
        raise DashboardNotFound
    return replace(admin, id=user_id, time_zone=days.time_zone, day_starts_at=days.day_starts_at)


async def _read(hall: Hall, whose: Member, today: date) -> dict[str, Any]:
    sources = hall.wiring.suggestions
    stored, progress = await asyncio.gather(
        _stored(hall, whose.id, today, sources), progression.my_progress(hall, whose)
    )
    own, *others = stored
    suggestions = _own_suggestions(own)
    for source, value in zip(sources, others, strict=True):
        suggestions += source.suggest(value)
    tasks = own["tasks"]
    return {
        "user_id": str(whose.id),
        "progress": {
            name: progress[name]
            for name in ("total_xp", "level", "level_xp", "next_level_xp", "on_leaderboards")
        },
        "streak": {
            "days": progress["streak_days"],
            "longest_days": progress["longest_streak_days"],
            "freezes": progress["streak_freezes"],
        },
        "today": {
            "date": today,
            "minutes_open": sum(task["minutes"] for task in tasks if task["status"] != "done"),
            "minutes_done": own["minutes_done"],
            "tasks": tasks,
        },
        "goals": {
            "running": own["running"],
            "completed": own["completed"],
            "items": own["goals"],
        },
        "ranks": progress["ranks"],
        "badges": progress["badges"],
        "suggestions": [asdict(suggestion) for suggestion in suggestions],
    }


async def _stored(
    hall: Hall, user_id: UUID, today: date, sources: Sequence[SuggestionSource]
) -> list[Any]:
    """Read the goals' part and what every source needs, in one statement."""
    parts = [OWN_PART, *(source.statement for source in sources)]
    columns = ", ".join(f"({part})::text" for part in parts)
    async with hall.database.reads_of(user_id) as connection:
        row = await connection.fetchrow(f"SELECT {columns}", user_id, today)
    assert row is not None
    return [orjson.loads(value) for value in row]


def _own_suggestions(own: dict[str, Any]) -> list[Suggestion]:
    found = [
        Suggestion(
            "decide_plan",
            f"A plan for “{goal['title']}” waits for your answer.",
            goal["id"],
            {"goal": goal["title"]},
        )
        for goal in own["to_decide"]
    ]
    if own["preview"] is not None:
        found.append(
            Suggestion("reschedule", "New days for what was missed wait for your answer.",
                       own["preview"])
        )  # fmt: skip
    if own["due"]:
        number = own["due"]
        found.append(
            Suggestion(
                "review",
                f"{number} {'thing is' if number == 1 else 'things are'} due for review:"
                " have today's tasks chosen again.",
                facts={"count": number},
            )
        )
    found += [
        Suggestion(
            "next_step",
            f"Next for “{step['goal']}”: “{step['title']}”"
            + (f", on {step['day']}." if step["day"] else "; it has no day yet."),
            step["id"],
            {"goal": step["goal"], "task": step["title"], "day": step["day"]},
        )
        for step in own["next"]
    ]
    found += [
        Suggestion(
            "missing",
            f"“{goal['title']}”: {goal['question']}",
            goal["id"],
            {"goal": goal["title"], "question": goal["question"]},
        )
        for goal in own["missing"]
    ]
    found += [
        Suggestion(
            "template",
            f"Set a goal, such as “{template['title']}”.",
            template["slug"],
            {"title": template["title"]},
        )
        for template in own["templates"]
    ]
    return found
