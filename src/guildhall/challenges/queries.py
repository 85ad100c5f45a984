"""What is read of challenges and attempts."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import Select, select

from guildhall.challenges import repository
from guildhall.challenges.errors import AttemptNotFound, ChallengeNotFound
from guildhall.challenges.graders import grader_of
from guildhall.challenges.models import (
    Attempt,
    Challenge,
    ChallengeRating,
    ChallengeRecord,
    MemberAbility,
)
from guildhall.challenges.rules import NEWCOMER, Rating, chance
from guildhall.challenges.schemas import ChallengeOut, ChallengeQuery, Secret
from guildhall.infra.hall import Hall
from guildhall.infra.unit_of_work import UnitOfWork
from guildhall.kernel.member import Member
from guildhall.kernel.paging import cursor_of, position_in

__all__ = ["attempt", "attempts_query", "challenge", "challenge_list", "titles"]


async def challenge_list(hall: Hall, reader: Member, query: ChallengeQuery) -> str:
    """Give a page of the published challenges, or of the reader's own with their drafts.

    It is the JSON of Page[ChallengeSummary].
    """
    distance, after = position_in(query.cursor, float, UUID) if query.cursor else (None, None)
    async with hall.database.reads_of(reader.id) as connection:
        page = await connection.fetchrow(
            repository.OWN_LIST if query.mine else repository.LIST,
            reader.id,
            query.domain,
            query.difficulty,
            query.tag,
            query.sort == "right_for_me",
            distance,
            after,
            query.limit,
        )
    assert page is not None  # An aggregate has one row.
    items, number, last_distance, last_id = page
    cursor = f'"{cursor_of(last_distance, last_id)}"' if number == query.limit else "null"
    return f'{{"items": {items or "[]"}, "next_cursor": {cursor}}}'


async def challenge(
    uow: UnitOfWork, reader: Member, challenge_id: UUID, *, to_edit: bool = False
) -> ChallengeOut:
    """Give a challenge in full, as it looks to a reader.

    With `to_edit`, those who may change it get what readers never see as well.
    """
    found = await uow.session.get(Challenge, challenge_id)
    if found is None or not found.is_visible_to(reader):
        raise ChallengeNotFound
    grader = grader_of(found.grader)
    rating = await uow.session.get_one(ChallengeRating, challenge_id)
    ability = await uow.session.get(MemberAbility, (reader.id, found.domain or ""))
    own = await uow.session.get(ChallengeRecord, (reader.id, challenge_id))
    requires = await repository.requirements_of(uow, challenge_id)
    locked = requires and await repository.open_requirements(uow, reader.id, challenge_id)
    return ChallengeOut(
        id=found.id,
        title=found.title,
        description=found.description,
        xp=found.xp,
        difficulty=found.difficulty,
        tags=found.tags,
        domain=found.domain,
        grader_type=found.grader["type"],
        grader=grader.shown(),
        secret=Secret(grader=grader, explanation=found.explanation)
        if to_edit and found.may_be_changed_by(reader)
        else None,
        published=found.published_at is not None,
        requires=requires,
        max_attempts=found.max_attempts,
        retry_wait_seconds=found.retry_wait_seconds,
        created_by=found.created_by,
        created_at=found.created_at,
        updated_at=found.updated_at,
        chance=round(
            chance(
                Rating(ability.rating, ability.deviation) if ability else NEWCOMER,
                Rating(rating.rating, rating.deviation),
            ),
            4,
        ),
        passed=own is not None and own.passed_at is not None,
        locked=bool(locked),
    )


async def attempt(uow: UnitOfWork, member: Member, attempt_id: UUID) -> tuple[Attempt, str | None]:
    """Give one's own attempt, and the challenge's explanation once that spoils nothing.

    That is after a pass, or when no attempt is left.
    """
    found = await repository.attempt_of(uow, member.id, attempt_id)
    if found is None:
        raise AttemptNotFound
    if found.status not in ("passed", "failed"):
        return found, None
    its_challenge = await uow.session.get_one(Challenge, found.challenge_id)
    own = await uow.session.get(ChallengeRecord, (member.id, found.challenge_id))
    over = its_challenge.max_attempts is not None and (
        own is not None and own.submissions >= its_challenge.max_attempts
    )
    passed = own is not None and own.passed_at is not None
    return found, its_challenge.explanation if passed or over else None


def attempts_query(
    member: Member,
    limit: int,
    before: UUID | None,
    *,
    challenge_id: UUID | None,
    status: str | None,
    to_review: bool,
) -> Select[Attempt]:
    """Give one's own attempts, newest first; or, oldest first, those one may review."""
    query = select(Attempt).limit(limit)
    if to_review:
        query = (
            query.join(Challenge, Challenge.id == Attempt.challenge_id)
            .where(
                Attempt.status == "submitted",
                Challenge.grader["type"].astext == "review",
                Attempt.user_id != member.id,
            )
            .order_by(Attempt.id)
        )
        if not member.may_moderate:
            query = query.where(Challenge.created_by == member.id)
        if before is not None:
            query = query.where(Attempt.id > before)
    else:
        query = query.where(Attempt.user_id == member.id).order_by(Attempt.id.desc())
        if before is not None:
            query = query.where(Attempt.id < before)
    if status is not None:
        query = query.where(Attempt.status == status)
    if challenge_id is not None:
        query = query.where(Attempt.challenge_id == challenge_id)
    return query


async def titles(uow: UnitOfWork, challenge_ids: Collection[UUID]) -> dict[UUID, str]:
    """Give how challenges are called, those taken away too."""
    rows = await uow.session.execute(
        select(Challenge.id, Challenge.title).where(Challenge.id.in_(challenge_ids))
    )
    return {row.id: row.title for row in rows}
