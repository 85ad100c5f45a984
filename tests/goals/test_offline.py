"""The planner without a model: always sound, fits the time, and says what it is."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guildhall.goals.offline import FILLED_SHARE, matching, propose
from guildhall.goals.scheduling import Calendar, Work, place, violations
from guildhall.goals.templates import Template
from guildhall.goals.validation import faults, split
from tests.goals.generated import FIRST_DAY
from tests.goals.test_templates import TEMPLATES

BY_SLUG = {template.slug: template for template in TEMPLATES}
any_template = st.sampled_from([None, *TEMPLATES])


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=200), st.integers(0, 200_000), any_template)
def test_every_plan_is_sound(title: str, minutes: int, template: Template | None) -> None:
    proposal = propose(title, "", minutes, template)
    assert faults(proposal, minutes_available=minutes) == []
    before = set[str]()
    for task in proposal.tasks:
        assert before.issuperset(task.depends_on)
        before.add(task.key)
    assert proposal == propose(title, "", minutes, template)


@settings(deadline=None)
@given(st.integers(300, 100_000), any_template)
def test_a_plan_fills_no_more_than_the_time_if_the_way_is_not_longer(
    minutes: int, template: Template | None
) -> None:
    proposal = propose("Learn to juggle", "", minutes, template)
    total = sum(task.minutes for task in proposal.tasks)
    if template is not None and template.fewest_minutes <= minutes * FILLED_SHARE:
        assert total <= minutes
        assert total >= min(minutes * 0.4, sum(task.minutes for task in template.tasks) * 0.5)
    if total > minutes:
        assert "Not all of it fits" in proposal.summary


@pytest.mark.parametrize("template", [None, *TEMPLATES], ids=lambda t: t.slug if t else "none")
def test_a_plan_for_the_usual_time_finds_days_for_everything(template: Template | None) -> None:
    calendar = Calendar({FIRST_DAY + timedelta(days=day): 45 for day in range(120)})
    minutes = sum(calendar.free_minutes.values())
    proposal = split(propose("Learn to juggle", "", minutes, template), minutes_a_day=45)
    last = max(calendar.free_minutes)
    work = [
        Work(task.key, task.minutes, last, depends_on=frozenset(task.depends_on))
        for task in proposal.tasks
    ]
    placement = place(work, calendar)
    assert not violations(work, calendar, placement)
    assert not placement.unplaced


def test_what_is_optional_goes_first_when_time_is_short() -> None:
    template = BY_SLUG["python-first-program"]
    optional = {task.key for task in template.tasks if task.optional}
    short = {task.key for task in propose("x", "", 900, template).tasks}
    long = {task.key for task in propose("x", "", 6_000, template).tasks}
    assert optional
    assert not optional & short
    assert optional <= long


def test_what_waited_for_something_left_out_waits_for_what_that_waited_for() -> None:
    template = BY_SLUG["better-sleep"]
    minutes = int(template.fewest_minutes / FILLED_SHARE) + 1
    tasks = {task.key: task for task in propose("x", "", minutes, template).tasks}
    assert "keep-on" not in tasks
    assert "read-diary" in tasks["compare"].depends_on


def test_rounds_follow_each_other_and_what_comes_after_waits_for_the_last() -> None:
    tasks = {task.key: task for task in propose("x", "", 4_000, BY_SLUG["novel-draft"]).tasks}
    rounds = sorted(
        (key for key in tasks if key.startswith("first-scenes-r")),
        key=lambda key: int(key.rpartition("-r")[2]),
    )
    assert len(rounds) > 3
    assert tasks[rounds[0]].depends_on == ["first-scenes"]
    assert tasks[rounds[1]].depends_on == [rounds[0]]
    assert tasks["look-1"].depends_on == [rounds[-1]]


def test_what_goes_on_throughout_takes_turns_with_the_rest() -> None:
    proposal = propose("x", "", 4_000, BY_SLUG["language-conversation"])
    of_words = [
        sum(task.key.startswith("words") for task in milestone.tasks)
        for milestone in proposal.milestones
    ]
    assert min(of_words) >= 2
    keys = [task.key for task in proposal.milestones[-1].tasks]
    in_last = [index for index, key in enumerate(keys) if key.startswith("words")]
    assert max(b - a for a, b in pairwise(in_last)) > 1


def test_a_plan_that_is_only_a_first_part_says_so() -> None:
    proposal = propose("Write a thesis", "", 60, BY_SLUG["thesis"])
    assert sum(task.minutes for task in proposal.tasks) <= 60
    assert "this is its first part" in proposal.summary


def test_every_plan_says_that_no_model_made_it() -> None:
    for template in (None, *TEMPLATES):
        assert "without a model" in propose("Learn to juggle", "", 3_000, template).summary


@pytest.mark.parametrize(
    ("title", "description", "slug"),
    [
        ("Hold a conversation in Spanish by June", "40 minutes a day", "language-conversation"),
        ("Run my first 5k", "", "running-5k"),
        ("Finish a half marathon in October", "running three times a week", "half-marathon"),
        ("Learn Python programming", "", "python-first-program"),
        ("SQL for my work", "databases and queries", "sql-for-questions"),
        ("Understand statistics", "", "statistics-foundations"),
        ("Linux server basics", "", "linux-command-line"),
        ("Learn to draw portraits", "", "drawing-from-life"),
        ("Play guitar", "", "guitar-first-songs"),
        ("Write a novel", "", "novel-draft"),
        ("Finish my master thesis", "", "thesis"),
        ("Pass the chemistry exam", "", "exam-preparation"),
        ("Get better at public speaking", "", "public-speaking"),
        ("Declutter the house", "", "home-in-order"),
        ("Launch a small web app", "", "small-web-app"),
        ("Cook healthy meals", "", "everyday-cooking"),
        ("Sleep better", "", "better-sleep"),
        ("Meditate every day", "", "meditation-habit"),
        ("Find a new job", "", "job-search"),
        ("Win the village bake-off", "with a lemon tart", None),
        ("", "", None),
    ],
)
def test_a_goal_finds_its_template(title: str, description: str, slug: str | None) -> None:
    found = matching(title, description, TEMPLATES)
    assert (found.slug if found else None) == slug
