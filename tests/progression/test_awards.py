"""XP is earned once, adds up, and answers why."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from guildhall.challenges import AttemptGraded
from guildhall.identity import MemberMovedZone
from guildhall.infra.hall import Hall
from guildhall.infra.unit_of_work import UnitOfWork
from guildhall.kernel.ids import new_id
from guildhall.progression import (
    LevelReached,
    RankReached,
    audit,
    award_achievements,
    boards,
    excuse_moved_days,
    rebuild_boards,
    repair,
)
from guildhall.progression.models import SubjectProgress
from tests import factories
from tests.factories import Person, achievement
from tests.world import NOON, Client, SettableClock


async def award(hall: Hall, *events: AttemptGraded) -> list[Any]:
    """Award in one unit of work; give the events that it told."""
    async with hall.units.write() as uow:
        await award_achievements(uow, events)
        return [told.event for told in uow._told]


async def progress(hall: Hall, who: Any) -> SubjectProgress:
    async with hall.units.read() as uow:
        return await uow.session.get_one(SubjectProgress, who.id)


async def ledger(uow: UnitOfWork) -> Sequence[Any]:
    return (await uow.session.execute(text("SELECT xp, cause_id FROM xp_ledger"))).all()


async def test_the_same_event_twice_pays_once(hall: Hall) -> None:
    who = await factories.member(hall)
    event = achievement(who, NOON, 150)
    await award(hall, event)
    assert await award(hall, event) == []
    await award(hall, event, achievement(who, NOON, 50))
    assert (await progress(hall, who)).total_xp == 200


async def test_the_same_cause_told_by_another_event_pays_once(hall: Hall) -> None:
    who, cause = await factories.member(hall), new_id()
    await award(hall, achievement(who, NOON, 100, cause_id=cause))
    await award(hall, achievement(who, NOON, 100, cause_id=cause))
    assert (await progress(hall, who)).total_xp == 100
    async with hall.units.read() as uow:
        assert len(await ledger(uow)) == 1


async def test_the_same_cause_twice_in_one_batch_pays_once(hall: Hall) -> None:
    who, cause = await factories.member(hall), new_id()
    event = achievement(who, NOON, 100, cause_id=cause)
    await award(hall, event, event, achievement(who, NOON, 100, cause_id=cause))
    assert (await progress(hall, who)).total_xp == 100


async def test_a_batch_over_many_members_pays_each(hall: Hall) -> None:
    people = [await factories.member(hall) for _ in range(5)]
    await award(hall, *(achievement(who, NOON, 10 * n) for n, who in enumerate(people * 2)))
    totals = [(await progress(hall, who)).total_xp for who in people]
    assert totals == [10 * n + 10 * (n + 5) for n in range(5)]


async def test_parallel_batches_over_the_same_members_add_up_and_pay_once(committed: Hall) -> None:
    people = [await factories.member(committed) for _ in range(6)]
    events = [achievement(who, NOON, 7) for who in people for _ in range(5)]
    batches = [events[start::4] for start in range(4)] + [
        events[::-1][start::3] for start in range(3)
    ]
    await asyncio.gather(*(award(committed, *batch) for batch in batches))
    assert [(await progress(committed, who)).total_xp for who in people] == [35] * 6
    assert (await audited(committed)).difference_count == 0


async def test_levels_and_ranks_are_told_once_when_they_are_reached(hall: Hall) -> None:
    who, tools = await factories.member(hall), await factories.domain(hall)
    told = await award(hall, achievement(who, NOON, 350, domain=tools))
    assert [e.level for e in told if isinstance(e, LevelReached)] == [2]
    assert [(e.domain, e.rank) for e in told if isinstance(e, RankReached)] == [(tools, "C")]
    told = await award(hall, achievement(who, NOON, 10, domain=tools))
    assert not [e for e in told if isinstance(e, LevelReached | RankReached)]
    told = await award(hall, achievement(who, NOON, 1640, domain=tools))
    assert [e.level for e in told if isinstance(e, LevelReached)] == [5]
    assert [e.rank for e in told if isinstance(e, RankReached)] == ["S"]


async def test_history_answers_why(
    client: Client, committed: Hall, member: Person, settle: Any
) -> None:
    made = await factories.challenge(committed, xp=85)
    taken = await factories.attempt(committed, member.member, made, {"answer": "open sesame"})
    await settle()
    mine = client.of(member)
    (line,) = (await mine.get("/progress/me/history")).json()["items"]
    assert (line["xp"], line["cause_type"], line["cause_id"]) == (85, "attempt", str(taken.id))
    assert (line["rule"], line["rule_version"]) == ("challenge", 1)
    assert "rounded half up" in line["why"]
    for cause, found in ((taken.id, [line]), (made.id, [])):
        asked = {"cause_type": "attempt", "cause_id": str(cause)}
        answer = await mine.get("/progress/me/history", params=asked)
        assert answer.json()["items"] == found
    (day,) = (await mine.get("/progress/me/history/days")).json()["items"]
    assert day == {"day": "2031-05-14", "xp": 85, "by_source": {"attempt": 85}}


async def test_history_is_paged_without_gaps_or_repeats(
    client: Client, committed: Hall, member: Person
) -> None:
    await award(committed, *(achievement(member.member, NOON, n) for n in range(1, 8)))
    seen: list[int] = []
    cursor = None
    while True:
        parameters = {"limit": 3} | ({"cursor": cursor} if cursor else {})
        page = (await client.of(member).get("/progress/me/history", params=parameters)).json()
        seen += [item["xp"] for item in page["items"]]
        if (cursor := page["next_cursor"]) is None:
            break
    assert sorted(seen) == list(range(1, 8))


async def streak(client: Client, person: Person) -> int:
    return int((await client.of(person).get("/progress/me")).json()["streak_days"])


async def test_a_streak_grows_by_day_and_ends_by_a_missed_one(
    client: Client, committed: Hall, clock: SettableClock, member: Person
) -> None:
    for _ in range(3):
        await award(committed, achievement(member.member, clock.now()))
        clock.advance(days=1)
    assert await streak(client, member) == 3
    clock.advance(days=1)
    assert await streak(client, member) == 0
    pause = {"starts_on": "2031-05-17", "ends_on": "2031-05-17"}
    made = await client.of(member).post("/progress/me/pauses", json=pause)
    assert made.status_code == 201
    assert await streak(client, member) == 3
    await client.of(member).delete(f"/progress/me/pauses/{made.json()['id']}")
    assert await streak(client, member) == 0


async def test_a_day_told_late_joins_the_run_it_belongs_to(hall: Hall) -> None:
    who = await factories.member(hall)
    for days_ago in (3, 2, 0, 1):
        await award(hall, achievement(who, NOON - timedelta(days=days_ago)))
    assert (await progress(hall, who)).streak_days == 4


async def test_moving_over_the_date_line_ends_no_streak(
    client: Client, committed: Hall, clock: SettableClock, member: Person, settle: Any
) -> None:
    mine = client.of(member)
    await award(committed, achievement(member.member, clock.now()))
    await mine.patch("/users/me", json={"time_zone": "Pacific/Kiritimati"})
    await settle()
    clock.set(datetime(2031, 5, 16, 9, tzinfo=UTC))
    await award(committed, achievement(member.member, clock.now(), local_day=date(2031, 5, 16)))
    assert await streak(client, member) == 2


async def test_a_move_told_twice_is_excused_once(hall: Hall) -> None:
    who = await factories.member(hall)
    moved = MemberMovedZone(
        subject_id=who.id,
        occurred_at=NOON,
        left_day=date(2031, 5, 14),
        entered_day=date(2031, 5, 16),
    )
    for _ in range(2):
        async with hall.units.write() as uow:
            await excuse_moved_days(uow, [moved])
    async with hall.units.read() as uow:
        assert await uow.session.scalar(text("SELECT count(*) FROM streak_pauses")) == 1


async def test_a_move_within_the_same_day_excuses_nothing(hall: Hall) -> None:
    who, day = await factories.member(hall), date(2031, 5, 14)
    moved = MemberMovedZone(subject_id=who.id, occurred_at=NOON, left_day=day, entered_day=day)
    async with hall.units.write() as uow:
        await excuse_moved_days(uow, [moved])
    async with hall.units.read() as uow:
        assert await uow.session.scalar(text("SELECT count(*) FROM streak_pauses")) == 0


async def test_anothers_streak_is_judged_by_the_day_they_live(
    client: Client, committed: Hall, clock: SettableClock, member: Person
) -> None:
    """Their yesterday is still running for them when it is two days ago for who looks."""
    clock.set(datetime(2031, 5, 14, 10, tzinfo=UTC))
    west = await factories.person(committed, time_zone="Pacific/Pago_Pago")
    await award(committed, achievement(west.member, clock.now(), local_day=date(2031, 5, 13)))
    clock.set(datetime(2031, 5, 15, 10, tzinfo=UTC))  # In Pago Pago still the 14th.
    east = await factories.person(committed, time_zone="Pacific/Kiritimati")  # The 16th.
    seen = (await client.of(east).get(f"/users/{west.id}/progress")).json()
    assert seen["streak_days"] == 1


async def test_pauses_are_given_page_by_page(client: Client, member: Person) -> None:
    mine = client.of(member)
    for day in ("01", "02", "02", "03"):
        pause = {"starts_on": f"2031-05-{day}", "ends_on": "2031-05-04"}
        assert (await mine.post("/progress/me/pauses", json=pause)).status_code == 201
    seen, cursor = list[str](), None
    while True:
        query = {"limit": "1"} | ({"cursor": cursor} if cursor else {})
        page = (await mine.get("/progress/me/pauses", params=query)).json()
        seen += [pause["starts_on"][-2:] for pause in page["items"]]
        if (cursor := page["next_cursor"]) is None:
            break
    assert seen == ["03", "02", "02", "01"]


@pytest.mark.parametrize(
    "pause",
    [
        {"starts_on": 20310501, "ends_on": "2031-05-01"},
        {"starts_on": "1936310400", "ends_on": "2031-05-12"},
        {"starts_on": "2031-05-02", "ends_on": "2031-05-01"},
        {"starts_on": "2031-05-01", "ends_on": "2032-06-01"},
        {"starts_on": "2020-05-01", "ends_on": "2020-05-02"},
        {"starts_on": "never", "ends_on": "2031-05-01"},
    ],
)
async def test_a_pause_that_makes_no_sense_is_refused(
    client: Client, member: Person, pause: dict[str, Any]
) -> None:
    assert (await client.of(member).post("/progress/me/pauses", json=pause)).status_code == 422


async def test_an_admin_corrects_with_an_entry_and_reverses_one_once(
    client: Client, committed: Hall, admin: Person, member: Person
) -> None:
    await award(committed, achievement(member.member, NOON, 100))
    chief, mine = client.of(admin), client.of(member)
    body = {"user_id": str(member.id), "reason": "Found a second way"}
    given = await chief.post("/admin/xp", json=body | {"xp": 40})
    assert (given.status_code, given.json()["xp"]) == (201, 40)
    too_much = await chief.post("/admin/xp", json=body | {"xp": -141})
    assert (too_much.status_code, too_much.json()["error"]) == (409, "correction_too_large")
    (first,) = [
        e for e in (await mine.get("/progress/me/history")).json()["items"] if e["xp"] == 100
    ]
    seen = (await chief.get(f"/admin/users/{member.id}/xp")).json()["items"]
    assert seen == (await mine.get("/progress/me/history")).json()["items"]
    reversal = body | {"reverses_id": first["id"]}
    answers = await asyncio.gather(*(chief.post("/admin/xp", json=reversal) for _ in range(10)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 9
    refused = next(answer for answer in answers if answer.status_code == 409)
    assert refused.json()["error"] == "xp_entry_reversed"
    assert (await mine.get("/progress/me")).json()["total_xp"] == 40
    assert (await audited(committed)).difference_count == 0


async def test_a_reversal_counts_in_the_periods_of_what_it_takes_back(
    client: Client, committed: Hall, clock: SettableClock, admin: Person, member: Person
) -> None:
    chief, mine = client.of(admin), client.of(member)
    await award(committed, achievement(member.member, NOON, 100))
    clock.advance(days=14)
    await award(committed, achievement(member.member, clock.now(), 30))
    (wrong,) = [
        e for e in (await mine.get("/progress/me/history")).json()["items"] if e["xp"] == 100
    ]
    body = {"user_id": str(member.id), "reason": "Not theirs", "reverses_id": wrong["id"]}
    taken = (await chief.post("/admin/xp", json=body)).json()
    assert (taken["local_day"], taken["xp"]) == (wrong["local_day"], -100)
    async with committed.units.read() as uow:
        entries = await uow.session.execute(
            text("SELECT period, xp FROM board_entries WHERE board = 'global'")
        )
        week = {row.period: row.xp for row in entries if "W" in row.period}
    assert week == {"2031-W20": 0, "2031-W22": 30}
    assert (await audited(committed)).all_equal


async def rescored(client: Client, settle: Any, path: str, **body: Any) -> Any:
    """Start a task of re-scoring, let it run; give it as it ended."""
    started = await client.post(f"/admin/xp/rescorings{path}", json=body or None)
    assert started.status_code == 202, started.text
    await settle()
    task_id = started.json()["task_execution_id"]
    return (await client.get(f"/task-executions/{task_id}")).json()


async def test_a_rescoring_is_previewed_and_then_applied_once(
    client: Client, committed: Hall, clock: SettableClock, admin: Person, settle: Any
) -> None:
    clever, lucky, poor = [await factories.person(committed) for _ in range(3)]
    await award(
        committed,
        achievement(clever.member, NOON, 100, domain="tools"),
        achievement(lucky.member, NOON, 101, domain="tools"),
        achievement(lucky.member, NOON, 7),
        achievement(poor.member, NOON, 50, domain="tools"),
    )
    chief = client.of(admin)
    taken = {"user_id": str(poor.id), "reason": "x", "xp": -30}
    assert (await chief.post("/admin/xp", json=taken)).status_code == 201
    clock.advance(days=14)

    wanted = {"domain": "tools", "worth_percent": 33, "reason": "The key was wrong"}
    preview = await rescored(chief, settle, "", **wanted)
    change = preview["result"]
    assert (change["members"], change["entries"], change["skipped"]) == (2, 2, 1)
    assert (change["xp_before"], change["xp_after"]) == (201, 66)
    assert (await progress(committed, clever)).total_xp == 100

    await award(committed, achievement(clever.member, clock.now(), 10, domain="tools"))
    path = f"/{preview['id']}/apply"
    answers = await asyncio.gather(*(chief.post(f"/admin/xp/rescorings{path}") for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [202] + [409] * 4
    await settle()
    (applied,) = [answer.json() for answer in answers if answer.status_code == 202]
    done = (await chief.get(f"/task-executions/{applied['task_execution_id']}")).json()
    assert done["result"] == change
    totals = [(await progress(committed, who)).total_xp for who in (clever, lucky, poor)]
    assert totals == [43, 40, 20]  # What came after the preview stays whole.
    last = (await client.of(lucky).get("/progress/me/history")).json()["items"][0]
    assert (last["xp"], last["reason"], last["local_day"]) == (
        -68, "The key was wrong", NOON.date().isoformat(),
    )  # fmt: skip
    assert last["why"].startswith("The difference")
    assert (await rescored(chief, settle, "", **wanted))["result"]["entries"] == 1
    assert (await audited(committed)).all_equal


async def test_a_rescoring_that_says_nothing_or_was_not_previewed_is_refused(
    client: Client, committed: Hall, admin: Person, member: Person
) -> None:
    chief = client.of(admin)
    for body in (
        {"reason": "x"}, {"reason": "x", "domain": "tools", "worth_percent": 100},
        {"domain": "tools"}, {"reason": "x", "since": "2031-01-01"},
        {"reason": "x", "cause_ids": []},
    ):  # fmt: skip
        assert (await chief.post("/admin/xp/rescorings", json=body)).status_code == 422, body
    missing = await chief.post(f"/admin/xp/rescorings/{new_id()}/apply")
    assert (missing.status_code, missing.json()["error"]) == (404, "rescoring_preview_not_found")
    started = await chief.post("/admin/xp/rescorings", json={"reason": "x", "domain": "tools"})
    early = await chief.post(f"/admin/xp/rescorings/{started.json()['task_execution_id']}/apply")
    assert (early.status_code, early.json()["error"]) == (409, "rescoring_preview_not_ready")
    refused = await client.of(member).post("/admin/xp/rescorings", json={})
    assert refused.status_code == 403


async def test_a_loss_before_a_gain_told_late_is_no_difference(
    client: Client, committed: Hall, clock: SettableClock, admin: Person, member: Person
) -> None:
    await award(committed, achievement(member.member, NOON - timedelta(days=30), 100))
    body = {"user_id": str(member.id), "reason": "x", "xp": -10}
    assert (await client.of(admin).post("/admin/xp", json=body)).status_code == 201
    await award(committed, achievement(member.member, NOON - timedelta(hours=1), 50))
    assert (await audited(committed)).all_equal


async def test_a_line_in_redis_that_nobody_is_expected_on_is_a_difference(
    committed: Hall,
) -> None:
    assert (await audited(committed)).all_equal
    await committed.redis.zadd(boards.keys_of("global", "all")[0], {b"x" * 24: -5})
    found = await audit(committed.units, committed.redis)
    assert found.differences == ["global/all: 0 entries, 1 lines in Redis"]


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"xp": 0}, 422), ({}, 422), ({"xp": 1, "reverses_id": str(new_id())}, 422),
        ({"xp": 10**9}, 422), ({"xp": 5, "reason": " "}, 422),
        ({"reverses_id": str(new_id())}, 404),
        ({"xp": 5, "user_id": str(new_id())}, 404), ({"xp": 5, "domain": "nowhere"}, 404),
    ],
)  # fmt: skip
async def test_a_correction_that_makes_no_sense_is_refused(
    client: Client, admin: Person, member: Person, change: dict[str, Any], status: int
) -> None:
    body = {"user_id": str(member.id), "reason": "x"} | change
    assert (await client.of(admin).post("/admin/xp", json=body)).status_code == status


async def audited(hall: Hall) -> Any:
    await rebuild_boards(factories.task_run(hall))
    return await audit(hall.units, hall.redis)


PLANTED = {
    "total": "UPDATE subject_progress SET total_xp = total_xp + 1",
    "level": "UPDATE subject_progress SET level = 9",
    "entry": "UPDATE board_entries SET xp = xp + 1 WHERE board = 'global' AND period = 'all'",
    "reached": "UPDATE board_entries SET reached_at = reached_at + interval '1 s'"
    " WHERE board = 'global' AND period = 'all'",
    "missing entry": "DELETE FROM board_entries WHERE board = 'global' AND period = 'all'",
    "invented entry": "INSERT INTO board_entries VALUES"
    " (gen_random_uuid(), 'global', 'all', 5, now(), 1)",
    "missing progress": "DELETE FROM subject_progress",
}


@pytest.mark.parametrize("planted", PLANTED)
async def test_a_planted_difference_is_found_and_mended(committed: Hall, planted: str) -> None:
    who = await factories.member(committed)
    await award(committed, achievement(who, NOON, 120), achievement(who, NOON, 30))
    assert (await audited(committed)).all_equal
    async with committed.units.write() as uow:
        await uow.session.execute(text(PLANTED[planted]))
    found = await audit(committed.units, committed.redis)
    assert not found.all_equal
    assert found.differences
    await repair(committed.units, committed.redis)
    assert (await audit(committed.units, committed.redis)).all_equal
    assert (await progress(committed, who)).total_xp == 150


async def test_a_wrong_or_missing_line_in_redis_is_found_and_mended(committed: Hall) -> None:
    who = await factories.member(committed)
    await award(committed, achievement(who, NOON, 120))
    assert (await audited(committed)).all_equal
    ((line, _),) = await committed.redis.zrange("board:global:all", 0, -1, withscores=True)
    await committed.redis.zincrby("board:global:all", -1, line)
    assert not (await audit(committed.units, committed.redis)).all_equal
    await repair(committed.units, committed.redis)
    assert (await audit(committed.units, committed.redis)).all_equal
    await committed.redis.zadd("board:global:all", {b"x" * 24: -5})
    assert not (await audit(committed.units, committed.redis)).all_equal
    await committed.redis.flushdb()
    assert not (await audit(committed.units, committed.redis)).all_equal


async def test_the_ledger_keeps_what_was_stamped(hall: Hall) -> None:
    who = await factories.member(hall)
    event = achievement(who, NOON, 100, rule_version=1)
    await award(hall, event)
    async with hall.units.read() as uow:
        stamped = text("SELECT rule_id, rule_version, local_day FROM xp_ledger")
        (entry,) = (await uow.session.execute(stamped)).all()
    assert tuple(entry) == ("challenge", 1, NOON.date())
