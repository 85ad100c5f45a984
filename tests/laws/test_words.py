"""Every language says the same things, and nothing that no room says any more."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

WEB = Path(__file__).resolve().parents[2] / "web" / "src"
I18N = WEB / "i18n"
ENGLISH = "en"
PLURAL = re.compile(r"_(?:one|other)$")
HOLE = re.compile(r"\{\{\s*(\w+)[^}]*\}\}|</?(\w+)\s*/?>")
QUOTED = re.compile(r"\"([\w:.-]+)\"|`((?:[\w:.-]|\$\{(?:[^{}`]|\{[^{}]*\})*\})+)`")
COMPUTED = re.compile(r"\\\$\\\{.*?\\\}")
CODES = "hall:problem."
"""The sentences for the hall's codes: English has the hall's own where it says all."""

Words = Mapping[str, str]
"""What a language says, by `vocabulary:key`."""


def words_of(language: str) -> Words:
    return {
        f"{file.stem}:{key}": said
        for file in sorted((I18N / language).glob("*.json"))
        for key, said in leaves(json.loads(file.read_text(encoding="utf-8")))
    }


def leaves(words: Mapping[str, Any], at: str = "") -> Iterator[tuple[str, str]]:
    for name, said in words.items():
        if isinstance(said, str):
            yield at + name, said
        else:
            yield from leaves(said, f"{at}{name}.")


def missing(words: Words, than: Words) -> list[str]:
    """Tell what is not said that another language says."""
    return sorted(set(than) - set(words))


def holes(said: str) -> set[str]:
    return {name or tag for name, tag in HOLE.findall(said)}


def unsaid(words: Words, sources: str) -> list[str]:
    """Tell which words no source names, by the whole key or by a pattern that it fits."""
    named, patterns = set(), []
    for plain, template in QUOTED.findall(sources):
        key = re.sub(r"^\w+:", "", plain or template)
        if "${" not in key:
            named.add(key)
        elif not key.startswith("${"):  # Else it would fit everything.
            patterns.append(COMPUTED.sub(r"[\\w.-]+", re.escape(key)))
    fits = re.compile("|".join(f"(?:{each})" for each in sorted(set(patterns))) or "(?!)")
    keys = {each: PLURAL.sub("", each.partition(":")[2]) for each in words}
    return [each for each, key in keys.items() if key not in named and not fits.fullmatch(key)]


def sources() -> str:
    files = [*WEB.rglob("*.ts"), *WEB.rglob("*.tsx")]
    return "\n".join(each.read_text(encoding="utf-8") for each in files if each.stem != "schema.d")


def languages() -> list[str]:
    return sorted(each.name for each in I18N.iterdir() if each.is_dir())


def test_every_language_has_the_same_words() -> None:
    english = words_of(ENGLISH)
    assert len(languages()) > 1
    for language in languages():
        said = words_of(language)
        assert missing(said, english) == [], language
        more = missing(english, said)
        assert [each for each in more if not each.startswith(CODES)] == [], language


def test_every_language_fills_the_same_holes() -> None:
    english = words_of(ENGLISH)
    for language in languages():
        said = words_of(language)
        # A singular may say "one" in a word of its own.
        wrong = [
            each
            for each in english
            if holes(said[each]) - {"count"} != holes(english[each]) - {"count"}
        ]
        assert wrong == [], language


def test_nothing_is_kept_that_nobody_says() -> None:
    assert unsaid(words_of(ENGLISH), sources()) == []


def test_the_law_sees_what_is_left_over() -> None:
    words = {
        "hall:do.save": "Save",
        "hall:days_one": "one day",
        "hall:days_other": "{{count}} days",
        "goals:task.open": "open",
        "goals:task.old": "old",
        "goals:gone": "gone",
    }
    source = 't("hall:do.save") t("days", { count }) t(`task.${status}`)'
    assert unsaid(words, source) == ["goals:gone"]
    assert missing({"hall:do.save": "Sichern"}, {"hall:do.save": "", "hall:gone": ""}) == [
        "hall:gone"
    ]
    assert holes("<join>{{count}} of {{all}}</join>") == {"join", "count", "all"}
