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

LOADED_WHEN_ASKED = dict.fromkeys(
    ("api", "audit", "create-admin", "migrate", "openapi", "relay", "scheduler", "seed", "worker"),
    "guildhall.entrypoints.commands",
)


class _Group(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), *LOADED_WHEN_ASKED])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in LOADED_WHEN_ASKED:
            return super().get_command(ctx, cmd_name)
        module = import_module(LOADED_WHEN_ASKED[cmd_name])
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
