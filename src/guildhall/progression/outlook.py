"""What is next for a subject: the badges that are nearest."""

from __future__ import annotations

from dataclasses import replace

from guildhall.infra.unit_of_work import UnitOfWork
from guildhall.kernel.member import Member
from guildhall.progression import repository, rules
from guildhall.progression.repository import Standing
from guildhall.progression.schemas import NextBadgeOut

__all__ = ["next_badges"]


async def next_badges(uow: UnitOfWork, who: Member, limit: int) -> list[NextBadgeOut]:
    """Give the badges that a member is nearest to, the nearest first, in three statements.

    Left out are those that can no longer be earned, and those that the next thing they do brings.
    """
    known = await repository.read_standings(uow, [who.id])
    standing = known.get(who.id) or Standing(who.id, 0, 1, rules.Streak(), on_leaderboards=True)
    facts, had = (await repository.records_of(uow, {who.id: standing}))[who.id]
    paused = (await repository.paused_days(uow, [who.id])).get(who.id, set())
    today = who.local_day(uow.now)
    facts = replace(facts, current_streak=rules.current_streak(standing.streak, today, paused))
    found = [
        (reach, badge)
        for badge in await repository.active_badges(uow)
        if badge.id not in had and not badge.condition.met(facts)
        if (reach := badge.condition.reach(facts)) is not None
    ]
    found.sort(key=lambda pair: (-pair[0].share, pair[0].want, pair[1].slug))
    return [
        NextBadgeOut(
            slug=badge.slug,
            name=badge.name,
            description=badge.description,
            counted=reach.counted,
            domain=reach.domain,
            have=reach.have,
            want=reach.want,
        )
        for reach, badge in found[:limit]
    ]
