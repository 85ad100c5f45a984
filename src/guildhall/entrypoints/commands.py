"""The commands of the command line that need the whole house; `cli` loads them when asked."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import click
import orjson
from pydantic import ValidationError
from redis.exceptions import RedisError
from sqlalchemy import text

from guildhall import ai, identity, progression
from guildhall.entrypoints.api import create_app
from guildhall.entrypoints.api import run as run_api
from guildhall.entrypoints.cli import refuse, settings_or_exit
from guildhall.entrypoints.relay import run as run_relay
from guildhall.entrypoints.scheduler import run as run_scheduler
from guildhall.entrypoints.seeding import read_content, starter_content
from guildhall.entrypoints.seeding import seed as write_content
from guildhall.entrypoints.wiring import WIRING
from guildhall.entrypoints.worker import run as run_worker
from guildhall.infra.database import why_not
from guildhall.infra.embedded import servers_for
from guildhall.infra.endpoints import Endpoints
from guildhall.infra.hall import Hall, open_hall
from guildhall.infra.migrations import check_schema, head_revision, move_to
from guildhall.infra.sealing import SealBroken, reseal
from guildhall.infra.settings import Settings, SettingsFault
from guildhall.kernel.errors import Refusal

__all__ = [
    "api",
    "audit",
    "create_admin",
    "migrate",
    "openapi",
    "relay",
    "rotate_keys",
    "scheduler",
    "seed",
    "worker",
]

T = TypeVar("T")


def _configured(settings: Settings) -> Endpoints:
    """Give the servers for a process that runs alone, or say what is not set and stop."""
    try:
        return Endpoints.configured(settings)
    except SettingsFault as fault:
        refuse(fault.faults)


def _with_hall(act: Callable[[Hall], Awaitable[T]]) -> T:
    """Do something in the hall of DATA_DIR, running or not, or on the configured servers.

    Says why and stops with a refusal's code when it cannot get there: 1 is for what it found.
    """
    settings = settings_or_exit()

    async def within() -> T:
        async with servers_for(settings) as endpoints:
            try:
                async with open_hall(settings, endpoints, WIRING, pool_size=2) as hall:
                    await _refuse_other_schema(hall)
                    return await act(hall)
            except RedisError as error:
                raise SettingsFault([f"Redis cannot be reached: {error}"]) from error
            except Exception as error:
                if (fault := why_not(error)) is None:
                    raise
                raise SettingsFault([fault]) from error

    try:
        return asyncio.run(within())
    except SettingsFault as fault:
        refuse(fault.faults)


async def _refuse_other_schema(hall: Hall) -> None:
    async with hall.units.read() as uow:
        known = await uow.session.scalar(text("SELECT to_regclass('alembic_version') IS NOT NULL"))
        found = known and await uow.session.scalar(text("SELECT version_num FROM alembic_version"))
    if found != head_revision():
        fault = (
            f"The database has {f'schema {found}' if found else 'no tables'}, this release needs"
            f" schema {head_revision()}. Is DATA_DIR or DATABASE_URL the one you mean?"
            " If so: `guildhall migrate`, or `guildhall up`."
        )
        raise SettingsFault([fault])


@click.command()
def api() -> None:
    """Run the API alone, against configured servers."""
    settings = settings_or_exit()
    run_api(settings, _configured(settings))


@click.command()
def worker() -> None:
    """Run a worker alone, against configured servers."""
    settings = settings_or_exit()
    run_worker(settings, _configured(settings))


@click.command()
def scheduler() -> None:
    """Run the scheduler alone, against configured servers."""
    settings = settings_or_exit()
    run_scheduler(settings, _configured(settings))


@click.command()
def relay() -> None:
    """Run the relay alone, against configured servers."""
    settings = settings_or_exit()
    run_relay(settings, _configured(settings))


@click.command()
@click.option("--check", is_flag=True, help="Change nothing; fail if models and schema differ.")
@click.option("--to", "revision", default="head", help="Migrate forward or back to a revision.")
def migrate(check: bool, revision: str) -> None:
    """Bring the database to the schema of this release."""
    settings = settings_or_exit()

    async def act() -> None:
        async with servers_for(settings) as endpoints:
            if check:
                await asyncio.to_thread(check_schema, endpoints.owner_url)
            else:
                await asyncio.to_thread(move_to, endpoints.owner_url, revision)

    try:
        asyncio.run(act())
    except SettingsFault as fault:
        refuse(fault.faults)
    except Exception as error:
        if (reason := why_not(error)) is None:
            raise
        refuse([reason])


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), required=False)
@click.option("--check", is_flag=True, help="Only say what is wrong with the files.")
def seed(folder: Path | None, check: bool) -> None:
    """Load content from a FOLDER of YAML files; without one, the starter content."""
    content = read_content(folder or starter_content(), WIRING.topics)
    new = 0 if check else _with_hall(lambda hall: write_content(hall, content))
    click.echo(
        f"{len(content.domains)} domains, {len(content.badges)} badges,"
        f" {len(content.templates)} templates, {len(content.challenges)} challenges"
        + (": nothing wrong with them" if check else f", {new} of them new")
    )


@click.command("create-admin")
@click.option("--username", required=True, help="The name to sign in with, 2 to 40 characters.")
@click.option("--email", required=True, help="The admin's address; it serves to sign in, too.")
@click.option(
    "--password-stdin",
    is_flag=True,
    help="Read the password, one line, from standard input instead of asking for it.",
)
def create_admin(username: str, email: str, password_stdin: bool) -> None:
    """Open an admin's account, in a running or a stopped hall."""
    if password_stdin:
        password = sys.stdin.readline().rstrip("\n")
    else:
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    try:
        body = identity.Register(username=username, email=email, password=password)
    except ValidationError as error:
        refuse([f"{fault['loc'][0]}: {fault['msg']}" for fault in error.errors()])

    async def act(hall: Hall) -> str:
        banned = identity.BannedPasswords(hall.settings.security.banned_passwords)
        async with hall.units.write() as uow:
            policy = identity.PasswordPolicy(banned)
            return (await identity.create_admin(uow, policy, body)).username

    try:
        click.echo(f"{_with_hall(act)} is an admin of this hall")
    except Refusal as refusal:
        refuse([refusal.detail])


@click.command("rotate-keys")
def rotate_keys() -> None:
    """Seal every sealed column with the newest of ENCRYPTION_KEYS."""
    try:
        number = _with_hall(lambda hall: reseal(hall.units, hall.sealer, WIRING.sealed))
    except SealBroken as broken:
        refuse([str(broken)])
    click.echo(f"{number} values sealed anew; older keys can be taken out of the settings")


@click.command()
@click.option("--repair", is_flag=True, help="Derive again what does not agree.")
def audit(repair: bool) -> None:
    """Prove that ledger, totals and leaderboards agree, and budgets with what models cost."""

    async def act(hall: Hall) -> progression.Audit:
        if repair:
            await progression.repair(hall.units, hall.redis)
            await ai.repair(hall.units)
        await progression.fill_boards(hall.units, hall.redis, hall.clock.now())
        found = await progression.audit(hall.units, hall.redis)
        for difference in await ai.audit(hall.units):
            found.differ(difference)
        return found

    found = _with_hall(act)
    click.echo(
        f"{found.subjects} members, {found.ledger_rows} ledger rows, {found.ledger_xp} XP,"
        f" {found.board_entries} board entries, {found.board_lines} lines in Redis,"
        f" {found.pending_events} events on their way, {found.parked_events} parked"
    )
    if found.all_equal:
        click.secho("all equal: ledger = totals = leaderboards", fg="green")
        return
    for difference in found.differences:
        click.secho(difference, fg="red")
    click.secho(f"{found.difference_count} differences", fg="red")
    sys.exit(1)


@click.command()
def openapi() -> None:
    """Print the OpenAPI document."""
    document = create_app(settings_or_exit()).openapi()
    click.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())
