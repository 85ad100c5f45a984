"""What makes a proposal invalid, told so that it can be mended; and long tasks as sessions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guildhall.goals.proposals import MilestoneIdea, PlanProposal, TaskIdea
from guildhall.goals.validation import LONGEST_SESSION_MINUTES, faults, split


def task(key: str, *depends_on: str, minutes: int = 60, title: str = "") -> TaskIdea:
    return TaskIdea(
        key=key, title=title or f"Do {key}", minutes=minutes, depends_on=list(depends_on)
    )


def plan(*tasks: TaskIdea, evidence: str = "It can be seen.") -> PlanProposal:
    milestone = MilestoneIdea(title="The way", evidence=evidence, tasks=list(tasks))
    return PlanProposal(summary="A plan.", milestones=[milestone])


def test_a_sound_proposal_has_no_faults() -> None:
    assert faults(plan(task("a"), task("b", "a"), task("c", "a", "b")), minutes_available=300) == []


@pytest.mark.parametrize(
    ("proposal", "said"),
    [
        (plan(task("a"), task("a", title="Another")), '2 tasks have the key "a"'),
        (plan(task("a", "z")), '"a" depends on "z", but no task has that key'),
        (plan(task("a", "a")), '"a" depends on itself'),
        (plan(task("a", title="Read"), task("b", title=" read ")), '2 tasks are called "read"'),
        (plan(task("a", title="1 2 3")), '"1 2 3" says nothing'),
        (plan(task("a"), evidence=""), "has no evidence"),
        (plan(*(task(f"t{n}", minutes=5) for n in range(200))).model_copy(
            update={"milestones": [
                MilestoneIdea(title=f"Part {part}", evidence="Done.", tasks=[
                    task(f"t{part}-{n}", minutes=5) for n in range(150)
                ]) for part in range(3)
            ]}
        ), "There are 450 tasks; propose at most 400"),
    ],
)  # fmt: skip
def test_each_fault_is_told(proposal: PlanProposal, said: str) -> None:
    told = faults(proposal)
    assert len(told) == 1
    assert said in told[0]


def test_a_circle_is_named() -> None:
    told = faults(plan(task("a", "c"), task("b", "a"), task("c", "b"), task("d", "c")))
    assert len(told) == 1
    circle = told[0].split("circle: ")[1].split(".")[0].split(" → ")
    assert circle[0] == circle[-1]
    assert set(circle) == {"a", "b", "c"}


@pytest.mark.parametrize(
    ("minutes", "available", "said"),
    [
        (1_300, 300, "take 1300 minutes, with 300 to go"),
        (1_200, 300, None),  # The member chooses what to leave out.
        (60, 0, None),
        (60, 4_000, "only 60 of 4000 minutes"),
        (300, 50_000, None),
        (60, 1_000, None),
    ],
)
def test_only_what_is_far_out_of_proportion_is_a_fault(
    minutes: int, available: int, said: str | None
) -> None:
    told = faults(plan(task("a", minutes=minutes)), minutes_available=available)
    if said is None:
        assert told == []
    else:
        assert len(told) == 1
        assert said in told[0]


def test_a_long_task_becomes_sessions_in_order() -> None:
    proposal = plan(task("a"), task("long", "a", minutes=200), task("b", "long"))
    sessions = split(proposal, minutes_a_day=70)
    assert [(item.key, item.minutes, item.depends_on) for item in sessions.tasks] == [
        ("a", 60, []),
        ("long~1", 70, ["a"]),
        ("long~2", 65, ["long~1"]),
        ("long~3", 65, ["long~2"]),
        ("b", 60, ["long~3"]),
    ]
    assert sessions.tasks[1].title == "Do long (1 of 3)"


def test_a_title_stays_within_its_length() -> None:
    sessions = split(plan(task("a", minutes=600, title="x" * 200)), minutes_a_day=60)
    assert {len(item.title) for item in sessions.tasks} <= {199, 200}


@given(st.integers(5, 6_000), st.integers(5, 600))
def test_sessions_are_short_even_and_add_up(minutes: int, minutes_a_day: int) -> None:
    sessions = split(
        plan(task("a", minutes=minutes), task("b", "a", minutes=5)), minutes_a_day=minutes_a_day
    )
    parts = [item.minutes for item in sessions.tasks if item.key != "b"]
    assert sum(parts) == minutes
    assert max(parts) <= min(minutes_a_day, LONGEST_SESSION_MINUTES)
    assert min(parts) > 0
    assert max(parts) - min(parts) <= 9
    assert sessions.tasks[-1].depends_on == [sessions.tasks[-2].key]
    assert split(sessions, minutes_a_day=minutes_a_day) == sessions


@pytest.mark.parametrize(
    ("done", "minutes_a_day", "parts"),
    [
        ({}, 20, [("a~1", 20), ("a~2", 15), ("a~3", 15)]),
        ({"a": 50}, 20, [("a", 50)]),
        ({"a~1": 25}, 20, [("a~1", 25), ("a~2", 15), ("a~3", 10)]),
        ({"a~2": 25}, 20, [("a~2", 25), ("a~1", 15), ("a~3", 10)]),
        ({"a~1": 25, "a~2": 25}, 20, [("a~1", 25), ("a~2", 25)]),
        ({"a~1": 20}, 90, [("a~1", 20), ("a~2", 30)]),
        ({"a~1": 60}, 20, [("a~1", 60)]),
        ({"b~1": 20, "aa~1": 20}, 90, [("a", 50)]),
    ],
)
def test_what_is_done_of_a_task_is_not_divided_again(
    done: dict[str, int], minutes_a_day: int, parts: list[tuple[str, int]]
) -> None:
    proposal = plan(task("z"), task("a", "z", minutes=50), task("f", "a", minutes=5))
    sessions = split(proposal, minutes_a_day=minutes_a_day, done=done).tasks
    of_a = [item for item in sessions if item.key.partition("~")[0] == "a"]
    assert [(item.key, item.minutes) for item in of_a] == parts
    before = next(reversed([item.key for item in sessions if item.key.startswith("z")]))
    assert [item.depends_on for item in of_a] == [[before], *([key] for key, _ in parts[:-1])]
    assert sessions[-1].depends_on == [parts[-1][0]]


@given(
    st.integers(5, 600),
    st.integers(5, 200),
    st.integers(5, 200),
    st.sets(st.integers(0, 20), max_size=10),
)
def test_however_days_change_a_task_takes_what_it_takes(
    minutes: int, before: int, after: int, which: set[int]
) -> None:
    proposal = plan(task("a", minutes=minutes))
    sessions = split(proposal, minutes_a_day=before).tasks
    done = {item.key: item.minutes for n, item in enumerate(sessions) if n in which}
    again = split(proposal, minutes_a_day=after, done=done).tasks
    assert sum(item.minutes for item in again) == minutes
    assert done.items() <= {item.key: item.minutes for item in again}.items()
    assert len({item.key for item in again}) == len(again)
