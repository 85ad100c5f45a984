"""What is read of challenges and attempts."""

from __future__ import annotations

from datetime import datetime
from math import ceil
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
from guildhall.challenges.schemas import (
    ChallengeOut,
    ChallengeQuery,
    Prerequisite,
    Secret,
    Standing,
    TagOut,
    Unlocked,
)
from guildhall.infra.hall import Hall
from guildhall.infra.unit_of_work import UnitOfWork
from guildhall.kernel.member import Member
from guildhall.kernel.paging import Page, cursor_of, page_of, position_in

__all__ = ["attempt", "attempts_query", "challenge", "challenge_list", "tag_page"]


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
            query.state,
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
    prerequisites = [
        Prerequisite(id=row.id, title=row.title, passed=row.passed)
        for row in (
            await repository.prerequisites(uow, reader.id, challenge_id) if requires else ()
        )
    ]
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
        locked=not all(each.passed for each in prerequisites),
        prerequisites=prerequisites,
        standing=_standing(found, own, uow.now),
        unlocks=[
            Unlocked(id=row.id, title=row.title)
            for row in await repository.unlocked_by(uow, challenge_id)
        ],
    )


async def tag_page(uow: UnitOfWork, limit: int, cursor: str | None) -> Page[TagOut]:
    """Give a page of the tags of published challenges, in their order."""
    after = position_in(cursor, str)[0] if cursor else None
    return page_of(
        await repository.tags(uow, limit, after),
        limit,
        lambda row: TagOut(tag=row.tag, challenges=row.challenges),
        lambda row: (row.tag,),
    )


async def attempt(
    uow: UnitOfWork, member: Member, attempt_id: UUID
) -> tuple[Attempt, str, str | None]:
    """Give one's own attempt, its challenge's title, and the explanation once that spoils nothing.

    That is after a pass, or when no attempt is left.
    """
    found = await repository.attempt_of(uow, member.id, attempt_id)
    if found is None:
        raise AttemptNotFound
    its_challenge = await uow.session.get_one(Challenge, found.challenge_id)
    if found.status not in ("passed", "failed"):
        return found, its_challenge.title, None
    own = await uow.session.get(ChallengeRecord, (member.id, found.challenge_id))
    over = its_challenge.max_attempts is not None and (
        own is not None and own.submissions >= its_challenge.max_attempts
    )
    passed = own is not None and own.passed_at is not None
    return found, its_challenge.title, its_challenge.explanation if passed or over else None


def attempts_query(
    member: Member,
    limit: int,
    before: UUID | None,
    *,
    challenge_id: UUID | None,
    status: str | None,
    to_review: bool,
) -> Select[Attempt, str]:
    """Give one's own attempts, newest first; or, oldest first, those one may review.

    Each with the title of its challenge.
    """
    query = (
        select(Attempt, Challenge.title)
        .join(Challenge, Challenge.id == Attempt.challenge_id)
        .limit(limit)
    )
    if to_review:
        query = query.where(
            Attempt.status == "submitted",
            Challenge.grader["type"].astext == "review",
            Attempt.user_id != member.id,
        ).order_by(Attempt.id)
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


def _standing(its_challenge: Challenge, own: ChallengeRecord | None, now: datetime) -> Standing:
    """Tell what a record allows; the cap and the wait are counted where there is one."""
    cap, wait = its_challenge.max_attempts, its_challenge.retry_wait_seconds
    used = own.submissions if own else 0
    waited = (
        (now - own.last_submitted_at).total_seconds() if own and own.last_submitted_at else None
    )
    return Standing(
        best_score=own.best_score if own else 0,
        xp_earned=own.xp_earned if own else 0,
        attempts_left=None if cap is None else max(0, cap - used),
        wait_seconds=0 if wait is None or waited is None else max(0, ceil(wait - waited)),
    )
