"""Of who left nothing personal stays, and every sum is still true."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from uuid import UUID

import asyncpg
import pytest

from guildhall import progression
from guildhall.entrypoints.wiring import PERSONAL
from guildhall.identity import deletion, letters
from guildhall.infra.database import Base
from guildhall.infra.hall import Hall
from guildhall.infra.personal import Personal, erase
from guildhall.infra.unit_of_work import UnitOfWork
from tests import factories
from tests.canaries import put, row_of, tables_with
from tests.factories import Person
from tests.identity.leaving import (
    GRACE,
    KEEP,
    ME,
    Settle,
    assert_sums_are_true,
    earn,
    erase_due,
    erased,
    redis_with,
)
from tests.identity.waiting import until_it_waits
from tests.world import Client, SettableClock

CANARY = "magpie"

# What stays of these is tested by their sums, or is another's.
WITHOUT_CANARIES = {"users", "xp_ledger", "subject_progress", "board_entries", "reviews"}


async def state_of(owner: asyncpg.Connection) -> dict[str, list[asyncpg.Record]]:
    return {
        table.name: await owner.fetch(f"SELECT t::text FROM {table.name} t ORDER BY 1")
        for table in Base.metadata.sorted_tables
    }


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


async def test_an_erasure_and_a_worker_that_want_the_same_events_both_go_on(
    committed: Hall, owner: asyncpg.Connection, member: Person
) -> None:
    (events,) = (each for each in PERSONAL if each.table == "outbox_events")
    async with committed.units.write() as uow:
        for _ in range(3):
            uow.emit(factories.achievement(member.member, uow.now))
    ids = [row["id"] for row in await owner.fetch("SELECT id FROM outbox_events ORDER BY id")]
    async with owner.transaction():
        # As a worker does that takes its batch in another order.
        await owner.execute("UPDATE outbox_events SET error = 'mine' WHERE id = $1", ids[-1])
        erasing = asyncio.create_task(erase(committed.units, events, member.id))
        await until_it_waits(committed, erasing)
        await owner.execute("UPDATE outbox_events SET error = 'mine' WHERE id = ANY($1)", ids)
    assert await erasing == len(ids)
    assert await owner.fetchval("SELECT count(*) FROM outbox_events") == 0


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
