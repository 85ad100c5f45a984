"""What members do with their goals."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from sqlalchemy import delete, exists, insert, select
from sqlalchemy.exc import IntegrityError

from guildhall import progression
from guildhall.goals import repository, rules
from guildhall.goals.errors import (
    ChallengeUnknown,
    DeadlineOutOfReach,
    DomainUnknown,
    GoalClosed,
    MilestoneNotFound,
    TemplateUnknown,
    TooManyGoals,
)
from guildhall.goals.models import Goal, Milestone, MilestoneChallenge
from guildhall.goals.schemas import GoalChange, GoalIn, MilestoneChange, PlanRequest
from guildhall.infra import tasks
from guildhall.infra.unit_of_work import UnitOfWork
from guildhall.infra.views import drop_view
from guildhall.kernel.ids import new_id
from guildhall.kernel.member import Member

__all__ = [
    "PLAN_TASK",
    "change",
    "create",
    "prove_by",
    "remove",
    "request_plan",
    "start_planning",
    "stop_planning",
]

PLAN_TASK = "goals.plan"


async def create(uow: UnitOfWork, who: Member, body: GoalIn) -> Goal:
    """Take down a goal. It is analysed, and a plan for it proposed, in the background."""
    _check_deadline(body.deadline, who.local_day(uow.now))
    if body.domain is not None and body.domain not in await progression.domains(uow):
        raise DomainUnknown
    chosen = await repository.template(uow, body.template) if body.template is not None else None
    if body.template is not None and chosen is None:
        raise TemplateUnknown
    # Two at the same time must not both be the fiftieth.
    await repository.lock_schedule(uow, who.id)
    if await repository.active_goals(uow, who.id) >= rules.MOST_GOALS:
        raise TooManyGoals
    goal = Goal(
        user_id=who.id,
        id=new_id(),
        title=body.title,
        description=body.description,
        deadline=body.deadline,
        minutes_per_day=body.minutes_per_day,
        domain=body.domain or (chosen.domain if chosen else None),
        template=body.template,
        status="analysing",
        last_version=0,
        created_at=uow.now,
        updated_at=uow.now,
    )
    uow.session.add(goal)
    await uow.session.flush()
    await start_planning(uow, goal)
    return goal


async def change(uow: UnitOfWork, who: Member, goal_id: UUID, body: GoalChange) -> Goal:
    """Change a goal, give it up, or take it up again."""
    await repository.lock_schedule(uow, who.id)
    goal = await repository.goal_for_update(uow, who.id, goal_id)
    if body.status is not None and goal.status == "completed":
        raise GoalClosed
    if body.deadline is not None and body.deadline != goal.deadline:
        _check_deadline(body.deadline, who.local_day(uow.now))
        goal.deadline = body.deadline
    before = goal.title, goal.description
    if body.title is not None:
        goal.title = body.title
    if body.description is not None:
        goal.description = body.description
    if (goal.title, goal.description) != before:
        goal.embedding = goal.embedding_model = None  # It lies elsewhere now.
    if "minutes_per_day" in body.model_fields_set:
        goal.minutes_per_day = body.minutes_per_day
    if body.status == "abandoned" and goal.status != "abandoned":
        goal.status, goal.planning = "abandoned", None
    elif body.status == "active" and goal.status == "abandoned":
        if await repository.active_goals(uow, who.id) >= rules.MOST_GOALS:
            raise TooManyGoals
        accepted = await repository.accepted_plan(uow, who.id, goal_id)
        goal.status = "active" if accepted else "proposed" if goal.last_version else "analysing"
        if goal.last_version == 0:
            await start_planning(uow, goal)
    goal.updated_at = uow.now
    drop_view(uow, who.id)
    return goal


async def remove(uow: UnitOfWork, who: Member, goal_id: UUID) -> None:
    """Delete a goal with its plans and tasks. What was earned with it stays."""
    await repository.lock_schedule(uow, who.id)
    goal = await repository.goal_for_update(uow, who.id, goal_id)
    await uow.session.delete(goal)
    drop_view(uow, who.id)


async def request_plan(uow: UnitOfWork, who: Member, goal_id: UUID, body: PlanRequest) -> Goal:
    """Ask for another version of the plan. An earlier request that is not done is given up."""
    goal = await repository.goal_for_update(uow, who.id, goal_id)
    if goal.status in ("completed", "abandoned"):
        raise GoalClosed
    _check_deadline(goal.deadline, who.local_day(uow.now))
    await start_planning(uow, goal, body)
    return goal


async def stop_planning(uow: UnitOfWork, who: Member, goal_id: UUID) -> None:
    """Wait no longer for a plan: who makes it finds, in the end, that nobody asks any more."""
    goal = await repository.goal_for_update(uow, who.id, goal_id)
    if goal.planning is not None:
        goal.planning, goal.updated_at = None, uow.now
        drop_view(uow, who.id)


async def prove_by(
    uow: UnitOfWork, who: Member, goal_id: UUID, milestone_id: UUID, body: MilestoneChange
) -> None:
    """Name the challenges that prove a milestone."""
    await repository.goal_for_update(uow, who.id, goal_id)
    milestone = await uow.session.get(Milestone, (who.id, milestone_id))
    if milestone is None or milestone.goal_id != goal_id:
        raise MilestoneNotFound
    of_milestone = (
        MilestoneChallenge.user_id == who.id,
        MilestoneChallenge.milestone_id == milestone_id,
    )
    await uow.session.execute(
        delete(MilestoneChallenge).where(
            *of_milestone, MilestoneChallenge.challenge_id.not_in(body.challenges)
        )
    )
    named = (await repository.challenges_of(uow, who.id, [milestone_id])).get(milestone_id, [])
    new = [
        {"user_id": who.id, "milestone_id": milestone_id, "challenge_id": challenge_id}
        for challenge_id in sorted(body.challenges - set(named))
    ]
    if new:
        milestone.proven_at = None
        try:
            await uow.session.execute(insert(MilestoneChallenge), new)
        except IntegrityError:  # The foreign key is who knows which challenges there are.
            raise ChallengeUnknown from None
    elif body.challenges and milestone.proven_at is None:
        # Those that were wanting may be named no more, and the rest are passed.
        unpassed = exists().where(*of_milestone, MilestoneChallenge.passed_at.is_(None))
        if not await uow.session.scalar(select(unpassed)):
            milestone.proven_at = uow.now
    drop_view(uow, who.id)


async def start_planning(
    uow: UnitOfWork, goal: Goal, body: PlanRequest | None = None, *, taken_up: int = 0
) -> None:
    """Have a plan made. What was asked for before is given up."""
    goal.planning = new_id()
    goal.updated_at = uow.now
    await tasks.start(
        uow,
        PLAN_TASK,
        {
            "user_id": str(goal.user_id),
            "goal_id": str(goal.id),
            "request_id": str(goal.planning),
            "wish": body.wish if body else "",
            "same_tasks": body.same_tasks if body else False,
            "taken_up": taken_up,
        },
        queue="ai",
        requested_by=goal.user_id,
        once=f"{PLAN_TASK}:{goal.planning}",
    )
    drop_view(uow, goal.user_id)


def _check_deadline(deadline: date, today: date) -> None:
    if not today < deadline <= rules.last_deadline(today):
        raise DeadlineOutOfReach
