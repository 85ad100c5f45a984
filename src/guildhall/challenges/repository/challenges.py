"""Statements of challenges themselves: the list, and what must be passed first."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, or_, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import aliased

from guildhall.challenges.models import Challenge, ChallengeRequirement
from guildhall.challenges.rules import NEWCOMER, TARGET_CHANCE
from guildhall.infra.unit_of_work import UnitOfWork

__all__ = [
    "LIST",
    "OWN_LIST",
    "open_requirements",
    "prerequisites",
    "removed",
    "replace_requirements",
    "requirements_of",
    "tags",
    "unlocked_by",
]

# One statement gives a page of the list with everything on it that depends on the reader. The
# chance is `rules.chance` in SQL; `test_sql_and_python_predict_the_same_chance` holds them
# together. Sorting by distance from the target compares what was rounded, so that the cursor
# finds its place again.
_LIST = f"""
WITH open AS (
    SELECT c.*, coalesce(r.rating, 1500) AS its_rating, coalesce(r.deviation, 350) AS its_deviation,
           coalesce(a.rating, {NEWCOMER.rating}) AS my_rating,
           coalesce(a.deviation, {NEWCOMER.deviation}) AS my_deviation,
           m.passed_at IS NOT NULL AS passed
    FROM challenges c
    LEFT JOIN challenge_ratings r ON r.challenge_id = c.id
    LEFT JOIN member_abilities a ON a.user_id = $1 AND a.domain = coalesce(c.domain, '')
    LEFT JOIN challenge_records m ON m.user_id = $1 AND m.challenge_id = c.id
    WHERE c.deleted_at IS NULL AND {{listed}}
      AND ($2::text IS NULL OR c.domain = $2)
      AND ($3::text IS NULL OR c.difficulty = $3)
      AND ($4::text IS NULL OR c.tags @> ARRAY[$4])
      AND ($9::text IS NULL
           OR $9 = 'passed' AND m.passed_at IS NOT NULL
           OR $9 = 'open' AND m.passed_at IS NULL AND c.created_by IS DISTINCT FROM $1
           AND (c.max_attempts IS NULL OR coalesce(m.submissions, 0) < c.max_attempts)
           AND NOT EXISTS (
               SELECT 1 FROM challenge_requirements q
               JOIN challenges n ON n.id = q.requires_id AND n.deleted_at IS NULL
               LEFT JOIN challenge_records p ON p.user_id = $1 AND p.challenge_id = q.requires_id
               WHERE q.challenge_id = c.id AND p.passed_at IS NULL))
), predicted AS (
    SELECT *, round((1 / (1 + power(10, -(my_rating - its_rating) / 400
        / sqrt(1 + 3 * power(ln(10) / 400 / pi(), 2)
               * (power(my_deviation, 2) + power(its_deviation, 2))))))::numeric, 4) AS chance
    FROM open
), ordered AS (
    SELECT *, CASE WHEN $5 THEN passed::int + abs(chance - {TARGET_CHANCE}) ELSE 0 END AS distance
    FROM predicted
)
SELECT json_agg(line ORDER BY distance, id)::text AS items, count(*) AS number,
       (array_agg(distance ORDER BY distance DESC, id DESC))[1]::float8 AS last_distance,
       (array_agg(id ORDER BY distance DESC, id DESC))[1] AS last_id
FROM (
    SELECT id, distance, json_build_object(
        'id', id, 'title', title, 'xp', xp, 'difficulty', difficulty, 'tags', tags,
        'domain', domain, 'grader_type', grader->>'type', 'published', published_at IS NOT NULL,
        'chance', chance, 'passed', passed, 'locked', needed.locked,
        'prerequisites', needed.challenges) AS line
    FROM (
        SELECT * FROM ordered
        WHERE ($6::float8 IS NULL OR (distance::float8, id) > ($6, $7::uuid))
        ORDER BY distance::float8, id
        LIMIT $8
    ) AS shown CROSS JOIN LATERAL (
        SELECT coalesce(bool_or(m.passed_at IS NULL), false) AS locked,
               coalesce(json_agg(json_build_object(
                   'id', n.id, 'title', CASE WHEN n.published_at IS NOT NULL THEN n.title END,
                   'passed', m.passed_at IS NOT NULL) ORDER BY n.id), '[]') AS challenges
        FROM challenge_requirements q
        JOIN challenges n ON n.id = q.requires_id AND n.deleted_at IS NULL
        LEFT JOIN challenge_records m ON m.user_id = $1 AND m.challenge_id = q.requires_id
        WHERE q.challenge_id = shown.id) AS needed
) AS page
"""
LIST = _LIST.format(listed="c.published_at IS NOT NULL")
OWN_LIST = _LIST.format(listed="c.created_by = $1")


async def requirements_of(uow: UnitOfWork, challenge_id: UUID) -> list[UUID]:
    """Give the ids of a challenge's prerequisites."""
    return list(
        await uow.session.scalars(
            select(ChallengeRequirement.requires_id)
            .where(ChallengeRequirement.challenge_id == challenge_id)
            .order_by(ChallengeRequirement.requires_id)
        )
    )


async def removed(uow: UnitOfWork, challenge_ids: Iterable[UUID]) -> set[UUID]:
    """Give those of some challenges that have been taken away."""
    return set(
        await uow.session.scalars(
            select(Challenge.id).where(
                Challenge.id.in_(list(challenge_ids)), Challenge.deleted_at.is_not(None)
            )
        )
    )


async def replace_requirements(
    uow: UnitOfWork, challenge_id: UUID, requires: Collection[UUID]
) -> bool:
    """Set a challenge's prerequisites; tell whether they are all there and none leads back.

    A draft is there for the challenges of its own author only. What needs it stays locked for
    everyone until the draft is published.
    """
    await uow.session.execute(
        text("DELETE FROM challenge_requirements WHERE challenge_id = :id"), {"id": challenge_id}
    )
    if not requires:
        return True
    # Prerequisites change one at a time, or two changes could close a circle between them.
    await uow.session.execute(text("SELECT pg_advisory_xact_lock(hashtext('requirements'))"))
    its = aliased(Challenge)
    its_author = select(its.created_by).where(its.id == challenge_id).scalar_subquery()
    known = await uow.session.scalars(
        select(Challenge.id).where(
            Challenge.id.in_(requires),
            Challenge.deleted_at.is_(None),
            or_(Challenge.published_at.is_not(None), Challenge.created_by == its_author),
        )
    )
    if set(known) != set(requires) or challenge_id in requires:
        return False
    await uow.session.execute(
        insert(ChallengeRequirement),
        [{"challenge_id": challenge_id, "requires_id": id_} for id_ in set(requires)],
    )
    circular = await uow.session.scalar(
        text(
            "WITH RECURSIVE needed AS ("
            " SELECT requires_id FROM challenge_requirements WHERE challenge_id = :id"
            " UNION SELECT q.requires_id FROM challenge_requirements q"
            " JOIN needed n ON q.challenge_id = n.requires_id)"
            " SELECT EXISTS (SELECT 1 FROM needed WHERE requires_id = :id)"
        ),
        {"id": challenge_id},
    )
    return not circular


async def prerequisites(uow: UnitOfWork, reader_id: UUID, challenge_id: UUID) -> Sequence[Row[Any]]:
    """Give what must be passed before a challenge, and whether a reader has.

    A draft has no title here: it is its author's until it is published.
    """
    found = await uow.session.execute(
        text(
            "SELECT c.id, CASE WHEN c.published_at IS NOT NULL THEN c.title END AS title,"
            " m.passed_at IS NOT NULL AS passed"
            " FROM challenge_requirements q"
            " JOIN challenges c ON c.id = q.requires_id AND c.deleted_at IS NULL"
            " LEFT JOIN challenge_records m"
            " ON m.user_id = :reader_id AND m.challenge_id = q.requires_id"
            " WHERE q.challenge_id = :challenge_id ORDER BY c.id"
        ),
        {"reader_id": reader_id, "challenge_id": challenge_id},
    )
    return found.all()


async def unlocked_by(uow: UnitOfWork, challenge_id: UUID) -> Sequence[Row[Any]]:
    """Give the published challenges that wait for this one."""
    found = await uow.session.execute(
        text(
            "SELECT c.id, c.title FROM challenge_requirements q"
            " JOIN challenges c ON c.id = q.challenge_id"
            " WHERE q.requires_id = :challenge_id"
            " AND c.published_at IS NOT NULL AND c.deleted_at IS NULL"
            " ORDER BY c.id LIMIT 20"
        ),
        {"challenge_id": challenge_id},
    )
    return found.all()


async def tags(uow: UnitOfWork, limit: int, after: str | None) -> Sequence[Row[Any]]:
    """Give the tags of published challenges in their order, and how many have each."""
    found = await uow.session.execute(
        text(
            "SELECT tag, count(*) AS challenges FROM challenges c, unnest(c.tags) AS tag"
            " WHERE c.published_at IS NOT NULL AND c.deleted_at IS NULL"
            " AND (CAST(:after AS text) IS NULL OR tag > :after)"
            " GROUP BY tag ORDER BY tag LIMIT :limit"
        ),
        {"after": after, "limit": limit},
    )
    return found.all()


async def open_requirements(uow: UnitOfWork, user_id: UUID, challenge_id: UUID) -> list[UUID]:
    """Give the prerequisites that a member has not passed yet."""
    return list(
        await uow.session.scalars(
            text(
                "SELECT q.requires_id FROM challenge_requirements q"
                " JOIN challenges c ON c.id = q.requires_id AND c.deleted_at IS NULL"
                " LEFT JOIN challenge_records m"
                " ON m.user_id = :user_id AND m.challenge_id = q.requires_id"
                " WHERE q.challenge_id = :challenge_id AND m.passed_at IS NULL"
            ),
            {"user_id": user_id, "challenge_id": challenge_id},
        )
    )
