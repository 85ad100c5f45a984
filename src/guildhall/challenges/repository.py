"""Statements of challenges."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select, text
from sqlalchemy.dialects.postgresql import insert

from guildhall.challenges.models import (
    Attempt,
    Challenge,
    ChallengeRating,
    ChallengeRequirement,
    MemberAbility,
)
from guildhall.challenges.rules import NEWCOMER, TARGET_CHANCE, Rating
from guildhall.infra.unit_of_work import UnitOfWork
from guildhall.kernel.ids import new_id

__all__ = [
    "LIST",
    "abilities",
    "attempt_of",
    "attempt_to_review",
    "challenge_ratings",
    "count_submission",
    "difficulties",
    "grade_attempts",
    "lock_records",
    "lock_submitted",
    "open_attempt",
    "open_requirements",
    "removed",
    "replace_requirements",
    "requirements_of",
    "save_abilities",
    "save_challenge_ratings",
    "save_records",
    "self_xp",
    "submit",
]

# One statement gives a page of the list with everything on it that depends on the reader. The
# chance is `rules.chance` in SQL; `test_sql_and_python_predict_the_same_chance` holds them
# together. Sorting by distance from the target compares what was rounded, so that the cursor
# finds its place again.
LIST = f"""
WITH open AS (
    SELECT c.*, coalesce(r.rating, 1500) AS its_rating, coalesce(r.deviation, 350) AS its_deviation,
           coalesce(a.rating, {NEWCOMER.rating}) AS my_rating,
           coalesce(a.deviation, {NEWCOMER.deviation}) AS my_deviation,
           m.passed_at IS NOT NULL AS passed
    FROM challenges c
    LEFT JOIN challenge_ratings r ON r.challenge_id = c.id
    LEFT JOIN member_abilities a ON a.user_id = $1 AND a.domain = coalesce(c.domain, '')
    LEFT JOIN challenge_records m ON m.user_id = $1 AND m.challenge_id = c.id
    WHERE c.deleted_at IS NULL AND c.published_at IS NOT NULL
      AND ($2::text IS NULL OR c.domain = $2)
      AND ($3::text IS NULL OR c.difficulty = $3)
      AND ($4::text IS NULL OR c.tags @> ARRAY[$4])
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
        'domain', domain, 'grader_type', grader->>'type', 'published', true,
        'chance', chance, 'passed', passed, 'locked', EXISTS (
            SELECT 1 FROM challenge_requirements q
            JOIN challenges n ON n.id = q.requires_id AND n.deleted_at IS NULL
            LEFT JOIN challenge_records m ON m.user_id = $1 AND m.challenge_id = q.requires_id
            WHERE q.challenge_id = ordered.id AND m.passed_at IS NULL)) AS line
    FROM ordered
    WHERE ($6::float8 IS NULL OR (distance::float8, id) > ($6, $7::uuid))
    ORDER BY distance::float8, id
    LIMIT $8
) AS page
"""


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
    """Set a challenge's prerequisites; tell whether they are all there and none leads back."""
    await uow.session.execute(
        text("DELETE FROM challenge_requirements WHERE challenge_id = :id"), {"id": challenge_id}
    )
    if not requires:
        return True
    # Prerequisites change one at a time, or two changes could close a circle between them.
    await uow.session.execute(text("SELECT pg_advisory_xact_lock(hashtext('requirements'))"))
    known = await uow.session.scalars(
        select(Challenge.id).where(Challenge.id.in_(requires), Challenge.deleted_at.is_(None))
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


async def open_attempt(uow: UnitOfWork, user_id: UUID, challenge_id: UUID) -> Attempt:
    """Give the member's open attempt at a challenge, new or already started."""
    while True:
        await uow.session.execute(
            insert(Attempt)
            .values(id=new_id(), user_id=user_id, challenge_id=challenge_id, started_at=uow.now)
            .on_conflict_do_nothing(
                index_elements=["user_id", "challenge_id"], index_where=text("status = 'started'")
            )
        )
        found = await uow.session.scalar(
            select(Attempt).where(
                Attempt.user_id == user_id,
                Attempt.challenge_id == challenge_id,
                Attempt.status == "started",
            )
        )
        if found is not None:
            return found
        # The one that stood in the way was submitted between the two statements.


async def attempt_of(uow: UnitOfWork, user_id: UUID, attempt_id: UUID) -> Attempt | None:
    """Find a member's own attempt."""
    return await uow.session.get(Attempt, (user_id, attempt_id))


async def attempt_to_review(uow: UnitOfWork, attempt_id: UUID) -> Attempt | None:
    """Find an attempt by its id alone, and hold it. On Citus this asks every shard."""
    found: Attempt | None = await uow.session.scalar(
        select(Attempt).where(Attempt.id == attempt_id).with_for_update()
    )
    return found


SUBMIT = text("""
UPDATE attempts a
SET status = 'submitted', answer = CAST(:answer AS jsonb), submitted_at = :now,
    local_day = :local_day
FROM challenges c
WHERE a.user_id = :user_id AND a.id = :id AND a.status = 'started' AND c.id = a.challenge_id
RETURNING a.challenge_id, c.grader::text AS grader, c.max_attempts, c.retry_wait_seconds
""")


async def submit(
    uow: UnitOfWork, user_id: UUID, attempt_id: UUID, answer: str, local_day: date
) -> Row[Any] | None:
    """Hand in an open attempt, once; give what its challenge asks for, or None."""
    return (
        await uow.session.execute(
            SUBMIT,
            {
                "user_id": user_id,
                "id": attempt_id,
                "answer": answer,
                "now": uow.now,
                "local_day": local_day,
            },
        )
    ).one_or_none()


# One conditional statement: of parallel submissions, as many get through as the cap leaves.
COUNT_SUBMISSION = text("""
INSERT INTO challenge_records AS r (user_id, challenge_id, submissions, last_submitted_at)
VALUES (:user_id, :challenge_id, 1, :now)
ON CONFLICT (user_id, challenge_id) DO UPDATE
SET submissions = r.submissions + 1, last_submitted_at = excluded.last_submitted_at
WHERE (CAST(:max_attempts AS int) IS NULL OR r.submissions < :max_attempts)
  AND (CAST(:wait_seconds AS int) IS NULL OR r.last_submitted_at IS NULL
       OR r.last_submitted_at <= CAST(:now AS timestamptz) - make_interval(secs => :wait_seconds))
RETURNING submissions
""")


async def count_submission(
    uow: UnitOfWork,
    user_id: UUID,
    challenge_id: UUID,
    max_attempts: int | None,
    wait_seconds: int | None,
) -> bool:
    """Count a submission if the cap and the wait allow one more."""
    counted = await uow.session.scalar(
        COUNT_SUBMISSION,
        {
            "user_id": user_id,
            "challenge_id": challenge_id,
            "max_attempts": max_attempts,
            "wait_seconds": wait_seconds,
            "now": uow.now,
        },
    )
    return counted is not None


LOCK_SUBMITTED = text("""
SELECT a.user_id, a.id, a.challenge_id, a.answer::text AS answer, a.submitted_at, a.local_day,
       c.grader::text AS grader, c.grader_version, c.xp, c.domain
FROM attempts a JOIN challenges c ON c.id = a.challenge_id
JOIN unnest(CAST(:user_ids AS uuid[]), CAST(:ids AS uuid[])) AS w(user_id, id)
  ON w.user_id = a.user_id AND w.id = a.id
WHERE a.status = 'submitted'
ORDER BY a.user_id, a.id
FOR UPDATE OF a
""")


async def lock_submitted(uow: UnitOfWork, keys: Sequence[tuple[UUID, UUID]]) -> Sequence[Row[Any]]:
    """Lock attempts that still wait for a grade, each with what its challenge says."""
    result = await uow.session.execute(
        LOCK_SUBMITTED,
        {"user_ids": [user_id for user_id, _ in keys], "ids": [id_ for _, id_ in keys]},
    )
    return result.all()


# An upsert that changes nothing makes the missing records, locks all, and reads them, at once.
LOCK_RECORDS = text("""
INSERT INTO challenge_records AS r (user_id, challenge_id)
SELECT DISTINCT user_id, challenge_id FROM unnest(
    CAST(:user_ids AS uuid[]), CAST(:challenge_ids AS uuid[])) AS w(user_id, challenge_id)
ORDER BY user_id, challenge_id
ON CONFLICT (user_id, challenge_id) DO UPDATE SET graded = r.graded
RETURNING user_id, challenge_id, graded, best_score, xp_earned, passed_at
""")


async def lock_records(
    uow: UnitOfWork, keys: Collection[tuple[UUID, UUID]]
) -> dict[tuple[UUID, UUID], dict[str, Any]]:
    """Lock and read the records of (member, challenge); those missing begin empty."""
    pairs = list(keys)
    rows = await uow.session.execute(
        LOCK_RECORDS,
        {
            "user_ids": [user_id for user_id, _ in pairs],
            "challenge_ids": [challenge_id for _, challenge_id in pairs],
        },
    )
    return {(row.user_id, row.challenge_id): row._asdict() for row in rows}


SAVE_RECORDS = text("""
UPDATE challenge_records r
SET graded = s.graded, best_score = s.best_score, xp_earned = s.xp_earned, passed_at = s.passed_at
FROM unnest(
    CAST(:user_ids AS uuid[]), CAST(:challenge_ids AS uuid[]), CAST(:graded AS int[]),
    CAST(:best_scores AS smallint[]), CAST(:xps AS int[]), CAST(:passed_ats AS timestamptz[]))
    AS s(user_id, challenge_id, graded, best_score, xp_earned, passed_at)
WHERE r.user_id = s.user_id AND r.challenge_id = s.challenge_id
""")


async def save_records(uow: UnitOfWork, records: Collection[Mapping[str, Any]]) -> None:
    """Write back what was locked."""
    await uow.session.execute(
        SAVE_RECORDS,
        {
            "user_ids": [record["user_id"] for record in records],
            "challenge_ids": [record["challenge_id"] for record in records],
            "graded": [record["graded"] for record in records],
            "best_scores": [record["best_score"] for record in records],
            "xps": [record["xp_earned"] for record in records],
            "passed_ats": [record["passed_at"] for record in records],
        },
    )


GRADE = text("""
UPDATE attempts a
SET status = g.status, score = g.score, xp_awarded = g.xp, feedback = g.feedback::jsonb,
    grader_version = g.version, graded_at = :now
FROM unnest(
    CAST(:user_ids AS uuid[]), CAST(:ids AS uuid[]), CAST(:statuses AS text[]),
    CAST(:scores AS smallint[]), CAST(:xps AS int[]), CAST(:feedbacks AS text[]),
    CAST(:versions AS int[])) AS g(user_id, id, status, score, xp, feedback, version)
WHERE a.user_id = g.user_id AND a.id = g.id
""")


async def grade_attempts(uow: UnitOfWork, grades: Sequence[Mapping[str, Any]]) -> None:
    """Give attempts their scores."""
    await uow.session.execute(
        GRADE,
        {
            "user_ids": [grade["user_id"] for grade in grades],
            "ids": [grade["id"] for grade in grades],
            "statuses": [grade["status"] for grade in grades],
            "scores": [grade["score"] for grade in grades],
            "xps": [grade["xp"] for grade in grades],
            "feedbacks": [grade["feedback"] for grade in grades],
            "versions": [grade["version"] for grade in grades],
            "now": uow.now,
        },
    )


# Grants what the day still has room for, and says how much that was. The subject's events are
# graded in order, one batch at a time, so the two steps see the same row.
async def self_xp(uow: UnitOfWork, user_id: UUID, local_day: date, wanted: int, cap: int) -> int:
    """Reserve self-reported XP within the day's cap; give what was left, up to what is wanted."""
    key = {"user_id": user_id, "local_day": local_day}
    await uow.session.execute(
        text(
            "INSERT INTO self_xp_days (user_id, local_day, xp) VALUES (:user_id, :local_day, 0)"
            " ON CONFLICT DO NOTHING"
        ),
        key,
    )
    granted = await uow.session.scalar(
        text(
            "WITH day AS (SELECT xp FROM self_xp_days WHERE user_id = :user_id"
            " AND local_day = :local_day FOR UPDATE)"
            " UPDATE self_xp_days d SET xp = least(CAST(:cap AS int), day.xp + :wanted) FROM day"
            " WHERE d.user_id = :user_id AND d.local_day = :local_day"
            " RETURNING d.xp - day.xp"
        ),
        {**key, "wanted": wanted, "cap": cap},
    )
    return int(granted or 0)


async def abilities(
    uow: UnitOfWork, keys: Collection[tuple[UUID, str]]
) -> dict[tuple[UUID, str], Rating]:
    """Read members' abilities by (member, domain); who has none is not in it."""
    rows = await uow.session.execute(
        select(MemberAbility).where(MemberAbility.user_id.in_({user_id for user_id, _ in keys}))
    )
    return {
        (row.user_id, row.domain): Rating(row.rating, row.deviation, row.games) for (row,) in rows
    }


async def difficulties(uow: UnitOfWork, challenge_ids: Collection[UUID]) -> dict[UUID, str]:
    """Give how hard their authors think some challenges are."""
    rows = await uow.session.execute(
        select(Challenge.id, Challenge.difficulty).where(Challenge.id.in_(challenge_ids))
    )
    return {row.id: row.difficulty for row in rows}


async def challenge_ratings(uow: UnitOfWork, challenge_ids: Collection[UUID]) -> dict[UUID, Rating]:
    """Lock and read challenges' ratings, in the order of their ids."""
    rows = await uow.session.scalars(
        select(ChallengeRating)
        .where(ChallengeRating.challenge_id.in_(challenge_ids))
        .order_by(ChallengeRating.challenge_id)
        .with_for_update()
    )
    return {row.challenge_id: Rating(row.rating, row.deviation, row.games) for row in rows}


async def save_abilities(uow: UnitOfWork, abilities: Mapping[tuple[UUID, str], Rating]) -> None:
    """Write members' abilities."""
    await uow.session.execute(
        text(
            "INSERT INTO member_abilities (user_id, domain, rating, deviation, games)"
            " SELECT * FROM unnest(CAST(:user_ids AS uuid[]), CAST(:domains AS text[]),"
            " CAST(:ratings AS float8[]), CAST(:deviations AS float8[]), CAST(:games AS int[]))"
            " AS a(u, d, r, v, g) ORDER BY u, d"
            " ON CONFLICT (user_id, domain) DO UPDATE SET rating = excluded.rating,"
            " deviation = excluded.deviation, games = excluded.games"
        ),
        {
            "user_ids": [user_id for user_id, _ in abilities],
            "domains": [domain for _, domain in abilities],
            **_columns(abilities.values()),
        },
    )


async def save_challenge_ratings(uow: UnitOfWork, ratings: Mapping[UUID, Rating]) -> None:
    """Write challenges' ratings."""
    await uow.session.execute(
        text(
            "INSERT INTO challenge_ratings (challenge_id, rating, deviation, games)"
            " SELECT * FROM unnest(CAST(:challenge_ids AS uuid[]),"
            " CAST(:ratings AS float8[]), CAST(:deviations AS float8[]), CAST(:games AS int[]))"
            " AS c(id, r, v, g) ORDER BY id"
            " ON CONFLICT (challenge_id) DO UPDATE SET rating = excluded.rating,"
            " deviation = excluded.deviation, games = excluded.games"
        ),
        {"challenge_ids": list(ratings), **_columns(ratings.values())},
    )


def _columns(ratings: Collection[Rating]) -> dict[str, list[Any]]:
    return {
        "ratings": [rating.rating for rating in ratings],
        "deviations": [rating.deviation for rating in ratings],
        "games": [rating.games for rating in ratings],
    }
