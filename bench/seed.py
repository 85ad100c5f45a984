"""Members, challenges and attempts in bulk, written as the hall itself would write them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import orjson

from bench.harness import Stage
from guildhall.challenges import AttemptSubmitted, SeedChallenge, seed_challenges
from guildhall.infra.door import SESSION_TTL_SECONDS, Admitted, session_key
from guildhall.infra.handles import API_KEY_PREFIX, mint
from guildhall.infra.outbox import CHANNEL
from guildhall.infra.tokens import Tokens
from guildhall.kernel.ids import new_id
from guildhall.kernel.member import Member as MemberOfHall
from guildhall.kernel.member import Role

__all__ = [
    "ANSWER",
    "Member",
    "add_api_keys",
    "add_challenges",
    "add_members",
    "hand_in_backlog",
    "open_attempts",
    "remember_sessions",
]

ANSWER = {"answer": "open sesame"}
XP = 50
DOMAINS = ("python", "sql", "linux", None)
TOKEN_LIFE = timedelta(hours=2)


@dataclass(frozen=True)
class Member:
    """A member who is signed in."""

    id: UUID
    session_id: UUID
    token: str


async def add_members(stage: Stage, number: int) -> list[Member]:
    """Add members, each with a device, a living session and an access token."""
    now = stage.hall.clock.now()
    tokens = Tokens(stage.endpoints.secret_key)
    issued_at = int(now.timestamp())
    members, users, devices, sessions = [], [], [], []
    for _ in range(number):
        user_id, device_id, session_id = new_id(), new_id(), new_id()
        name = f"member-{user_id.hex[-12:]}"
        users.append((user_id, name, name, f"{name}@example.org", f"{name}@example.org", "!", now))
        devices.append((user_id, device_id, "bench", "bench", "127.0.0.1", now, now))
        sessions.append((user_id, session_id, device_id, now, now, now + TOKEN_LIFE))
        claims = {
            "sub": str(user_id),
            "sid": str(session_id),
            "iat": issued_at,
            "exp": issued_at + int(TOKEN_LIFE.total_seconds()),
        }
        members.append(Member(user_id, session_id, tokens.sign("access", claims)))
    async with stage.pool.acquire() as connection, connection.transaction():
        for table, columns, rows in (
            (
                "users",
                "id username username_key email email_key password_hash created_at",
                users,
            ),
            ("devices", "user_id id name user_agent address created_at last_seen_at", devices),
            ("active_sessions", "user_id id device_id rotated_at created_at expires_at", sessions),
        ):
            await connection.copy_records_to_table(table, records=rows, columns=columns.split())
    return members


async def add_api_keys(stage: Stage, members: Sequence[Member], scopes: Sequence[str]) -> list[str]:
    """Give each member an API key; give the keys."""
    now = stage.hall.clock.now()
    keys, rows = [], []
    for member in members:
        key_id = new_id()
        key, secret_hash = mint(API_KEY_PREFIX, member.id, key_id)
        keys.append(key)
        rows.append((member.id, key_id, "bench", key[:8], secret_hash, list(scopes), now))
    await stage.pool.copy_records_to_table(
        "api_keys",
        records=rows,
        columns=["user_id", "id", "name", "hint", "secret_hash", "scopes", "created_at"],
    )
    return keys


async def remember_sessions(stage: Stage, members: Sequence[Member]) -> None:
    """Let the door know the members, as after an earlier request of theirs.

    Whoever submits has listed challenges and started an attempt within the last two minutes.
    """
    pipe = stage.redis.pipeline(transaction=False)
    for member in members:
        who = Admitted(MemberOfHall(member.id, member.session_id, Role.MEMBER, "UTC", 0))
        pipe.set(session_key(member.session_id), who.packed(), ex=SESSION_TTL_SECONDS)
    await pipe.execute()


async def add_challenges(stage: Stage, number: int, name: str) -> list[UUID]:
    """Publish challenges that ask for a flag; three in four belong to a domain."""
    slugs = [f"{name}-{position}" for position in range(number)]
    async with stage.hall.units.write() as uow:
        await seed_challenges(
            uow,
            [
                SeedChallenge.model_validate(
                    {
                        "slug": slug,
                        "title": f"Challenge {slug}",
                        "description": "Find the word.",
                        "xp": XP,
                        "difficulty": "easy",
                        "domain": DOMAINS[position % len(DOMAINS)],
                        "tags": ["bench"],
                        "grader": {"type": "flag", "flag": ANSWER["answer"]},
                    }
                )
                for position, slug in enumerate(slugs)
            ],
        )
    rows = await stage.pool.fetch("SELECT id FROM challenges WHERE slug = ANY($1)", slugs)
    return [row["id"] for row in rows]


async def open_attempts(
    stage: Stage, members: Sequence[Member], challenges: Sequence[UUID]
) -> list[tuple[Member, UUID]]:
    """Start an attempt of each member at each challenge; neighbours are different members."""
    now = stage.hall.clock.now()
    opened = [(member, challenge, new_id()) for challenge in challenges for member in members]
    await stage.pool.copy_records_to_table(
        "attempts",
        records=[(id_, member.id, challenge, "started", now) for member, challenge, id_ in opened],
        columns=["id", "user_id", "challenge_id", "status", "started_at"],
    )
    await stage.pool.execute("VACUUM ANALYZE attempts")
    return [(member, id_) for member, _, id_ in opened]


async def hand_in_backlog(
    stage: Stage, members: Sequence[Member], challenges: Sequence[UUID]
) -> int:
    """Hand in an attempt of each member at each challenge, as `POST …/submit` leaves it.

    Attempts and their events become visible in one commit, which rings for the relay. Gives how
    many they are.
    """
    now = stage.hall.clock.now()
    attempts, events = [], []
    answer = orjson.dumps(ANSWER).decode()
    (reader,) = stage.hall.wiring.readers[AttemptSubmitted.name]
    for challenge in challenges:
        for member in members:
            id_ = new_id()
            attempts.append((id_, member.id, challenge, "submitted", answer, now, now, now.date()))
            event = AttemptSubmitted(subject_id=member.id, occurred_at=now, attempt_id=id_)
            payload = orjson.dumps(event).decode()
            events.append((event.event_id, reader, event.name, member.id, payload, now))
    async with stage.pool.acquire() as connection, connection.transaction():
        await connection.copy_records_to_table(
            "attempts",
            records=attempts,
            columns=[
                "id",
                "user_id",
                "challenge_id",
                "status",
                "answer",
                "started_at",
                "submitted_at",
                "local_day",
            ],
        )
        await connection.copy_records_to_table(
            "outbox_events",
            records=events,
            columns=["event_id", "handler", "name", "subject_id", "payload", "available_at"],
        )
        await connection.execute(f"NOTIFY {CHANNEL}")
    return len(attempts)
