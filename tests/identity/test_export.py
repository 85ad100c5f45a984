"""Members can take along everything that the hall holds of them."""

from __future__ import annotations

import asyncio
import hashlib
import io
import zipfile
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import asyncpg
import orjson
import pytest

from guildhall.entrypoints.wiring import PERSONAL
from guildhall.identity import exports
from guildhall.infra import personal
from guildhall.infra.hall import Hall
from guildhall.infra.personal import Personal, pages
from guildhall.infra.tasks import TaskRun
from guildhall.kernel.ids import new_id
from tests import factories
from tests.canaries import put, row_of
from tests.factories import Person
from tests.identity.waiting import until_it_waits
from tests.laws.test_row_security import table_of
from tests.world import Client, SettableClock

Settle = Callable[[], Awaitable[None]]

EXPORT = "/users/me/export"
DOWNLOAD = f"{EXPORT}/download"

# One's export must not be in it, half made.
MADE_BY_THE_TEST = {"data_exports"}


async def zip_of(client: Client, settle: Settle) -> zipfile.ZipFile:
    """Ask for an export, wait for it, and fetch it."""
    assert (await client.post(EXPORT)).status_code == 202
    await settle()
    answer = await client.get(DOWNLOAD)
    assert answer.status_code == 200, answer.text
    return zipfile.ZipFile(io.BytesIO(answer.content))


def rows_in(archive: zipfile.ZipFile, name: str) -> Any:
    return orjson.loads(archive.read(f"{name}.json"))


async def test_an_export_is_made_in_the_background_and_tells_how_far_it_is(
    client: Client, member: Person, settle: Settle
) -> None:
    mine = client.of(member)
    asked = (await mine.post(EXPORT)).json()
    assert (asked["state"], asked["download"]) == ("queued", None)
    early = await mine.get(DOWNLOAD)
    assert (early.status_code, early.json()["error"]) == (409, "export_not_ready")
    await settle()
    ready = (await mine.get(EXPORT)).json()
    assert (ready["id"], ready["state"]) == (asked["id"], "ready")
    assert ready["size_bytes"] > 0
    task = (await mine.get(f"/task-executions/{asked['execution_id']}")).json()
    assert task["state"] == "succeeded"
    assert task["progress_done"] == task["progress_total"] == len(PERSONAL)


async def test_the_file_is_a_zip_that_no_cache_keeps(
    client: Client, member: Person, settle: Settle
) -> None:
    mine = client.of(member)
    await mine.post(EXPORT)
    await settle()
    path = (await mine.get(EXPORT)).json()["download"]
    answer = await mine.get(path.removeprefix("/api/v1"))
    assert answer.headers["content-type"] == "application/zip"
    assert (
        answer.headers["content-disposition"] == 'attachment; filename="guildhall-2031-05-14.zip"'
    )
    assert answer.headers["cache-control"] == "no-store"
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    assert archive.testzip() is None
    assert b"password" in archive.read("README.txt")


async def test_everything_of_oneself_is_in_it_and_nothing_of_anybody_else(
    client: Client,
    owner: asyncpg.Connection,
    member: Person,
    other: Person,
    settle: Settle,
) -> None:
    filled = set()
    for each in PERSONAL:
        if each.table == "users" or each.table in MADE_BY_THE_TEST:
            continue
        for column in each.owners:
            for whose, canary in ((member, "magpie"), (other, "cuckoo")):
                row = row_of(each.columns, column, whose.id, canary)
                await put(owner, each.columns, row)
        filled.add(each.name)
    archive = await zip_of(client.of(member), settle)
    assert {f"{each.name}.json" for each in PERSONAL} <= set(archive.namelist())
    for name in archive.namelist():
        content = archive.read(name)
        assert b"cuckoo" not in content, name
        assert b"cuckoo".hex().encode() not in content, name
        assert str(other.id).encode() not in content, name
        assert other.username.encode() not in content, name
    empty = [name for name in filled if not rows_in(archive, name)]
    assert empty == []
    assert [row["username"] for row in rows_in(archive, "users")] == [member.username]


async def test_no_secret_is_in_it(
    client: Client, owner: asyncpg.Connection, member: Person, settle: Settle
) -> None:
    secrets = (
        ("api_keys", "secret_hash"),
        ("password_reset_tokens", "token_hash"),
        ("totp_secrets", "sealed"),
        ("recovery_codes", "code_hash"),
        ("passkeys", "public_key"),
        ("idempotency_keys", "body"),
    )
    for name, column in secrets:
        row = row_of(table_of(name), "user_id", member.id, "magpie") | {column: b"nightjar"}
        await put(owner, table_of(name), row)
    await owner.execute("UPDATE users SET password_hash = 'nightjar'")
    archive = await zip_of(client.of(member), settle)
    for name in archive.namelist():
        content = archive.read(name)
        assert b"nightjar" not in content, name
        assert b"nightjar".hex().encode() not in content, name
    assert len(rows_in(archive, "api_keys")) == 1


async def test_the_manifest_tells_rows_and_hashes(
    client: Client, member: Person, settle: Settle
) -> None:
    archive = await zip_of(client.of(member), settle)
    manifest = orjson.loads(archive.read("manifest.json"))
    assert (manifest["user_id"], manifest["format"]) == (str(member.id), 1)
    assert manifest["generated_at"].startswith("2031-05-14T12:00")
    assert len(manifest["files"]) == len(PERSONAL)
    for name, said in manifest["files"].items():
        content = archive.read(name)
        assert said["sha256"] == hashlib.sha256(content).hexdigest()
        assert said["rows"] == len(orjson.loads(content))


async def test_what_others_did_is_told_without_who_and_where(
    client: Client, owner: asyncpg.Connection, member: Person, other: Person, settle: Settle
) -> None:
    for actor in (member.id, other.id):
        await owner.execute(
            "INSERT INTO audit_log (occurred_at, action, actor_id, target_id, address, details)"
            " VALUES (now(), 'watched', $1, $2, $3, '{}')",
            actor,
            member.id,
            f"192.0.2.{1 if actor == member.id else 2}",
        )
    archive = await zip_of(client.of(member), settle)
    told = [r for r in rows_in(archive, "audit_log") if r["action"] == "watched"]
    assert [(row["by"], row["address"]) for row in told] == [
        ("you", "192.0.2.1"),
        ("another", None),
    ]


async def test_twenty_thousand_ledger_rows_come_page_by_page(
    client: Client, committed: Hall, owner: asyncpg.Connection, member: Person, settle: Settle
) -> None:
    await owner.execute(
        "INSERT INTO xp_ledger (subject_id, id, xp, cause_type, cause_id, rule_id, rule_version,"
        " occurred_at, local_day) SELECT $1, gen_random_uuid(), 1, 'test', gen_random_uuid(), 'r',"
        " 1, now(), current_date FROM generate_series(1, 20000)",
        member.id,
    )
    ledger = next(each for each in PERSONAL if each.table == "xp_ledger")
    sizes = [len(page) async for page in pages(committed.units, ledger, member.id)]
    assert sum(sizes) == 20_000
    assert max(sizes) <= personal.ROWS_AT_ONCE
    rows = rows_in(await zip_of(client.of(member), settle), "xp_ledger")
    assert len({row["id"] for row in rows}) == 20_000


@pytest.mark.parametrize("each", PERSONAL, ids=lambda each: each.name)
async def test_every_table_is_paged_without_loss(
    committed: Hall,
    owner: asyncpg.Connection,
    member: Person,
    monkeypatch: pytest.MonkeyPatch,
    each: Personal,
) -> None:
    """Pages of two, of five rows where a member can have as many."""
    monkeypatch.setattr(personal, "ROWS_AT_ONCE", 2)
    key = {column.name for column in each.columns.primary_key} - set(each.owners)
    number = 5 if key else 1
    column = each.owners[0]
    await owner.execute(f"DELETE FROM {each.table} WHERE {column} = $1", member.id)
    for day in range(1, number + 1):
        row = row_of(each.columns, column, member.id, "magpie")
        for part in key & {"day", "local_day"}:
            row[part] = row[part].replace(day=day)
        if each.table == "season_results":
            row["board"] = f"board-{day}"
        await put(owner, each.columns, row)
    found = [row async for page in pages(committed.units, each, member.id) for row in page]
    assert len(found) == number


async def test_one_export_is_made_at_a_time_however_many_ask(
    client: Client, owner: asyncpg.Connection, member: Person, settle: Settle
) -> None:
    mine = client.of(member)
    asked = await asyncio.gather(*(mine.post(EXPORT) for _ in range(20)))
    assert {answer.status_code for answer in asked} == {202}
    assert len({answer.json()["execution_id"] for answer in asked}) == 1
    await settle()
    again = (await mine.post(EXPORT)).json()
    assert again["execution_id"] != asked[0].json()["execution_id"]
    await settle()
    assert await owner.fetchval("SELECT count(*) FROM data_exports") == 1  # The newest.


async def test_who_asks_while_another_request_is_starting_one_gets_that(
    committed: Hall, member: Person
) -> None:
    async def ask() -> UUID:
        async with committed.units.write(member=member.id) as uow:
            return (await exports.ask(uow, member.member)).id

    async with committed.units.write(member=member.id) as uow:
        first = await exports.ask(uow, member.member)
        second = asyncio.create_task(ask())
        await until_it_waits(committed, second)
    assert await second == first.id


async def test_while_a_newer_one_is_made_the_older_one_can_be_fetched(
    client: Client, member: Person, settle: Settle
) -> None:
    mine = client.of(member)
    await zip_of(mine, settle)
    assert (await mine.post(EXPORT)).json()["state"] == "queued"
    assert (await mine.get(DOWNLOAD)).status_code == 200


async def test_an_export_is_there_for_a_week(
    client: Client,
    owner: asyncpg.Connection,
    committed: Hall,
    clock: SettableClock,
    member: Person,
    settle: Settle,
) -> None:
    mine = client.of(member)
    await zip_of(mine, settle)
    clock.advance(days=7, seconds=-1)
    assert (await mine.get(EXPORT)).json()["state"] == "ready"
    clock.advance(seconds=1)
    gone = await mine.get(EXPORT)
    assert (gone.status_code, gone.json()["error"]) == (404, "export_not_found")
    assert await exports.tidy_exports(factories.task_run(committed)) == {"removed": 1}
    assert await owner.fetchval("SELECT count(*) FROM data_exports") == 0


async def test_who_asked_for_none_has_none(client: Client, member: Person) -> None:
    none = await client.of(member).get(EXPORT)
    assert (none.status_code, none.json()["error"]) == (404, "export_not_found")
    none = await client.of(member).get(DOWNLOAD)
    assert (none.status_code, none.json()["error"]) == (404, "export_not_found")


async def test_nobody_gets_another_s_export(
    client: Client, member: Person, other: Person, settle: Settle
) -> None:
    await zip_of(client.of(other), settle)
    assert (await client.of(member).get(EXPORT)).status_code == 404
    assert (await client.of(member).get(DOWNLOAD)).status_code == 404


@pytest.mark.parametrize(("method", "path"), [("POST", EXPORT), ("GET", DOWNLOAD)])
async def test_an_export_needs_a_recent_proof_of_who_one_is(
    client: Client, clock: SettableClock, member: Person, method: str, path: str
) -> None:
    clock.advance(seconds=601)
    refused = await client.of(member).request(method, path)
    assert (refused.status_code, refused.json()["error"]) == (403, "reauthentication_required")


async def test_an_export_can_be_cancelled_and_asked_for_again(
    client: Client, member: Person, settle: Settle
) -> None:
    mine = client.of(member)
    asked = (await mine.post(EXPORT)).json()
    await mine.post(f"/task-executions/{asked['execution_id']}/cancel")
    assert (await mine.get(EXPORT)).json()["state"] == "cancelled"
    again = (await mine.post(EXPORT)).json()
    assert again["id"] != asked["id"]
    await settle()
    assert (await mine.get(EXPORT)).json()["state"] == "ready"


async def test_a_worker_that_dies_half_way_costs_another_try_and_leaves_one_export(
    client: Client,
    committed: Hall,
    owner: asyncpg.Connection,
    member: Person,
    settle: Settle,
) -> None:
    mine = client.of(member)
    asked = (await mine.post(EXPORT)).json()
    arguments = {"user_id": str(member.id), "export_id": asked["id"]}

    class Dying(TaskRun):
        async def progress(self, done: int, total: int | None = None) -> None:
            if done == 5:
                raise asyncio.CancelledError  # As far as the database can see, a kill.

    dying = Dying(
        new_id(),
        committed.units,
        post=committed.post,
        llm=committed.llm,
        settings=committed.settings,
    )
    with pytest.raises(asyncio.CancelledError):
        await exports.export_data(dying, personal=PERSONAL, **arguments)
    assert (await mine.get(EXPORT)).json()["state"] == "queued"
    await settle()
    ready = (await mine.get(EXPORT)).json()
    assert (ready["id"], ready["state"]) == (asked["id"], "ready")
    before = (await mine.get(DOWNLOAD)).content
    # A worker that was thought dead comes late: what is there stays.
    await exports.export_data(factories.task_run(committed), personal=PERSONAL, **arguments)
    assert (await mine.get(DOWNLOAD)).content == before
    assert await owner.fetchval("SELECT count(*) FROM data_exports") == 1


async def test_a_failed_export_says_so_even_when_its_task_is_gone(
    client: Client, owner: asyncpg.Connection, member: Person
) -> None:
    mine = client.of(member)
    await mine.post(EXPORT)
    await owner.execute("UPDATE task_executions SET state = 'failed', finished_at = now()")
    assert (await mine.get(EXPORT)).json()["state"] == "failed"
    await owner.execute("DELETE FROM task_executions")
    assert (await mine.get(EXPORT)).json()["state"] == "failed"


async def test_an_export_of_nobody_makes_none(committed: Hall, owner: asyncpg.Connection) -> None:
    nobody: UUID = new_id()
    await exports.export_data(
        factories.task_run(committed),
        personal=PERSONAL,
        user_id=str(nobody),
        export_id=str(new_id()),
    )
    assert await owner.fetchval("SELECT count(*) FROM data_exports") == 0
