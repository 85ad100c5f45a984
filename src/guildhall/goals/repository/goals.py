"""Queries of goals, plans and templates."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import func, select, text, update

from guildhall.goals.errors import GoalNotFound
from guildhall.goals.models import Goal, GoalTemplate, Plan, Task
from guildhall.infra.unit_of_work import UnitOfWork

__all__ = [
    "FAR",
    "accepted_plan",
    "active_goals",
    "goal",
    "goal_for_update",
    "goals_page",
    "nearest_goals",
    "nearest_templates",
    "overtake_plans",
    "plan",
    "task_counts",
    "template",
    "templates",
    "templates_page",
]

FAR = 0.75
"""Cosine distance past which two texts have nothing to do with each other."""


class Counts(NamedTuple):
    done: int
    total: int


async def goal(uow: UnitOfWork, user_id: UUID, goal_id: UUID) -> Goal:
    """Give a member's goal. Raises GoalNotFound."""
    found = await uow.session.get(Goal, (user_id, goal_id))
    if found is None:
        raise GoalNotFound
    return found


async def goal_for_update(uow: UnitOfWork, user_id: UUID, goal_id: UUID) -> Goal:
    """Give a member's goal, locked. Raises GoalNotFound."""
    found = await uow.session.get(
        Goal, (user_id, goal_id), with_for_update=True, populate_existing=True
    )
    if found is None:
        raise GoalNotFound
    return found


async def goals_page(
    uow: UnitOfWork, user_id: UUID, limit: int, after: UUID | None, status: str | None
) -> Sequence[Goal]:
    """Give a member's goals, newest first."""
    query = select(Goal).where(Goal.user_id == user_id).order_by(Goal.id.desc()).limit(limit)
    if after is not None:
        query = query.where(Goal.id < after)
    if status is not None:
        query = query.where(Goal.status == status)
    return (await uow.session.scalars(query)).all()


async def active_goals(uow: UnitOfWork, user_id: UUID) -> int:
    """Count the goals that a member has neither reached nor given up."""
    query = select(func.count()).where(
        Goal.user_id == user_id, Goal.status.not_in(("completed", "abandoned"))
    )
    return await uow.session.scalar(query) or 0


async def task_counts(
    uow: UnitOfWork, user_id: UUID, goal_ids: Collection[UUID]
) -> dict[UUID, Counts]:
    """Count the tasks of goals, reviews left aside; a goal without any is not in it."""
    rows = await uow.session.execute(
        select(
            Task.goal_id,
            func.count().filter(Task.status == "done").label("done"),
            func.count().label("total"),
        )
        .where(
            Task.user_id == user_id,
            Task.goal_id.in_(goal_ids),
            Task.status != "dropped",
            Task.kind != "review",
        )
        .group_by(Task.goal_id)
    )
    return {row.goal_id: Counts(row.done, row.total) for row in rows}


async def plan(uow: UnitOfWork, user_id: UUID, goal_id: UUID, version: int) -> Plan | None:
    """Give a version of a plan."""
    return await uow.session.get(Plan, (user_id, goal_id, version))


async def accepted_plan(uow: UnitOfWork, user_id: UUID, goal_id: UUID) -> Plan | None:
    """Give the plan that holds."""
    return await uow.session.scalar(
        select(Plan).where(
            Plan.user_id == user_id, Plan.goal_id == goal_id, Plan.state == "accepted"
        )
    )


async def overtake_plans(uow: UnitOfWork, user_id: UUID, goal_id: UUID, *states: str) -> None:
    """Close the plans of a goal that stand in one of these states."""
    await uow.session.execute(
        update(Plan)
        .where(Plan.user_id == user_id, Plan.goal_id == goal_id, Plan.state.in_(states))
        .values(state="overtaken", decided_at=uow.now)
    )


async def template(uow: UnitOfWork, slug: str) -> GoalTemplate | None:
    """Give a template."""
    return await uow.session.get(GoalTemplate, slug)


async def templates(uow: UnitOfWork) -> Sequence[GoalTemplate]:
    """Give all templates: there are dozens, not thousands."""
    return (await uow.session.scalars(select(GoalTemplate).order_by(GoalTemplate.slug))).all()


async def templates_page(
    uow: UnitOfWork, limit: int, after: str | None, domain: str | None
) -> Sequence[GoalTemplate]:
    """Give templates by their slugs."""
    query = select(GoalTemplate).order_by(GoalTemplate.slug).limit(limit)
    if after is not None:
        query = query.where(GoalTemplate.slug > after)
    if domain is not None:
        query = query.where(GoalTemplate.domain == domain)
    return (await uow.session.scalars(query)).all()


async def nearest_templates(
    uow: UnitOfWork, embedding: Sequence[float], model: str, limit: int = 3
) -> Sequence[GoalTemplate]:
    """Give the templates nearest to a point, nearest first; those that are far are left out."""
    distance = GoalTemplate.embedding.cosine_distance(embedding)
    return (
        await uow.session.scalars(
            select(GoalTemplate)
            .where(GoalTemplate.embedding_model == model, distance < FAR)
            .order_by(distance)
            .limit(limit)
        )
    ).all()


async def nearest_goals(
    uow: UnitOfWork,
    user_id: UUID,
    embedding: Sequence[float],
    model: str,
    *,
    beside: UUID,
    limit: int = 3,
) -> Sequence[UUID]:
    """Give a member's own goals nearest to a point, nearest first, beside the goal itself."""
    # The index is walked until enough of this member's own are found (pgvector 0.8).
    await uow.session.execute(text("SET LOCAL hnsw.iterative_scan = strict_order"))
    distance = Goal.embedding.cosine_distance(embedding)
    return (
        await uow.session.scalars(
            select(Goal.id)
            .where(
                Goal.user_id == user_id,
                Goal.id != beside,
                Goal.embedding_model == model,
                distance < FAR,
            )
            .order_by(distance)
            .limit(limit)
        )
    ).all()
