"""RankAssessor: where a member stands in a goal's domain, and by what."""

from __future__ import annotations

from uuid import UUID

from guildhall import progression
from guildhall.goals import ability
from guildhall.goals.models import TaskAbility
from guildhall.goals.schemas import RankFinding
from guildhall.infra.unit_of_work import UnitOfWork
from guildhall.kernel.ratings import NEWCOMER, Rating

__all__ = ["ability_in", "assess"]

NO_DOMAIN = ""


async def assess(uow: UnitOfWork, user_id: UUID, domain: str | None) -> RankFinding:
    """Give a member's rank in a domain from their record, with reasons."""
    if domain is None:
        return RankFinding(
            domain=None,
            rank=progression.LOWEST_RANK,
            reasons=["The goal belongs to no domain of the hall, so there is no record to go by."],
        )
    standing = await progression.standing_in(uow, user_id, domain)
    reasons = [f"You have {standing.xp} XP in this domain."]
    if (above := standing.next_rank) is not None:
        reasons.append(f"Rank {above[0]} takes {above[1]} XP more.")
    known = await uow.session.get(TaskAbility, (user_id, domain))
    if known is not None and known.games > 0:
        chance = round(100 * ability.success_chance(_rating(known), "medium"))
        reasons.append(
            f"From {known.games} tasks here, you finish one of medium difficulty"
            f" with a chance of about {chance} %."
        )
    else:
        reasons.append("You have finished no tasks here yet.")
    return RankFinding(domain=domain, rank=standing.rank, reasons=reasons)


async def ability_in(uow: UnitOfWork, user_id: UUID, domain: str | None) -> Rating:
    """Give how able a member has proved to be at tasks of a domain."""
    known = await uow.session.get(TaskAbility, (user_id, domain or NO_DOMAIN))
    return NEWCOMER if known is None else _rating(known)


def _rating(known: TaskAbility) -> Rating:
    return Rating(known.rating, known.deviation, known.games)
