"""Content from files: told by file and path when it is wrong, and changed only where it changed."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from sqlalchemy import select

from guildhall.challenges.models import Challenge
from guildhall.entrypoints.cli import cli
from guildhall.entrypoints.seeding import ContentFaulty, read_content, seed, starter_content
from guildhall.entrypoints.wiring import WIRING
from guildhall.infra.hall import Hall
from guildhall.progression.models import Badge
from tests import factories
from tests.factories import QUIZ, RANKS
from tests.world import SettableClock

MATE = {
    "slug": "mate-in-two",
    "title": "Mate in two",
    "description": "White moves.",
    "xp": 100,
    "difficulty": "easy",
    "tags": ["tactics"],
    "explanation": "A sacrifice.",
    "grader": {"type": "flag", "flag": "Qh7"},
}


REGULAR = {
    "slug": "regular",
    "name": "A regular",
    "description": "Ten attempts.",
    "condition": {"type": "attempt_count", "count": 10},
}


async def load(hall: Hall, folder: Path, **files: list[dict[str, Any]]) -> int:
    """Write content files, named by what is in them, and seed the folder."""
    for name, items in files.items():
        (folder / f"{name}.yaml").write_text(yaml.safe_dump({name: items}), encoding="utf-8")
    return await seed(hall, read_content(folder, WIRING.topics))


async def test_the_starter_content_is_loaded_once(hall: Hall) -> None:
    content = read_content(starter_content(), WIRING.topics)
    assert await seed(hall, content) == len(content.challenges)
    assert await seed(hall, content) == 0


@pytest.mark.parametrize(
    ("change", "version", "touched"),
    [
        ({}, 1, False),
        ({"title": "Mate in 2"}, 1, True),
        ({"tags": []}, 1, True),
        ({"max_attempts": 3}, 1, True),
        ({"grader": {"type": "flag", "flag": "Qh8"}}, 2, True),
        ({"grader": QUIZ}, 2, True),
    ],
)
async def test_a_challenge_that_changed_has_a_new_time_and_a_changed_grader_a_new_version(
    hall: Hall,
    clock: SettableClock,
    tmp_path: Path,
    change: dict[str, Any],
    version: int,
    touched: bool,
) -> None:
    first = hall.clock.now()
    await load(hall, tmp_path, challenges=[MATE])
    clock.advance(hours=1)
    for _ in range(2):
        assert await load(hall, tmp_path, challenges=[MATE | change]) == 0
    async with hall.units.read() as uow:
        kept = (await uow.session.scalars(select(Challenge))).one()
        assert (kept.grader_version, kept.created_at) == (version, first)
        assert kept.updated_at == first + timedelta(hours=touched)


@pytest.mark.parametrize(
    ("change", "version"),
    [
        ({}, 1),
        ({"name": "At home"}, 1),
        ({"condition": {"type": "attempt_count", "count": 9}}, 2),
    ],
)
async def test_a_badge_whose_condition_changed_has_a_new_version(
    hall: Hall, tmp_path: Path, change: dict[str, Any], version: int
) -> None:
    await load(hall, tmp_path, badges=[REGULAR])
    for _ in range(2):
        await load(hall, tmp_path, badges=[REGULAR | change])
    async with hall.units.read() as uow:
        assert (await uow.session.scalars(select(Badge))).one().version == version


async def test_a_domain_that_neither_the_folder_nor_the_hall_has_is_told_with_its_place(
    hall: Hall, tmp_path: Path
) -> None:
    challenges = [MATE, MATE | {"slug": "mate-in-one", "domain": "chess"}]
    with pytest.raises(ContentFaulty) as refused:
        await load(hall, tmp_path, challenges=challenges)
    assert refused.value.faults == [
        "challenges.yaml: challenges.1.domain: no domain is called chess"
    ]
    await factories.domain(hall, "chess")
    assert await load(hall, tmp_path, challenges=challenges) == 2


def test_a_domain_missing_in_a_folder_with_domains_is_told_without_a_hall(tmp_path: Path) -> None:
    for name, items in {
        "domains": [{"slug": "chess", "name": "Chess", "description": "x", "ranks": RANKS}],
        "challenges": [MATE | {"domain": "chess"}, MATE | {"slug": "go", "domain": "go"}],
    }.items():
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump({name: items}), encoding="utf-8")
    with pytest.raises(ContentFaulty, match=r"challenges\.1\.domain: no domain is called go"):
        read_content(tmp_path, WIRING.topics)


async def test_the_command_says_what_only_the_hall_finds_wrong(
    committed: Hall, tmp_path: Path
) -> None:
    written = yaml.safe_dump({"challenges": [MATE | {"domain": "chess"}]})
    (tmp_path / "challenges.yaml").write_text(written, encoding="utf-8")
    environment = committed.endpoints.as_environment()
    said = await asyncio.to_thread(
        CliRunner().invoke, cli, ["seed", str(tmp_path)], env=environment
    )
    assert said.exit_code == 2, said.output
    assert "challenges.0.domain: no domain is called chess" in said.stderr
    assert "Traceback" not in said.stderr
