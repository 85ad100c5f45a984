"""The page on security names files and tests that exist."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "security.md"
NAMED = re.compile(r"`((?:tests|identity|infra|entrypoints)/[\w./-]+)`")


def missing(page: str) -> Iterator[str]:
    for name in NAMED.findall(page):
        place = ROOT / name if name.startswith("tests/") else ROOT / "src" / "guildhall" / name
        if not place.exists():
            yield name


def test_what_the_security_page_names_exists() -> None:
    assert list(missing(PAGE.read_text())) == []


def test_the_law_of_the_page_sees_what_does_not_exist() -> None:
    assert list(missing("`tests/nowhere.py` and `infra/door.py`, `identity/magic/`")) == [
        "tests/nowhere.py",
        "identity/magic/",
    ]


def test_every_requirement_is_listed_once() -> None:
    listed = re.findall(r"^\| ([\d.]+(?:(?:, |–)[\d.]+)*) \|", PAGE.read_text(), re.MULTILINE)
    assert len(listed) == len(set(listed))
    assert len(listed) > 70
