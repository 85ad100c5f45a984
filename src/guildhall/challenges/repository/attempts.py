"""Statements of attempts, and of what members have to show for them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select, text
from sqlalchemy.dialects.postgresql import insert

from guildhall.challenges.models import Attempt
from guildhall.infra.unit_of_work import UnitOfWork
from guildhall.kernel.ids import new_id

__all__ = [
    "SUBMIT",
    "attempt_of",
    "attempt_to_review",
    "count_submission",
    "lock_records",
    "lock_submitted",
    "open_attempt",
    "save_grades",
    "self_xp",
    "submit",
]


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


SAVE_GRADES = text("""
WITH recorded AS (
    UPDATE challenge_records r
    SET graded = s.graded, best_score = s.best_score, xp_earned = s.xp_earned,
        passed_at = s.passed_at
    FROM unnest(
        CAST(:record_user_ids AS uuid[]), CAST(:challenge_ids AS uuid[]), CAST(:graded AS int[]),
        CAST(:best_scores AS smallint[]), CAST(:earned AS int[]),
        CAST(:passed_ats AS timestamptz[]))
        AS s(user_id, challenge_id, graded, best_score, xp_earned, passed_at)
    WHERE r.user_id = s.user_id AND r.challenge_id = s.challenge_id
)
UPDATE attempts a
SET status = g.status, score = g.score, xp_awarded = g.xp, feedback = g.feedback::jsonb,
    grader_version = g.version, graded_at = :now
FROM unnest(
    CAST(:user_ids AS uuid[]), CAST(:ids AS uuid[]), CAST(:statuses AS text[]),
    CAST(:scores AS smallint[]), CAST(:xps AS int[]), CAST(:feedbacks AS text[]),
    CAST(:versions AS int[])) AS g(user_id, id, status, score, xp, feedback, version)
WHERE a.user_id = g.user_id AND a.id = g.id
""")


async def save_grades(
    uow: UnitOfWork, grades: Sequence[Mapping[str, Any]], records: Collection[Mapping[str, Any]]
) -> None:
    """Give attempts their scores, and write back the records that were locked for them."""
    await uow.session.execute(
        SAVE_GRADES,
        {
            "record_user_ids": [record["user_id"] for record in records],
            "challenge_ids": [record["challenge_id"] for record in records],
            "graded": [record["graded"] for record in records],
            "best_scores": [record["best_score"] for record in records],
            "earned": [record["xp_earned"] for record in records],
            "passed_ats": [record["passed_at"] for record in records],
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


# Grants what both days still have room for, and says how much that was. The rows are made first,
# in an order that all keep, so that the second statement finds and locks them.
OPEN_SELF_XP_DAYS = text("""
INSERT INTO self_xp_days (user_id, clock, day, xp)
VALUES (:user_id, 'own', :local_day, 0), (:user_id, 'utc', :utc_day, 0)
ON CONFLICT DO NOTHING
""")
GRANT_SELF_XP = text("""
WITH days AS (
    SELECT clock, day, xp FROM self_xp_days
    WHERE user_id = :user_id
      AND (clock, day) IN (('own', CAST(:local_day AS date)), ('utc', CAST(:utc_day AS date)))
    ORDER BY clock FOR UPDATE
), room AS (
    SELECT greatest(0, least(CAST(:wanted AS int), CAST(:cap AS int) - max(xp))) AS xp FROM days
)
UPDATE self_xp_days d SET xp = d.xp + room.xp FROM days, room
WHERE d.user_id = :user_id AND d.clock = days.clock AND d.day = days.day
RETURNING room.xp
""")


async def self_xp(
    uow: UnitOfWork, user_id: UUID, local_day: date, utc_day: date, wanted: int, cap: int
) -> int:
    """Reserve self-reported XP within the cap of a day; give what was left, up to what is wanted.

    The cap holds on the member's own day and on the day by UTC: own days alone would be had twice,
    by moving to another time zone.
    """
    key = {"user_id": user_id, "local_day": local_day, "utc_day": utc_day}
    await uow.session.execute(OPEN_SELF_XP_DAYS, key)
    granted = await uow.session.scalars(GRANT_SELF_XP, {**key, "wanted": wanted, "cap": cap})
    return int(granted.all()[0])
