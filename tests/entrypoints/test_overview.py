"""The hall in numbers, as admins see it."""

from __future__ import annotations

import re

from sqlalchemy import text

from guildhall.entrypoints.operations import OVERVIEW
from guildhall.infra import tasks
from guildhall.infra.hall import Hall
from tests import factories
from tests.factories import Person
from tests.world import Client

EMPTY = {
    "members_active": 1,
    "members_suspended": 0,
    "reviews_waiting": 0,
    "tasks_waiting": 0,
    "tasks_running": 0,
    "tasks_failed": 0,
    "events_waiting": 0,
    "events_parked": 0,
}


async def test_the_overview_counts_what_there_is(
    client: Client, committed: Hall, admin: Person
) -> None:
    chief = client.of(admin)
    assert (await chief.get("/admin/overview")).json() == EMPTY

    members = [await factories.person(committed) for _ in range(3)]
    await factories.person(committed, status="suspended")
    reviewed = await factories.challenge(committed, admin.member, grader={"type": "review"})
    _, _, graded = [
        await factories.attempt(committed, each.member, reviewed, answer)
        for each, answer in zip(members, (None, {"text": "x"}, {"text": "x"}), strict=True)
    ]
    async with committed.units.write() as uow:
        for _ in range(5):
            await tasks.start(uow, "infra.probe")
        for statement in (
            f"UPDATE attempts SET status = 'passed' WHERE id = '{graded.id}'",
            (
                "UPDATE task_executions SET state = 'running' WHERE id IN"
                " (SELECT id FROM task_executions ORDER BY id LIMIT 2)"
            ),
            (
                "UPDATE task_executions SET state = 'failed', finished_at = created_at WHERE id IN"
                " (SELECT max(id::text)::uuid FROM task_executions)"
            ),
            (
                "UPDATE outbox_events SET state = CASE WHEN subject_id IN"
                f" ('{members[1].id}', '{members[2].id}') THEN 'parked' ELSE 'done' END"
            ),
        ):
            await uow.session.execute(text(statement))
    assert (await chief.get("/admin/overview")).json() == EMPTY | {
        "members_active": 4,
        "members_suspended": 1,
        "reviews_waiting": 1,
        "tasks_waiting": 2,
        "tasks_running": 2,
        "tasks_failed": 1,
        "events_waiting": 0,
        "events_parked": 2,
    }


async def test_what_waits_is_counted_without_reading_all_that_is_done(committed: Hall) -> None:
    async with committed.units.write() as uow:
        await uow.session.execute(text("SET LOCAL enable_seqscan = off"))
        rows = await uow.session.execute(
            text(f"EXPLAIN (COSTS OFF) {OVERVIEW}"), {"since": uow.now}
        )
        plan = "\n".join(rows.scalars())
    used = re.findall(r"Scan using (\w+) on outbox_events|Scan on (ix_outbox_events_\w+)", plan)
    assert len(used) == 3
    # Which of them, depends on what the table has had in it: each leaves out what is done.
    allowed = ("handler_id", "in_the_way", "lease_id", "state_id")
    assert {one or other for one, other in used} <= {f"ix_outbox_events_{by}" for by in allowed}
