"""Plans: asked for, checked, placed on days, and shown as a version that the member accepts.

What a model proposes is structure. Whether it holds together says `validation`, where it goes says
`scheduling`; neither asks anybody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from guildhall import ai, progression
from guildhall.goals import analysis, assessment, calendars, offline, repository, validation
from guildhall.goals.analysis import Near
from guildhall.goals.calendars import Room
from guildhall.goals.composition import PlanContent, Standing, compose, work_of
from guildhall.goals.errors import GoalNotFound
from guildhall.goals.models import Goal, Plan
from guildhall.goals.proposals import PlanProposal
from guildhall.goals.scheduling import Calendar, Placement, place
from guildhall.goals.schemas import Findings, RankFinding
from guildhall.goals.templates import Template
from guildhall.goals.wording import other_language
from guildhall.infra.llm import OFFLINE, FaultKind, Reply
from guildhall.infra.streams import tell_member
from guildhall.infra.tasks import TaskRun
from guildhall.infra.unit_of_work import UnitOfWork
from guildhall.infra.views import drop_view

__all__ = ["LIVE_EVENT", "plan", "standing_of"]

LIVE_EVENT = "plan"
"""What streams hear when there is a new version; its data are `goal_id` and `version`."""
FEATURE = "goals.plan"
PROMPT = ai.load("guildhall.goals", "propose_plan", 1)
NOBODY_ASKED = "none"

NOTES: Mapping[FaultKind, str] = {
    FaultKind.REFUSED: (
        "The model declined to plan this; the plan was made by the hall's own rules."
    ),
    FaultKind.TOO_DEAR: (
        "The budget for models is spent for now; the plan was made by the hall's own rules."
    ),
    FaultKind.INVALID: (
        "The model's plans did not hold together; the plan was made by the hall's own rules."
    ),
}
OTHERWISE = "The model could not be asked; the plan was made by the hall's own rules."


@dataclass(frozen=True, slots=True)
class Basis:
    """What a plan is made from, as it was when the request was taken up."""

    goal: Goal
    room: Room
    taken: Mapping[date, int]
    domains: Mapping[str, str]
    standing: Mapping[str, Standing]
    accepted: PlanContent | None
    latest: PlanContent | None

    @property
    def first_day(self) -> date:
        return self.room.today

    @property
    def days_left(self) -> int:
        return (self.goal.deadline - self.first_day).days + 1

    @property
    def done_minutes(self) -> dict[str, int]:
        """Give the sessions that are done, by their keys."""
        return {key: task.minutes for key, task in self.standing.items() if task.status == "done"}

    @property
    def calendar(self) -> Calendar:
        return Calendar(
            self.room.free(
                self.first_day, self.goal.deadline, self.taken, self.goal.minutes_per_day
            )
        )


async def plan(
    run: TaskRun,
    user_id: UUID,
    goal_id: UUID,
    request_id: UUID,
    *,
    wish: str,
    same_tasks: bool,
) -> dict[str, object]:
    """Analyse a goal and propose a version of its plan, unless the request was overtaken.

    Done once for a request, whatever dies in between: models are asked under its name, and the
    last step writes only while the goal still waits for it.
    """
    basis = await _basis(run, user_id, goal_id, request_id)
    if basis is None:
        return {"skipped": "the request was overtaken"}
    minutes = sum(basis.calendar.free_minutes.values())
    goal = basis.goal
    near = await analysis.place_on_the_map(run, goal, basis.domains)
    findings = await analysis.analyse(
        run,
        goal,
        near,
        basis.domains,
        days_left=basis.days_left,
        minutes_available=minutes,
        cause=f"analyse:{request_id}",
    )
    async with run.units.read(member=user_id) as uow:
        rank = await assessment.assess(uow, user_id, findings.domain)
    if same_tasks and basis.latest is not None:
        proposal, provider, model = basis.latest.proposal, OFFLINE, NOBODY_ASKED
        notes = ["The tasks are those of the plan before; only their days are new."]
    else:
        reply = await _propose(run, basis, near, findings, rank, minutes, wish, request_id)
        proposal, provider, model = reply.output, reply.provider, reply.model
        notes = _notes(reply)
    content = await asyncio.to_thread(_placed, basis, proposal, notes)
    return await _keep(
        run, basis, request_id, near, findings, rank, content, provider=provider, model=model
    )


async def _basis(run: TaskRun, user_id: UUID, goal_id: UUID, request_id: UUID) -> Basis | None:
    async with run.units.read(member=user_id, one_snapshot=True) as uow:
        try:
            goal = await repository.goal(uow, user_id, goal_id)
        except GoalNotFound:
            return None
        room = await calendars.room_of(uow, user_id)
        if goal.planning != request_id or room is None:
            return None
        accepted = await repository.accepted_plan(uow, user_id, goal_id)
        latest = await repository.plan(uow, user_id, goal_id, goal.last_version)
        taken = await repository.scheduled_minutes(
            uow, user_id, room.today, goal.deadline, but_goal=goal_id
        )
        return Basis(
            goal,
            room,
            taken,
            await progression.domain_texts(uow),
            await standing_of(uow, user_id, goal_id),
            PlanContent.model_validate(accepted.layout) if accepted else None,
            PlanContent.model_validate(latest.layout) if latest else None,
        )


async def standing_of(uow: UnitOfWork, user_id: UUID, goal_id: UUID) -> dict[str, Standing]:
    """Give the tasks of the plan that holds, by their keys; reviews are not among them."""
    return {
        task.key: Standing(
            task.id,
            task.key,
            task.minutes,
            task.status,  # type: ignore[arg-type]  # the table's constraint says so
            task.scheduled_on,
            task.done_on,
        )
        for task in await repository.tasks_of(uow, user_id, goal_id)
        if task.kind != "review"
    }


async def _propose(
    run: TaskRun,
    basis: Basis,
    near: Near,
    findings: Findings,
    rank: RankFinding,
    minutes: int,
    wish: str,
    request_id: UUID,
) -> Reply[PlanProposal]:
    goal = basis.goal
    template = await _template(run, goal, near)
    done = basis.done_minutes

    def faults(proposal: PlanProposal) -> list[str]:
        # A version names what is done, too, and that needs no time any more.
        found = validation.faults(proposal, minutes_available=minutes + sum(done.values()))
        titles = " ".join(task.title for task in proposal.tasks)
        if (language := other_language(f"{goal.title} {goal.description}", titles)) is not None:
            found.append(f"The titles are in another language than the goal ({language}).")
        return found

    question = PROMPT.question(
        {
            "title": goal.title,
            "description": goal.description,
            "wish": wish,
            "days_left": basis.days_left,
            "minutes_available": minutes,
            "minutes_a_day": _usual_day(basis),
            "domain": findings.domain or "",
            "rank": rank.rank,
            "template": template.model_dump(mode="json") if template else {},
            "current": (basis.accepted.proposal.model_dump(mode="json") if basis.accepted else {}),
            "done": list(done),
        },
        answer=PlanProposal,
        offline=lambda: offline.propose(
            goal.title, goal.description, minutes, template, domain=findings.domain
        ),
        check=faults,
    )
    return await ai.ask(
        run,
        question,
        member=goal.user_id,
        feature=FEATURE,
        prompt=PROMPT,
        cause=f"plan:{request_id}",
        offline_when_spent=True,
    )


async def _template(run: TaskRun, goal: Goal, near: Near) -> Template | None:
    """Give the template that the member chose, else the one that the goal's words name, else the
    nearest one."""
    async with run.units.read(member=goal.user_id) as uow:
        chosen = await repository.template(uow, goal.template) if goal.template else None
        known = [] if chosen else await repository.templates(uow)
    if chosen is not None:
        return Template.model_validate(chosen.content)
    named = offline.matching(
        goal.title,
        goal.description,
        [Template.model_validate(template.content) for template in known],
        domain=goal.domain,
    )
    nearest = next(iter(near.templates), None)
    return named or (Template.model_validate(nearest.content) if nearest else None)


def _placed(basis: Basis, proposal: PlanProposal, notes: Sequence[str]) -> PlanContent:
    """Split, place and compose. Works for up to two seconds: not for the event loop."""
    sessions = validation.split(proposal, minutes_a_day=_usual_day(basis), done=basis.done_minutes)
    work = work_of(sessions, basis.standing, deadline=basis.goal.deadline)
    calendar = basis.calendar
    placement = place(work, calendar) if work else Placement({}, {}, optimal=True)
    return compose(proposal, sessions, basis.standing, placement, notes=notes)


def _usual_day(basis: Basis) -> int:
    """Give the minutes of the middle one of the days that have any."""
    minutes = sorted(basis.calendar.free_minutes.values())
    return minutes[len(minutes) // 2] if minutes else basis.room.days.capacity_minutes


def _notes(reply: Reply[PlanProposal]) -> list[str]:
    if reply.provider != OFFLINE or not reply.faults:
        return []
    kinds = [fault.kind for fault in reply.faults]
    return [next((NOTES[kind] for kind in reversed(kinds) if kind in NOTES), OTHERWISE)]


async def _keep(
    run: TaskRun,
    basis: Basis,
    request_id: UUID,
    near: Near,
    findings: Findings,
    rank: RankFinding,
    content: PlanContent,
    *,
    provider: str,
    model: str,
) -> dict[str, object]:
    """Write a version down, if the goal still waits for it."""
    user_id, goal_id = basis.goal.user_id, basis.goal.id
    async with run.units.write(member=user_id) as uow:
        try:
            goal = await repository.goal_for_update(uow, user_id, goal_id)
        except GoalNotFound:
            return {"skipped": "the goal was deleted"}
        if goal.planning != request_id:
            return {"skipped": "the request was overtaken"}
        await repository.overtake_plans(uow, user_id, goal_id, "proposed")
        goal.planning = None
        goal.last_version += 1
        goal.status = "active" if goal.status == "active" else "proposed"
        goal.domain = goal.domain or findings.domain
        goal.findings = findings.model_dump(mode="json")
        goal.rank = rank.model_dump(mode="json")
        goal.updated_at = uow.now
        uow.session.add(
            Plan(
                user_id=user_id,
                goal_id=goal_id,
                version=goal.last_version,
                state="proposed",
                provider=provider,
                model=model,
                prompt=f"{PROMPT.name}.v{PROMPT.version}",
                layout=content.model_dump(mode="json"),
                created_at=uow.now,
            )
        )
        for cause in ("analyse", "plan"):
            await ai.finish(uow, f"{cause}:{request_id}", member=user_id)
        drop_view(uow, user_id)
        news = {"goal_id": str(goal_id), "version": goal.last_version}
        uow.after_commit(lambda: tell_member(uow.redis, user_id, LIVE_EVENT, news))
        return {"version": goal.last_version, "provider": provider}
