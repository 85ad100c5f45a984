"""The page on security names files and tests that exist."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "security.md"
NAMED = re.compile(r"`((?:tests|identity|infra|entrypoints)/[\w./-]+)(?:::(\w+))?`")
ROW = re.compile(r"^\| (\d[\d.]*\.\d[^|]*?) \|.*\| *([^|]*?) *\|$", re.MULTILINE)


def missing(page: str) -> Iterator[str]:
    """Find what the page names and is not there: files, and tests in them."""
    for name, test in NAMED.findall(page):
        place = ROOT / name if name.startswith("tests/") else ROOT / "src" / "guildhall" / name
        if not place.exists():
            yield name
        elif test and f"def {test}(" not in place.read_text():
            yield f"{name}::{test}"


def vague(page: str) -> Iterator[str]:
    """Find rows that name a file of tests, but not which of them."""
    for requirement, tested in ROW.findall(page):
        if "tests/" in tested and not all(test for _, test in NAMED.findall(tested)):
            yield requirement


def test_what_the_security_page_names_exists() -> None:
    assert list(missing(PAGE.read_text())) == []


def test_every_requirement_that_is_tested_says_by_which_test() -> None:
    assert list(vague(PAGE.read_text())) == []
    assert len([tested for _, tested in ROW.findall(PAGE.read_text()) if "::" in tested]) > 60


def test_the_law_of_the_page_sees_what_does_not_exist() -> None:
    assert list(missing("`tests/nowhere.py` and `infra/door.py`, `identity/magic/`")) == [
        "tests/nowhere.py",
        "identity/magic/",
    ]
    page = "tests/laws/test_security_page.py"
    assert list(missing(f"`{page}::missing` and `{page}::miss`, `{page}::test_nothing`")) == [
        f"{page}::miss",
        f"{page}::test_nothing",
    ]


def test_the_law_of_the_page_sees_a_row_that_names_no_test() -> None:
    page = "tests/laws/test_access.py"
    rows = f"| 1.2.3 | 2 | x | y | `{page}` |\n| 1.2.4 | 2 | x | y | `{page}::test_x` |\n"
    rows += f"| 1.2.5, 1.2.6 | 2 | x | y | `{page}::test_x`, `{page}` |\n| 1.2.7 | 1 | x | y | |\n"
    assert list(vague(rows)) == ["1.2.3", "1.2.5, 1.2.6"]


def test_every_requirement_is_listed_once() -> None:
    listed = re.findall(r"^\| ([\d.]+(?:(?:, |–)[\d.]+)*) \|", PAGE.read_text(), re.MULTILINE)
    assert len(listed) == len(set(listed))
    assert len(listed) > 70
