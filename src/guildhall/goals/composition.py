"""From a proposal and the days found for it to a plan that a member can read, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal
from uuid import UUID

from pydantic import BaseModel

from guildhall.goals.proposals import PlanProposal
from guildhall.goals.scheduling import Placement, Why, Work
from guildhall.goals.schemas import MilestoneOut, PlanChange, PlannedTaskOut, UnplacedOut
from guildhall.kernel.ids import new_id

__all__ = ["REASONS", "PlanContent", "Standing", "compose", "work_of"]

REASONS: Mapping[Why, str] = {
    Why.NO_ROOM: "There is no day before the deadline with enough minutes left.",
    Why.TOO_LONG: "It takes longer than any of your days has room for.",
    Why.TOO_LATE: "Its deadline is over.",
    Why.WAITS_FOR_UNPLACED: "It comes after a task that has no day.",
}
WEIGHT_MINUTES = 5


class PlanContent(BaseModel):
    """A version of a plan as it is stored. `proposal` is what it was made of, unsplit."""

    summary: str
    optimal: bool
    milestones: list[MilestoneOut]
    unplaced: list[UnplacedOut]
    change: PlanChange | None
    notes: list[str]
    proposal: PlanProposal


@dataclass(frozen=True, slots=True)
class Standing:
    """A task of the plan that holds, which a new version may name again by its key."""

    id: UUID
    key: str
    minutes: int
    status: Literal["open", "done", "missed"]
    scheduled_on: date | None
    done_on: date | None


def work_of(
    proposal: PlanProposal, standing: Mapping[str, Standing], *, deadline: date
) -> list[Work]:
    """Give what is to be placed: everything of a proposal that is not done yet."""
    done = {key for key, task in standing.items() if task.status == "done"}
    return [
        Work(
            key=task.key,
            minutes=task.minutes,
            latest=deadline,
            depends_on=frozenset(task.depends_on) - done,
            weight=max(1, task.minutes // WEIGHT_MINUTES),
            was_on=standing[task.key].scheduled_on if task.key in standing else None,
        )
        for task in proposal.tasks
        if task.key not in done
    ]


def compose(
    proposal: PlanProposal,
    sessions: PlanProposal,
    standing: Mapping[str, Standing],
    placement: Placement,
    *,
    notes: Sequence[str],
) -> PlanContent:
    """Give the plan that a placement makes of a proposal.

    `sessions` is the proposal with its long tasks split, and what was placed. A task that stands
    already keeps its id; `change` says what becomes of each.
    """
    ids = {
        task.key: standing[task.key].id if task.key in standing else new_id()
        for task in sessions.tasks
    }
    milestones = []
    for idea in sessions.milestones:
        tasks = [
            PlannedTaskOut(
                id=ids[task.key],
                key=task.key,
                title=task.title,
                minutes=task.minutes,
                difficulty=task.difficulty,
                kind=task.kind,
                scheduled_on=_day(task.key, standing, placement),
                depends_on=[ids[key] for key in task.depends_on],
                status="done" if _is_done(task.key, standing) else "open",
            )
            for task in idea.tasks
        ]
        days = [task.scheduled_on for task in tasks if task.scheduled_on]
        milestones.append(
            MilestoneOut(
                id=new_id(),
                title=idea.title,
                evidence=idea.evidence,
                due_on=max(days, default=None),
                tasks=tasks,
            )
        )
    titles = {task.key: task for task in sessions.tasks}
    return PlanContent(
        summary=proposal.summary,
        optimal=placement.optimal,
        milestones=milestones,
        unplaced=[
            UnplacedOut(
                id=ids[key], title=titles[key].title, minutes=titles[key].minutes, why=REASONS[why]
            )
            for key, why in placement.unplaced.items()
        ],
        change=_change(ids, standing, placement) if standing else None,
        notes=list(notes),
        proposal=proposal,
    )


def _change(
    ids: Mapping[str, UUID], standing: Mapping[str, Standing], placement: Placement
) -> PlanChange:
    change = PlanChange()
    for key, id_ in ids.items():
        if key not in standing:
            change.added.append(id_)
        elif _is_done(key, standing) or standing[key].scheduled_on == placement.days.get(key):
            change.kept.append(id_)
        else:
            change.moved.append(id_)
    change.removed = [
        task.id for key, task in standing.items() if key not in ids and task.status != "done"
    ]
    return change


def _is_done(key: str, standing: Mapping[str, Standing]) -> bool:
    return key in standing and standing[key].status == "done"


def _day(key: str, standing: Mapping[str, Standing], placement: Placement) -> date | None:
    return standing[key].done_on if _is_done(key, standing) else placement.days.get(key)
