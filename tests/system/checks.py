"""What must be true of a hall at rest, however it got there."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection

import asyncpg
from redis.exceptions import RedisError

from guildhall import progression
from guildhall.progression import boards
from tests.system.running_hall import RunningHall

QUIET_WITHIN_SECONDS = 90

UNDER_WAY = """
SELECT (SELECT count(*) FROM outbox_events WHERE state IN ('waiting', 'claimed')) AS events,
       (SELECT count(*) FROM attempts WHERE status = 'submitted') AS ungraded
"""

# One attempt, one award: by the ledger, and by what the attempt itself says.
AWARDED_WRONGLY = """
SELECT a.id, a.status, a.xp_awarded, count(l.id) AS lines, coalesce(sum(l.xp), 0) AS xp
FROM attempts a LEFT JOIN xp_ledger l
    ON l.subject_id = a.user_id AND l.cause_id = a.id AND l.cause_type = 'attempt'
WHERE a.status IN ('passed', 'failed')
GROUP BY a.user_id, a.id, a.status, a.xp_awarded
HAVING coalesce(sum(l.xp), 0) <> a.xp_awarded OR count(l.id) <> (a.xp_awarded > 0)::int
"""

# Each first graded attempt calibrates once, and a second delivery would show as one game more.
# Each graded attempt is one activity, and one more for its member's record.
COUNTS = """
SELECT
    (SELECT count(*) FROM attempts WHERE status IN ('passed', 'failed')) AS graded,
    (SELECT coalesce(sum(graded), 0) FROM challenge_records) AS recorded,
    (SELECT count(*) FROM activities WHERE topic = 'challenges.attempt_graded') AS activities,
    (SELECT count(*) FROM challenge_records WHERE graded > 0) AS first_graded,
    (SELECT coalesce(sum(games), 0) FROM member_abilities) AS member_games,
    (SELECT coalesce(sum(games), 0) FROM challenge_ratings) AS challenge_games,
    (SELECT count(*) FROM subject_badges) AS badges,
    (SELECT count(*) FROM activities WHERE topic = 'progression.badge_earned') AS badges_told,
    (SELECT count(*) FROM subject_progress WHERE level > 1) AS climbers,
    (SELECT count(DISTINCT subject_id) FROM activities
     WHERE topic = 'progression.level_reached') AS climbers_told
"""

STREAKS_FROM_NOTHING = """
SELECT p.subject_id, p.streak_days, d.days FROM subject_progress p JOIN (
    SELECT subject_id, count(DISTINCT local_day) AS days FROM activities
    WHERE keeps_streak GROUP BY 1) d USING (subject_id)
WHERE p.streak_days > d.days
"""


async def quiet(hall: RunningHall, seconds: float = QUIET_WITHIN_SECONDS) -> float:
    """Wait until nothing is on its way any more and the boards are filled; give how long."""
    began = time.monotonic()
    said = "nothing"
    async with hall.opened() as inside:
        while True:
            try:
                async with asyncio.timeout(5):
                    row = await inside.database.reads.fetchrow(UNDER_WAY)
                    filled = await boards.is_ready(inside.redis)
                said = f"{dict(row)}, boards filled: {filled}"
                if row["events"] == 0 == row["ungraded"] and filled:
                    return time.monotonic() - began
            except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, RedisError) as error:
                said = repr(error)
            if time.monotonic() - began > seconds:
                raise AssertionError(f"not at rest after {seconds} s: {said}\n{hall.last_words()}")
            await asyncio.sleep(0.1)


async def agrees(hall: RunningHall, promised: Collection[str]) -> progression.Audit:
    """Check everything that must agree, and that nothing promised is missing."""
    kept = {
        str(row["id"])
        for row in await hall.rows("SELECT id FROM attempts WHERE status IN ('passed', 'failed')")
    }
    assert not set(promised) - kept, f"lost: {set(promised) - kept}"
    wrong = await hall.rows(AWARDED_WRONGLY)
    assert not wrong, f"awarded wrongly: {wrong[:10]}"
    (counts,) = await hall.rows(COUNTS)
    assert counts["graded"] == counts["recorded"] == counts["activities"], counts
    assert counts["first_graded"] == counts["member_games"] == counts["challenge_games"], counts
    assert counts["badges"] == counts["badges_told"], counts
    assert counts["climbers"] == counts["climbers_told"], counts
    assert not await hall.rows(STREAKS_FROM_NOTHING)
    async with hall.opened() as inside:
        audit = await progression.audit(inside.units, inside.redis)
    assert audit.all_equal, audit.differences
    assert audit.pending_events == audit.parked_events == 0, audit
    return audit
