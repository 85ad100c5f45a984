"""Builders of things, with what a test does not care about filled in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from guildhall.challenges import AttemptGraded
from guildhall.challenges import service as challenges
from guildhall.challenges.models import Attempt, Challenge
from guildhall.challenges.schemas import ChallengeIn
from guildhall.goals import acceptance, planning
from guildhall.goals import repository as goal_repository
from guildhall.goals import service as goals
from guildhall.goals.models import Goal
from guildhall.goals.schemas import GoalIn, PlanAccept
from guildhall.identity.models import ActiveSession, Device, User
from guildhall.identity.passwords import NOBODY, BannedPasswords, PasswordPolicy
from guildhall.infra.hall import Hall
from guildhall.infra.tasks import TaskRun
from guildhall.infra.tokens import Tokens
from guildhall.kernel.ids import new_id
from guildhall.kernel.member import Member, Role
from guildhall.progression import SeedDomain, seed_domains
from guildhall.progression.models import Badge

__all__ = [
    "ANY_PASSWORD",
    "FLAG",
    "QUIZ",
    "RANKS",
    "REVIEW",
    "SELF",
    "Person",
    "achievement",
    "attempt",
    "badge",
    "challenge",
    "domain",
    "goal",
    "member",
    "person",
    "quiz_of",
    "task_run",
]

ANY_PASSWORD = PasswordPolicy(BannedPasswords(None))
"""All that the hall's own list allows."""
FLAG = {"type": "flag", "flag": "open sesame"}
REVIEW = {"type": "review", "rubric": [], "pass_score": 60}
SELF = {"type": "self"}
QUIZ = {
    "type": "quiz",
    "pass_score": 50,
    "questions": [
        {"id": "a", "prompt": "1 + 1?", "kind": "numeric", "answer": 2},
        {
            "id": "b",
            "prompt": "Sky?",
            "kind": "single",
            "options": ["blue", "red"],
            "answer": "blue",
        },
    ],
}
RANKS = {"E": 0, "D": 100, "C": 300, "B": 600, "A": 1000, "S": 2000}


@dataclass(frozen=True)
class Person:
    """A member who is signed in."""

    member: Member
    username: str
    token: str

    @property
    def id(self) -> UUID:
        return self.member.id


async def person(
    hall: Hall,
    *,
    role: Role = Role.MEMBER,
    username: str | None = None,
    second_factor: bool = False,
    **columns: Any,
) -> Person:
    """Open an account and a session for it, past the password and the events."""
    user_id, session_id, device_id = new_id(), new_id(), new_id()
    name = username or f"m{user_id.hex[-10:]}"
    now = hall.clock.now()
    lifetime = timedelta(days=366)  # Tests travel in time without having to sign in again.
    user = User(
        **{
            "id": user_id,
            "username": name,
            "username_key": name.casefold(),
            "email": f"{name}@example.org",
            "email_key": f"{name}@example.org".casefold(),
            "password_hash": NOBODY,
            "role": role.value,
            "status": "active",
            "time_zone": "UTC",
            "day_starts_at": 0,
            "created_at": now,
        }
        | columns
    )
    device = Device(
        user_id=user_id, id=device_id, name="tests", user_agent="", address="",
        created_at=now, last_seen_at=now,
    )  # fmt: skip
    session = ActiveSession(
        user_id=user_id, id=session_id, device_id=device_id, generation=0,
        rotated_at=now, created_at=now, expires_at=now + lifetime, authenticated_at=now,
        second_factor=second_factor,
    )  # fmt: skip
    async with hall.units.write() as uow:
        for row in (user, device, session):
            uow.session.add(row)
            await uow.session.flush()
    claims = {
        "sub": str(user_id),
        "sid": str(session_id),
        "iat": int(now.timestamp()),
        "exp": int((now + lifetime).timestamp()),
    }
    token = Tokens(hall.endpoints.secret_key).sign("access", claims)
    who = Member(
        user_id, session_id, role, user.time_zone, user.day_starts_at, second_factor=second_factor
    )
    return Person(who, name, token)


async def member(hall: Hall, **columns: Any) -> Member:
    """Open an account; give its member."""
    return (await person(hall, **columns)).member


async def domain(hall: Hall, slug: str = "tools", ranks: Mapping[str, int] = RANKS) -> str:
    """Make a domain with ranks; give its slug."""
    async with hall.units.write() as uow:
        seeded = SeedDomain(slug=slug, name=slug.title(), description="A field.", ranks=dict(ranks))
        await seed_domains(uow, [seeded])
    return slug


async def challenge(
    hall: Hall, author: Member | None = None, *, published: bool = True, **fields: Any
) -> Challenge:
    """Write a challenge: a flag worth 100 XP, published, unless said otherwise."""
    author = author or await member(hall)
    body = ChallengeIn.model_validate(
        {
            "title": "Find the words",
            "description": "They open the cave.",
            "xp": 100,
            "difficulty": "medium",
            "grader": FLAG,
        }
        | fields
    )
    async with hall.units.write() as uow:
        made = await challenges.create(uow, author, body)
        if published:
            await challenges.publish(uow, author, made.id)
    return made


async def attempt(
    hall: Hall, who: Member, what: Challenge, answer: Mapping[str, Any] | None = None
) -> Attempt:
    """Start an attempt, and submit it if there is an answer. Graded by `settle`."""
    async with hall.units.write() as uow:
        started = await challenges.start(uow, who, what.id)
    if answer is not None:
        async with hall.units.write() as uow:
            await challenges.submit(uow, who, started.id, answer)
    return started


async def badge(hall: Hall, condition: Mapping[str, Any], **columns: Any) -> Badge:
    """Make a badge that is switched on."""
    id_ = new_id()
    made = Badge(
        **{
            "id": id_,
            "slug": f"badge-{id_.hex[-10:]}",
            "name": "A badge",
            "description": "For something.",
            "condition": dict(condition),
            "active": True,
            "version": 1,
            "created_at": hall.clock.now(),
        }
        | columns
    )
    async with hall.units.write() as uow:
        uow.session.add(made)
    return made


def achievement(who: Member, at: datetime, xp: int = 100, **fields: Any) -> AttemptGraded:
    """Make the event of a passed attempt that is worth some XP."""
    return AttemptGraded(
        **{
            "subject_id": who.id,
            "occurred_at": at,
            "local_day": who.local_day(at),
            "cause_id": new_id(),
            "challenge_id": new_id(),
            "outcome": "passed",
            "score": 100,
            "xp": xp,
            "first": False,
            "domain": None,
        }
        | fields
    )


def task_run(hall: Hall) -> TaskRun:
    """Make what a task of that hall holds when it is called directly."""
    return TaskRun(new_id(), hall.units, post=hall.post, llm=hall.llm, settings=hall.settings)


def quiz_of(*questions: Mapping[str, Any], pass_score: int = 60) -> dict[str, Any]:
    """Make a quiz grader of questions, which get ids and prompts if they have none."""
    return {
        "type": "quiz",
        "pass_score": pass_score,
        "questions": [
            {"id": f"q{number}", "prompt": "?", **question}
            for number, question in enumerate(questions, 1)
        ],
    }


async def goal(hall: Hall, who: Member, *, accepted: bool = True, **fields: Any) -> Goal:
    """Set a goal for somebody and have it planned by the hall's own rules: half a year, half an
    hour a day, the plan accepted, unless said otherwise."""
    today = who.local_day(hall.clock.now())
    body = GoalIn.model_validate(
        {
            "title": "Hold a conversation in Spanish",
            "description": "Ten minutes with a neighbour. I know a few words.",
            "deadline": today + timedelta(days=180),
            "minutes_per_day": 30,
        }
        | fields
    )
    async with hall.units.write(member=who.id) as uow:
        begun = await goals.create(uow, who, body)
    assert begun.planning is not None
    await planning.plan(task_run(hall), who.id, begun.id, begun.planning, wish="", same_tasks=False)
    async with hall.units.write(member=who.id) as uow:
        if accepted:
            return await acceptance.accept(uow, who, begun.id, PlanAccept(version=1))
        return await goal_repository.goal(uow, who.id, begun.id)
