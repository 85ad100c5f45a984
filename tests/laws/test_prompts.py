"""Every prompt of the hall can be read, travels with it, and stays what it was when released."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

from guildhall.ai.prompts import Prompt, PromptInvalid, parse
from tests.laws.sources import SRC, Trees, called, calls, source_trees, trees_of

HASHES = Path(__file__).with_name("prompt_hashes.txt")
ROOT = Path(__file__).parents[2]

Prompts = Mapping[str, tuple[str, bytes]]
"""Files by their path below `guildhall/`: the package, and what is in them."""


def prompt_files() -> Prompts:
    return {
        str(path.relative_to(SRC)): (package_of(path.relative_to(SRC)), path.read_bytes())
        for path in sorted(SRC.rglob("prompts/*"))
        if path.is_file() and path.suffix not in {".py", ".pyc"}
    }


def package_of(path: Path) -> str:
    return ".".join(["guildhall", *path.parent.parent.parts])


def parsed(files: Prompts) -> Iterator[tuple[str, Prompt | PromptInvalid]]:
    for path, (package, content) in files.items():
        try:
            yield path, parse(package, Path(path).name, content)
        except PromptInvalid as fault:
            yield path, fault


def faults(files: Prompts) -> list[str]:
    """Find files that are no prompts, and prompts that are there twice."""
    found, seen = [], set[tuple[str, int]]()
    for path, prompt in parsed(files):
        if isinstance(prompt, PromptInvalid):
            found.append(f"{path}: {prompt}")
        elif (prompt.name, prompt.version) in seen:
            found.append(f"{path}: {prompt.name} v{prompt.version} is there twice")
        else:
            seen.add((prompt.name, prompt.version))
    return found


def released() -> dict[str, str]:
    lines = HASHES.read_text().splitlines()
    return dict(
        reversed(line.split("  ", 1)) for line in lines if line and not line.startswith("#")
    )


def changed(files: Prompts, hashes: Mapping[str, str]) -> list[str]:
    """Find prompts that are not what they were, and those that nobody wrote down."""
    now = {path: prompt.sha256 for path, prompt in parsed(files) if isinstance(prompt, Prompt)}
    found = [f"{path}: is not on record" for path in sorted(now.keys() - hashes.keys())]
    found += [f"{path}: is gone" for path in sorted(hashes.keys() - now.keys())]
    return found + [
        f"{path}: was released, and must not change; write v{{n + 1}}"
        for path in sorted(now.keys() & hashes.keys())
        if now[path] != hashes[path]
    ]


def made_on_the_way(trees: Trees) -> list[str]:
    """Find questions that are put together without a prompt, and prompts without a file."""
    return [
        f"{path}:{call.lineno}: {called(call)}"
        for path, tree in trees.items()
        if path != "ai/prompts.py" and not path.startswith("infra/llm/")
        for call in calls(tree)
        if called(call) in {"Question", "Prompt"}
        and isinstance(call.func, ast.Name | ast.Attribute)
    ]


def test_every_prompt_can_be_read_and_is_there_once() -> None:
    assert faults(prompt_files()) == []


def test_what_was_released_does_not_change() -> None:
    assert changed(prompt_files(), released()) == []


def test_every_question_comes_from_a_prompt() -> None:
    assert made_on_the_way(source_trees()) == []


def test_prompts_travel_in_the_wheel() -> None:
    """Hatchling packs every file of the package that git does not ignore, but the excluded."""
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]
    assert wheel["targets"]["wheel"] == {"packages": ["src/guildhall"]}
    assert wheel.keys() <= {"targets", "artifacts", "exclude", "hooks"}
    assert wheel["exclude"] == ["src/guildhall/.web-*"]
    ignored = (ROOT / ".gitignore").read_text().split()
    assert not [line for line in ignored if line.endswith(".md") or "prompts" in line]


GOOD = b"""---
name: plan
version: 1
inputs: {}
max_output_tokens: 10
tries: 1
---
Plan.
"""


def test_the_law_of_prompts_sees_each_fault() -> None:
    files = {
        "goals/prompts/plan.v1.md": ("guildhall.goals", GOOD),
        "x/goals/prompts/plan.v1.md": ("guildhall.x.goals", GOOD),
        "goals/prompts/plan.v2.md": ("guildhall.goals", GOOD),
        "goals/prompts/notes.txt": ("guildhall.goals", b"Plan."),
    }
    found = faults(files)
    assert [fault.split(":")[0] for fault in found] == [
        "x/goals/prompts/plan.v1.md",
        "goals/prompts/plan.v2.md",
        "goals/prompts/notes.txt",
    ]
    good = {"goals/prompts/plan.v1.md": ("guildhall.goals", GOOD)}
    ((path, prompt),) = parsed(good)
    assert isinstance(prompt, Prompt)
    assert changed(good, {path: prompt.sha256}) == []
    assert changed(good, {path: "0" * 64, "gone.v1.md": "1"}) == [
        "gone.v1.md: is gone",
        f"{path}: was released, and must not change; write v{{n + 1}}",
    ]
    assert changed(good, {}) == [f"{path}: is not on record"]
    trees = trees_of(goals__x="Question(instructions=f'{x}')", infra__llm__y="Question()")
    assert made_on_the_way(trees) == ["goals/x.py:1: Question"]
