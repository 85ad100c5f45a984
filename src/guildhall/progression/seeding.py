"""Domains, ranks and badges from content files."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from sqlalchemy import Integer, cast
from sqlalchemy.dialects.postgresql import insert

from guildhall.infra.unit_of_work import UnitOfWork
from guildhall.kernel.ids import new_id
from guildhall.progression.models import Badge, Domain, RankSystem
from guildhall.progression.repository import BADGE_CATALOGUE
from guildhall.progression.rules import RANKS
from guildhall.progression.schemas import BadgeIn, Line, Prose, Slug

__all__ = ["SeedBadge", "SeedDomain", "seed_badges", "seed_domains"]


class SeedDomain(BaseModel):
    """A field of learning and the domain XP that its ranks take."""

    model_config = ConfigDict(extra="forbid")

    slug: Slug
    name: Line
    description: Prose
    ranks: dict[str, Annotated[int, Field(ge=0, le=100_000_000)]]

    @field_validator("slug")
    @classmethod
    def _not_the_hall(cls, value: str) -> str:
        if value == "global":
            raise ValueError("global is the hall's own board")
        return value

    @model_validator(mode="after")
    def _ranks_rise(self) -> SeedDomain:
        if set(self.ranks) != set(RANKS) or self.ranks[RANKS[0]] != 0:
            raise ValueError(f"ranks must be {', '.join(RANKS)}, and {RANKS[0]} takes 0")
        if any(a >= b for a, b in pairwise(self.ranks[rank] for rank in RANKS)):
            raise ValueError("each rank must take more XP than the one before")
        return self


class SeedBadge(BadgeIn):
    """A badge as a content file has it: switched on."""

    active: bool = True


async def seed_domains(uow: UnitOfWork, domains: Sequence[SeedDomain]) -> None:
    """Write domains and their ranks by slug. Idempotent; ranks reached already stay."""
    for domain in domains:
        values = domain.model_dump(include={"name", "description"})
        await uow.session.execute(
            insert(Domain)
            .values(slug=domain.slug, **values)
            .on_conflict_do_update(index_elements=["slug"], set_=values)
        )
        ranks = {"thresholds": domain.ranks}
        await uow.session.execute(
            insert(RankSystem)
            .values(domain=domain.slug, **ranks)
            .on_conflict_do_update(
                index_elements=["domain"],
                set_={**ranks, "version": RankSystem.version + 1},
                where=RankSystem.thresholds != domain.ranks,
            )
        )
    uow.after_commit(lambda: uow.cache.drop("domains", "rank-systems"))


async def seed_badges(uow: UnitOfWork, badges: Sequence[SeedBadge]) -> None:
    """Write badges by slug; a new condition is a new version.

    Idempotent. Whether one is switched on stays the admin's choice.
    """
    for badge in badges:
        values: dict[str, Any] = badge.model_dump(include={"name", "description", "condition"})
        written = insert(Badge).values(
            id=new_id(), slug=badge.slug, active=badge.active, created_at=uow.now, **values
        )
        changed = Badge.condition.is_distinct_from(written.excluded.condition)
        await uow.session.execute(
            written.on_conflict_do_update(
                index_elements=["slug"],
                set_={**values, "version": Badge.version + cast(changed, Integer)},
            )
        )
    uow.after_commit(lambda: uow.cache.drop(BADGE_CATALOGUE))
