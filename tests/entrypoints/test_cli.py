"""The command line, as an operator runs it: a process, its exit code, and what it says."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import click
import pytest
from sqlalchemy import text

from guildhall.entrypoints import commands
from guildhall.entrypoints.cli import LOADED_WHEN_ASKED, cli
from guildhall.infra.hall import Hall
from tests import factories
from tests.world import Client

ADMIN = ("create-admin", "--username", "warden", "--email", "warden@example.org")
PASSWORD = "correct horse battery"
CONFIGURABLE = ("DATABASE_URL", "REDIS_URL", "BROKER_URL", "SECRET_KEY")
HEAVY = ("alembic", "asyncpg", "celery", "fastapi", "redis", "sqlalchemy", "uvicorn")


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str


Run = Callable[..., Awaitable[Outcome]]


@pytest.fixture
def run(committed: Hall, tmp_path: Path) -> Run:
    """Run `guildhall` on the servers of this test; `environment` adds to them, or replaces them."""
    endpoints = committed.endpoints.as_environment()

    async def run(
        *arguments: str, given: str = "", environment: Mapping[str, str] = endpoints
    ) -> Outcome:
        inherited = {k: v for k, v in os.environ.items() if k not in CONFIGURABLE}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "guildhall", *arguments),
            env=inherited | {"DATA_DIR": str(tmp_path / "data"), **environment},
            cwd=tmp_path,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(60):
            out, err = await process.communicate(given.encode())
        assert process.returncode is not None
        return Outcome(process.returncode, out.decode(), err.decode())

    return run


async def test_help_names_every_command_with_what_it_is_for(run: Run) -> None:
    told = await run("--help")
    assert (told.code, told.err) == (0, "")
    for name in ("up", "api", "worker", "scheduler", "migrate", "seed", "audit", "create-admin"):
        assert f"\n  {name} " in told.out
    assert (await run("-h")).out == told.out


async def test_help_and_a_wrong_command_do_not_load_the_house(tmp_path: Path) -> None:
    for arguments in (["--help"], ["adit"]):
        code = (
            "import sys\n"
            "from guildhall.entrypoints.cli import cli\n"
            f"cli({arguments!r}, standalone_mode=True)"
        )
        watched = (
            "import atexit, sys\n"
            f"atexit.register(lambda: print('LOADED', set(sys.modules) & set({HEAVY!r})))\n"
        )
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", watched + code),
            cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        out, _ = await process.communicate()
        assert out.decode().splitlines()[-1] == "LOADED set()"


def test_help_says_of_a_command_what_the_command_says_of_itself() -> None:
    context = click.Context(cli)
    said = {
        name: command.help
        for name in LOADED_WHEN_ASKED
        if (command := cli.get_command(context, name))
    }
    assert said == LOADED_WHEN_ASKED
    assert len(said) == len(commands.__all__)


async def test_an_unknown_command_is_refused_in_one_sentence(run: Run) -> None:
    told = await run("adit")
    assert told.code == 2
    assert "No such command 'adit'" in told.err
    assert "Traceback" not in told.err


@pytest.mark.parametrize("command", ["up", "worker", "audit", "migrate"])
async def test_faults_in_the_settings_are_told_all_at_once_and_nothing_starts(
    run: Run, tmp_path: Path, command: str
) -> None:
    wrong = {"API_PORT": "99999", "LOG_LEVEL": "LOUD", "SECRET_KEY": "hunter2"}
    told = await run(command, environment=wrong)
    assert (told.code, told.out) == (2, "")
    assert sorted(line.split(":")[0] for line in told.err.splitlines()) == sorted(wrong)
    for value in wrong.values():
        assert f"'{value}'" not in told.err
    assert "hunter2" not in told.err
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("command", ["api", "worker", "scheduler", "relay"])
async def test_a_process_that_runs_alone_names_every_server_it_lacks(
    run: Run, command: str
) -> None:
    told = await run(command, environment={})
    assert (told.code, told.out) == (2, "")
    assert [line.split(":")[0] for line in told.err.splitlines()] == [
        "DATABASE_URL",
        "REDIS_URL",
        "SECRET_KEY",
    ]


async def test_an_admin_is_created_and_can_sign_in(run: Run, client: Client) -> None:
    told = await run(*ADMIN, "--password-stdin", given=f"{PASSWORD}\n")
    assert (told.code, told.err) == (0, "")
    assert told.out == "warden is an admin of this hall\n"
    tokens = await client.post("/auth/login", json={"login": "warden", "password": PASSWORD})
    assert tokens.status_code == 200, tokens.text
    admin = client.with_token(tokens.json()["access_token"])
    assert (await admin.get("/admin/events")).status_code == 200


async def test_an_admin_who_is_there_already_is_refused_with_the_halls_sentence(run: Run) -> None:
    for code in (0, 2):
        told = await run(*ADMIN, "--password-stdin", given=f"{PASSWORD}\n")
        assert told.code == code
    assert told.out == ""
    assert told.err.strip().endswith(".")
    assert len(told.err.splitlines()) == 1


async def test_an_admins_faults_are_told_all_at_once_and_never_the_password(run: Run) -> None:
    told = await run(
        *("create-admin", "--username", "", "--email", "nowhere", "--password-stdin"),
        given="hunt2\n",
    )
    assert (told.code, told.out) == (2, "")
    assert [line.split(":")[0] for line in told.err.splitlines()] == [
        "username",
        "email",
        "password",
    ]
    assert "hunt2" not in told.err


async def test_the_audit_ends_with_0_when_all_agrees_1_when_not_and_repairs(
    run: Run, committed: Hall, client: Client, settle: Callable[[], Awaitable[None]]
) -> None:
    person = await factories.person(committed)
    async with committed.units.write() as uow:
        uow.emit(factories.achievement(person.member, committed.clock.now()))
    await settle()
    agreed = await run("audit")
    assert (agreed.code, agreed.err) == (0, "")
    assert "all equal" in agreed.out
    async with committed.units.write() as uow:
        await uow.session.execute(text("UPDATE subject_progress SET total_xp = total_xp + 1"))
    differs = await run("audit")
    assert differs.code == 1
    assert str(person.id) in differs.out
    assert "1 differences" in differs.out
    assert (await run("audit", "--repair")).code == 0
    assert (await run("audit")).code == 0


@pytest.mark.parametrize("away", ["DATABASE_URL", "REDIS_URL"])
async def test_an_audit_that_cannot_look_is_no_audit_that_found_something(
    run: Run, committed: Hall, away: str
) -> None:
    nowhere = {
        "DATABASE_URL": "postgresql://hall:sesame@127.0.0.1:1/hall",
        "REDIS_URL": "redis://:sesame@127.0.0.1:1/0",
    }
    there = committed.endpoints.as_environment()
    told = await run("audit", environment=there | {away: nowhere[away]})
    assert (told.code, told.out) == (2, "")
    assert len(told.err.splitlines()) == 1
    assert "cannot be reached" in told.err
    assert "sesame" not in told.err
