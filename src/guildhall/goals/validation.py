"""What is wrong with a proposal as such; and long tasks as sessions that fit into a day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter

from guildhall.goals.proposals import PlanProposal, TaskIdea

__all__ = ["LONGEST_SESSION_MINUTES", "MOST_TASKS", "faults", "split"]

LONGEST_SESSION_MINUTES = 90
MOST_TASKS = 400
MOST_TITLE = 200
TIMES_TOO_MUCH = 4
"""Up to this many times the room there is, the member chooses what to leave out."""
LEAST_SHARE = 0.05
LEAST_MINUTES = 300
ALWAYS_ALLOWED_MINUTES = 300
STEP_MINUTES = 5


def faults(proposal: PlanProposal, *, minutes_available: int | None = None) -> list[str]:
    """Say what makes a proposal invalid, a sentence each that its maker can act on.

    Only what is wrong with its structure, or far out of proportion to the minutes until the
    deadline. That it does not wholly fit is no fault: what has no day is shown to the member.
    """
    tasks = proposal.tasks
    keys = {task.key for task in tasks}
    found = [
        f'{number} tasks have the key "{key}"; every key must be used once.'
        for key, number in _repeated(task.key for task in tasks)
    ]
    for task in tasks:
        if task.key in task.depends_on:
            found.append(f'Task "{task.key}" depends on itself; remove that dependency.')
        found += [
            f'Task "{task.key}" depends on "{key}", but no task has that key.'
            for key in dict.fromkeys(task.depends_on)
            if key not in keys
        ]
    circle = _circle(tasks)
    if circle:
        found.append(
            f"These tasks depend on each other in a circle: {' → '.join(circle)}."
            " Remove one of these dependencies."
        )
    found += _faults_of_titles(proposal)
    found += [
        f'Milestone "{milestone.title}" has no evidence; say what the member can show or do then.'
        for milestone in proposal.milestones
        if not milestone.evidence
    ]
    if len(tasks) > MOST_TASKS:
        found.append(f"There are {len(tasks)} tasks; propose at most {MOST_TASKS}.")
    if minutes_available is not None:
        found += _faults_of_size(sum(task.minutes for task in tasks), minutes_available)
    return found


def split(
    proposal: PlanProposal, *, minutes_a_day: int, done: Mapping[str, int] | None = None
) -> PlanProposal:
    """Give the same plan with long tasks as sessions, one after the other.

    A session takes at most a usual day's minutes, and at most 90. The parts of `key` are `key~1`,
    `key~2` and so on, the same each time, and their titles are numbered; what depended on the
    task depends on its last part. The keys are no longer those that a proposal may have, so that
    they never meet one.

    `done` names sessions of an earlier version that are done, with their minutes. They stay as
    they were, and only what is left of their task is divided: days may be longer or shorter now.
    """
    longest = max(STEP_MINUTES, min(minutes_a_day, LONGEST_SESSION_MINUTES))
    parts = {task.key: _parts_of(task, longest, done or {}) for task in proposal.tasks}
    milestones = [
        milestone.model_copy(
            update={
                "tasks": [
                    session
                    for task in milestone.tasks
                    for session in _sessions(
                        task,
                        parts[task.key],
                        [_last(key, parts.get(key, {})) for key in task.depends_on],
                    )
                ]
            }
        )
        for milestone in proposal.milestones
    ]
    return proposal.model_copy(update={"milestones": milestones})


def _parts_of(task: TaskIdea, longest: int, done: Mapping[str, int]) -> dict[str, int]:
    """Give the sessions of a task with their minutes: those that are done, then the rest."""
    if task.key in done:
        return {task.key: task.minutes}
    # Enough of them: no part but the last is shorter than STEP_MINUTES.
    names = [f"{task.key}~{n}" for n in range(1, task.minutes // STEP_MINUTES + len(done) + 2)]
    parts = {name: done[name] for name in names if name in done}
    left = task.minutes - sum(parts.values())
    if not parts and left <= longest:
        return {task.key: task.minutes}
    free = (name for name in names if name not in done)
    return parts | dict(zip(free, _parts(left, longest) if left > 0 else [], strict=False))


def _parts(minutes: int, longest: int) -> list[int]:
    """Divide minutes evenly, in steps of five as far as they go."""
    if minutes <= longest:
        return [minutes]
    steps = -(-minutes // STEP_MINUTES)
    number = -(-steps // (longest // STEP_MINUTES))
    parts = [
        STEP_MINUTES * (steps // number + (1 if part < steps % number else 0))
        for part in range(number)
    ]
    parts[-1] -= STEP_MINUTES * steps - minutes
    return parts


def _sessions(task: TaskIdea, parts: Mapping[str, int], depends_on: list[str]) -> list[TaskIdea]:
    if task.key in parts:
        return [task.model_copy(update={"depends_on": depends_on})]
    sessions: list[TaskIdea] = []
    for key, minutes in parts.items():
        place = f" ({key.rpartition('~')[2]} of {len(parts)})"
        sessions.append(
            task.model_copy(
                update={
                    "key": key,
                    "title": task.title[: MOST_TITLE - len(place)].rstrip() + place,
                    "minutes": minutes,
                    "depends_on": [sessions[-1].key] if sessions else depends_on,
                }
            )
        )
    return sessions


def _last(key: str, parts: Mapping[str, int]) -> str:
    return list(parts)[-1] if parts else key


def _circle(tasks: Iterable[TaskIdea]) -> list[str]:
    """Give one circle, its first task again at the end; empty if there is none."""
    sorter = TopologicalSorter(
        {task.key: [key for key in task.depends_on if key != task.key] for task in tasks}
    )
    try:
        sorter.prepare()
    except CycleError as error:
        circle: list[str] = error.args[1]
        return circle[::-1]
    return []


def _faults_of_titles(proposal: PlanProposal) -> list[str]:
    found = []
    for what, titles in (
        ("milestones", [milestone.title for milestone in proposal.milestones]),
        ("tasks", [task.title for task in proposal.tasks]),
    ):
        found += [
            f'{number} {what} are called "{title}"; tell them apart.'
            for title, number in _repeated(" ".join(title.casefold().split()) for title in titles)
        ]
        found += [
            f'"{title}" says nothing; give a title in words.'
            for title in titles
            if not any(letter.isalpha() for letter in title)
        ]
    return found


def _faults_of_size(total: int, available: int) -> list[str]:
    if total > max(TIMES_TOO_MUCH * available, ALWAYS_ALLOWED_MINUTES):
        return [f"The tasks take {total} minutes, with {available} to go; propose fewer of them."]
    if total < min(LEAST_SHARE * available, LEAST_MINUTES):
        return [f"The tasks take only {total} of {available} minutes; propose the whole way."]
    return []


def _repeated(values: Iterable[str]) -> list[tuple[str, int]]:
    return [(value, number) for value, number in Counter(values).items() if number > 1]
