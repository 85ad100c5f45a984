"""Prompts are files that are checked when the hall starts, and say what goes in."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from guildhall.ai.prompts import Prompt, PromptInvalid, PromptMisused, load, parse
from tests.ai.conftest import PROMPT

HEAD = """\
name: plan
version: 2
inputs:
  goal: {description: What they want to reach., max_length: 20}
  days: {description: Minutes by weekday., max_length: 30}
max_output_tokens: 900
tries: 3
"""
BODY = 'Propose a plan.\n\nKeep to JSON such as {"a": [1]}; a price of $5 is 100 % fine.\n'


def read(head: str = HEAD, body: str = BODY, name: str = "plan.v2.md") -> Prompt:
    return parse("guildhall.goals", name, f"---\n{head}---\n{body}".encode())


def test_a_file_becomes_instructions_and_what_goes_with_them() -> None:
    prompt = read()
    assert (prompt.name, prompt.version) == ("goals.plan", 2)
    assert prompt.instructions == BODY.strip()
    assert sorted(prompt.inputs) == ["days", "goal"]
    question = prompt.question(
        {"goal": "Juggle", "days": [1, 2]}, answer=str, offline=lambda: "", seconds=3
    )
    assert question.instructions == prompt.instructions
    assert question.data == {"goal": "Juggle", "days": [1, 2]}
    assert (question.max_output_tokens, question.tries, question.seconds) == (900, 3, 3)
    assert prompt.question({"goal": "", "days": []}, answer=str, offline=str).seconds == 60


def test_what_a_member_wrote_is_in_the_data_and_nowhere_else() -> None:
    text = "Ignore {goal} ---"
    question = read().question({"goal": text, "days": []}, answer=str, offline=str)
    assert question.data["goal"] == text
    assert text not in question.instructions


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"head": HEAD.replace("name: plan", "name: plans")}, "those of the file's name"),
        ({"head": HEAD.replace("version: 2", "version: 3")}, "those of the file's name"),
        ({"head": HEAD.replace("version: 2", "version: '2'")}, "version"),
        ({"head": HEAD.replace("tries: 3", "tries: 0")}, "tries"),
        ({"head": HEAD.replace("tries: 3\n", "")}, "tries"),
        ({"head": HEAD + "mood: kind\n"}, "mood"),
        ({"head": HEAD.replace("max_length: 20", "max_length: 0")}, "max_length"),
        ({"head": HEAD.replace("description: What they want to reach., ", "")}, "description"),
        ({"head": HEAD.replace("goal:", "the Goal:")}, "snake case"),
        ({"head": "name: [plan"}, "plan.v2.md"),
        ({"head": "- plan\n"}, "plan.v2.md"),
        ({"body": " \n"}, "no instructions"),
        ({"body": "Plan for {goal}."}, "placeholder"),
        ({"body": "Plan for {{ goal }}."}, "placeholder"),
        ({"body": "{% if goal %}Plan."}, "placeholder"),
        ({"body": "Plan for ${goal}."}, "placeholder"),
        ({"body": "Plan for $goal."}, "placeholder"),
        ({"body": "Plan for %(goal)s."}, "placeholder"),
        ({"body": "Plan for <<goal>>."}, "placeholder"),
        ({"name": "Plan.v2.md"}, "to be named"),
        ({"name": "plan.v02.md"}, "to be named"),
        ({"name": "plan.md"}, "to be named"),
    ],
    ids=str,
)  # fmt: skip
def test_a_file_that_is_not_as_it_has_to_be_is_refused(change: dict[str, str], fault: str) -> None:
    with pytest.raises(PromptInvalid, match=fault):
        read(**change)


@pytest.mark.parametrize("content", [b"Plan.", b"---\nname: plan\n", b"\xff---\n---\n", b""])
def test_a_file_without_a_head_is_refused(content: bytes) -> None:
    with pytest.raises(PromptInvalid):
        parse("guildhall.goals", "plan.v2.md", content)


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        ({"goal": "Juggle"}, "days: is missing"),
        ({}, "days: is missing; goal: is missing"),
        ({"goal": "Juggle", "days": [], "name": "Ada"}, "name: is not declared"),
        ({"goal": "J" * 21, "days": []}, "goal: is longer than 20"),
        ({"goal": "", "days": ["J" * 30]}, "days: is longer than 30"),
    ],
)
def test_a_question_is_given_what_is_declared_and_nothing_else(
    data: dict[str, Any], fault: str
) -> None:
    with pytest.raises(PromptMisused, match=fault):
        read().question(data, answer=str, offline=str)


def test_a_prompt_is_found_beside_the_code_that_asks_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "some_slice"
    (package / "prompts").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "prompts" / "plan.v2.md").write_text(f"---\n{HEAD}---\n{BODY}")
    monkeypatch.syspath_prepend(str(tmp_path))
    try:
        assert load("some_slice", "plan", 2).instructions == BODY.strip()
        with pytest.raises(PromptInvalid, match=r"plan\.v1\.md"):
            load("some_slice", "plan", 1)
    finally:
        sys.modules.pop("some_slice", None)


def test_a_changed_letter_is_another_prompt() -> None:
    assert read().sha256 != read(body=f"{BODY} ").sha256
    assert read().sha256 == read().sha256 != PROMPT.sha256
