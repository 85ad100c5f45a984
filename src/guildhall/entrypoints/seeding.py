"""Content from YAML files into the hall.

A folder has any of `domains.yaml`, `badges.yaml`, `challenges.yaml`, `challenges/*.yaml` and
`templates/*.yaml`. It is read and checked as a whole before anything is written; every fault is
told with its file and path. Challenges and templates without a `domains.yaml` beside them may be
of any domain that the hall has.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

import click
import yaml
from pydantic import BaseModel, ValidationError

from guildhall.challenges import SeedChallenge, seed_challenges
from guildhall.goals import Template, seed_templates
from guildhall.infra.hall import Hall
from guildhall.progression import (
    ConditionInvalid,
    SeedBadge,
    SeedDomain,
    domains,
    parse_condition,
    seed_badges,
    seed_domains,
)

__all__ = ["Content", "ContentFaulty", "read_content", "seed", "starter_content"]

Model = TypeVar("Model", bound=BaseModel)


class ContentFaulty(click.ClickException):
    """Content that cannot be used. `faults` has one line for each, with file and path.

    Some are found only while the hall is open, so every command says them and stops.
    """

    exit_code = 2

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


@dataclass(frozen=True)
class Content:
    """Checked content."""

    domains: list[SeedDomain]
    badges: list[SeedBadge]
    challenges: list[SeedChallenge]
    templates: list[Template]
    domains_of_the_hall: list[tuple[str, str]]
    """Domains that the hall must have, each with its place in the files."""


def starter_content() -> Path:
    """Give the folder of the content that comes with the hall."""
    return Path(str(resources.files("guildhall.content"))) / "starter"


def read_content(folder: Path, topics: frozenset[str]) -> Content:
    """Read and check a folder. Raises ContentFaulty with every fault at once."""
    faults: list[str] = []
    if not folder.is_dir():
        raise ContentFaulty([f"{folder}: is not a folder"])
    written_domains = _items(folder, ["domains.yaml"], "domains", SeedDomain, faults)
    badges = _items(folder, ["badges.yaml"], "badges", SeedBadge, faults)
    challenges = _items(
        folder, ["challenges.yaml", "challenges/*.yaml"], "challenges", SeedChallenge, faults
    )
    templates = _items(folder, ["templates/*.yaml"], "templates", Template, faults)
    for place, badge in badges:
        try:
            parse_condition(badge.condition, topics)
        except ConditionInvalid as error:
            found: Any = error.extra["faults"]
            faults += [f"{place}.condition.{fault['path']}: {fault['message']}" for fault in found]
    faults += _repeated(written_domains) + _repeated(badges) + _repeated(challenges)
    faults += _repeated(templates)
    faults += _unmet_requirements(challenges)
    known_domains = {domain.slug for _, domain in written_domains}
    domains_named = [(place, challenge.domain) for place, challenge in challenges]
    domains_named += [(place, template.domain) for place, template in templates]
    unknown_domains = [
        (f"{place}.domain", domain)
        for place, domain in domains_named
        if domain is not None and domain not in known_domains
    ]
    if known_domains:
        faults += _unknown(unknown_domains)
    if faults:
        raise ContentFaulty(faults)
    return Content(
        [domain for _, domain in written_domains],
        [badge for _, badge in badges],
        [challenge for _, challenge in challenges],
        [template for _, template in templates],
        unknown_domains,
    )


async def seed(hall: Hall, content: Content) -> int:
    """Write content in one transaction; give how many challenges are new. Idempotent.

    Raises ContentFaulty if the hall lacks a domain that the folder does not bring.
    """
    async with hall.units.write() as uow:
        known_domains = await domains(uow)
        if faults := _unknown(d for d in content.domains_of_the_hall if d[1] not in known_domains):
            raise ContentFaulty(faults)
        await seed_domains(uow, content.domains)
        await seed_badges(uow, content.badges)
        await seed_templates(uow, content.templates)
        return await seed_challenges(uow, content.challenges)


def _items(
    folder: Path, patterns: Iterable[str], key: str, model: type[Model], faults: list[str]
) -> list[tuple[str, Model]]:
    """Read the items of the files that match, each with its place for messages."""
    items: list[tuple[str, Model]] = []
    for path in sorted(path for pattern in patterns for path in folder.glob(pattern)):
        name = path.relative_to(folder)
        try:
            written = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            faults.append(f"{name}: is not YAML: {' '.join(str(error).split())}")
            continue
        if not isinstance(written, dict) or not isinstance(written.get(key), list):
            faults.append(f"{name}: must be a mapping with a list called {key}")
            continue
        for position, item in enumerate(written[key]):
            place = f"{name}: {key}.{position}"
            try:
                items.append((place, model.model_validate(item)))
            except ValidationError as error:
                faults += [
                    f"{place}.{'.'.join(map(str, fault['loc']))}: {fault['msg']}"
                    for fault in error.errors(include_url=False)
                ]
    return items


def _unknown(domains_at: Iterable[tuple[str, str]]) -> list[str]:
    return [f"{place}: no domain is called {slug}" for place, slug in domains_at]


def _repeated(items: Iterable[tuple[str, Any]]) -> list[str]:
    seen: dict[str, str] = {}
    return [
        f"{place}.slug: {item.slug} is taken by {first}"
        for place, item in items
        if (first := seen.setdefault(item.slug, place)) != place
    ]


def _unmet_requirements(challenges: list[tuple[str, SeedChallenge]]) -> list[str]:
    """Find prerequisites that are not there, and those that lead back to themselves."""
    requires = {challenge.slug: challenge.requires for _, challenge in challenges}
    faults: list[str] = []
    for place, challenge in challenges:
        faults += [
            f"{place}.requires: no challenge is called {slug}"
            for slug in challenge.requires
            if slug not in requires
        ]
        needed, ahead = set[str](), list(challenge.requires)
        while ahead:
            slug = ahead.pop()
            if slug not in needed:
                needed.add(slug)
                ahead += requires.get(slug, [])
        if challenge.slug in needed:
            faults.append(f"{place}.requires: leads back to {challenge.slug} itself")
    return faults
