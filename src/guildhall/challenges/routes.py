"""HTTP of challenges."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import Body, Query, Request, Response

from guildhall.challenges import grading, queries, service
from guildhall.challenges.models import Attempt, Challenge
from guildhall.challenges.schemas import (
    AttemptOut,
    ChallengeChange,
    ChallengeIn,
    ChallengeOut,
    ChallengeQuery,
    ChallengeSummary,
    Feedback,
    ReviewIn,
    Status,
    SubmittedOut,
    TagOut,
)
from guildhall.identity import usernames
from guildhall.infra.http import CurrentMember, Reads, Writes, access_routers, hall_of
from guildhall.infra.http.hot import HotRoute, json_answer
from guildhall.kernel.paging import Limit, Page, page_of, position_in

__all__ = ["routers"]

routers = access_routers("challenges")
public, member, admin = routers


@HotRoute.on(member, "/challenges", Page[ChallengeSummary])
async def list_challenges(request: Request, query: Annotated[ChallengeQuery, Query()]) -> Response:
    """List published challenges, or one's own with the drafts, with one's chance at each.

    `right_for_me` puts those first that one is most likely to find neither dull nor hopeless.
    """
    return json_answer(await queries.challenge_list(hall_of(request), request.state.member, query))


@member.post("/challenges", status_code=201)
async def create(body: ChallengeIn, who: CurrentMember, uow: Writes) -> ChallengeOut:
    """Write a draft."""
    draft = await service.create(uow, who, body)
    return await queries.challenge(uow, who, draft.id)


@member.get("/challenges/tags")
async def list_tags(uow: Reads, limit: Limit = 100, cursor: str | None = None) -> Page[TagOut]:
    """List the tags of published challenges."""
    return await queries.tag_page(uow, limit, cursor)


@member.get("/challenges/{challenge_id}")
async def read(challenge_id: UUID, who: CurrentMember, uow: Reads) -> ChallengeOut:
    """Read a challenge; its solution only if one may change it."""
    return await queries.challenge(uow, who, challenge_id, to_edit=True)


@member.patch("/challenges/{challenge_id}")
async def change(
    challenge_id: UUID, body: ChallengeChange, who: CurrentMember, uow: Writes
) -> ChallengeOut:
    """Change a challenge of one's own."""
    await service.change(uow, who, challenge_id, body)
    return await queries.challenge(uow, who, challenge_id)


@member.delete("/challenges/{challenge_id}", status_code=204)
async def remove(challenge_id: UUID, who: CurrentMember, uow: Writes) -> None:
    """Take a challenge of one's own away; what was earned with it stays."""
    await service.remove(uow, who, challenge_id)


@member.post("/challenges/{challenge_id}/publish")
async def publish(challenge_id: UUID, who: CurrentMember, uow: Writes) -> ChallengeOut:
    """Show a draft to everyone."""
    await service.publish(uow, who, challenge_id)
    return await queries.challenge(uow, who, challenge_id)


@member.post("/challenges/{challenge_id}/attempts", status_code=201)
async def start(challenge_id: UUID, who: CurrentMember, uow: Writes) -> AttemptOut:
    """Start an attempt; with one open already, get that."""
    started = await service.start(uow, who, challenge_id)
    return _attempt_out(started, (await uow.session.get_one(Challenge, challenge_id)).title)


@member.get("/attempts")
async def list_attempts(
    who: CurrentMember,
    uow: Reads,
    limit: Limit = 20,
    cursor: str | None = None,
    challenge_id: UUID | None = None,
    status: Status | None = None,
    to_review: bool = False,
) -> Page[AttemptOut]:
    """List one's own attempts, or with `to_review` those that wait for one's score."""
    query = queries.attempts_query(
        who,
        limit,
        position_in(cursor, UUID)[0] if cursor else None,
        challenge_id=challenge_id,
        status=status,
        to_review=to_review,
    )
    if to_review:
        await uow.see_all()
    found = (await uow.session.execute(query)).all()
    authors = {row.Attempt.user_id for row in found}
    names = await usernames(uow, authors) if to_review else {}
    return page_of(
        found,
        limit,
        lambda row: _attempt_out(row.Attempt, row.title, name=names.get(row.Attempt.user_id)),
        lambda row: (row.Attempt.id,),
    )


@member.get("/attempts/{attempt_id}")
async def read_attempt(attempt_id: UUID, who: CurrentMember, uow: Reads) -> AttemptOut:
    """Read an attempt of one's own; once graded, with the explanation."""
    return _attempt_out(*await queries.attempt(uow, who, attempt_id))


ANSWERS: dict[str, Any] = {
    "flag": {"value": {"answer": "the secret"}},
    "quiz": {"value": {"answers": {"q1": "an option", "q2": ["one", "two"], "q3": 4.2}}},
    "review": {"value": {"text": "What I did and why"}},
    "self": {"value": {}},
}


@member.post("/attempts/{attempt_id}/submit", status_code=202)
async def submit(
    attempt_id: UUID,
    body: Annotated[dict[str, Any], Body(openapi_examples=ANSWERS)],
    who: CurrentMember,
    uow: Writes,
) -> SubmittedOut:
    """Hand in an answer. It is graded in the background; its shape depends on the grader."""
    await service.submit(uow, who, attempt_id, body)
    return SubmittedOut(id=attempt_id)


@member.post("/attempts/{attempt_id}/review")
async def review(attempt_id: UUID, body: ReviewIn, who: CurrentMember, uow: Writes) -> AttemptOut:
    """Score an attempt by hand. XP follows by event."""
    reviewed = await grading.review(uow, who, attempt_id, body)
    its_challenge = await uow.session.get_one(Challenge, reviewed.challenge_id)
    return _attempt_out(reviewed, its_challenge.title)


def _attempt_out(
    attempt: Attempt, title: str, explanation: str | None = None, name: str | None = None
) -> AttemptOut:
    return AttemptOut(
        id=attempt.id,
        user_id=attempt.user_id,
        challenge_id=attempt.challenge_id,
        challenge_title=title,
        username=name,
        status=attempt.status,
        score=attempt.score,
        xp_awarded=attempt.xp_awarded,
        answer=attempt.answer,
        feedback=Feedback.model_validate(attempt.feedback) if attempt.feedback else None,
        explanation=explanation,
        started_at=attempt.started_at,
        submitted_at=attempt.submitted_at,
        graded_at=attempt.graded_at,
    )
