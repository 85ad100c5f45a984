"""The planner without a model: rules and templates."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from guildhall.goals.general_way import general_way
from guildhall.goals.proposals import MilestoneIdea, PlanProposal, TaskIdea
from guildhall.goals.templates import STEP_MINUTES, Template, TemplateTask

__all__ = ["matching", "propose"]

FILLED_SHARE = 0.65
"""Sessions do not fill days to the minute, and a plan without slack breaks on the first bad day."""
MOST_TIMES = 3
"""Beyond so many times the room there is, a plan is cut to its first part."""
LEAST_MATCH = 2
MOST_KEY = 40
MOST_TITLE = 200
MOST_TASKS = 400


def propose(
    title: str,
    description: str,
    minutes_available: int,
    template: Template | None = None,
    *,
    domain: str | None = None,
) -> PlanProposal:
    """Give a plan from a template, or from none, that fits the minutes until the deadline.

    What is optional is left out where time is short, tasks are made shorter or longer within their
    bounds, and practice comes again where there is time. The same goal gives the same plan; it
    always passes `validation.faults`.
    """
    way = template or general_way(title, domain)
    target = int(minutes_available * FILLED_SHARE)
    times = _times(way, target)
    tasks = [task for task in way.tasks if times[task.key]]
    minutes = _minutes(tasks, times, target)
    total = sum(minutes[task.key] * times[task.key] for task in tasks)
    whole = total
    if total > MOST_TIMES * minutes_available:
        tasks, total = _first_part(tasks, minutes, max(minutes_available, 1))
    kept = {task.key for task in tasks}
    milestones = [
        MilestoneIdea(
            title=milestone.title,
            evidence=milestone.evidence,
            tasks=[
                _idea(task, number, way, kept, minutes[task.key], times) for task, number in rounds
            ],
        )
        for milestone, rounds in zip(way.milestones, _arranged(way, kept, times), strict=True)
        if rounds
    ]
    return PlanProposal(
        summary=_summary(title, template, total, whole, minutes_available), milestones=milestones
    )


def matching(
    title: str, description: str, templates: Iterable[Template], *, domain: str | None = None
) -> Template | None:
    """Give the template whose keywords and title are most in a goal's words, if any is clearly.

    A keyword in the title counts twice, one in the description once, and the goal's domain once.
    """
    in_title, in_description = _words(title), _words(description)
    best, most = None, LEAST_MATCH - 1
    for template in templates:
        score = sum(
            (2 if _has(in_title, keyword) else 0) or (1 if _has(in_description, keyword) else 0)
            for keyword in template.keywords
        )
        if score and domain is not None and template.domain == domain:
            score += 1
        if score > most:
            best, most = template, score
    return best


def _times(way: Template, target: int) -> dict[str, int]:
    """Say how often each comes: optional ones as far as there is time, then repetitions."""
    times = {task.key: 1 for task in way.tasks}
    shortest = sum(task.shortest_minutes for task in way.tasks)
    for task in reversed(way.tasks):
        if shortest <= target:
            break
        if task.optional:
            times[task.key] = 0
            shortest -= task.shortest_minutes
    number = sum(times.values())
    total = sum(task.minutes * times[task.key] for task in way.tasks)
    repeatable = [task for task in way.tasks if task.repeats and times[task.key]]
    grown = True
    while grown:
        grown = False
        for task in repeatable:
            if (
                times[task.key] <= task.repeats
                and total + task.minutes <= target
                and number < MOST_TASKS
            ):
                times[task.key] += 1
                total += task.minutes
                number += 1
                grown = True
    return times


def _minutes(tasks: Sequence[TemplateTask], times: dict[str, int], target: int) -> dict[str, int]:
    """Make all longer or shorter alike, within their bounds and in steps of five minutes."""
    fixed = sum(task.minutes * times[task.key] for task in tasks if task.fixed)
    rest = sum(task.minutes * times[task.key] for task in tasks if not task.fixed)
    share = max(target - fixed, 0) / rest if rest else 1.0
    return {
        task.key: min(
            max(int(task.minutes * share) // STEP_MINUTES * STEP_MINUTES, task.shortest_minutes),
            task.longest_minutes,
        )
        for task in tasks
    }


def _first_part(
    tasks: Sequence[TemplateTask], minutes: dict[str, int], room: int
) -> tuple[list[TemplateTask], int]:
    """Give what comes first and has room, one task at the least."""
    part: list[TemplateTask] = []
    total = 0
    for task in tasks:
        if part and total + minutes[task.key] > room:
            break
        part.append(task)
        total += minutes[task.key]
    return part, total


def _arranged(
    way: Template, kept: set[str], times: Mapping[str, int]
) -> list[list[tuple[TemplateTask, int]]]:
    """Give the rounds of each milestone in order: what goes on side by side takes turns.

    What goes on throughout is spread over its own milestone and all later ones.
    """
    number = len(way.milestones)
    live = [
        index
        for index, milestone in enumerate(way.milestones)
        if any(task.key in kept for task in milestone.tasks)
    ]
    placed: list[list[tuple[float, int, TemplateTask, int]]] = [[] for _ in range(number)]
    ends: dict[str, float] = {}
    lengths = [1.0] * number
    position = 0
    for index, milestone in enumerate(way.milestones):
        here = {task.key for task in milestone.tasks}
        for task in milestone.tasks:
            if task.key not in kept:
                continue
            position += 1
            before = [key for key in _kept_before(task, way, kept) if key in here]
            start = max((ends[key] for key in before), default=0.0)
            rounds = 1 if task.throughout else times[task.key]
            ends[task.key] = start + rounds
            lengths[index] = max(lengths[index], ends[task.key])
            placed[index] += [(start + turn, position, task, turn + 1) for turn in range(rounds)]
    for index, milestone in enumerate(way.milestones):
        for task in milestone.tasks:
            later = times[task.key] - 1
            if task.key not in kept or not task.throughout or not later:
                continue
            position += 1
            stretches = [
                (other, ends[task.key] if other == index else 0.0)
                for other in live
                if other >= index
            ]
            for share, (other, start) in enumerate(stretches):
                turns = range(
                    later * share // len(stretches), later * (share + 1) // len(stretches)
                )
                for count, turn in enumerate(turns, start=1):
                    at = start + (lengths[other] - start) * count / (len(turns) + 1)
                    placed[other].append((at, position, task, turn + 2))
    return [[(task, turn) for _, _, task, turn in sorted(items, key=_when)] for items in placed]


def _when(item: tuple[float, int, TemplateTask, int]) -> tuple[float, int, int]:
    return item[0], item[1], item[3]


def _idea(
    task: TemplateTask,
    number: int,
    way: Template,
    kept: set[str],
    minutes: int,
    times: Mapping[str, int],
) -> TaskIdea:
    by_key = {other.key: other for other in way.tasks}
    depends_on = [_key(task.key, number - 1)]
    if number == 1:
        depends_on = [
            _key(key, 1 if by_key[key].throughout else times[key])
            for key in _kept_before(task, way, kept)
        ]
    place = "" if times[task.key] == 1 else f" (round {number})"
    return TaskIdea(
        key=_key(task.key, number),
        title=task.title[: MOST_TITLE - len(place)].rstrip() + place,
        minutes=minutes,
        difficulty=task.difficulty,
        # What the plan itself repeats need not come again as a review.
        kind=task.kind if times[task.key] == 1 else "do",
        depends_on=depends_on,
    )


def _kept_before(task: TemplateTask, way: Template, kept: set[str]) -> list[str]:
    """Give what a task comes after; for one that is left out, what that came after."""
    by_key = {other.key: other for other in way.tasks}
    found: dict[str, None] = {}
    for key in task.depends_on:
        if key in kept:
            found[key] = None
        else:
            found |= dict.fromkeys(_kept_before(by_key[key], way, kept))
    return list(found)


def _key(key: str, number: int) -> str:
    place = "" if number == 1 else f"-r{number}"
    return key[: MOST_KEY - len(place)] + place


def _summary(title: str, template: Template | None, total: int, whole: int, available: int) -> str:
    source = (
        f'From the template "{template.title}"' if template else "A general plan, from no template"
    )
    text = f"{source}, made by the hall's own rules without a model. About {_hours(total)} of work"
    text += f" for the {_hours(available)} that you have until the deadline."
    if total < whole:
        text += f" The whole way takes about {_hours(whole)}; this is its first part."
    elif total > available:
        text += " Not all of it fits: choose what to leave out, or a later deadline."
    return text


def _hours(minutes: int) -> str:
    if minutes < 60:
        return f"{minutes} minutes"
    hours = round(minutes / 60)
    return "1 hour" if hours == 1 else f"{hours} hours"


def _words(text: str) -> str:
    return f" {' '.join(re.findall(r'[a-z0-9+#]+', text.casefold()))} "


def _has(words: str, keyword: str) -> bool:
    return f" {keyword} " in words
