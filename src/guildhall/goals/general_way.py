"""The way that most goals have, for one that no template is made for."""

from __future__ import annotations

from guildhall.goals.templates import Template, TemplateMilestone, TemplateTask

__all__ = ["general_way"]

MOST_SUBJECT = 80


def general_way(title: str, domain: str | None) -> Template:
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
                        throughout=True,
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


def _subject(title: str) -> str:
    subject = " ".join(title.split())
    if len(subject) > MOST_SUBJECT:
        subject = subject[: MOST_SUBJECT - 1].rsplit(" ", 1)[0] + "…"
    return subject or "your goal"
