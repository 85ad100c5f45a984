"""Every setting tells an operator what it does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import get_type_hints

from pydantic import Field
from pydantic_settings import BaseSettings

from guildhall.infra.settings import Settings
from guildhall.infra.settings.page import settings_page

PAGE = Path(__file__).parents[2] / "docs" / "settings.md"


def undocumented(concerns: list[type[BaseSettings]]) -> Iterator[str]:
    for concern in concerns:
        for name, field in concern.model_fields.items():
            if not (field.description or "").strip().endswith("."):
                yield f"{concern.__name__}.{name}"


def test_every_setting_is_described_in_a_sentence() -> None:
    assert list(undocumented(list(get_type_hints(Settings).values()))) == []


def test_every_setting_has_one_name_in_one_concern() -> None:
    names = [name for concern in get_type_hints(Settings).values() for name in concern.model_fields]
    assert len(set(names)) == len(names)


def test_the_law_of_descriptions_sees_a_setting_without_one() -> None:
    class Bare(BaseSettings):
        told: int = Field(1, description="It is told.")
        untold: int = 1

    assert list(undocumented([Bare])) == ["Bare.untold"]


def test_the_page_of_settings_says_what_their_classes_say() -> None:
    assert PAGE.read_text() == settings_page(), (
        "docs/settings.md is stale: python -m guildhall.infra.settings.page > docs/settings.md"
    )


def test_the_page_has_a_line_for_every_setting() -> None:
    lines = settings_page().splitlines()
    for concern in get_type_hints(Settings).values():
        for name in concern.model_fields:
            assert sum(line.startswith(f"| `{name.upper()}` |") for line in lines) == 1, name
