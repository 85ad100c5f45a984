"""Migrations: bringing a database to the schema of this release."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

__all__ = ["alembic_config", "check_schema", "head_revision", "move_to", "upgrade"]

DIRECTORY = Path(__file__).parent.parent / "migrations"


def alembic_config(database_url: str = "") -> Config:
    """Give Alembic's configuration; there is no ini file."""
    config = Config()
    config.set_main_option("script_location", str(DIRECTORY))
    config.attributes["database_url"] = database_url
    return config


@cache
def head_revision() -> str:
    """Give the revision that this release's code expects.

    Revisions are numbered in order, so the last file is the head; a test holds Alembic to that.
    Asking Alembic itself would cost every process its import.
    """
    return max(path.name[:4] for path in (DIRECTORY / "versions").glob("[0-9]*.py"))


def upgrade(database_url: str) -> None:
    """Migrate to the head; waits for another migrator, then finds nothing left to do. Blocks."""
    command.upgrade(alembic_config(database_url), "head")


def move_to(database_url: str, revision: str) -> None:
    """Migrate forward or back to a revision (`base` is none). Blocks."""
    config = alembic_config(database_url)
    script = ScriptDirectory.from_config(config)
    forward = revision == "head" or revision.startswith("+")
    known = [step.revision for step in script.walk_revisions()]
    if forward or (revision in known and revision == script.get_current_head()):
        command.upgrade(config, revision)
    else:
        command.downgrade(config, revision)


def check_schema(database_url: str) -> None:
    """Migrate to the head, then fail if the models say something else. Blocks."""
    upgrade(database_url)
    command.check(alembic_config(database_url))
