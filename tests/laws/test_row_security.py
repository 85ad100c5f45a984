"""The second wall: PostgreSQL itself keeps members' rows apart (ADR 0010)."""

from __future__ import annotations

import ast
import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DBAPIError

import guildhall.entrypoints.wiring  # noqa: F401  # loads every table
from guildhall.infra.database import APP_ROLE, MEMBER_SETTING, Base, asyncpg_arguments
from guildhall.infra.hall import Hall
from guildhall.infra.migrations import upgrade
from tests.canaries import put, row_of
from tests.factories import Person
from tests.laws.sources import Trees, calls, source_trees, texts, trees_of
from tests.laws.test_faces import module_of
from tests.laws.test_schema import owner_of

APPEND_ONLY = {"audit_log", "xp_ledger"}
SHOWN = {
    "board_entries": "the leaderboards",
    "domain_ranks": "the profile",
    "season_results": "the final tables",
    "streak_pauses": "the streak on the profile",
    "subject_badges": "the profile",
    "subject_progress": "the profile",
}
"""Member-owned tables that everybody may read, by where they are shown."""

OWNED = {
    table.name: owner
    for table in Base.metadata.sorted_tables
    if (owner := owner_of(table) or ("user_id" if table.name == "external_identities" else None))
}
"""The owner's column of each table that members own, directory tables with an owner included."""

DIALECT = postgresql.dialect()

PRIVATE = sorted(set(OWNED) - set(SHOWN))


def table_of(name: str) -> sa.Table:
    return Base.metadata.tables[name]


@pytest_asyncio.fixture
async def told_nothing(committed: Hall) -> AsyncIterator[asyncpg.Connection]:
    """A connection as the hall's processes open them, before it is told of a member."""
    connection = await asyncpg.connect(
        **asyncpg_arguments(committed.endpoints.database_url), server_settings={"role": APP_ROLE}
    )
    yield connection
    await connection.close()


@pytest_asyncio.fixture
async def filled(committed: Hall, owner: asyncpg.Connection, other: Person) -> UUID:
    """Give somebody a row in every table that members own."""
    for name, column in OWNED.items():
        await put(owner, table_of(name), row_of(table_of(name), column, other.id, "canary"))
    return other.id


async def test_every_table_of_members_has_the_policies_of_its_class(
    owner: asyncpg.Connection,
) -> None:
    secured = {
        row["relname"]
        for row in await owner.fetch("SELECT relname FROM pg_class WHERE relrowsecurity")
    }
    assert secured == set(OWNED)
    policies: dict[str, list[tuple[str, str]]] = {}
    for row in await owner.fetch("SELECT * FROM pg_policies ORDER BY policyname"):
        assert row["permissive"] == "PERMISSIVE"
        policies.setdefault(row["tablename"], []).append((row["policyname"], row["cmd"]))
        if row["policyname"] == "own":
            assert OWNED[row["tablename"]] in row["qual"], row["tablename"]
            assert MEMBER_SETTING in row["qual"]
            assert row["with_check"] is None  # Then what is written must fit `qual` as well.
    own, shown = ("own", "ALL"), ("shown", "SELECT")
    assert policies == {name: [own, shown] if name in SHOWN else [own] for name in OWNED}


async def test_the_hall_s_role_owns_nothing_and_may_not_go_round_the_wall(
    owner: asyncpg.Connection,
) -> None:
    role = await owner.fetchrow("SELECT * FROM pg_roles WHERE rolname = $1", APP_ROLE)
    rights = ("rolsuper", "rolbypassrls", "rolcreaterole", "rolcreatedb", "rolreplication")
    assert [right for right in rights if role[right]] == []
    owned = await owner.fetchval(
        "SELECT count(*) FROM pg_class WHERE pg_get_userbyid(relowner) = $1", APP_ROLE
    )
    assert owned == 0
    member_of = await owner.fetchval(
        "SELECT count(*) FROM pg_auth_members WHERE member = $1::regrole", APP_ROLE
    )
    assert member_of == 0
    assert not await owner.fetchval("SELECT has_schema_privilege($1, 'public', 'CREATE')", APP_ROLE)
    definers = await owner.fetch("SELECT proname FROM pg_proc WHERE prosecdef ORDER BY 1")
    assert [row["proname"] for row in definers] == ["forget_reasons", "forget_traces"]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_log SET action = ''",
        "DELETE FROM audit_log",
        "TRUNCATE audit_log",
        "UPDATE xp_ledger SET xp = 0",
        "DELETE FROM xp_ledger",
        "TRUNCATE xp_ledger",
        "CREATE TABLE loot (id int)",
        "ALTER TABLE devices DISABLE ROW LEVEL SECURITY",
        "DROP POLICY own ON devices",
        "UPDATE alembic_version SET version_num = '0'",
        "SET row_security = off; SELECT count(*) FROM devices",
    ],
)
async def test_the_hall_s_role_may_not(told_nothing: asyncpg.Connection, statement: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await told_nothing.execute(statement)


async def test_what_runs_as_the_owner_finds_no_name_in_a_caller_s_own_tables(
    owner: asyncpg.Connection,
) -> None:
    """Unless it stands in the path, `pg_temp` is searched first (CVE-2007-2138)."""
    definers = await owner.fetch("SELECT proname, proconfig FROM pg_proc WHERE prosecdef")
    assert {row["proname"]: row["proconfig"] for row in definers} == {
        row["proname"]: ["search_path=pg_catalog, pg_temp"] for row in definers
    }
    assert definers


async def test_the_hall_s_role_makes_no_temporary_table_where_migrations_ended(
    new_database: Callable[..., Awaitable[str]],
) -> None:
    url = await new_database(empty=True)  # A clone takes no rights of its template along.
    await asyncio.to_thread(upgrade, url)
    connection = await asyncpg.connect(**asyncpg_arguments(url), server_settings={"role": APP_ROLE})
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="temporary"):
            await connection.execute("CREATE TEMPORARY TABLE audit_log (id int)")
    finally:
        await connection.close()


async def test_a_connection_that_was_told_nothing_sees_nobody_s_rows(
    told_nothing: asyncpg.Connection, filled: UUID
) -> None:
    seen = {name: await told_nothing.fetchval(f"SELECT count(*) FROM {name}") for name in PRIVATE}
    assert seen == dict.fromkeys(PRIVATE, 0)


async def test_a_setting_that_is_no_member_opens_nothing(
    told_nothing: asyncpg.Connection, filled: UUID
) -> None:
    await told_nothing.execute(f"SET {MEMBER_SETTING} = ''")
    assert await told_nothing.fetchval("SELECT count(*) FROM devices") == 0
    await told_nothing.execute(f"SET {MEMBER_SETTING} = 'HALL'")
    with pytest.raises(asyncpg.DataError):
        await told_nothing.fetchval("SELECT count(*) FROM devices")


async def test_no_member_s_unit_of_work_sees_or_changes_another_s_rows(
    committed: Hall, owner: asyncpg.Connection, member: Person, filled: UUID
) -> None:
    leaks = []
    for name, column in OWNED.items():
        table = table_of(name)
        theirs = table.c[column] == filled
        before = await owner.fetch(f"SELECT * FROM {name} WHERE {column} = $1", filled)
        assert before, name
        async with committed.units.read(member=filled) as uow:
            assert (await uow.session.execute(sa.select(table).where(theirs))).all(), name
        async with committed.units.read(member=member.id) as uow:
            if (await uow.session.execute(sa.select(table).where(theirs))).all() and (
                name not in SHOWN
            ):
                leaks.append(f"{name}: seen")
        changes = {
            "taken": sa.update(table).where(theirs).values({column: member.id}),
            "removed": sa.delete(table).where(theirs),
        }
        for what, statement in changes.items():
            if name in APPEND_ONLY:
                continue  # Refused to everybody, above.
            async with committed.units.write(member=member.id) as uow:
                changed = await uow.session.execute(statement.returning(sa.literal(1)))
                if changed.all():
                    leaks.append(f"{name}: {what}")
        assert await owner.fetch(f"SELECT * FROM {name} WHERE {column} = $1", filled) == before
    assert leaks == []


async def test_no_member_s_unit_of_work_writes_rows_in_another_s_name(
    committed: Hall, member: Person, other: Person
) -> None:
    leaks = []
    for name, column in OWNED.items():
        table = table_of(name)
        row = row_of(table, column, other.id, "canary")
        places = ", ".join(f"CAST(:{key} AS {table.c[key].type.compile(DIALECT)})" for key in row)
        statement = sa.text(f"INSERT INTO {name} ({', '.join(row)}) VALUES ({places})")
        try:
            async with committed.units.write(member=member.id) as uow:
                await uow.session.execute(statement, row)
        except DBAPIError as error:
            if "row-level security" not in str(error):
                leaks.append(f"{name}: {error}")
        else:
            leaks.append(f"{name}: written")
    assert leaks == []


def goings_round(trees: Trees) -> list[str]:
    """Find SQL that changes the role, or lifts the wall, once a connection is open."""
    sql = re.compile(
        r"(?:^|;)\s*(?:SET|RESET)\s+(?:SESSION\s+|LOCAL\s+)?(?:ROLE|ALL|SESSION\s+AUTHORIZATION"
        r"|row_security)\b|\bDISCARD\s+ALL\b|set_config\(\s*'(?:role|row_security)'"
        r"|\b(?:DISABLE|NO\s+FORCE)\s+ROW\s+LEVEL",
        re.IGNORECASE,
    )
    return [
        f"{path}: {written[:60]!r}"
        for path, tree in trees.items()
        if not path.startswith("migrations/")
        for written in texts(tree)
        if sql.search(written)
    ]


def test_nothing_changes_its_role_on_the_way() -> None:
    assert goings_round(source_trees()) == []


def test_the_law_of_the_wall_sees_who_goes_round_it() -> None:
    trees = trees_of(
        a='text("SET LOCAL ROLE postgres")',
        b='text("reset role")',
        c='text("SET row_security = off")',
        d="text(\"SELECT set_config('role', 'postgres', true)\")",
        e='text("ALTER TABLE devices DISABLE ROW LEVEL SECURITY")',
        fine='text("UPDATE users SET role = 1"); text("SET LOCAL work_mem = 1")',
    )
    assert [found[0] for found in goings_round(trees)] == ["a", "b", "c", "d", "e"]


def reads_of_private_rows(trees: Trees, text_of: Callable[[str, str], str]) -> list[str]:
    """Find statements that are run on the bare pool of reads and name a private table.

    Its connections keep the last member that they were told of: only `reads_of` tells them.
    """
    found = []
    for path, tree in trees.items():
        for call in calls(tree):
            way = ast.unparse(call.func)
            if not re.search(r"\breads\.(?:fetch|fetchrow|fetchval|execute|acquire)$", way):
                continue
            if path == "infra/database.py":
                continue
            statement = text_of(path, ast.unparse(call.args[0])) if call.args else way
            private = [name for name in PRIVATE if re.search(rf"\b{name}\b", statement)]
            if private or not call.args:
                found.append(f"{path}: {', '.join(private) or 'a bare connection'}")
    return found


def test_what_is_read_without_telling_whose_is_what_everybody_may_see() -> None:
    def text_of(path: str, name: str) -> str:
        return str(getattr(module_of(path), name))

    assert reads_of_private_rows(source_trees(), text_of) == []


def test_the_law_of_reads_sees_private_rows() -> None:
    trees = trees_of(
        a="await hall.database.reads.fetchval(STATEMENT, 1)",
        b="hall.database.reads.acquire()",
        fine="await connection.fetchval(STATEMENT, 1)",
        infra__database="self.reads.acquire()",
    )
    found = reads_of_private_rows(trees, lambda path, name: "SELECT 1 FROM api_keys k")
    assert found == ["a.py: api_keys", "b.py: a bare connection"]
