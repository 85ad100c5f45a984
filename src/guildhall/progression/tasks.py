"""Background work of progression."""

from __future__ import annotations

from datetime import timedelta

from redis.exceptions import RedisError
from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert

from guildhall.infra import tasks
from guildhall.infra.tasks import Priority, TaskRun
from guildhall.infra.unit_of_work import UnitOfWork
from guildhall.progression import boards, rules
from guildhall.progression.models import Season

__all__ = ["REBUILD_TASK", "ask_for_rebuild", "close_seasons", "rebuild_boards", "watch_boards"]

REBUILD_TASK = "progression.rebuild_boards"
# The news of a rebuild may be lost with the very Redis that it was to fill.
NEWS_LOST_AFTER = timedelta(seconds=10)
# Events of a season may still be on their way when it ends.
CLOSE_AFTER = timedelta(minutes=10)


async def watch_boards(run: TaskRun) -> None:
    """Have the boards filled again if Redis has lost them or was restarted."""
    async with run.write() as uow:
        await ask_for_rebuild(uow)


async def ask_for_rebuild(uow: UnitOfWork) -> None:
    """Start a rebuild unless the boards are there, or one is under way."""
    try:
        if await boards.still_ready(uow.redis):
            return
    except RedisError:
        return  # Nothing can be filled yet.
    under_way = await uow.session.scalar(
        text(
            "SELECT 1 FROM task_executions WHERE name = :name AND (state = 'running'"
            " OR state IN ('queued', 'sent') AND available_at > :before) LIMIT 1"
        ),
        {"name": REBUILD_TASK, "before": uow.now - NEWS_LOST_AFTER},
    )
    if not under_way:
        await tasks.start(uow, REBUILD_TASK, queue="awards", priority=Priority.HIGH)


async def rebuild_boards(run: TaskRun) -> dict[str, int]:
    """Fill every current board in Redis from the database, while awards go on."""
    async with run.read() as uow:
        redis, now = uow.redis, uow.now
    written = await boards.rebuild(run.units, redis, now)
    return {"entries": written}


CLOSE = text("""
INSERT INTO season_results (subject_id, season, board, rank, xp, reached_at)
SELECT b.subject_id, b.period, b.board,
       row_number() OVER (PARTITION BY b.board ORDER BY b.xp DESC, b.reached_at, b.subject_id),
       b.xp, b.reached_at
FROM board_entries b JOIN subject_progress p USING (subject_id)
WHERE b.period = :season AND b.xp > 0 AND p.on_leaderboards
""")


# Something that happened in the season and has not been counted yet, as after a night's downtime.
ON_THEIR_WAY = text("""
SELECT EXISTS (
    SELECT FROM outbox_events
    WHERE state IN ('waiting', 'claimed') AND subject_id IS NOT NULL
      AND CAST(payload->>'occurred_at' AS timestamptz) < :ends_at
)
""")


async def close_seasons(run: TaskRun) -> dict[str, int]:
    """Archive the final table of every season that is over, each exactly once, in order.

    Seasons are found by what was played in them, so those that ended while the hall was down are
    caught up. The season's row decides who closes it: a second closer finds `closed_at` set.
    """
    closed = 0
    async with run.read() as uow:
        played = await uow.session.scalars(
            text(
                "SELECT DISTINCT period FROM board_entries"
                " WHERE board = 'global' AND period LIKE '____-Q_' ORDER BY period"
            )
        )
        seasons = [season for season in played if rules.season_bounds(season)[1] <= uow.now]
    for season in seasons:
        starts_at, ends_at = rules.season_bounds(season)
        async with run.write() as uow:
            on_their_way = await uow.session.scalar(ON_THEIR_WAY, {"ends_at": ends_at})
            if uow.now < ends_at + CLOSE_AFTER or on_their_way:
                break
            await uow.session.execute(
                insert(Season)
                .values(id=season, starts_at=starts_at, ends_at=ends_at)
                .on_conflict_do_nothing()
            )
            row = await uow.session.scalar(
                select(Season)
                .where(Season.id == season, Season.closed_at.is_(None))
                .with_for_update()
            )
            if row is None:
                continue
            await uow.session.execute(CLOSE, {"season": season})
            row.closed_at = uow.now
            closed += 1
    return {"closed": closed}
