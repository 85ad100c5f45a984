"""The fields of learning, and where members stand in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select

from guildhall.infra.unit_of_work import UnitOfWork
from guildhall.kernel.paging import Page, page_of, position_in
from guildhall.progression import boards, rules
from guildhall.progression.errors import DomainNotFound
from guildhall.progression.models import BoardEntry, Domain, DomainRank
from guildhall.progression.schemas import DomainOut, DomainRankOut, DomainRanksOut

__all__ = ["Standing", "domain_page", "domain_texts", "ranks_of", "standing_in"]


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a member stands in a domain."""

    rank: str
    xp: int
    thresholds: Mapping[str, int]

    @property
    def next_rank(self) -> tuple[str, int] | None:
        """Give the next rank and the XP that it still takes; None at the top."""
        rank = rules.rank_after(self.rank, self.thresholds)
        return (rank, self.thresholds[rank] - self.xp) if rank is not None else None


async def domain_page(uow: UnitOfWork, limit: int, cursor: str | None) -> Page[DomainOut]:
    """List domains by their slugs."""
    query = select(Domain).order_by(Domain.slug).limit(limit)
    if cursor:
        query = query.where(Domain.slug > position_in(cursor, str)[0])
    found = (await uow.session.scalars(query)).all()
    return page_of(found, limit, DomainOut.model_validate, lambda domain: (domain.slug,))


async def domain_texts(uow: UnitOfWork) -> dict[str, str]:
    """Give what each domain is about, by slug."""
    rows = await uow.session.execute(
        select(Domain.slug, Domain.name, Domain.description).order_by(Domain.slug)
    )
    return {row.slug: f"{row.name}. {row.description}" for row in rows}


async def standing_in(uow: UnitOfWork, subject_id: UUID, domain: str) -> Standing:
    """Give where a subject stands in a domain; who has done nothing there is at the bottom."""
    thresholds = (await boards.rank_systems(uow)).get(domain, {})
    xp = await uow.session.scalar(
        select(BoardEntry.xp).where(
            BoardEntry.subject_id == subject_id,
            BoardEntry.board == domain,
            BoardEntry.period == "all",
        )
    )
    rank = await uow.session.scalar(
        select(DomainRank.rank).where(
            DomainRank.subject_id == subject_id, DomainRank.domain == domain
        )
    )
    return Standing(rank or rules.rank_for(xp or 0, thresholds), xp or 0, thresholds)


async def ranks_of(uow: UnitOfWork, subject_id: UUID, domain: str) -> DomainRanksOut:
    """Give the ranks of a domain, and where one stands among them."""
    if domain not in await boards.domains(uow):
        raise DomainNotFound
    standing = await standing_in(uow, subject_id, domain)
    reached = rules.RANKS.index(standing.rank)
    return DomainRanksOut(
        domain=domain,
        rank=standing.rank,
        xp=standing.xp,
        items=[
            DomainRankOut(rank=rank, xp=standing.thresholds[rank], reached=position <= reached)
            for position, rank in enumerate(rules.RANKS)
            if rank in standing.thresholds
        ],
    )
