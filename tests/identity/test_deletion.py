"""Members can leave: after a grace period nothing personal is left, and every sum is still true."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from redis.asyncio import Redis
from sqlalchemy import select

from guildhall import progression
from guildhall.entrypoints.wiring import PERSONAL, WIRING
from guildhall.identity import deletion, letters
from guildhall.identity.errors import LastAdmin
from guildhall.identity.models import ActiveSession, Device
from guildhall.infra.database import Base
from guildhall.infra.hall import Hall
from guildhall.infra.personal import Personal
from guildhall.infra.tokens import Tokens
from guildhall.infra.unit_of_work import UnitOfWork
from guildhall.kernel.ids import new_id
from guildhall.kernel.member import Role
from tests import factories
from tests.canaries import put, row_of, tables_with
from tests.factories import Person
from tests.identity.waiting import until_it_waits
from tests.world import Client, SettableClock

Settle = Callable[[], Awaitable[None]]

ME = "/users/me"
KEEP = "/users/me/keep"
CANARY = "magpie"
GRACE = timedelta(days=14)

# What stays of these is tested by their sums, or is another's.
WITHOUT_CANARIES = {"users", "xp_ledger", "subject_progress", "board_entries", "reviews"}


async def erase_due(hall: Hall, personal: Any = PERSONAL) -> dict[str, int]:
    return await deletion.erase_due(factories.task_run(hall), personal=personal)


async def erased(hall: Hall, client: Client, clock: SettableClock, who: Person) -> None:
    """Have somebody leave, and let the grace period pass."""
    assert (await client.of(who).delete(ME)).status_code == 202
    clock.advance(seconds=GRACE.total_seconds())
    assert (await erase_due(hall))["erased"] == 1


async def earn(hall: Hall, settle: Settle, *people: Person, xp: int = 100, **fields: Any) -> None:
    async with hall.units.write() as uow:
        for who in people:
            uow.emit(factories.achievement(who.member, uow.now, xp=xp, **fields))
    await settle()


async def assert_sums_are_true(hall: Hall) -> None:
    await progression.fill_boards(hall.units, hall.redis, hall.clock.now())
    found = await progression.audit(hall.units, hall.redis)
    assert found.all_equal, found.differences


async def second_session(hall: Hall, who: Person) -> Person:
    """Sign somebody in once more, on the device that they have."""
    session_id, now = new_id(), hall.clock.now()
    async with hall.units.write() as uow:
        device_id = await uow.session.scalar(select(Device.id).where(Device.user_id == who.id))
        uow.session.add(
            ActiveSession(
                user_id=who.id,
                id=session_id,
                device_id=device_id,
                generation=0,
                rotated_at=now,
                created_at=now,
                expires_at=now + GRACE,
                authenticated_at=now,
            )
        )
    issued_at = int(now.timestamp())
    claims = {"sub": str(who.id), "sid": str(session_id), "iat": issued_at, "exp": issued_at + 60}
    return replace(who, token=Tokens(hall.endpoints.secret_key).sign("access", claims))


def letters_in(hall: Hall) -> list[str]:
    """Read the letters that the hall has put into its folder."""
    folder = hall.settings.hall.data_dir / "mail"
    return [path.read_text() for path in folder.iterdir()]


async def redis_with(redis: Redis, canary: str) -> list[bytes]:
    """Give the keys of Redis that have a canary in their name or value."""
    found = []
    async for key in redis.scan_iter():
        kind = await redis.type(key)
        values: Any
        match kind:
            case b"string":
                values = [await redis.get(key)]
            case b"hash":
                values = [part for pair in (await redis.hgetall(key)).items() for part in pair]
            case b"zset":
                values = await redis.zrange(key, 0, -1)
            case b"set":
                values = await redis.smembers(key)
            case _:
                values = await redis.lrange(key, 0, -1)
        if any(canary.encode() in bytes(value) for value in [key, *values]):
            found.append(key)
    return found


async def state_of(owner: asyncpg.Connection) -> dict[str, list[asyncpg.Record]]:
    return {
        table.name: await owner.fetch(f"SELECT t::text FROM {table.name} t ORDER BY 1")
        for table in Base.metadata.sorted_tables
    }


async def test_leaving_is_promised_for_the_end_of_the_grace_period(
    client: Client, member: Person, clock: SettableClock, owner: asyncpg.Connection
) -> None:
    mine = client.of(member)
    left = await mine.delete(ME)
    assert left.status_code == 202
    assert left.json()["erase_after"] == (clock.now() + GRACE).isoformat().replace("+00:00", "Z")
    assert left.json()["status"] == "active"
    clock.advance(seconds=60)
    assert (await mine.delete(ME)).json() == left.json()  # The first answer stands.
    assert (await mine.get(ME)).json()["erase_after"] == left.json()["erase_after"]
    acts = await owner.fetch("SELECT action FROM audit_log WHERE actor_id = $1", member.id)
    assert [act["action"] for act in acts] == ["deletion_asked"]


async def test_a_letter_says_that_one_is_leaving(
    client: Client, committed: Hall, member: Person, settle: Settle
) -> None:
    await client.of(member).delete(ME)
    await settle()
    written = [text for text in letters_in(committed) if member.username in text]
    assert len(written) == 1
    assert "28 May 2031 at 12:00 UTC" in written[0]
    await client.of(member).delete(ME)
    await settle()
    assert len([text for text in letters_in(committed) if member.username in text]) == 1


async def test_leaving_ends_all_other_sessions_at_once(
    client: Client, committed: Hall, member: Person
) -> None:
    elsewhere = await second_session(committed, member)
    assert (await client.of(elsewhere).get(ME)).status_code == 200
    await client.of(member).delete(ME)
    assert (await client.of(elsewhere).get(ME)).status_code == 401
    assert (await client.of(member).get(ME)).status_code == 200


async def test_leaving_needs_a_recent_proof_of_who_one_is(
    client: Client, member: Person, clock: SettableClock
) -> None:
    clock.advance(seconds=601)
    refused = await client.of(member).delete(ME)
    assert (refused.status_code, refused.json()["error"]) == (403, "reauthentication_required")


async def test_who_stays_after_all_is_not_erased(
    client: Client, committed: Hall, member: Person, clock: SettableClock
) -> None:
    mine = client.of(member)
    await mine.delete(ME)
    clock.advance(seconds=GRACE.total_seconds() - 1)
    assert await erase_due(committed) == {"erased": 0}
    kept = await mine.post(KEEP)
    assert (kept.status_code, kept.json()["erase_after"]) == (200, None)
    assert (await mine.post(KEEP)).json() == kept.json()
    clock.advance(days=30)
    assert await erase_due(committed) == {"erased": 0}
    assert (await mine.get(ME)).json()["username"] == member.username


async def test_without_grace_the_next_run_erases(
    client: Client, committed: Hall, member: Person
) -> None:
    security = committed.settings.security.model_copy(update={"deletion_grace_days": 0})
    async with committed.units.write(member=member.id) as uow:
        await deletion.leave(uow, member.member, security)
    assert await erase_due(committed) == {"erased": 1}
    assert (await client.of(member).get(ME)).status_code == 401


async def test_the_last_admin_cannot_leave(client: Client, admin: Person) -> None:
    refused = await client.of(admin).delete(ME)
    assert (refused.status_code, refused.json()["error"]) == (409, "last_admin")


async def test_of_two_admins_who_leave_at_once_one_stays(committed: Hall, admin: Person) -> None:
    second = await factories.person(committed, role=Role.ADMIN)
    security = committed.settings.security

    async def leave(who: Person) -> None:
        async with committed.units.write(member=who.id) as uow:
            await deletion.leave(uow, who.member, security)

    async with committed.units.write(member=admin.id) as uow:
        await deletion.leave(uow, admin.member, security)
        other_one = asyncio.create_task(leave(second))
        await until_it_waits(committed, other_one)
    with pytest.raises(LastAdmin):
        await other_one


async def test_an_admin_who_is_leaving_does_not_count_for_the_others(
    client: Client, committed: Hall, admin: Person
) -> None:
    second = await factories.person(committed, role=Role.ADMIN)
    assert (await client.of(second).delete(ME)).status_code == 202
    refused = await client.of(admin).patch(f"/admin/users/{admin.id}", json={"role": "member"})
    assert (refused.status_code, refused.json()["error"]) == (409, "last_admin")


async def test_nothing_personal_is_left(
    client: Client,
    committed: Hall,
    owner: asyncpg.Connection,
    clock: SettableClock,
    other: Person,
    settle: Settle,
) -> None:
    gone = await factories.person(
        committed, username=CANARY, email=f"{CANARY}@example.org", password_hash=CANARY
    )
    await earn(committed, settle, gone, other, domain=await factories.domain(committed))
    await owner.execute("UPDATE xp_ledger SET reason = $1 WHERE subject_id = $2", CANARY, gone.id)
    planted = {"users", "xp_ledger"}
    for each in PERSONAL:
        if each.name in WITHOUT_CANARIES:
            continue
        for column in each.owners:
            row = row_of(each.columns, column, gone.id, CANARY)
            if each.table == "challenges":
                row["published_at"] = None
            await put(owner, each.columns, row)
            if CANARY in str(row.values()):
                planted.add(each.table)
    await client.of(other).get("/leaderboards/global")  # Puts names into Redis.
    before = {entry.split(":")[0] for entry in await tables_with(owner, CANARY)}
    assert before == planted  # Otherwise this test would prove nothing.
    assert len(planted) > 20
    assert await redis_with(committed.redis, CANARY)

    await erased(committed, client, clock, gone)
    assert await tables_with(owner, CANARY) == []
    assert await redis_with(committed.redis, CANARY) == []
    account = await owner.fetchrow("SELECT * FROM users WHERE id = $1", gone.id)
    assert account["username"].startswith("gone-")
    assert account["username"] == account["username_key"]
    assert account["email"] == account["email_key"] == f"{gone.id}@erased.invalid"
    assert (account["status"], account["role"], account["time_zone"]) == ("erased", "member", "UTC")
    empty = ("password_hash", "email_verified_at", "erase_after")
    assert [account[column] for column in empty] == [None, None, None]
    await assert_sums_are_true(committed)


async def test_the_ledger_and_every_sum_stay_what_they_were(
    client: Client,
    committed: Hall,
    owner: asyncpg.Connection,
    clock: SettableClock,
    member: Person,
    other: Person,
    settle: Settle,
) -> None:
    tools = await factories.domain(committed)
    for xp in (100, 40, 7):
        await earn(committed, settle, member, other, xp=xp, domain=tools)
    sums = "SELECT subject_id, sum(xp) FROM xp_ledger GROUP BY 1 ORDER BY 1"
    totals = "SELECT subject_id, total_xp, level FROM subject_progress ORDER BY 1"
    entries = "SELECT subject_id, board, period, xp FROM board_entries ORDER BY 1, 2, 3"
    before = [await owner.fetch(query) for query in (sums, totals, entries)]
    await assert_sums_are_true(committed)
    await erased(committed, client, clock, member)
    assert [await owner.fetch(query) for query in (sums, totals, entries)] == before
    await assert_sums_are_true(committed)


async def test_nobody_else_loses_anything(
    client: Client,
    committed: Hall,
    owner: asyncpg.Connection,
    clock: SettableClock,
    member: Person,
    other: Person,
) -> None:
    for each in PERSONAL:
        if each.table in {"users", "subject_progress"}:
            continue
        for column in each.owners:
            await put(owner, each.columns, row_of(each.columns, column, other.id, "cuckoo"))
    before = await state_of(owner)
    await erased(committed, client, clock, member)
    after = await state_of(owner)
    whose = str(other.id)
    for name, rows in before.items():
        assert [row for row in rows if whose in row[0]] == [
            row for row in after[name] if whose in row[0]
        ], name


async def test_name_and_address_are_free_again(
    client: Client, committed: Hall, clock: SettableClock, member: Person
) -> None:
    await erased(committed, client, clock, member)
    body = {
        "username": member.username,
        "email": f"{member.username}@example.org",
        "password": "a long and unlikely one",
    }
    again = await client.post("/auth/register", json=body)
    assert again.status_code in (201, 202), again.text


async def test_who_left_is_on_no_board_and_nameless_in_closed_seasons(
    client: Client,
    committed: Hall,
    clock: SettableClock,
    member: Person,
    other: Person,
    settle: Settle,
) -> None:
    await earn(committed, settle, member, xp=200)
    await earn(committed, settle, other, xp=100)
    clock.advance(days=60)
    await progression.close_seasons(factories.task_run(committed))
    await progression.fill_boards(committed.units, committed.redis, clock.now())
    closed = "/leaderboards/global?season=2031-Q2"
    lines = (await client.of(other).get(closed)).json()["items"]
    assert [line["username"] for line in lines] == [member.username, other.username]

    async with committed.units.write(member=member.id) as uow:
        await deletion.leave(uow, member.member, committed.settings.security)
    clock.advance(seconds=GRACE.total_seconds())
    await erase_due(committed)
    lines = (await client.of(other).get(closed)).json()["items"]
    assert [(line["rank"], line["username"]) for line in lines] == [
        (1, "somebody who left"),
        (2, other.username),
    ]
    board = (await client.of(other).get("/leaderboards/global?window=all")).json()["items"]
    assert [(line["rank"], line["username"]) for line in board] == [(1, other.username)]
    profile = await client.of(other).get(f"/users/{member.id}/progress")
    assert profile.status_code == 404


async def test_nothing_opens_for_who_was_erased(
    client: Client, committed: Hall, clock: SettableClock, member: Person, admin: Person
) -> None:
    mine = client.of(member)
    assert (await mine.get(ME)).status_code == 200  # The door remembers it.
    await erased(committed, client, clock, member)
    assert (await mine.get(ME)).status_code == 401
    assert (await mine.post(KEEP)).status_code == 401
    admins = client.of(await factories.person(committed, role=Role.ADMIN))
    revived = await admins.patch(f"/admin/users/{member.id}", json={"status": "active"})
    assert (revived.status_code, revived.json()["error"]) == (404, "user_not_found")


@pytest.mark.parametrize("place", range(0, len(PERSONAL) + 1, 4))
async def test_an_erasure_that_dies_anywhere_is_finished_by_the_next_run(
    client: Client,
    committed: Hall,
    owner: asyncpg.Connection,
    clock: SettableClock,
    member: Person,
    settle: Settle,
    place: int,
) -> None:
    await earn(committed, settle, member)
    for each in PERSONAL:
        if each.name not in WITHOUT_CANARIES | {"season_results", "challenges", "audit_log"}:
            await put(owner, each.columns, row_of(each.columns, each.owners[0], member.id, CANARY))

    async def die(uow: UnitOfWork, user_id: UUID) -> int:
        raise asyncio.CancelledError  # As far as the database can see, a kill.

    mine = client.of(member)
    await mine.delete(ME)
    clock.advance(seconds=GRACE.total_seconds())
    deadly = replace(PERSONAL[0], erase=die)
    with pytest.raises(asyncio.CancelledError):
        await erase_due(committed, (*PERSONAL[:place], deadly, *PERSONAL[place:]))
    # From its beginning on nobody comes in, and nobody calls it off.
    assert (await mine.post(KEEP)).status_code == 401
    assert await owner.fetchval("SELECT erase_after FROM users WHERE id = $1", member.id)
    assert await erase_due(committed) == {"erased": 1}
    assert await tables_with(owner, CANARY) == []
    assert await erase_due(committed) == {"erased": 0}
    await assert_sums_are_true(committed)


async def test_one_that_cannot_be_erased_does_not_keep_the_others_waiting(
    client: Client, committed: Hall, clock: SettableClock, member: Person, other: Person
) -> None:
    async def fail_for_one(uow: UnitOfWork, user_id: UUID) -> int:
        if user_id == member.id:
            raise ValueError("no luck")
        return 0

    for who in (member, other):
        await client.of(who).delete(ME)
    clock.advance(seconds=GRACE.total_seconds())
    unlucky = Personal("devices", erase=fail_for_one)
    with pytest.raises(deletion.ErasureUnfinished, match="1 accounts, 1 others"):
        await erase_due(committed, (unlucky, *PERSONAL))
    assert await erase_due(committed) == {"erased": 1}


async def test_two_runs_at_once_erase_everybody_once(
    client: Client, committed: Hall, owner: asyncpg.Connection, clock: SettableClock
) -> None:
    people = [await factories.person(committed) for _ in range(5)]
    for who in people:
        await client.of(who).delete(ME)
    clock.advance(seconds=GRACE.total_seconds())
    await asyncio.gather(*(erase_due(committed) for _ in range(3)))
    noted = await owner.fetch("SELECT target_id FROM audit_log WHERE action = 'account_erased'")
    assert sorted(row["target_id"] for row in noted) == sorted(who.id for who in people)


async def test_what_is_told_of_an_erased_member_afterwards_does_no_harm(
    client: Client,
    committed: Hall,
    clock: SettableClock,
    member: Person,
    other: Person,
    settle: Settle,
) -> None:
    await earn(committed, settle, member, other)
    taken = await factories.attempt(
        committed, member.member, await factories.challenge(committed), {"answer": "open sesame"}
    )
    late = factories.achievement(member.member, clock.now(), cause_id=taken.id, first=True)
    await erased(committed, client, clock, member)
    async with committed.units.write() as uow:
        uow.emit(late)
    await settle()
    await assert_sums_are_true(committed)
    board = (await client.of(other).get("/leaderboards/global?window=all")).json()["items"]
    assert [line["username"] for line in board] == [other.username]


async def test_an_erasure_while_awards_are_being_made_leaves_nothing_half_way(
    client: Client,
    committed: Hall,
    owner: asyncpg.Connection,
    clock: SettableClock,
    member: Person,
    other: Person,
    settle: Settle,
) -> None:
    domain = await factories.domain(committed)
    await client.of(member).delete(ME)
    clock.advance(seconds=GRACE.total_seconds())
    for _ in range(30):
        async with committed.units.write() as uow:
            for who in (member, other):
                uow.emit(factories.achievement(who.member, uow.now, domain=domain))
    ended, _ = await asyncio.gather(erase_due(committed), settle())
    assert ended == {"erased": 1}
    await settle()
    kept = {each.table for each in PERSONAL if each.kept}
    for each in PERSONAL:
        if each.table not in kept:
            left = await owner.fetchval(
                f"SELECT count(*) FROM {each.table} WHERE {each.owners[0]} = $1", member.id
            )
            assert left == 0, each.table
    await assert_sums_are_true(committed)


async def test_what_is_on_its_way_about_a_member_goes_with_them(
    client: Client, committed: Hall, owner: asyncpg.Connection, clock: SettableClock, member: Person
) -> None:
    async with committed.units.write() as uow:
        uow.emit(factories.achievement(member.member, uow.now))
        await letters.start_letter(uow, letters.mail_reset, email=f"{member.username}@Example.org")
    await client.of(member).post("/users/me/export")
    await erased(committed, client, clock, member)
    for table in ("outbox_events", "task_executions"):
        left = await owner.fetchval(
            f"SELECT count(*) FROM {table} t WHERE strpos(t::text, $1) > 0", str(member.id)
        )
        assert left == 0, table
    assert await tables_with(owner, member.username) == []
    await assert_sums_are_true(committed)


async def test_published_challenges_stay_without_their_author_and_drafts_go(
    client: Client, committed: Hall, owner: asyncpg.Connection, clock: SettableClock, member: Person
) -> None:
    published = await factories.challenge(committed, member.member)
    await factories.challenge(committed, member.member, published=False)
    await erased(committed, client, clock, member)
    rows = await owner.fetch("SELECT id, created_by FROM challenges")
    assert [(row["id"], row["created_by"]) for row in rows] == [(published.id, None)]


async def test_a_review_stays_with_whom_it_was_given_to(
    client: Client,
    committed: Hall,
    owner: asyncpg.Connection,
    clock: SettableClock,
    moderator: Person,
    other: Person,
    settle: Settle,
) -> None:
    task = await factories.challenge(committed, grader=factories.REVIEW)
    taken = await factories.attempt(committed, other.member, task, {"text": "My best."})
    await settle()
    verdict = {"score": 80, "comment": "Well done."}
    answer = await client.of(moderator).post(f"/attempts/{taken.id}/review", json=verdict)
    assert answer.status_code == 200
    await settle()
    await erased(committed, client, clock, moderator)
    kept = await owner.fetchrow("SELECT score, reviewer_id, feedback::text FROM attempts")
    assert (kept["score"], kept["reviewer_id"]) == (80, None)
    assert "Well done." in kept["feedback"]


def test_the_scheduler_erases_every_hour() -> None:
    every = {task.name: task.every for task in WIRING.tasks}
    assert every["identity.erase_due"] == every["identity.tidy_exports"] == timedelta(hours=1)
