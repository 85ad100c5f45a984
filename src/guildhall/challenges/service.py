"""Use cases of challenges: write, publish, take. Reading is in `queries`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

import orjson

from guildhall.challenges import repository
from guildhall.challenges.errors import (
    AnswerUnfit,
    AttemptAlreadySubmitted,
    AttemptNotFound,
    AttemptsUsedUp,
    ChallengeLocked,
    ChallengeNotFound,
    DomainUnknown,
    GraderFixed,
    NotYours,
    OwnChallenge,
    RequirementUnusable,
    RetryTooEarly,
)
from guildhall.challenges.events import AttemptSubmitted
from guildhall.challenges.graders import grader_from_json
from guildhall.challenges.models import Attempt, Challenge, ChallengeRecord
from guildhall.challenges.rules import STARTING_RATINGS
from guildhall.challenges.schemas import ChallengeChange, ChallengeIn
from guildhall.identity import record
from guildhall.infra.unit_of_work import UnitOfWork
from guildhall.kernel.ids import new_id
from guildhall.kernel.member import Member
from guildhall.progression import domains

__all__ = [
    "change",
    "create",
    "publish",
    "remove",
    "start",
    "submit",
]


async def create(uow: UnitOfWork, author: Member, body: ChallengeIn) -> Challenge:
    """Write a draft. Nobody but its author and moderators see it."""
    await _refuse_unknown_domain(uow, body.domain)
    draft = Challenge(
        id=new_id(),
        created_by=author.id,
        created_at=uow.now,
        updated_at=uow.now,
        grader_version=1,
        **body.model_dump(exclude={"requires"}),
    )
    uow.session.add(draft)
    await uow.session.flush()
    await _require(uow, draft.id, body.requires)
    await start_rating(uow, draft)
    return draft


async def change(
    uow: UnitOfWork, author: Member, challenge_id: UUID, body: ChallengeChange
) -> Challenge:
    """Change a challenge. What was earned with it before stays as it is."""
    changed = await _writable(uow, author, challenge_id)
    changes = body.model_dump(exclude_unset=True, exclude={"requires"})
    if changes.get("domain") is not None:
        await _refuse_unknown_domain(uow, changes["domain"])
    if "grader" in changes and changes["grader"] is not None:
        if changed.published_at and changes["grader"]["type"] != changed.grader["type"]:
            raise GraderFixed
        changed.grader_version += changes["grader"] != changed.grader
    nullable = {"domain", "explanation", "max_attempts", "retry_wait_seconds"}
    for field, value in changes.items():
        if value is not None or field in nullable:
            setattr(changed, field, value)
    changed.updated_at = uow.now
    if body.requires is not None:
        await _require(uow, challenge_id, body.requires)
    return changed


async def publish(uow: UnitOfWork, author: Member, challenge_id: UUID) -> Challenge:
    """Show a draft to everyone; publishing twice changes nothing. Audited."""
    published = await _writable(uow, author, challenge_id)
    if published.published_at is None:
        published.published_at = uow.now
        record(uow, "challenge_published", actor_id=author.id, challenge_id=str(challenge_id))
    return published


async def remove(uow: UnitOfWork, author: Member, challenge_id: UUID) -> None:
    """Take a challenge away. Attempts at it, and what they earned, stay. Audited."""
    removed = await _writable(uow, author, challenge_id)
    removed.deleted_at = uow.now
    record(uow, "challenge_removed", actor_id=author.id, challenge_id=str(challenge_id))


async def start(uow: UnitOfWork, member: Member, challenge_id: UUID) -> Attempt:
    """Open an attempt; with one open already, give that."""
    found = await uow.session.get(Challenge, challenge_id)
    if found is None or found.published_at is None or found.deleted_at is not None:
        raise ChallengeNotFound
    if found.created_by == member.id:
        raise OwnChallenge
    if missing := await repository.open_requirements(uow, member.id, challenge_id):
        raise ChallengeLocked(requires=[str(id_) for id_ in missing])
    if found.max_attempts is not None:
        own = await uow.session.get(ChallengeRecord, (member.id, challenge_id))
        if own is not None and own.submissions >= found.max_attempts:
            raise AttemptsUsedUp
    return await repository.open_attempt(uow, member.id, challenge_id)


async def submit(
    uow: UnitOfWork, member: Member, attempt_id: UUID, body: Mapping[str, Any]
) -> None:
    """Hand in an answer. It is graded in the background. Emits AttemptSubmitted.

    The cap and the wait of a challenge are one conditional statement, so they hold however many
    submissions arrive at once.
    """
    try:
        answer = orjson.dumps(body).decode()
    except orjson.JSONEncodeError:
        raise AnswerUnfit from None  # JSON can say what no column holds: 2**64, half a surrogate.
    row = await repository.submit(uow, member.id, attempt_id, answer, member.local_day(uow.now))
    if row is None:
        if await repository.attempt_of(uow, member.id, attempt_id) is None:
            raise AttemptNotFound
        raise AttemptAlreadySubmitted
    grader_from_json(row.grader).read(dict(body))
    if row.max_attempts is not None or row.retry_wait_seconds is not None:
        await _count(uow, member, row)
    uow.emit(AttemptSubmitted(subject_id=member.id, occurred_at=uow.now, attempt_id=attempt_id))


async def start_rating(uow: UnitOfWork, new: Challenge) -> None:
    """Give a challenge the rating that its author's idea of its difficulty stands for."""
    await repository.save_challenge_ratings(uow, {new.id: STARTING_RATINGS[new.difficulty]})


async def _count(uow: UnitOfWork, member: Member, row: Any) -> None:
    if await repository.count_submission(
        uow, member.id, row.challenge_id, row.max_attempts, row.retry_wait_seconds
    ):
        return
    own = await uow.session.get_one(ChallengeRecord, (member.id, row.challenge_id))
    if row.max_attempts is not None and own.submissions >= row.max_attempts:
        raise AttemptsUsedUp
    assert own.last_submitted_at is not None
    waited = (uow.now - own.last_submitted_at).total_seconds()
    raise RetryTooEarly(retry_after_seconds=max(1, round(row.retry_wait_seconds - waited)))


async def _writable(uow: UnitOfWork, author: Member, challenge_id: UUID) -> Challenge:
    """Hold a challenge that somebody may change; to others a draft is not there."""
    # FOR NO KEY UPDATE: a challenge that names this one as its prerequisite takes a KEY SHARE of
    # it, and must not wait for us while we wait for it (`replace_requirements`).
    found = await uow.session.get(Challenge, challenge_id, with_for_update={"key_share": True})
    if found is None or not found.is_visible_to(author):
        raise ChallengeNotFound
    if not found.may_be_changed_by(author):
        raise NotYours
    return found


async def _require(uow: UnitOfWork, challenge_id: UUID, requires: Collection[UUID]) -> None:
    if not await repository.replace_requirements(uow, challenge_id, requires):
        raise RequirementUnusable


async def _refuse_unknown_domain(uow: UnitOfWork, domain: str | None) -> None:
    if domain is not None and domain not in await domains(uow):
        raise DomainUnknown
