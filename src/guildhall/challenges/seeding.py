"""Challenges from content files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from pydantic import Field, StringConstraints
from sqlalchemy import Integer, case, cast, or_
from sqlalchemy.dialects.postgresql import insert

from guildhall.challenges import repository
from guildhall.challenges.models import Challenge
from guildhall.challenges.rules import STARTING_RATINGS
from guildhall.challenges.schemas import ChallengeIn
from guildhall.infra.unit_of_work import UnitOfWork
from guildhall.kernel.ids import new_id

__all__ = ["SeedChallenge", "seed_challenges"]

Slug = Annotated[
    str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", min_length=2, max_length=100)
]


class SeedChallenge(ChallengeIn):
    """A challenge as a content file has it: published, and known by its slug."""

    slug: Slug
    requires: Annotated[list[Slug], Field(max_length=20)] = Field([])  # type: ignore[assignment]  # slugs here


async def seed_challenges(uow: UnitOfWork, challenges: Sequence[SeedChallenge]) -> int:
    """Write challenges by slug, new ones and changed ones; give how many are new.

    Idempotent: what is as it was keeps its times and versions. A challenge that an admin has
    removed stays removed.
    """
    ids: dict[str, UUID] = {}
    new = 0
    for seeded in challenges:
        values = seeded.model_dump(exclude={"slug", "requires"})
        fresh_id = new_id()
        written = insert(Challenge).values(
            id=fresh_id,
            slug=seeded.slug,
            created_at=uow.now,
            updated_at=uow.now,
            published_at=uow.now,
            **values,
        )
        changed = or_(
            *(Challenge.__table__.c[f].is_distinct_from(written.excluded[f]) for f in values)
        )
        regraded = Challenge.grader.is_distinct_from(written.excluded.grader)
        id_ = await uow.session.scalar(
            written.on_conflict_do_update(
                index_elements=["slug"],
                set_={
                    **values,
                    "grader_version": Challenge.grader_version + cast(regraded, Integer),
                    "updated_at": case((changed, uow.now), else_=Challenge.updated_at),
                },
            ).returning(Challenge.id)
        )
        assert id_ is not None  # An upsert that updates always returns its row.
        ids[seeded.slug] = id_
        if id_ == fresh_id:
            new += 1
            await repository.save_challenge_ratings(uow, {id_: STARTING_RATINGS[seeded.difficulty]})
    removed = await repository.removed(uow, ids.values())
    for seeded in challenges:
        requires = {ids[slug] for slug in seeded.requires} - removed
        if not await repository.replace_requirements(uow, ids[seeded.slug], requires):
            raise AssertionError(f"{seeded.slug}: its prerequisites were checked before")
    return new
