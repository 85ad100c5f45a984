"""Use cases of grading: a batch of submitted attempts, or one by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson

from guildhall.challenges import repository, rules
from guildhall.challenges.errors import AttemptNotFound, AttemptNotReviewable, RubricUnfit
from guildhall.challenges.events import AttemptGraded
from guildhall.challenges.graders import Grading, Review, SelfReport, grader_from_json, grader_of
from guildhall.challenges.models import Attempt, Challenge
from guildhall.challenges.rules import NEWCOMER
from guildhall.challenges.schemas import ReviewIn
from guildhall.infra.unit_of_work import UnitOfWork
from guildhall.kernel.member import Member
from guildhall.progression import xp_for_score

__all__ = ["calibrate", "grade", "review"]


async def grade(uow: UnitOfWork, keys: Sequence[tuple[UUID, UUID]]) -> None:
    """Score submitted attempts, by (member, attempt). Emits AttemptGraded for each.

    Idempotent: an attempt that has its score is passed over. Those that a person reviews are
    left as they are.
    """
    graded = []
    for row in await repository.lock_submitted(uow, keys):
        grading = grader_from_json(row.grader).grade(orjson.loads(row.answer))
        if grading is not None:
            graded.append((row, grading))
    if graded:
        await _give_scores(uow, graded)


async def review(uow: UnitOfWork, reviewer: Member, attempt_id: UUID, body: ReviewIn) -> Attempt:
    """Give a submitted attempt its score by hand. Emits AttemptGraded."""
    await uow.see_all()
    attempt = await repository.attempt_to_review(uow, attempt_id)
    if attempt is None:
        raise AttemptNotFound
    challenge = await uow.session.get_one(Challenge, attempt.challenge_id)
    if not _may_review(reviewer, attempt, challenge):
        raise AttemptNotFound
    grader = grader_of(challenge.grader)
    if attempt.status != "submitted" or not isinstance(grader, Review):
        raise AttemptNotReviewable
    score = _score(grader, body)
    feedback = {"comment": body.comment, "points": body.points}
    attempt.reviewer_id = reviewer.id
    await uow.session.flush()
    (row,) = await repository.lock_submitted(uow, [(attempt.user_id, attempt.id)])
    await _give_scores(uow, [(row, Grading(score, score >= grader.pass_score, feedback))])
    await uow.session.refresh(attempt)
    return attempt


async def calibrate(uow: UnitOfWork, events: Sequence[AttemptGraded]) -> None:
    """Let first attempts move the ratings of their members and challenges (Glicko-1).

    An attempt is a game between the two, which the member wins by the score. Idempotent: a
    record notes in the same transaction that its first attempt has counted.
    """
    told = {
        (event.subject_id, event.challenge_id): event
        for event in events
        if event.first and event.subject_id is not None
    }
    fresh = await repository.claim_calibrations(uow, told) if told else set()
    games = [game for key, game in told.items() if key in fresh]
    if not games:
        return
    ratings = await repository.challenge_ratings(uow, {game.challenge_id for game in games})
    keys = {(game.subject_id, game.domain or "") for game in games if game.subject_id}
    known = await repository.abilities(uow, keys)
    abilities = {key: known.get(key, NEWCOMER) for key in keys}
    for game in games:
        assert game.subject_id is not None
        key = (game.subject_id, game.domain or "")
        member = abilities[key]
        challenge = ratings[game.challenge_id]
        abilities[key] = rules.rated(member, challenge, game.score / 100)
        ratings[game.challenge_id] = rules.rated(challenge, member, 1 - game.score / 100)
    await repository.save_abilities(uow, abilities)
    await repository.save_challenge_ratings(uow, ratings)


async def _give_scores(uow: UnitOfWork, graded: Sequence[tuple[Any, Grading]]) -> None:
    """Write scores, and the XP that each is worth beyond what its challenge gave before."""
    records = await repository.lock_records(
        uow, {(row.user_id, row.challenge_id) for row, _ in graded}
    )
    grades: list[Mapping[str, Any]] = []
    for row, grading in graded:
        record = records[row.user_id, row.challenge_id]
        # Only a better score earns: a raised price pays nobody twice for the same.
        better = grading.passed and (
            record["passed_at"] is None
            or grading.score > record["best_score"]
            or isinstance(grader_from_json(row.grader), SelfReport)  # What a day's cap held back.
        )
        worth = xp_for_score(row.xp, grading.score) if better else 0
        xp = max(0, worth - record["xp_earned"])
        feedback = grading.feedback
        if xp and isinstance(grader_from_json(row.grader), SelfReport):
            whole = xp
            xp = await repository.self_xp(
                uow,
                row.user_id,
                row.local_day,
                row.submitted_at.astimezone(UTC).date(),
                xp,
                rules.SELF_XP_PER_DAY,
            )
            if xp < whole:
                feedback = {"held_back_xp": whole - xp, "comment": rules.SELF_XP_HELD_BACK}
        record["graded"] += 1
        record["best_score"] = max(record["best_score"], grading.score)
        record["xp_earned"] += xp
        if grading.passed and record["passed_at"] is None:
            record["passed_at"] = uow.now
        grades.append(
            {
                "user_id": row.user_id,
                "id": row.id,
                "status": grading.outcome,
                "score": grading.score,
                "xp": xp,
                "feedback": orjson.dumps(feedback).decode() if feedback else None,
                "version": row.grader_version,
            }
        )
        uow.emit(
            AttemptGraded(
                subject_id=row.user_id,
                occurred_at=_happened_at(row, uow.now),
                local_day=row.local_day,
                cause_id=row.id,
                challenge_id=row.challenge_id,
                outcome=grading.outcome,
                score=grading.score,
                xp=xp,
                first=record["graded"] == 1,
                domain=row.domain,
            )
        )
    await repository.save_grades(uow, grades, records.values())


def _happened_at(row: Any, now: datetime) -> datetime:
    """Give the instant that counts: of the submission, or, for a review, of its score.

    So a queue costs nobody their place, and a review does not reach back into a closed season.
    """
    return now if isinstance(grader_from_json(row.grader), Review) else row.submitted_at


def _score(grader: Review, body: ReviewIn) -> int:
    if (body.score is None) == (body.points is None):
        raise RubricUnfit("Give either a score or points for each criterion.")
    if body.points is not None:
        if not grader.rubric:
            raise RubricUnfit("This challenge has no rubric. Give a score.")
        most = {criterion.criterion: criterion.points for criterion in grader.rubric}
        if set(body.points) != set(most) or any(
            points > most[criterion] for criterion, points in body.points.items()
        ):
            raise RubricUnfit
        return sum(body.points.values())
    assert body.score is not None  # Exactly one of the two is given.
    return body.score


def _may_review(reviewer: Member, attempt: Attempt, challenge: Challenge) -> bool:
    """A moderator, or the author; nobody scores their own work."""
    if attempt.user_id == reviewer.id:
        return False
    return challenge.may_be_changed_by(reviewer)
