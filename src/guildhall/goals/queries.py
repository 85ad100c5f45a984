"""What goals show: reads, put into the shapes that travel."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from guildhall.goals import repository
from guildhall.goals.composition import REASONS, PlanContent
from guildhall.goals.models import Goal, Plan, Task
from guildhall.goals.scheduling import Why
from guildhall.goals.schemas import (
    ActivityOut,
    Findings,
    GoalOut,
    GoalSummary,
    MilestoneOut,
    NextTask,
    PlannedTaskOut,
    PlanOut,
    RankFinding,
    TaskOut,
    TemplateOut,
    UnplacedOut,
)
from guildhall.infra.unit_of_work import UnitOfWork
from guildhall.kernel.paging import Page, page_of, position_in

__all__ = ["activities", "goal_list", "goal_out", "tasks_on", "template_list"]


async def goal_list(
    uow: UnitOfWork, user_id: UUID, limit: int, cursor: str | None, status: str | None
) -> Page[GoalSummary]:
    """List a member's goals, newest first."""
    after = position_in(cursor, UUID)[0] if cursor else None
    found = await repository.goals_page(uow, user_id, limit, after, status)
    ids = [goal.id for goal in found]
    counts = await repository.task_counts(uow, user_id, ids)
    to_do = await repository.next_tasks(uow, user_id, ids)

    def summary(goal: Goal) -> GoalSummary:
        shown = GoalSummary.model_validate(goal)
        if goal.id in counts:
            shown.tasks_done, shown.tasks_total = counts[goal.id]
        if goal.id in to_do:
            shown.next_task = NextTask.model_validate(to_do[goal.id])
        return shown

    return page_of(found, limit, summary)


async def goal_out(uow: UnitOfWork, user_id: UUID, goal_id: UUID) -> GoalOut:
    """Give a goal with its plan: the one that holds, and a newer one that waits for an answer."""
    goal = await repository.goal(uow, user_id, goal_id)
    accepted = await repository.accepted_plan(uow, user_id, goal_id)
    latest = await repository.plan(uow, user_id, goal_id, goal.last_version)
    proposed = latest if latest is not None and latest.state == "proposed" else None
    summary = GoalSummary.model_validate(goal).model_dump()
    counts = (await repository.task_counts(uow, user_id, [goal_id])).get(goal_id)
    if counts is not None:
        summary |= {"tasks_done": counts.done, "tasks_total": counts.total}
    to_do = (await repository.next_tasks(uow, user_id, [goal_id])).get(goal_id)
    if to_do is not None:
        summary["next_task"] = NextTask.model_validate(to_do)
    holds = await _plan_that_holds(uow, goal, accepted) if accepted else None
    return GoalOut(
        **summary,
        description=goal.description,
        planning=goal.planning is not None,
        findings=Findings.model_validate(goal.findings) if goal.findings else None,
        rank=RankFinding.model_validate(goal.rank) if goal.rank else None,
        plan=holds or (_plan_as_stored(proposed) if proposed else None),
        proposal=_plan_as_stored(proposed) if proposed and holds else None,
    )


def _plan_as_stored(plan: Plan) -> PlanOut:
    content = PlanContent.model_validate(plan.layout)
    return PlanOut(
        version=plan.version,
        state=plan.state,
        provider=plan.provider,
        created_at=plan.created_at,
        **content.model_dump(exclude={"proposal"}),
    )


async def _plan_that_holds(uow: UnitOfWork, goal: Goal, plan: Plan) -> PlanOut:
    """Give an accepted plan as its tasks stand today."""
    shown = _plan_as_stored(plan)
    tasks = [
        task
        for task in await repository.tasks_of(uow, goal.user_id, goal.id)
        if task.kind != "review"
    ]
    milestones = await repository.milestones_of(uow, goal.user_id, goal.id)
    depends_on = await repository.dependencies(uow, goal.user_id, [task.id for task in tasks])
    proofs = await repository.challenges_of(uow, goal.user_id, [m.id for m in milestones])
    why = {unplaced.id: unplaced.why for unplaced in shown.unplaced}
    shown.unplaced = [
        UnplacedOut(
            id=task.id,
            title=task.title,
            minutes=task.minutes,
            why=why.get(task.id, REASONS[Why.NO_ROOM]),
        )
        for task in tasks
        if task.scheduled_on is None and task.status != "done"
    ]
    shown.milestones = [
        MilestoneOut(
            id=milestone.id,
            title=milestone.title,
            evidence=milestone.evidence,
            due_on=max(_days(tasks, milestone.id), default=milestone.due_on),
            challenges=proofs.get(milestone.id, []),
            proven_at=milestone.proven_at,
            tasks=[
                PlannedTaskOut(
                    id=task.id,
                    key=task.key,
                    title=task.title,
                    minutes=task.minutes,
                    difficulty=task.difficulty,
                    kind=task.kind,
                    scheduled_on=task.scheduled_on,
                    depends_on=sorted(depends_on.get(task.id, ())),
                    status=task.status,
                    percent=task.percent,
                    spent_minutes=task.spent_minutes,
                )
                for task in tasks
                if task.milestone_id == milestone.id
            ],
        )
        for milestone in milestones
    ]
    return shown


def _days(tasks: Sequence[Task], milestone_id: UUID) -> list[date]:
    return [
        task.scheduled_on
        for task in tasks
        if task.milestone_id == milestone_id and task.scheduled_on
    ]


async def tasks_on(
    uow: UnitOfWork, user_id: UUID, day: date, today: date, limit: int, cursor: str | None
) -> Page[TaskOut]:
    """List the tasks of a day; today's with those that were left before it."""
    after = position_in(cursor, UUID)[0] if cursor else None
    found = await repository.tasks_on(uow, user_id, day, limit, after, late_too=day == today)
    return page_of(found, limit, TaskOut.model_validate)


async def activities(
    uow: UnitOfWork, user_id: UUID, task_id: UUID, limit: int, cursor: str | None
) -> Page[ActivityOut]:
    """List what happened on a task, newest first."""
    await repository.task(uow, user_id, task_id)
    after = position_in(cursor, UUID)[0] if cursor else None
    found = await repository.activities_page(uow, user_id, task_id, limit, after)
    return page_of(found, limit, ActivityOut.model_validate)


async def template_list(
    uow: UnitOfWork, limit: int, cursor: str | None, domain: str | None
) -> Page[TemplateOut]:
    """List the templates by their slugs."""
    after = position_in(cursor, str)[0] if cursor else None
    found = await repository.templates_page(uow, limit, after, domain)
    return page_of(found, limit, TemplateOut.model_validate, lambda template: (template.slug,))
