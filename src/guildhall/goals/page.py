"""The dashboard as it travels, and the one statement that reads what goals put on it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, Field

from guildhall.goals.schemas import Difficulty, GoalStatus, Kind, TaskStatus

__all__ = ["OWN_PART", "DashboardOut"]

SuggestionKind = Literal[
    "decide_plan", "reschedule", "next_step", "review", "missing", "template", "challenge"
]


class DashboardProgress(BaseModel):
    total_xp: int
    level: int
    level_xp: int = Field(description="Total XP at which this level began.")
    next_level_xp: int = Field(description="Total XP at which the next level begins.")
    on_leaderboards: bool


class DashboardStreak(BaseModel):
    days: int
    longest_days: int
    freezes: int = Field(description="Missed days that the streak can still survive.")


class DashboardTask(BaseModel):
    id: UUID
    goal_id: UUID
    goal: str
    title: str
    kind: Kind
    minutes: int
    difficulty: Difficulty
    scheduled_on: date
    status: TaskStatus
    percent: int


class DashboardDay(BaseModel):
    """Today's tasks, with those that were left before."""

    date: date
    minutes_open: int
    minutes_done: int
    tasks: list[DashboardTask]


class DashboardGoal(BaseModel):
    id: UUID
    title: str
    deadline: date
    domain: str | None
    status: GoalStatus
    planning: bool
    tasks_done: int
    tasks_total: int


class DashboardGoals(BaseModel):
    """The newest fifty goals that were not given up, and how many there are."""

    running: int = Field(description="Neither completed nor given up.")
    completed: int
    items: list[DashboardGoal]


class DashboardRank(BaseModel):
    domain: str
    rank: str
    xp: int
    rank_xp: int = Field(description="Domain XP at which this rank begins.")
    next_rank: str | None = Field(description="None at the top.")
    next_rank_xp: int | None


class DashboardBadge(BaseModel):
    slug: str
    name: str
    awarded_at: datetime


class SuggestionOut(BaseModel):
    """What one might do next."""

    kind: SuggestionKind
    text: str = Field(description="In English.")
    facts: dict[str, str | int | float | None] = Field(
        description="What the text is made of, to say it in another language: `goal`, `task`,"
        " `title`, `question`, `day`, `count` or `chance` (0 to 1), as the kind has them."
    )
    id: str | None = Field(
        description="What it is about: a goal (`decide_plan`, `missing`), a task (`next_step`), a"
        " preview (`reschedule`), a challenge or a template."
    )


class DashboardOut(BaseModel):
    """Everything about a member's way, in one call."""

    user_id: UUID
    progress: DashboardProgress
    streak: DashboardStreak
    today: DashboardDay
    goals: DashboardGoals
    ranks: list[DashboardRank]
    badges: list[DashboardBadge]
    suggestions: list[SuggestionOut]


# $1 is the member, $2 their day. What is next is what a plan comes to next, is not for today, and
# waits for nothing.
OWN_PART = """
WITH mine AS (
    SELECT g.*,
        (SELECT count(*) FROM tasks t WHERE t.user_id = $1 AND t.goal_id = g.id
            AND t.kind <> 'review' AND t.status = 'done') AS tasks_done,
        (SELECT count(*) FROM tasks t WHERE t.user_id = $1 AND t.goal_id = g.id
            AND t.kind <> 'review' AND t.status <> 'dropped') AS tasks_total
    FROM goals g WHERE g.user_id = $1 AND g.status <> 'abandoned'
    ORDER BY g.id DESC LIMIT 50
), for_today AS (
    SELECT t.*, g.title AS goal FROM tasks t
    JOIN goals g ON g.user_id = t.user_id AND g.id = t.goal_id
    WHERE t.user_id = $1 AND (
        (t.scheduled_on = $2 AND (t.status = 'done'
            OR (t.status IN ('open', 'missed') AND g.status = 'active')))
        OR (t.scheduled_on < $2 AND g.status = 'active' AND (t.status = 'open'
            OR (t.status = 'missed' AND t.kind <> 'review'))))
    ORDER BY t.status = 'done', t.scheduled_on, t.position, t.id LIMIT 50
)
SELECT json_build_object(
    'running', (SELECT count(*) FROM goals WHERE user_id = $1
        AND status NOT IN ('completed', 'abandoned')),
    'completed', (SELECT count(*) FROM goals WHERE user_id = $1 AND status = 'completed'),
    'goals', coalesce((SELECT json_agg(json_build_object('id', id, 'title', title,
            'deadline', deadline, 'domain', domain, 'status', status,
            'planning', planning IS NOT NULL, 'tasks_done', tasks_done,
            'tasks_total', tasks_total) ORDER BY id DESC) FROM mine), '[]'),
    'tasks', coalesce((SELECT json_agg(json_build_object('id', id, 'goal_id', goal_id,
            'goal', goal, 'title', title, 'kind', kind, 'minutes', minutes,
            'difficulty', difficulty, 'scheduled_on', scheduled_on, 'status', status,
            'percent', percent) ORDER BY status = 'done', scheduled_on, position, id)
        FROM for_today), '[]'),
    'minutes_done', coalesce((SELECT done_minutes FROM work_days
        WHERE user_id = $1 AND local_day = $2), 0),
    'next', coalesce((SELECT json_agg(n.step) FROM (
        SELECT json_build_object('id', t.id, 'title', t.title, 'goal', m.title,
            'day', t.scheduled_on) AS step
        FROM mine m CROSS JOIN LATERAL (
            SELECT t.* FROM tasks t WHERE t.user_id = $1 AND t.goal_id = m.id
                AND t.kind <> 'review' AND t.status = 'open'
                AND (t.scheduled_on IS NULL OR t.scheduled_on > $2)
                AND NOT EXISTS (SELECT FROM task_dependencies d JOIN tasks b
                    ON b.user_id = d.user_id AND b.id = d.depends_on
                    WHERE d.user_id = $1 AND d.task_id = t.id AND b.status IN ('open', 'missed'))
            ORDER BY t.position, t.id LIMIT 1) t
        WHERE m.status = 'active' ORDER BY t.scheduled_on NULLS LAST, t.id LIMIT 3) n), '[]'),
    'due', (SELECT count(*) FROM review_cards c
        JOIN tasks t ON t.user_id = c.user_id AND t.id = c.task_id AND t.status = 'done'
        JOIN goals g ON g.user_id = t.user_id AND g.id = t.goal_id AND g.status = 'active'
        WHERE c.user_id = $1 AND c.due_day <= $2 AND NOT EXISTS (
            SELECT FROM for_today f WHERE f.review_of = c.task_id AND f.status <> 'done')),
    'to_decide', coalesce((SELECT json_agg(json_build_object('id', m.id, 'title', m.title)
            ORDER BY m.id DESC)
        FROM mine m JOIN plans p ON p.user_id = $1 AND p.goal_id = m.id
            AND p.version = m.last_version AND p.state = 'proposed'
        WHERE m.status IN ('proposed', 'active')), '[]'),
    'preview', (SELECT id FROM reschedulings WHERE user_id = $1 AND state = 'proposed'),
    'missing', coalesce((SELECT json_agg(json_build_object('id', id, 'title', title,
            'question', findings->'missing'->>0) ORDER BY id DESC)
        FROM mine WHERE status = 'proposed'
            AND jsonb_array_length(coalesce(findings->'missing', '[]')) > 0), '[]'),
    'templates', CASE WHEN EXISTS (SELECT FROM mine) THEN '[]' ELSE coalesce((
        SELECT json_agg(json_build_object('slug', slug, 'title', title) ORDER BY slug)
        FROM (SELECT slug, title FROM goal_templates ORDER BY slug LIMIT 3) t), '[]') END)
"""
