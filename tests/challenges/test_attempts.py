"""Attempts: from started to passed or failed, once, and never worth more than they are."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select

from guildhall.challenges import (
    AttemptGraded,
    AttemptSubmitted,
    calibrate_ratings,
    grade_attempts,
)
from guildhall.challenges.models import (
    Challenge,
    ChallengeRating,
    ChallengeRecord,
    MemberAbility,
)
from guildhall.challenges.rules import NEWCOMER, SELF_XP_PER_DAY
from guildhall.infra.hall import Hall
from guildhall.kernel.ids import new_id
from guildhall.kernel.member import Role
from tests import factories
from tests.factories import QUIZ, REVIEW, SELF, Person
from tests.world import Client, SettableClock

RIGHT = {"answer": "open sesame"}
WRONG = {"answer": "open barley"}


async def take(client: Client, challenge_id: object, answer: Any) -> Any:
    """Start and submit over HTTP; give the answer to the submission."""
    attempt = (await client.post(f"/challenges/{challenge_id}/attempts")).json()
    return await client.post(f"/attempts/{attempt['id']}/submit", json=answer)


async def total_xp(client: Client) -> int:
    return int((await client.get("/progress/me")).json()["total_xp"])


async def test_an_attempt_goes_from_started_to_passed(
    client: Client, committed: Hall, member: Person, settle: Any
) -> None:
    made, mine = await factories.challenge(committed, explanation="In the tale."), client.of(member)
    started = await mine.post(f"/challenges/{made.id}/attempts")
    assert (started.status_code, started.json()["status"]) == (201, "started")
    path = f"/attempts/{started.json()['id']}"
    assert (await mine.get(path)).json()["explanation"] is None
    submitted = await mine.post(f"{path}/submit", json=RIGHT)
    assert (submitted.status_code, submitted.json()) == (
        202,
        {"id": started.json()["id"], "status": "submitted"},
    )
    assert (await mine.get(path)).json()["status"] == "submitted"
    await settle()
    graded = (await mine.get(path)).json()
    assert (graded["status"], graded["score"], graded["xp_awarded"]) == ("passed", 100, 100)
    assert graded["explanation"] == "In the tale."
    assert graded["answer"] == RIGHT


async def test_an_attempt_is_submitted_once_of_twenty_times(
    client: Client, committed: Hall, member: Person, settle: Any
) -> None:
    started = await factories.attempt(
        committed, member.member, await factories.challenge(committed)
    )
    mine = client.of(member)
    answers = await asyncio.gather(
        *(mine.post(f"/attempts/{started.id}/submit", json=RIGHT) for _ in range(20))
    )
    assert Counter(answer.status_code for answer in answers) == {202: 1, 409: 19}
    refused = next(answer for answer in answers if answer.status_code == 409)
    assert refused.json()["error"] == "attempt_already_submitted"
    await settle()
    assert await total_xp(mine) == 100


async def test_starting_twenty_times_at_once_opens_one_attempt(
    client: Client, committed: Hall, member: Person
) -> None:
    made, mine = await factories.challenge(committed), client.of(member)
    answers = await asyncio.gather(
        *(mine.post(f"/challenges/{made.id}/attempts") for _ in range(20))
    )
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1


@pytest.mark.parametrize(
    "answer", [{}, {"answers": {}}, {"answer": 1}, {"answer": "x", "score": 100}, {"text": "x"}]
)
async def test_an_unfit_answer_is_refused_and_costs_nothing(
    client: Client, committed: Hall, member: Person, answer: Any
) -> None:
    made = await factories.challenge(committed, max_attempts=1)
    refused = await take(client.of(member), made.id, answer)
    assert (refused.status_code, refused.json()["error"]) == (422, "answer_unfit")
    assert (await take(client.of(member), made.id, RIGHT)).status_code == 202


@pytest.mark.parametrize("body", [b"[]", b'"x"', b"1", b"null", b"true", b"{", b""])
async def test_a_submission_that_is_no_object_is_refused(
    client: Client, committed: Hall, member: Person, body: bytes
) -> None:
    started = await factories.attempt(
        committed, member.member, await factories.challenge(committed)
    )
    answer = await client.of(member).post(
        f"/attempts/{started.id}/submit", content=body, headers={"content-type": "application/json"}
    )
    assert (answer.status_code, answer.json()["error"]) == (422, "validation_failed")


async def test_nobody_submits_or_reads_anothers_attempt(
    client: Client, committed: Hall, member: Person, other: Person, moderator: Person
) -> None:
    started = await factories.attempt(
        committed, member.member, await factories.challenge(committed)
    )
    for who in (other, moderator):
        theirs = client.of(who)
        refused = await theirs.post(f"/attempts/{started.id}/submit", json=RIGHT)
        assert (refused.status_code, refused.json()["error"]) == (404, "attempt_not_found")
        assert (await theirs.get(f"/attempts/{started.id}")).status_code == 404
        assert (await theirs.get("/attempts")).json()["items"] == []


async def test_a_cap_holds_under_twenty_parallel_submissions(
    client: Client, committed: Hall, member: Person, settle: Any
) -> None:
    """Attempts opened before the cap was reached cannot be handed in beyond it either."""
    made, mine = await factories.challenge(committed, max_attempts=3), client.of(member)

    async def once() -> Any:
        started = await mine.post(f"/challenges/{made.id}/attempts")
        if started.status_code != 201:
            return started
        return await mine.post(f"/attempts/{started.json()['id']}/submit", json=WRONG)

    statuses = Counter[int]()
    for _ in range(3):
        statuses.update(a.status_code for a in await asyncio.gather(*(once() for _ in range(20))))
    assert statuses[202] == 3
    assert (await mine.get(f"/challenges/{made.id}")).json()["standing"]["attempts_left"] == 0
    listed = (await mine.get("/attempts")).json()["items"]
    assert {attempt["challenge_title"] for attempt in listed} == {made.title}
    refused = await mine.post(f"/challenges/{made.id}/attempts")
    assert (refused.status_code, refused.json()["error"]) == (409, "attempts_used_up")
    async with committed.units.read() as uow:
        record = await uow.session.get_one(ChallengeRecord, (member.id, made.id))
        assert record.submissions == 3


async def test_an_attempt_opened_before_the_cap_was_reached_is_not_handed_in_beyond_it(
    client: Client, committed: Hall, member: Person, other: Person
) -> None:
    made = await factories.challenge(committed, other.member, max_attempts=2)
    mine = client.of(member)
    assert (await take(mine, made.id, WRONG)).status_code == 202
    opened = (await mine.post(f"/challenges/{made.id}/attempts")).json()["id"]
    await client.of(other).patch(f"/challenges/{made.id}", json={"max_attempts": 1})
    refused = await mine.post(f"/attempts/{opened}/submit", json=RIGHT)
    assert (refused.status_code, refused.json()["error"]) == (409, "attempts_used_up")


async def test_a_wait_holds_until_it_is_over(
    client: Client, committed: Hall, clock: SettableClock, member: Person
) -> None:
    made, mine = await factories.challenge(committed, retry_wait_seconds=60), client.of(member)
    assert (await take(mine, made.id, WRONG)).status_code == 202
    clock.advance(seconds=20)
    early = await take(mine, made.id, WRONG)
    assert (early.status_code, early.json()["error"]) == (429, "retry_too_early")
    assert early.headers["retry-after"] == "40"
    standing = (await mine.get(f"/challenges/{made.id}")).json()["standing"]
    assert (standing["wait_seconds"], standing["attempts_left"]) == (40, None)
    clock.advance(seconds=39)
    assert (await take(mine, made.id, WRONG)).status_code == 429
    clock.advance(seconds=1)
    assert (await take(mine, made.id, WRONG)).status_code == 202


async def test_a_better_score_earns_the_difference_and_a_worse_one_nothing(
    client: Client, committed: Hall, member: Person, settle: Any
) -> None:
    made, mine = await factories.challenge(committed, grader=QUIZ, xp=85), client.of(member)
    half, full = {"answers": {"a": 2}}, {"answers": {"a": 2, "b": "blue"}}
    earned = []
    for answer in (half, half, full, full, half):
        attempt = (await take(mine, made.id, answer)).json()["id"]
        await settle()
        earned.append((await mine.get(f"/attempts/{attempt}")).json()["xp_awarded"])
    assert earned == [43, 0, 42, 0, 0]
    assert await total_xp(mine) == 85


async def test_a_failed_attempt_earns_nothing_and_keeps_its_score(
    client: Client, committed: Hall, member: Person, settle: Any
) -> None:
    made = await factories.challenge(committed, grader=QUIZ | {"pass_score": 60})
    attempt = (await take(client.of(member), made.id, {"answers": {"a": 2}})).json()["id"]
    await settle()
    graded = (await client.of(member).get(f"/attempts/{attempt}")).json()
    assert (graded["status"], graded["score"], graded["xp_awarded"]) == ("failed", 50, 0)
    assert await total_xp(client.of(member)) == 0


async def test_raising_a_challenges_xp_pays_nobody_twice_for_the_same_score(
    client: Client, committed: Hall, member: Person, other: Person, settle: Any
) -> None:
    made, mine = await factories.challenge(committed, other.member, xp=50), client.of(member)
    await take(mine, made.id, RIGHT)
    await settle()
    await client.of(other).patch(f"/challenges/{made.id}", json={"xp": 80})
    assert await total_xp(mine) == 50
    await take(mine, made.id, RIGHT)
    await settle()
    assert await total_xp(mine) == 50
    await client.of(other).patch(f"/challenges/{made.id}", json={"xp": 10})
    await take(mine, made.id, RIGHT)
    await settle()
    assert await total_xp(mine) == 50


async def test_self_reported_xp_is_capped_by_the_members_own_day(
    client: Client, committed: Hall, clock: SettableClock, settle: Any
) -> None:
    clock.set(datetime(2031, 5, 14, 20, tzinfo=UTC))
    who = await factories.person(committed, time_zone="Asia/Tokyo")
    mine = client.of(who)
    made = [await factories.challenge(committed, grader=SELF, xp=60) for _ in range(4)]
    await asyncio.gather(*(take(mine, challenge.id, {}) for challenge in made[:3]))
    await settle()
    assert await total_xp(mine) == SELF_XP_PER_DAY == 100
    clock.advance(hours=18)  # Still 15 May in Tokyo, where it was 05:00 before.
    await take(mine, made[3].id, {})
    await settle()
    assert await total_xp(mine) == 100
    clock.advance(hours=2)
    for challenge in made:  # What the cap withheld is not lost: a retry earns the difference.
        await take(mine, challenge.id, {})
    await settle()
    assert await total_xp(mine) == 200


async def test_moving_to_another_time_zone_opens_no_second_day_of_self_reported_xp(
    client: Client, committed: Hall, clock: SettableClock, settle: Any
) -> None:
    clock.set(datetime(2031, 5, 14, 11, tzinfo=UTC))
    mine = client.of(await factories.person(committed))
    made = [await factories.challenge(committed, grader=SELF, xp=100) for _ in range(5)]

    async def earned_by(challenge: Challenge) -> int:
        before = await total_xp(mine)
        await take(mine, challenge.id, {})
        await settle()
        return await total_xp(mine) - before

    async def move(**fields: Any) -> None:
        assert (await mine.patch("/users/me", json=fields)).status_code == 200

    assert await earned_by(made[0]) == SELF_XP_PER_DAY
    await move(time_zone="Pacific/Kiritimati")  # The 15th of May
    assert await earned_by(made[1]) == 0
    await move(time_zone="Pacific/Pago_Pago", day_starts_at=1)  # The 13th
    assert await earned_by(made[2]) == 0
    await move(time_zone="UTC", day_starts_at=23)  # The 13th
    assert await earned_by(made[3]) == 0
    clock.advance(hours=13)  # The 15th by UTC, the 14th of the member
    assert await earned_by(made[4]) == 0
    await move(day_starts_at=0)
    assert await earned_by(made[4]) == SELF_XP_PER_DAY


async def test_a_review_is_given_by_its_author_or_a_moderator_and_never_by_oneself(
    client: Client, committed: Hall, member: Person, other: Person, moderator: Person, settle: Any
) -> None:
    made = await factories.challenge(committed, other.member, grader=REVIEW, xp=90)
    mine, author = client.of(member), client.of(other)
    attempt = (await take(mine, made.id, {"text": "My essay"})).json()["id"]
    await settle()
    path = f"/attempts/{attempt}/review"
    assert (await mine.get(f"/attempts/{attempt}")).json()["status"] == "submitted"
    assert (await mine.post(path, json={"score": 100})).status_code == 404
    stranger = client.of(await factories.person(committed))
    assert (await stranger.post(path, json={"score": 100})).status_code == 404
    waiting = (await author.get("/attempts", params={"to_review": True})).json()["items"]
    assert [(it["id"], it["challenge_title"], it["username"]) for it in waiting] == [
        (attempt, made.title, member.username)
    ]
    for status, number in (("submitted", 1), ("passed", 0), ("started", 0)):
        query = {"to_review": True, "status": status}
        assert len((await author.get("/attempts", params=query)).json()["items"]) == number
    reviewed = await author.post(path, json={"score": 70, "comment": "Good."})
    assert (reviewed.status_code, reviewed.json()["status"]) == (200, "passed")
    again = await client.of(moderator).post(path, json={"score": 100})
    assert (again.status_code, again.json()["error"]) == (409, "attempt_not_reviewable")
    await settle()
    assert await total_xp(mine) == 63
    assert (await mine.get(f"/attempts/{attempt}")).json()["feedback"]["comment"] == "Good."
    assert (await author.get("/attempts", params={"to_review": True})).json()["items"] == []


async def test_nobody_earns_with_a_challenge_of_their_own(
    client: Client, committed: Hall, moderator: Person
) -> None:
    made = await factories.challenge(committed, moderator.member, grader=REVIEW)
    refused = await client.of(moderator).post(f"/challenges/{made.id}/attempts")
    assert (refused.status_code, refused.json()["error"]) == (403, "challenge_your_own")


async def test_a_moderator_does_not_score_their_own_work(
    client: Client, committed: Hall, moderator: Person
) -> None:
    made = await factories.challenge(committed, grader=REVIEW)
    mine = client.of(moderator)
    attempt = (await take(mine, made.id, {"text": "My essay"})).json()["id"]
    assert (await mine.post(f"/attempts/{attempt}/review", json={"score": 100})).status_code == 404
    assert (await mine.get("/attempts", params={"to_review": True})).json()["items"] == []


async def test_a_rubric_is_scored_criterion_by_criterion(
    client: Client, committed: Hall, member: Person, moderator: Person
) -> None:
    rubric = [{"criterion": "clear", "points": 60}, {"criterion": "right", "points": 40}]
    made = await factories.challenge(committed, grader=REVIEW | {"rubric": rubric})
    attempt = (await take(client.of(member), made.id, {"text": "x"})).json()["id"]
    reviewer, path = client.of(moderator), f"/attempts/{attempt}/review"
    for points in ({"clear": 61, "right": 0}, {"clear": 60}, {"clear": 1, "right": 1, "x": 1}):
        refused = await reviewer.post(path, json={"points": points})
        assert (refused.status_code, refused.json()["error"]) == (422, "rubric_unfit")
    points = {"clear": 50, "right": 9}
    for unclear in ({}, {"score": None}, {"score": 100, "points": points}):
        refused = await reviewer.post(path, json=unclear)
        assert (refused.status_code, refused.json()["error"]) == (422, "rubric_unfit")
    scored = await reviewer.post(path, json={"points": points})
    assert (scored.json()["score"], scored.json()["status"]) == (59, "failed")


async def test_points_without_a_rubric_are_refused_instead_of_scoring_nothing(
    client: Client, committed: Hall, member: Person, moderator: Person
) -> None:
    made = await factories.challenge(committed, grader=REVIEW)
    attempt = (await take(client.of(member), made.id, {"text": "x"})).json()["id"]
    reviewer, path = client.of(moderator), f"/attempts/{attempt}/review"
    for points in ({}, {"clear": 1}):
        refused = await reviewer.post(path, json={"points": points})
        assert (refused.status_code, refused.json()["error"]) == (422, "rubric_unfit")
    assert (await reviewer.post(path, json={"score": 80})).json()["score"] == 80


async def test_two_reviews_at_once_score_once(
    client: Client, committed: Hall, member: Person, moderator: Person, settle: Any
) -> None:
    second = await factories.person(committed, role=Role.ADMIN)
    made = await factories.challenge(committed, grader=REVIEW)
    attempt = (await take(client.of(member), made.id, {"text": "x"})).json()["id"]
    answers = await asyncio.gather(
        *(
            client.of(who).post(f"/attempts/{attempt}/review", json={"score": 100})
            for who in (moderator, second) * 5
        )
    )
    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: 9}
    await settle()
    assert await total_xp(client.of(member)) == 100


async def test_only_reviewed_challenges_are_scored_by_hand(
    client: Client, committed: Hall, member: Person, moderator: Person
) -> None:
    made = await factories.challenge(committed)
    attempt = (await take(client.of(member), made.id, WRONG)).json()["id"]
    refused = await client.of(moderator).post(f"/attempts/{attempt}/review", json={"score": 100})
    assert (refused.status_code, refused.json()["error"]) == (409, "attempt_not_reviewable")


async def test_the_same_submission_told_twice_is_graded_once(hall: Hall) -> None:
    who, made = await factories.member(hall), await factories.challenge(hall)
    taken = await factories.attempt(hall, who, made, RIGHT)
    told = AttemptSubmitted(subject_id=who.id, occurred_at=hall.clock.now(), attempt_id=taken.id)
    for _ in range(2):
        async with hall.units.write() as uow:
            await grade_attempts(uow, [told])
            assert len(uow._told) == (1 if _ == 0 else 0)
    async with hall.units.read() as uow:
        record = await uow.session.get_one(ChallengeRecord, (who.id, made.id))
        assert (record.graded, record.xp_earned, record.best_score) == (1, 100, 100)


async def test_grading_an_attempt_that_is_not_there_does_nothing(hall: Hall) -> None:
    async with hall.units.write() as uow:
        told = AttemptSubmitted(
            subject_id=new_id(), occurred_at=hall.clock.now(), attempt_id=new_id()
        )
        await grade_attempts(uow, [told])
        assert uow._told == []


async def test_the_first_graded_attempt_and_no_other_moves_the_ratings(
    client: Client, committed: Hall, member: Person, settle: Any
) -> None:
    made = await factories.challenge(committed, difficulty="medium")
    seen = []
    for answer in (RIGHT, WRONG, RIGHT):
        await take(client.of(member), made.id, answer)
        await settle()
        async with committed.units.read() as uow:
            ability = (await uow.session.scalars(select(MemberAbility))).one()
            rating = await uow.session.get_one(ChallengeRating, made.id)
            seen.append((ability.rating, ability.games, rating.rating, rating.games))
    assert seen[0] == seen[1] == seen[2]
    ability_rating, games, challenge_rating, met = seen[0]
    assert ability_rating > NEWCOMER.rating
    assert challenge_rating < 1500
    assert (games, met) == (1, 1)


async def test_a_first_attempt_told_twice_moves_the_ratings_once(hall: Hall) -> None:
    who, made = await factories.member(hall), await factories.challenge(hall)
    taken = await factories.attempt(hall, who, made, RIGHT)
    async with hall.units.write() as uow:
        at = hall.clock.now()
        await grade_attempts(
            uow, [AttemptSubmitted(subject_id=who.id, occurred_at=at, attempt_id=taken.id)]
        )
        (graded,) = (told.event for told in uow._told)
        assert isinstance(graded, AttemptGraded)
    for told in ([graded, graded], [graded]):
        async with hall.units.write() as uow:
            await calibrate_ratings(uow, told)
    async with hall.units.read() as uow:
        ability = await uow.session.get_one(MemberAbility, (who.id, ""))
        rating = await uow.session.get_one(ChallengeRating, made.id)
        assert (ability.games, rating.games) == (1, 1)


async def test_own_attempts_are_paged_and_filtered(
    client: Client, committed: Hall, member: Person, settle: Any
) -> None:
    made, mine = await factories.challenge(committed), client.of(member)
    for answer in (WRONG, WRONG, RIGHT):
        await take(mine, made.id, answer)
    await settle()
    await mine.post(f"/challenges/{made.id}/attempts")
    seen: list[str] = []
    cursor = None
    while True:
        parameters = {"limit": 3} | ({"cursor": cursor} if cursor else {})
        page = (await mine.get("/attempts", params=parameters)).json()
        seen += [item["status"] for item in page["items"]]
        if (cursor := page["next_cursor"]) is None:
            break
    assert seen == ["started", "passed", "failed", "failed"]
    failed = (await mine.get("/attempts", params={"status": "failed"})).json()["items"]
    assert [item["status"] for item in failed] == ["failed", "failed"]


async def test_what_a_member_writes_is_kept_as_it_is(
    client: Client, committed: Hall, member: Person
) -> None:
    made = await factories.challenge(committed, grader=REVIEW)
    text = "{{7*7}} ${HOME} '; DROP TABLE users; -- <script>alert(1)</script> \u202e\U0001f600"
    attempt = (await take(client.of(member), made.id, {"text": text})).json()["id"]
    kept = (await client.of(member).get(f"/attempts/{attempt}")).json()
    assert kept["answer"] == {"text": text}
