"""The planner without a model: rules and templates."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from guildhall.goals.proposals import MilestoneIdea, PlanProposal, TaskIdea
from guildhall.goals.templates import STEP_MINUTES, Template, TemplateMilestone, TemplateTask

__all__ = ["generic", "matching", "propose"]

FILLED_SHARE = 0.85
"""A plan that fills every minute breaks on the first bad day."""
MOST_TIMES = 3
"""Beyond so many times the room there is, a plan is cut to its first part."""
LEAST_MATCH = 2
MOST_KEY = 40
MOST_TITLE = 200
MOST_SUBJECT = 80
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
    way = template or generic(title, description, domain)
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
        MilestoneIdea(title=milestone.title, evidence=milestone.evidence, tasks=ideas)
        for milestone in way.milestones
        if (
            ideas := [
                idea
                for task in milestone.tasks
                if task.key in kept
                for idea in _ideas(task, way, kept, minutes[task.key], times[task.key])
            ]
        )
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


def generic(title: str, description: str, domain: str | None) -> Template:
    """Give the way that most goals have: know what it takes, learn, practise, do it, look back."""
    subject = _subject(title)

    def task(key: str, title: str, minutes: int, *depends_on: str, **more: object) -> TemplateTask:
        return TemplateTask.model_validate(
            {
                "key": key,
                "title": f"{title}: {subject}",
                "minutes": minutes,
                "depends_on": list(depends_on),
                **more,
            }
        )

    return Template(
        slug="generic",
        title=f"A way to: {subject}",
        description="A plan by the hall's own rules, for a goal that no template is made for.",
        domain=domain,
        keywords=["learn", "practise", "review"],
        milestones=[
            TemplateMilestone(
                title="Know what it takes",
                evidence="One page: what will be true at the end, and where you stand today.",
                tasks=[
                    task("aim", "Write down what will show that it is reached", 20),
                    task("today", "Write down what you can do and have already", 20, "aim"),
                    task(
                        "sources",
                        "Choose one main guide (a book, a course or a person)",
                        30,
                        "aim",
                    ),
                    task("parts", "List the parts it has, and mark the hardest", 30, "sources"),
                ],
            ),
            TemplateMilestone(
                title="The basics",
                evidence="You can explain the main ideas to somebody without looking them up.",
                tasks=[
                    task(
                        "basics",
                        "Work through the first part of your guide, with notes",
                        120,
                        "parts",
                        repeats=8,
                    ),
                    task(
                        "small",
                        "Do the smallest complete piece of it from start to end",
                        60,
                        "basics",
                        difficulty="easy",
                    ),
                    task(
                        "explain",
                        "Explain the main ideas aloud, and note the gaps",
                        30,
                        "basics",
                        optional=True,
                        kind="practise",
                    ),
                ],
            ),
            TemplateMilestone(
                title="Practice",
                evidence="What was hard at the start goes well three times in a row.",
                tasks=[
                    task(
                        "practice",
                        "Practise one part on purpose, just above what is easy",
                        60,
                        "small",
                        kind="practise",
                        repeats=40,
                    ),
                    task(
                        "hardest",
                        "Work on the hardest part alone",
                        60,
                        "practice",
                        difficulty="hard",
                        repeats=15,
                    ),
                    task(
                        "feedback",
                        "Show your work to somebody and ask what to change",
                        30,
                        "hardest",
                        optional=True,
                        repeats=2,
                    ),
                ],
            ),
            TemplateMilestone(
                title="The real thing",
                evidence="It is done under real conditions, and can be shown.",
                tasks=[
                    task(
                        "project",
                        "Do the real thing, or the largest piece of it that you can",
                        180,
                        "hardest",
                        difficulty="hard",
                        repeats=6,
                    ),
                    task("mend", "Mend what did not go well", 60, "project", repeats=3),
                ],
            ),
            TemplateMilestone(
                title="Looking back",
                evidence="The page from the start says what was reached, and what is next.",
                tasks=[
                    task("compare", "Compare with what you wrote at the start", 20, "mend"),
                    task(
                        "next",
                        "Choose what to keep doing, and how often",
                        15,
                        "compare",
                        optional=True,
                    ),
                ],
            ),
        ],
    )


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


def _ideas(
    task: TemplateTask, way: Template, kept: set[str], minutes: int, times: int
) -> list[TaskIdea]:
    by_key = {other.key: other for other in way.tasks}
    ideas: list[TaskIdea] = []
    for number in range(1, times + 1):
        place = "" if times == 1 else f" (round {number})"
        ideas.append(
            TaskIdea(
                key=_key(task.key, number),
                title=task.title[: MOST_TITLE - len(place)].rstrip() + place,
                minutes=minutes,
                difficulty=task.difficulty,
                kind=task.kind,
                depends_on=_kept_before(task, by_key, kept) if number == 1 else [ideas[-1].key],
            )
        )
    return ideas


def _kept_before(task: TemplateTask, by_key: dict[str, TemplateTask], kept: set[str]) -> list[str]:
    """Give what a task comes after; for one that is left out, what that came after."""
    found: dict[str, None] = {}
    for key in task.depends_on:
        if key in kept:
            found[key] = None
        else:
            found |= dict.fromkeys(_kept_before(by_key[key], by_key, kept))
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


def _subject(title: str) -> str:
    subject = " ".join(title.split())
    if len(subject) > MOST_SUBJECT:
        subject = subject[: MOST_SUBJECT - 1].rsplit(" ", 1)[0] + "…"
    return subject or "your goal"


def _words(text: str) -> str:
    return f" {' '.join(re.findall(r'[a-z0-9+#]+', text.casefold()))} "


def _has(words: str, keyword: str) -> bool:
    return f" {keyword} " in words
