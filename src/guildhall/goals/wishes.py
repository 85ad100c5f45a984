"""What the hall's own rules understand of a message, when no model is asked: plain wishes.

English only, and no more than a few forms of each wish. What is not understood is said so.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, timedelta
from difflib import SequenceMatcher

from pydantic import ValidationError

from guildhall.goals.changes import (
    GoalIdea,
    Idea,
    KnownTask,
    MoveIdea,
    NewDaysIdea,
    OutcomeIdea,
    Status,
    Surroundings,
    Talk,
)

__all__ = ["answered", "day_in"]

HONEST = "I am offline: no model answers now, only the hall's own rules."
LONGEST_READ = 600
"""A wish is short. Nobody may keep the patterns below busy with a long one."""
CAN_DO = (
    "I understand, for example: “what is for today”, “done with …”, “I missed …”, “reopen …”,"
    " “move … to Friday”, “find new days”, and “I want to … by 2031-06-30, 30 minutes a day”."
)
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september",
    "october", "november", "december",
)  # fmt: skip
USUAL_DAYS = 90
CLOSE_ENOUGH = 0.6
AS_GOOD = 0.05
MOST_LISTED = 8
END = r"[\s.!?]*$"

REST = r"(?P<task>.+?)" + END
DONE = re.compile(
    r"^\s*(?:i(?:'m| am|'ve| have)?\s+)?(?:just\s+)?"
    r"(?:done with|done|did|finished with|finished|completed?|through with)\s+" + REST
    + r"|^\s*(?P<other>.+?)\s+(?:is|are)\s+(?:done|finished|completed?)" + END,
    re.IGNORECASE,
)  # fmt: skip
MISSED = re.compile(
    r"^\s*(?:i(?:'ve| have)?\s+)?(?:missed|skipped|did(?:n't| not) (?:do|finish|manage))\s+" + REST,
    re.IGNORECASE,
)
REOPEN = re.compile(r"^\s*(?:please\s+)?(?:reopen|undo|open again)\s+" + REST, re.IGNORECASE)
MOVE = re.compile(
    r"^\s*(?:please\s+|can you\s+|could you\s+)?(?:move|shift|postpone|put|reschedule)\s+"
    r"(?P<task>.+)\s+(?:to|until|till|on|for)\s+(?P<day>[^.!?]+)" + END,
    re.IGNORECASE,
)
NEW_DAYS = re.compile(
    r"\b(?:find (?:me )?new days|re-?schedule|re-?plan|catch up|fell behind|fallen behind"
    r"|behind schedule)\b",
    re.IGNORECASE,
)
WANT = re.compile(
    r"^\s*(?:(?:my )?(?:new )?goal(?: is)?:?(?: to)?|i want to|i'd like to|i would like to"
    r"|i wish to|help me(?: to)?)\s+(?P<goal>.+?)" + END,
    re.IGNORECASE | re.DOTALL,
)
TODAY = re.compile(
    r"\b(?:today|what(?:'s| is)? next|to do now|my tasks|next task)\b", re.IGNORECASE
)
HOW = re.compile(r"\b(?:how am i doing|my goals|progress|how far|my rank)\b", re.IGNORECASE)
DAILY = re.compile(
    r"[,;]?\s*(?:for\s+)?(?P<number>\d{1,3})\s*(?P<unit>minutes?|min|hours?|h)\s*"
    r"(?:a|per|each|every|/)\s*day",
    re.IGNORECASE,
)
BY = re.compile(
    r"[,;]?\s*\b(?:by|until|before|within|in)\s+(?P<when>"
    r"\d{4}-\d{2}-\d{2}|\d+\s+(?:days?|weeks?|months?|years?)"
    rf"|(?:the end of\s+)?(?:{'|'.join(MONTHS)})(?:\s+\d{{1,2}}(?:st|nd|rd|th)?)?(?:,?\s+\d{{4}})?"
    rf"|(?:next\s+)?(?:{'|'.join(WEEKDAYS)})|tomorrow)\b",
    re.IGNORECASE,
)
SPAN = re.compile(r"(\d+)\s+(day|week|month|year)s?", re.IGNORECASE)
MONTH_DAY = re.compile(
    rf"(?:the end of\s+)?({'|'.join(MONTHS)})"
    r"(?:\s+(\d{1,2})(?:st|nd|rd|th)?)?(?:,?\s+(\d{4}))?",
    re.IGNORECASE,
)
DAYS_OF = {"day": 1, "week": 7, "month": 30, "year": 365}


def answered(message: str, around: Surroundings) -> Talk:
    """Give what the hall says to a message by rules alone; it says that it is offline."""
    text, ideas = _understood(" ".join(message.split())[:LONGEST_READ], around)
    return Talk(text=f"{HONEST} {text}", proposals=list(ideas))


def _understood(message: str, around: Surroundings) -> tuple[str, Sequence[Idea]]:
    if found := MISSED.match(message):
        return _outcome(found["task"], "missed", around)
    if found := MOVE.match(message):
        return _move(found["task"], found["day"], around)
    if found := REOPEN.match(message):
        return _outcome(found["task"], "open", around)
    if found := WANT.match(message):
        return _goal(found["goal"], around)
    if NEW_DAYS.search(message):
        return "I look for new days for what was missed or has none.", [
            NewDaysIdea(kind="new_days")
        ]
    if found := DONE.match(message):
        return _outcome(found["task"] or found["other"], "done", around)
    if TODAY.search(message):
        return _today(around), []
    if HOW.search(message):
        return _standing(around), []
    return f"I did not understand this. {CAN_DO}", []


def _outcome(name: str, status: Status, around: Surroundings) -> tuple[str, Sequence[Idea]]:
    found = _named(name, [task for task in around.tasks if task.status != status])
    if len(found) != 1:
        return _which(name, found), []
    idea = OutcomeIdea(kind="task_outcome", task=found[0].key, status=status)
    said = {"done": "done", "missed": "missed", "open": "open again"}[status]
    return f"Shall I note “{found[0].title}” as {said}?", [idea]


def _move(name: str, when: str, around: Surroundings) -> tuple[str, Sequence[Idea]]:
    day = day_in(when, around.today)
    if day is None:
        return f"I do not know which day “{when.strip()}” is. Say it like 2031-06-30.", []
    if day < around.today:
        return f"{day} is over.", []
    found = _named(name, [task for task in around.tasks if task.status != "done"])
    if len(found) != 1:
        return _which(name, found), []
    idea = MoveIdea(kind="move_task", task=found[0].key, to=day)
    return f"Shall I move “{found[0].title}” to {_written(day)}?", [idea]


def _goal(words: str, around: Surroundings) -> tuple[str, Sequence[Idea]]:
    minutes, deadline, guessed = None, None, ""
    if daily := DAILY.search(words):
        hours = daily["unit"].lower().startswith("h")
        minutes = int(daily["number"]) * (60 if hours else 1)
        words = words[: daily.start()] + words[daily.end() :]
    if by := BY.search(words):
        deadline = day_in(by["when"], around.today)
        words = words[: by.start()] + words[by.end() :]
    if deadline is None:
        deadline = around.today + timedelta(days=USUAL_DAYS)
        guessed = " You named no day, so I took three months; you can change it later."
    title = " ".join(words.split()).strip(" ,;.")[:200]
    try:
        idea = GoalIdea(
            kind="new_goal",
            title=title[:1].upper() + title[1:],
            deadline=deadline,
            minutes_per_day=minutes,
        )
    except ValidationError:
        return f"I could not make a goal of this. {CAN_DO}", []
    if not around.today < deadline <= around.last_deadline:
        return f"A deadline is after today, and by {around.last_deadline} at the latest.", []
    return f"Shall I set “{idea.title}” as a goal, for {_written(deadline)}?{guessed}", [idea]


def _today(around: Surroundings) -> str:
    open_ones = [task for task in around.for_today() if task.status != "done"]
    if open_ones:
        minutes = sum(task.minutes for task in open_ones)
        return f"For today there are {_listed(open_ones)}: {minutes} minutes in all."
    coming = [task for task in around.tasks if task.status != "done" and task.scheduled_on]
    if coming:
        task = min(coming, key=lambda task: task.scheduled_on or date.max)
        assert task.scheduled_on is not None
        return f"Nothing is left for today. Next is “{task.title}”, {_written(task.scheduled_on)}."
    if not around.goals:
        return "You have no goal yet. Tell me what you want: “I want to …”."
    return "Nothing is planned. Accept a plan for your goal, or ask for one."


def _standing(around: Surroundings) -> str:
    if not around.goals:
        return "You have no goal yet. Tell me what you want: “I want to …”."
    lines = [
        f"“{goal.title}”: {goal.tasks_done} of {goal.tasks_total} tasks done, until {goal.deadline}"
        + (f", rank {goal.rank}" if goal.rank else "")
        for goal in around.goals[:MOST_LISTED]
    ]
    return f"Your goals: {'; '.join(lines)}."


def _named(name: str, tasks: Sequence[KnownTask]) -> list[KnownTask]:
    """Give the tasks that a name can mean: one if it is plain, else the few it could be."""
    wanted = _plain(name)
    exact = [task for task in tasks if _plain(task.title) == wanted]
    if exact:
        return exact
    scores = {task.key: _likeness(wanted, _plain(task.title)) for task in tasks}
    best = max(scores.values(), default=0.0)
    if best < CLOSE_ENOUGH:
        return []
    return [task for task in tasks if scores[task.key] >= best - AS_GOOD]


def _likeness(wanted: str, title: str) -> float:
    words, of_title = set(wanted.split()), set(title.split())
    if not words:
        return 0.0
    return max(len(words & of_title) / len(words), SequenceMatcher(None, wanted, title).ratio())


def _plain(text: str) -> str:
    words = re.findall(r"\w+", text.casefold())
    return " ".join(word for word in words if word not in {"the", "a", "an", "my", "task"})


def _which(name: str, found: Sequence[KnownTask]) -> str:
    if not found:
        return f"I know no such task as “{name.strip()[:200]}”. Call it as your plan does."
    return f"Which one do you mean: {_listed(found)}?"


def _listed(tasks: Sequence[KnownTask]) -> str:
    titles = [f"“{task.title}”" for task in tasks[:MOST_LISTED]]
    more = len(tasks) - len(titles)
    return ", ".join(titles) + (f" and {more} more" if more > 0 else "")


def _written(day: date) -> str:
    return f"{WEEKDAYS[day.weekday()].capitalize()}, {day}"


def day_in(words: str, today: date) -> date | None:
    """Give the day that somebody names, seen from today; None if it is none."""
    plain = " ".join(words.lower().split()).removeprefix("the ").strip(" ,;")
    if plain in ("today", "tonight"):
        return today
    if plain == "tomorrow":
        return today + timedelta(days=1)
    weekday = plain.removeprefix("next ").removeprefix("this ")
    if weekday in WEEKDAYS:
        return today + timedelta(days=(WEEKDAYS.index(weekday) - today.weekday() - 1) % 7 + 1)
    try:
        return date.fromisoformat(plain)
    except ValueError:
        pass
    if plain == "next week":
        return today + timedelta(days=7 - today.weekday())
    if span := SPAN.fullmatch(plain.removeprefix("in ")):
        days = int(span[1]) * DAYS_OF[span[2].lower()]
        return today + timedelta(days=days) if days <= 366 * 5 else None
    if named := MONTH_DAY.fullmatch(plain):
        return _of_month(MONTHS.index(named[1].lower()) + 1, named[2], named[3], today)
    return None


def _of_month(month: int, day: str | None, year: str | None, today: date) -> date | None:
    """Give a day of a month, its last unless one is named, in the year it comes next."""

    def of(number: int) -> date:
        if day is not None:
            return date(number, month, int(day))
        return date(number + month // 12, month % 12 + 1, 1) - timedelta(days=1)

    try:
        if year is not None:
            return of(int(year))
        return of(today.year) if of(today.year) >= today else of(today.year + 1)
    except ValueError:
        return None
