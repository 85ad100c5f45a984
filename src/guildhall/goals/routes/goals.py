"""HTTP of goals, their plans and tasks."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import Query, Request

from guildhall.goals import (
    acceptance,
    daily,
    outcomes,
    queries,
    reports,
    rescheduling,
    service,
)
from guildhall.goals.errors import NothingToReschedule
from guildhall.goals.outcomes import Outcome
from guildhall.goals.routes.base import member
from guildhall.goals.schemas import (
    ActivityIn,
    ActivityOut,
    Day,
    GenerateIn,
    GoalAccepted,
    GoalChange,
    GoalIn,
    GoalOut,
    GoalStatus,
    GoalSummary,
    MilestoneChange,
    PlanAccept,
    PlanDecline,
    PlanRequest,
    ProgressUpdate,
    ReschedulingOut,
    TaskChange,
    TaskOut,
    TemplateOut,
    TodayOut,
)
from guildhall.infra.http import CurrentMember, Reads, Writes, hall_of, limited
from guildhall.kernel.paging import Limit, Page

__all__: list[str] = []


@member.post("/goals", status_code=202, dependencies=[limited("goals", 5)])
async def create_goal(body: GoalIn, who: CurrentMember, uow: Writes) -> GoalAccepted:
    """Set a goal. It is analysed in the background, and a plan for it is proposed."""
    goal = await service.create(uow, who, body)
    return GoalAccepted(id=goal.id, status=goal.status)


@member.get("/goals")
async def list_goals(
    who: CurrentMember,
    uow: Reads,
    limit: Limit = 20,
    cursor: str | None = None,
    status: GoalStatus | None = None,
) -> Page[GoalSummary]:
    """List one's goals, newest first."""
    return await queries.goal_list(uow, who.id, limit, cursor, status)


@member.get("/goals/{goal_id}")
async def read_goal(goal_id: UUID, who: CurrentMember, uow: Reads) -> GoalOut:
    """Read a goal: what the analysis found, and its plan."""
    return await queries.goal_out(uow, who.id, goal_id)


@member.patch("/goals/{goal_id}")
async def change_goal(goal_id: UUID, body: GoalChange, who: CurrentMember, uow: Writes) -> GoalOut:
    """Change a goal, give it up, or take it up again."""
    await service.change(uow, who, goal_id, body)
    await uow.session.flush()
    return await queries.goal_out(uow, who.id, goal_id)


@member.delete("/goals/{goal_id}", status_code=204)
async def remove_goal(goal_id: UUID, who: CurrentMember, uow: Writes) -> None:
    """Delete a goal with its plan and tasks; what was earned with it stays."""
    await service.remove(uow, who, goal_id)


@member.post("/goals/{goal_id}/plan", status_code=202, dependencies=[limited("plans", 5)])
async def request_plan(
    goal_id: UUID, who: CurrentMember, uow: Writes, body: PlanRequest | None = None
) -> GoalAccepted:
    """Ask for another version of the plan. It is made in the background."""
    goal = await service.request_plan(uow, who, goal_id, body or PlanRequest())
    return GoalAccepted(id=goal.id, status=goal.status)


@member.post("/goals/{goal_id}/plan/accept")
async def accept_plan(goal_id: UUID, body: PlanAccept, who: CurrentMember, uow: Writes) -> GoalOut:
    """Accept the newest version of the plan: its tasks get their days."""
    await acceptance.accept(uow, who, goal_id, body)
    await uow.session.flush()
    return await queries.goal_out(uow, who.id, goal_id)


@member.post("/goals/{goal_id}/plan/decline")
async def decline_plan(
    goal_id: UUID, body: PlanDecline, who: CurrentMember, uow: Writes
) -> GoalOut:
    """Turn a proposed version of the plan down. What held before it holds on."""
    await acceptance.decline(uow, who, goal_id, body)
    await uow.session.flush()
    return await queries.goal_out(uow, who.id, goal_id)


@member.post("/goals/{goal_id}/plan/stop")
async def stop_planning(goal_id: UUID, who: CurrentMember, uow: Writes) -> GoalOut:
    """Wait no longer for a plan that is being made. Whatever comes of it is thrown away."""
    await service.stop_planning(uow, who, goal_id)
    await uow.session.flush()
    return await queries.goal_out(uow, who.id, goal_id)


@member.patch("/goals/{goal_id}/milestones/{milestone_id}")
async def change_milestone(
    goal_id: UUID, milestone_id: UUID, body: MilestoneChange, who: CurrentMember, uow: Writes
) -> GoalOut:
    """Name the challenges that prove a milestone."""
    await service.prove_by(uow, who, goal_id, milestone_id, body)
    return await queries.goal_out(uow, who.id, goal_id)


@member.get("/goal-templates")
async def list_templates(
    uow: Reads,
    limit: Limit = 50,
    cursor: str | None = None,
    domain: Annotated[str | None, Query(max_length=100)] = None,
) -> Page[TemplateOut]:
    """List the templates that a goal can begin from."""
    return await queries.template_list(uow, limit, cursor, domain)


@member.get("/tasks")
async def tasks_of_a_day(
    who: CurrentMember,
    uow: Reads,
    date: Day | None = None,
    limit: Limit = 50,
    cursor: str | None = None,
) -> Page[TaskOut]:
    """List one's tasks of a day; today's, with those that were left before it, unless said."""
    today = who.local_day(uow.now)
    return await queries.tasks_on(uow, who.id, date or today, today, limit, cursor)


@member.post("/tasks/generate", dependencies=[limited("tasks", 3)])
async def generate_tasks(
    who: CurrentMember, request: Request, body: GenerateIn | None = None
) -> TodayOut:
    """Choose the tasks of a day, from one's plans and what is due for review, and say why."""
    return await daily.generate(hall_of(request).units, who, body.date if body else None)


@member.patch("/tasks/{task_id}")
async def change_task(task_id: UUID, body: TaskChange, who: CurrentMember, uow: Writes) -> TaskOut:
    """Say what became of a task, or move it. XP follows by event."""
    outcome = Outcome(body.status, body.minutes, None, body.passed, body.scheduled_on)
    return TaskOut.model_validate(await reports.change(uow, who, task_id, outcome))


@member.get("/tasks/{task_id}/activities")
async def list_activities(
    task_id: UUID, who: CurrentMember, uow: Reads, limit: Limit = 20, cursor: str | None = None
) -> Page[ActivityOut]:
    """List what happened on a task, newest first."""
    return await queries.activities(uow, who.id, task_id, limit, cursor)


@member.post("/tasks/{task_id}/activities", status_code=201)
async def add_activity(
    task_id: UUID, body: ActivityIn, who: CurrentMember, uow: Writes
) -> ActivityOut:
    """Note work on a task, or a word about it."""
    return ActivityOut.model_validate(await outcomes.add_activity(uow, who, task_id, body))


@member.patch("/progress/update", dependencies=[limited("progress", 20)])
async def update_progress(body: ProgressUpdate, who: CurrentMember, request: Request) -> TaskOut:
    """Report progress on a task. The same report within 15 seconds counts once."""
    return await reports.report(hall_of(request), who, body)


@member.post("/reschedulings", status_code=201, dependencies=[limited("reschedulings", 6)])
async def preview_rescheduling(who: CurrentMember, request: Request) -> ReschedulingOut:
    """Preview new days for what was missed or has none. Nothing moves before it is accepted."""
    found = await rescheduling.propose(hall_of(request).units, who.id)
    if found is None:
        raise NothingToReschedule
    return rescheduling.shown(found)


@member.get("/reschedulings")
async def waiting_reschedulings(who: CurrentMember, uow: Reads) -> Page[ReschedulingOut]:
    """Read the preview that waits for an answer, if there is one."""
    found = await rescheduling.current(uow, who.id)
    return Page(items=[rescheduling.shown(found)] if found else [])


@member.post("/reschedulings/{rescheduling_id}/accept")
async def accept_rescheduling(
    rescheduling_id: UUID, who: CurrentMember, uow: Writes
) -> ReschedulingOut:
    """Move one's tasks as a preview says."""
    return rescheduling.shown(await rescheduling.accept(uow, who.id, rescheduling_id))
