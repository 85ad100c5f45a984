"""The command line. Light: each command's module is loaded when the command is asked for."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import NoReturn

import click

from guildhall import __version__
from guildhall.entrypoints.up import up as run_up
from guildhall.infra.settings import Settings, SettingsFault

__all__ = ["main", "refuse", "settings_or_exit"]

COMMANDS_MODULE = "guildhall.entrypoints.commands"
LOADED_WHEN_ASKED = {
    "api": "Run the API alone, against configured servers.",
    "audit": "Prove that ledger, totals and leaderboards agree, and budgets with what models cost.",
    "create-admin": "Open an admin's account, in a running or a stopped hall.",
    "migrate": "Bring the database to the schema of this release.",
    "openapi": "Print the OpenAPI document.",
    "relay": "Run the relay alone, against configured servers.",
    "rotate-keys": "Seal every sealed column with the newest of ENCRYPTION_KEYS.",
    "scheduler": "Run the scheduler alone, against configured servers.",
    "seed": "Load content from a FOLDER of YAML files; without one, the starter content.",
    "worker": "Run a worker alone, against configured servers.",
}


class _Group(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), *LOADED_WHEN_ASKED])

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands. Click would load them all, for a sentence each."""
        here = {name: command.help or "" for name, command in self.commands.items()}
        with formatter.section("Commands"):
            formatter.write_dl(sorted((here | LOADED_WHEN_ASKED).items()))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in LOADED_WHEN_ASKED:
            return super().get_command(ctx, cmd_name)
        module = import_module(COMMANDS_MODULE)
        command: click.Command = getattr(module, cmd_name.replace("-", "_"))
        return command


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def cli() -> None:
    """A hall for communities that learn, make things and level up together."""


@cli.command()
def up() -> None:
    """Start the whole hall, with its own servers where none are configured."""
    sys.exit(run_up(settings_or_exit()))


def settings_or_exit() -> Settings:
    """Read the settings, or say every fault and stop."""
    try:
        return Settings.load()
    except SettingsFault as fault:
        refuse(fault.faults)


def refuse(faults: list[str]) -> NoReturn:
    """Say why not, and stop with the code of a refusal."""
    for fault in faults:
        click.secho(fault, fg="red", err=True)
    sys.exit(2)


def main() -> None:
    """Run the command line."""
    cli()
