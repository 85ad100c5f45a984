"""Milestones that challenges prove."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio

from guildhall.challenges import AttemptGraded
from guildhall.goals.handlers import prove_milestones
from guildhall.infra.hall import Hall
from guildhall.kernel.ids import new_id
from tests import factories
from tests.factories import Person
from tests.goals.at_work import ok, planned, unlimited
from tests.infra.test_http import problem
from tests.world import NOON, Client, SettableClock

Settle = Callable[[], Awaitable[None]]
RIGHT, WRONG = {"answer": "open sesame"}, {"answer": "open barley"}


@pytest_asyncio.fixture
async def mine(application: Any, client: Client, committed: Hall, member: Person) -> Client:
    unlimited(application, committed)
    return client.of(member)


@pytest_asyncio.fixture
async def goal(committed: Hall, member: Person, mine: Client) -> dict[str, Any]:
    made = await factories.goal(committed, member.member)
    return await planned(mine, made.id)


@pytest_asyncio.fixture
async def challenges(committed: Hall) -> list[UUID]:
    """Two challenges."""
    return [(await factories.challenge(committed, title=f"Cave {n}")).id for n in range(2)]


async def name(client: Client, goal: dict[str, Any], *challenges: object, number: int = 0) -> Any:
    """Name the challenges that prove a milestone."""
    milestone = goal["plan"]["milestones"][number]["id"]
    return await client.patch(
        f"/goals/{goal['id']}/milestones/{milestone}",
        json={"challenges": [str(id_) for id_ in challenges]},
    )


async def milestone(client: Client, goal: dict[str, Any], number: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = (await planned(client, goal["id"]))["plan"]["milestones"][number]
    return found


async def attempt(
    client: Client, challenge_id: UUID, answer: dict[str, str], settle: Settle
) -> None:
    started = ok(await client.post(f"/challenges/{challenge_id}/attempts"), 201)
    ok(await client.post(f"/attempts/{started['id']}/submit", json=answer), 202)
    await settle()


async def test_a_milestone_is_proven_when_all_its_challenges_are_passed(
    mine: Client,
    goal: dict[str, Any],
    challenges: list[UUID],
    settle: Settle,
    clock: SettableClock,
) -> None:
    named = ok(await name(mine, goal, *challenges))
    assert named["plan"]["milestones"][0]["challenges"] == sorted(map(str, challenges))
    await attempt(mine, challenges[0], RIGHT, settle)
    assert (await milestone(mine, goal))["proven_at"] is None
    await attempt(mine, challenges[1], WRONG, settle)
    assert (await milestone(mine, goal))["proven_at"] is None
    at = clock.advance(hours=1)
    await attempt(mine, challenges[1], RIGHT, settle)
    proven = await milestone(mine, goal)
    assert proven["proven_at"] == at.isoformat().replace("+00:00", "Z")
    assert (await milestone(mine, goal, 1))["proven_at"] is None
    clock.advance(hours=1)
    await attempt(mine, challenges[1], RIGHT, settle)
    assert await milestone(mine, goal) == proven


async def test_what_another_member_passes_proves_nothing_of_mine(
    mine: Client, goal: dict[str, Any], challenges: list[UUID], settle: Settle, other: Person
) -> None:
    ok(await name(mine, goal, challenges[0]))
    await attempt(mine.of(other), challenges[0], RIGHT, settle)
    assert (await milestone(mine, goal))["proven_at"] is None


async def test_one_challenge_proves_every_milestone_that_names_it(
    mine: Client, goal: dict[str, Any], challenges: list[UUID], settle: Settle
) -> None:
    for number in (0, 1):
        ok(await name(mine, goal, challenges[0], number=number))
    await attempt(mine, challenges[0], RIGHT, settle)
    for number in (0, 1):
        assert (await milestone(mine, goal, number))["proven_at"] is not None


async def test_the_same_result_told_many_times_at_once_proves_once(
    mine: Client,
    goal: dict[str, Any],
    challenges: list[UUID],
    committed: Hall,
    member: Person,
    clock: SettableClock,
) -> None:
    ok(await name(mine, goal, *challenges))
    events = [
        AttemptGraded(
            subject_id=member.id,
            occurred_at=NOON,
            local_day=NOON.date(),
            cause_id=new_id(),
            challenge_id=challenge_id,
            outcome="passed",
            score=100,
            xp=0,
            first=False,
            domain=None,
        )
        for challenge_id in challenges
    ]

    async def tell(batch: list[AttemptGraded]) -> None:
        async with committed.units.write() as uow:
            await prove_milestones(uow, batch)

    # Each half at once, which the outbox never does for one member, then all of it again.
    await asyncio.gather(tell(events[:1]), tell(events[1:]))
    await tell(events)
    first = (await milestone(mine, goal))["proven_at"]
    assert first is not None
    clock.advance(hours=1)
    await asyncio.gather(tell(events), tell(events[::-1]))
    assert (await milestone(mine, goal))["proven_at"] == first


async def test_another_challenge_makes_it_unproven_and_without_it_it_is_proven_again(
    mine: Client, goal: dict[str, Any], challenges: list[UUID], settle: Settle
) -> None:
    ok(await name(mine, goal, challenges[0]))
    await attempt(mine, challenges[0], RIGHT, settle)
    ok(await name(mine, goal, *challenges))
    assert (await milestone(mine, goal))["proven_at"] is None
    ok(await name(mine, goal, challenges[0]))
    assert (await milestone(mine, goal))["proven_at"] is not None
    same = await milestone(mine, goal)
    ok(await name(mine, goal, challenges[0]))
    assert await milestone(mine, goal) == same


async def test_a_milestone_without_challenges_is_proven_by_none(
    mine: Client, goal: dict[str, Any], challenges: list[UUID], settle: Settle
) -> None:
    ok(await name(mine, goal, challenges[0]))
    ok(await name(mine, goal))
    await attempt(mine, challenges[0], RIGHT, settle)
    shown = await milestone(mine, goal)
    assert (shown["challenges"], shown["proven_at"]) == ([], None)


async def test_a_challenge_that_nobody_knows_is_refused_and_nothing_changes(
    mine: Client, goal: dict[str, Any], challenges: list[UUID], owner: asyncpg.Connection
) -> None:
    ok(await name(mine, goal, challenges[0]))
    problem(await name(mine, goal, challenges[1], new_id()), 422, "challenge_unknown")
    assert (await milestone(mine, goal))["challenges"] == [str(challenges[0])]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"challenges": None},
        {"challenges": "all"},
        {"challenges": [1]},
        {"challenges": [str(UUID(int=n)) for n in range(21)]},
        {"challenges": [], "proven_at": "2031-05-14T12:00:00Z"},
    ],
    ids=lambda body: str(body)[:40],
)
async def test_a_proof_that_makes_no_sense_is_refused(
    mine: Client, goal: dict[str, Any], body: dict[str, Any]
) -> None:
    id_ = goal["plan"]["milestones"][0]["id"]
    answer = await mine.patch(f"/goals/{goal['id']}/milestones/{id_}", json=body)
    problem(answer, 422, "validation_failed")


async def test_a_milestone_of_another_goal_is_not_found(
    mine: Client, goal: dict[str, Any], committed: Hall, member: Person
) -> None:
    second = await factories.goal(committed, member.member, accepted=False)
    id_ = goal["plan"]["milestones"][0]["id"]
    answer = await mine.patch(f"/goals/{second.id}/milestones/{id_}", json={"challenges": []})
    problem(answer, 404, "milestone_not_found")


async def test_a_proof_outlives_a_new_plan(
    mine: Client, goal: dict[str, Any], challenges: list[UUID], settle: Settle
) -> None:
    ok(await name(mine, goal, challenges[0]))
    await attempt(mine, challenges[0], RIGHT, settle)
    before = await milestone(mine, goal)
    deadline = (NOON.date() + timedelta(days=120)).isoformat()
    ok(await mine.patch(f"/goals/{goal['id']}", json={"deadline": deadline}))
    ok(await mine.post(f"/goals/{goal['id']}/plan", json={}), 202)
    await settle()
    ok(await mine.post(f"/goals/{goal['id']}/plan/accept", json={"version": 2}))
    after = await milestone(mine, goal)
    for kept in ("id", "title", "challenges", "proven_at"):
        assert after[kept] == before[kept]
