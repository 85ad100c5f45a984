"""The command line."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NoReturn, TypeVar

import click
import orjson
from pydantic import ValidationError

from guildhall import __version__, identity, progression
from guildhall.entrypoints.api import create_app
from guildhall.entrypoints.api import run as run_api
from guildhall.entrypoints.relay import run as run_relay
from guildhall.entrypoints.scheduler import run as run_scheduler
from guildhall.entrypoints.seeding import ContentFaulty, read_content, starter_content
from guildhall.entrypoints.seeding import seed as write_content
from guildhall.entrypoints.up import up as run_up
from guildhall.entrypoints.wiring import WIRING
from guildhall.entrypoints.worker import run as run_worker
from guildhall.infra.embedded import servers_for
from guildhall.infra.endpoints import Endpoints
from guildhall.infra.hall import Hall, open_hall
from guildhall.infra.migrations import check_schema, move_to
from guildhall.infra.settings import Settings, SettingsFault
from guildhall.kernel.errors import Refusal

__all__ = ["main"]

T = TypeVar("T")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def cli() -> None:
    """A hall for communities that learn, make things and level up together."""


def _settings() -> Settings:
    """Read the settings, or say every fault and stop."""
    try:
        return Settings.load()
    except SettingsFault as fault:
        _refuse(fault.faults)


def _configured(settings: Settings) -> Endpoints:
    """Give the servers for a process that runs alone, or say what is not set and stop."""
    try:
        return Endpoints.configured(settings)
    except SettingsFault as fault:
        _refuse(fault.faults)


def _refuse(faults: list[str]) -> NoReturn:
    for fault in faults:
        click.secho(fault, fg="red", err=True)
    sys.exit(2)


def _with_hall(act: Callable[[Hall], Awaitable[T]]) -> T:
    """Do something in the hall of DATA_DIR, running or not, or on the configured servers."""
    settings = _settings()

    async def within() -> T:
        async with (
            servers_for(settings) as endpoints,
            open_hall(settings, endpoints, WIRING, pool_size=2) as hall,
        ):
            return await act(hall)

    try:
        return asyncio.run(within())
    except SettingsFault as fault:
        _refuse(fault.faults)


@cli.command()
def up() -> None:
    """Start the whole hall, with its own servers where none are configured."""
    sys.exit(run_up(_settings()))


@cli.command()
def api() -> None:
    """Run the API alone, against configured servers."""
    settings = _settings()
    run_api(settings, _configured(settings))


@cli.command()
def worker() -> None:
    """Run a worker alone, against configured servers."""
    settings = _settings()
    run_worker(settings, _configured(settings))


@cli.command()
def scheduler() -> None:
    """Run the scheduler alone, against configured servers."""
    settings = _settings()
    run_scheduler(settings, _configured(settings))


@cli.command()
def relay() -> None:
    """Run the relay alone, against configured servers."""
    settings = _settings()
    run_relay(settings, _configured(settings))


@cli.command()
@click.option("--check", is_flag=True, help="Change nothing; fail if models and schema differ.")
@click.option("--to", "revision", default="head", help="Migrate forward or back to a revision.")
def migrate(check: bool, revision: str) -> None:
    """Bring the database to the schema of this release."""
    settings = _settings()

    async def act() -> None:
        async with servers_for(settings) as endpoints:
            if check:
                await asyncio.to_thread(check_schema, endpoints.database_url)
            else:
                await asyncio.to_thread(move_to, endpoints.database_url, revision)

    try:
        asyncio.run(act())
    except SettingsFault as fault:
        _refuse(fault.faults)


@cli.command()
@click.argument("folder", type=click.Path(path_type=Path), required=False)
@click.option("--check", is_flag=True, help="Only say what is wrong with the files.")
def seed(folder: Path | None, check: bool) -> None:
    """Load content from a FOLDER of YAML files; without one, the starter content."""
    try:
        content = read_content(folder or starter_content(), WIRING.topics)
    except ContentFaulty as error:
        _refuse(error.faults)
    new = 0 if check else _with_hall(lambda hall: write_content(hall, content))
    click.echo(
        f"{len(content.domains)} domains, {len(content.badges)} badges,"
        f" {len(content.challenges)} challenges"
        + (": nothing wrong with them" if check else f", {new} of them new")
    )


@cli.command("create-admin")
@click.option("--username", required=True)
@click.option("--email", required=True)
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
def create_admin(username: str, email: str, password_stdin: bool) -> None:
    """Open an admin's account, in a running or a stopped hall."""
    if password_stdin:
        password = sys.stdin.readline().rstrip("\n")
    else:
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    try:
        body = identity.Register(username=username, email=email, password=password)
    except ValidationError as error:
        _refuse([f"{fault['loc'][0]}: {fault['msg']}" for fault in error.errors()])

    async def act(hall: Hall) -> str:
        async with hall.units.write() as uow:
            return (await identity.create_admin(uow, body)).username

    try:
        click.echo(f"{_with_hall(act)} is an admin of this hall")
    except Refusal as refusal:
        _refuse([refusal.detail])


@cli.command()
@click.option("--repair", is_flag=True, help="Derive again what does not agree.")
def audit(repair: bool) -> None:
    """Prove that ledger, totals and leaderboards agree."""

    async def act(hall: Hall) -> progression.Audit:
        if repair:
            await progression.repair(hall.units, hall.redis)
        return await progression.audit(hall.units, hall.redis)

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


@cli.command()
def openapi() -> None:
    """Print the OpenAPI document."""
    document = create_app(_settings()).openapi()
    click.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())


def main() -> None:
    """Run the command line."""
    cli()
