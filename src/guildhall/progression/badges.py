"""Use cases of badges: checked when something happened, tried on history, given afterwards."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert

from guildhall.identity import local_days, record
from guildhall.infra import tasks
from guildhall.infra.tasks import TaskRun
from guildhall.infra.unit_of_work import UnitOfWork
from guildhall.infra.views import drop_views
from guildhall.kernel.ids import new_id
from guildhall.kernel.member import Member
from guildhall.progression import conditions, repository
from guildhall.progression.errors import BadgeNotFound, BadgeSlugTaken
from guildhall.progression.events import BadgeEarned
from guildhall.progression.models import Badge
from guildhall.progression.news import News
from guildhall.progression.repository import ActiveBadge, Standing
from guildhall.progression.schemas import BadgeChange, BadgeIn

__all__ = [
    "AWARD_BADGE_TASK",
    "TRY_BADGE_TASK",
    "award_badge_to_all",
    "award_later",
    "change",
    "check",
    "create",
    "try_later",
    "try_on_history",
]

AWARD_BADGE_TASK = "progression.award_badge_to_all"
TRY_BADGE_TASK = "progression.try_on_history"
SUBJECTS_AT_ONCE = 1000
TRIAL_SAMPLE = 10


async def check(
    uow: UnitOfWork,
    standings: Mapping[UUID, Standing],
    days: Mapping[UUID, date],
    news: News,
) -> None:
    """Give each subject the badges it has just earned. Emits BadgeEarned.

    The subjects' standings are locked by the caller; `days` is the local day of what happened.
    """
    if not standings:
        return
    await _give(uow, standings, await repository.active_badges(uow), days, news)


async def create(
    uow: UnitOfWork, admin: Member, body: BadgeIn, known_topics: frozenset[str]
) -> Badge:
    """Save a new badge, switched off unless the body says otherwise. Audited."""
    conditions.parse(body.condition, known_topics)
    badge: Badge | None = await uow.session.scalar(
        insert(Badge)
        .values(id=new_id(), created_at=uow.now, **body.model_dump())
        .on_conflict_do_nothing(index_elements=["slug"])
        .returning(Badge)
    )
    if badge is None:
        raise BadgeSlugTaken
    record(uow, "badge_created", actor_id=admin.id, badge=badge.slug)
    uow.after_commit(lambda: uow.cache.drop(repository.BADGE_CATALOGUE))
    return badge


async def change(
    uow: UnitOfWork,
    admin: Member,
    badge_id: UUID,
    body: BadgeChange,
    known_topics: frozenset[str],
) -> Badge:
    """Change a badge. Who has it keeps it; a new condition is a new version. Audited."""
    badge = await uow.session.get(Badge, badge_id, with_for_update=True)
    if badge is None:
        raise BadgeNotFound
    changes = body.model_dump(exclude_unset=True, exclude_none=True)
    if "condition" in changes:
        conditions.parse(body.condition, known_topics)
        badge.version += changes["condition"] != badge.condition
    for field, value in changes.items():
        setattr(badge, field, value)
    record(uow, "badge_changed", actor_id=admin.id, badge=badge.slug, fields=sorted(changes))
    uow.after_commit(lambda: uow.cache.drop(repository.BADGE_CATALOGUE))
    return badge


async def try_later(uow: UnitOfWork, admin: Member, condition: dict[str, Any]) -> UUID:
    """Start the task that tells who would get a badge of this condition."""
    started = await tasks.start(
        uow, TRY_BADGE_TASK, {"condition": condition}, requested_by=admin.id
    )
    assert started is not None  # Only a task with a `once` key may already have been started.
    return started


async def try_on_history(run: TaskRun, condition: dict[str, Any]) -> dict[str, Any]:
    """Tell how many subjects meet a condition now, and some of them. Changes nothing."""
    parsed = conditions.parse(condition)
    would_get, seen, sample, after = 0, 0, list[UUID](), UUID(int=0)
    async with run.read() as uow:
        total = await uow.session.scalar(text("SELECT count(*) FROM subject_progress"))
    while True:
        async with run.read() as uow:
            subject_ids = await _subjects_after(uow, after)
            if not subject_ids:
                return {"would_get": would_get, "sample": [str(id_) for id_ in sample]}
            standings = await repository.read_standings(uow, subject_ids)
            records = await repository.records_of(uow, standings)
        met = [id_ for id_, (facts, _) in records.items() if parsed.met(facts)]
        would_get += len(met)
        sample += met[: TRIAL_SAMPLE - len(sample)]
        after = subject_ids[-1]
        seen += len(subject_ids)
        await run.progress(seen, total)


async def award_later(uow: UnitOfWork, admin: Member, badge_id: UUID) -> UUID:
    """Start the task that gives a badge to everyone who meets its condition. Audited."""
    badge = await uow.session.get(Badge, badge_id)
    if badge is None:
        raise BadgeNotFound
    record(uow, "badge_awarded_to_all", actor_id=admin.id, badge=badge.slug)
    started = await tasks.start(
        uow,
        AWARD_BADGE_TASK,
        {"badge_id": str(badge_id)},
        queue="awards",
        requested_by=admin.id,
    )
    assert started is not None  # Only a task with a `once` key may already have been started.
    return started


async def award_badge_to_all(run: TaskRun, badge_id: str) -> dict[str, int]:
    """Give a badge to everyone who meets its condition, a page of subjects at a time."""
    given, seen, after = 0, 0, UUID(int=0)
    async with run.read() as uow:
        total = await uow.session.scalar(text("SELECT count(*) FROM subject_progress"))
    while True:
        async with run.write() as uow:
            badge = await uow.session.get(Badge, UUID(badge_id))
            subject_ids = await _subjects_after(uow, after)
            if badge is None or not subject_ids:
                return {"given": given}
            standings = await repository.lock_standings(uow, subject_ids)
            days = dict.fromkeys(subject_ids, uow.now.date()) | await local_days(uow, subject_ids)
            news = News(standings)
            given += await _give(uow, standings, [ActiveBadge.of(badge)], days, news)
            drop_views(uow, standings)
            news.tell(uow)
        after = subject_ids[-1]
        seen += len(subject_ids)
        await run.progress(seen, total)


async def _give(
    uow: UnitOfWork,
    standings: Mapping[UUID, Standing],
    badges: Iterable[ActiveBadge],
    days: Mapping[UUID, date],
    news: News,
) -> int:
    records = await repository.records_of(uow, standings)
    met = [
        (id_, badge)
        for id_, (facts, had) in records.items()
        for badge in badges
        if badge.id not in had and badge.condition.met(facts)
    ]
    if not met:
        return 0
    known = {badge.id: badge for badge in badges}
    given = await repository.give_badges(uow, met)
    for row in given:
        uow.emit(
            BadgeEarned(
                subject_id=row.subject_id,
                occurred_at=uow.now,
                local_day=days[row.subject_id],
                badge_id=row.badge_id,
                slug=known[row.badge_id].slug,
            )
        )
        news.badge(row.subject_id, known[row.badge_id])
    return len(given)


async def _subjects_after(uow: UnitOfWork, after: UUID) -> list[UUID]:
    return list(
        await uow.session.scalars(
            text(
                "SELECT subject_id FROM subject_progress WHERE subject_id > :after"
                " ORDER BY subject_id LIMIT :limit"
            ),
            {"after": after, "limit": SUBJECTS_AT_ONCE},
        )
    )
