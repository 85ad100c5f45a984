"""The templates that come with the hall, and what a template may not be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from guildhall.entrypoints.seeding import starter_content
from guildhall.goals.templates import Template

STARTER = starter_content()


def templates() -> list[Template]:
    return [
        Template.model_validate(item)
        for path in sorted(STARTER.glob("templates/*.yaml"))
        for item in yaml.safe_load(path.read_text(encoding="utf-8"))["templates"]
    ]


TEMPLATES = templates()


def test_there_are_many_and_each_has_a_name_of_its_own() -> None:
    slugs = [template.slug for template in TEMPLATES]
    assert len(slugs) >= 14
    assert len(set(slugs)) == len(slugs)
    assert {path.stem for path in Path(STARTER, "templates").glob("*.yaml")} == set(slugs)


def test_their_domains_are_those_of_the_starter_content() -> None:
    written = yaml.safe_load((STARTER / "domains.yaml").read_text(encoding="utf-8"))
    domains = {domain["slug"] for domain in written["domains"]}
    of_templates = {template.domain for template in TEMPLATES} - {None}
    assert of_templates == domains


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.slug)
def test_a_template_gives_way_to_the_time_there_is(template: Template) -> None:
    assert template.fewest_minutes * 2 <= template.most_minutes
    assert all(
        task.shortest_minutes <= task.minutes <= task.longest_minutes for task in template.tasks
    )
    assert sum(task.optional for task in template.tasks) < len(template.tasks) / 2


SOUND: dict[str, Any] = {
    "slug": "sound",
    "title": "A sound one",
    "description": "Two steps, one after the other.",
    "keywords": ["one", "two", "three"],
    "milestones": [
        {
            "title": "First",
            "evidence": "Seen.",
            "tasks": [{"key": "a", "title": "Do a", "minutes": 30}],
        },
        {
            "title": "Second",
            "evidence": "Seen.",
            "tasks": [{"key": "b", "title": "Do b", "minutes": 30}],
        },
    ],
}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"key": "a"}, "two tasks have this key"),
        ({"depends_on": ["z"]}, "depends on z, which is not before it"),
        ({"depends_on": ["b"]}, "depends on b, which is not before it"),
        ({"title": "Do a"}, "two tasks have the same title"),
        ({"repeats": 61}, "less than or equal to 60"),
    ],
)
def test_a_template_that_does_not_lead_forward_is_refused(
    change: dict[str, Any], said: str
) -> None:
    first, second = SOUND["milestones"]
    changed = {**second, "tasks": [{**second["tasks"][0], **change}]}
    assert Template.model_validate(SOUND).most_minutes == 90
    with pytest.raises(ValidationError, match=said):
        Template.model_validate({**SOUND, "milestones": [first, changed]})
