"""The proof that ledger, totals and leaderboards agree, and the repair of what does not.

The ledger is right by definition; everything compared with it is derived.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from redis.asyncio import Redis
from sqlalchemy import text

from guildhall.infra.unit_of_work import UnitsOfWork
from guildhall.progression import boards, rules

__all__ = ["Audit", "audit", "repair"]

SHOWN_DIFFERENCES = 20
LOOKS_AT_REDIS = 3
SECONDS_BETWEEN_LOOKS = 1.0
REDIS_PAGE = 5000


@dataclass
class Audit:
    """What was compared, and what differs."""

    subjects: int = 0
    ledger_rows: int = 0
    ledger_xp: int = 0
    board_entries: int = 0
    board_lines: int = 0
    pending_events: int = 0
    parked_events: int = 0
    differences: list[str] = field(default_factory=list)
    difference_count: int = 0

    @property
    def all_equal(self) -> bool:
        return self.difference_count == 0

    def differ(self, what: str) -> None:
        self.difference_count += 1
        if len(self.differences) < SHOWN_DIFFERENCES:
            self.differences.append(what)


TOTALS = text("""
SELECT coalesce(l.subject_id, p.subject_id) AS subject_id,
       coalesce(l.xp, 0) AS ledger_xp, coalesce(p.total_xp, 0) AS total_xp,
       coalesce(p.level, 1) AS level
FROM (SELECT subject_id, sum(xp) AS xp FROM xp_ledger GROUP BY 1) l
FULL JOIN subject_progress p USING (subject_id)
WHERE coalesce(l.xp, 0) <> coalesce(p.total_xp, 0)
   OR coalesce(p.level, 1) <> floor(sqrt(greatest(coalesce(p.total_xp, 0), 0) / 100)) + 1
""")

# What the ledger says each entry must be. Written once, so that audit and repair agree.
DERIVED = """
SELECT l.subject_id, b.board, w.period, sum(l.xp) AS xp,
       coalesce(max(l.occurred_at) FILTER (WHERE l.xp > 0), to_timestamp(0)) AS reached_at
FROM xp_ledger l
CROSS JOIN LATERAL (SELECT 'global' AS board UNION ALL SELECT l.domain WHERE l.domain IS NOT NULL) b
CROSS JOIN LATERAL (VALUES
    ('all'),
    (to_char(l.occurred_at AT TIME ZONE 'UTC', 'YYYY-"Q"Q')),
    (to_char(l.occurred_at AT TIME ZONE 'UTC', 'IYYY-"W"IW')),
    (to_char(l.occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD'))) AS w(period)
GROUP BY 1, 2, 3
"""

ENTRIES = text(f"""
SELECT coalesce(d.subject_id, e.subject_id) AS subject_id, coalesce(d.board, e.board) AS board,
       coalesce(d.period, e.period) AS period, d.xp AS ledger_xp, e.xp AS entry_xp
FROM ({DERIVED}) d FULL JOIN board_entries e USING (subject_id, board, period)
WHERE d.xp IS DISTINCT FROM e.xp OR (d.xp > 0 AND d.reached_at IS DISTINCT FROM e.reached_at)
""")


COUNTS = text("""
SELECT (SELECT count(*) FROM subject_progress) AS subjects,
       (SELECT count(*) FROM xp_ledger) AS ledger_rows,
       (SELECT coalesce(sum(xp), 0) FROM xp_ledger) AS ledger_xp,
       (SELECT count(*) FROM board_entries) AS board_entries,
       (SELECT count(*) FROM outbox_events WHERE state IN ('waiting', 'claimed'))
           AS pending_events,
       (SELECT count(*) FROM outbox_events WHERE state = 'parked') AS parked_events
""")


async def audit(units: UnitsOfWork, redis: Redis) -> Audit:
    """Compare ledger, totals, levels, board entries and Redis. Changes nothing.

    The database is read as of one instant. Redis follows it by the time between a commit and
    what comes after it, so a difference there is looked at again before it counts.
    """
    found = await _audit_once(units, redis)
    for _ in range(LOOKS_AT_REDIS - 1):
        if found.all_equal:
            break
        await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
        found = await _audit_once(units, redis)
    return found


async def _audit_once(units: UnitsOfWork, redis: Redis) -> Audit:
    found = Audit()
    async with units.read(one_snapshot=True) as uow:
        await uow.session.execute(text("SET LOCAL work_mem = '128MB'"))
        counts = (await uow.session.execute(COUNTS)).mappings().one()
        for name, value in counts.items():
            setattr(found, name, value)
        for row in await uow.session.execute(TOTALS):
            found.differ(
                f"{row.subject_id}: ledger {row.ledger_xp}, total {row.total_xp},"
                f" level {row.level} (by formula {rules.level_for(row.total_xp)})"
            )
        for row in await uow.session.execute(ENTRIES):
            found.differ(
                f"{row.subject_id} on {row.board}/{row.period}:"
                f" ledger {row.ledger_xp}, entry {row.entry_xp}"
            )
        periods = sorted(set(rules.periods_at(uow.now).values()))
        await _compare_redis(uow, redis, periods, found)
    return found


async def _compare_redis(uow: Any, redis: Redis, periods: Sequence[str], found: Audit) -> None:
    if not await boards.is_ready(redis):
        found.differ("Redis: the leaderboards are not filled (they will be, or use --repair)")
        return
    names = (rules.BOARD_GLOBAL, *await boards.domains(uow))
    expected = dict.fromkeys(product(names, periods), 0)
    stream = await uow.session.stream(
        text(
            "SELECT p.on_leaderboards, b.subject_id, b.board, b.period, b.xp, b.reached_at,"
            " b.version FROM board_entries b JOIN subject_progress p USING (subject_id)"
            " WHERE b.period = ANY(:periods)"
        ),
        {"periods": list(periods)},
    )
    async for page in stream.partitions(REDIS_PAGE):
        entries = [entry for row in page if (entry := boards.Entry(*row)).member]
        pipe = redis.pipeline(transaction=False)
        for entry in entries:
            pipe.zscore(boards.keys_of(entry.board, entry.period)[0], entry.member)
        for entry, score in zip(entries, await pipe.execute(), strict=True):
            found.board_lines += 1
            key = (entry.board, entry.period)
            expected[key] = expected.get(key, 0) + 1
            if score is None or -int(score) != entry.xp:
                shown = "absent" if score is None else -int(score)
                found.differ(
                    f"{entry.subject_id} on {entry.board}/{entry.period}:"
                    f" entry {entry.xp}, Redis {shown}"
                )
    for (board, period), number in expected.items():
        lines = await redis.zcard(boards.keys_of(board, period)[0])
        if lines != number:
            found.differ(f"{board}/{period}: {number} entries, {lines} lines in Redis")


async def repair(units: UnitsOfWork, redis: Redis) -> None:
    """Derive totals, levels and board entries from the ledger again, and fill Redis."""
    async with units.write() as uow:
        # Awards wait meanwhile: what is derived here must not be half of it.
        await uow.session.execute(
            text("LOCK TABLE subject_progress, board_entries IN EXCLUSIVE MODE")
        )
        await uow.session.execute(
            text(
                "INSERT INTO subject_progress (subject_id) SELECT DISTINCT subject_id"
                " FROM xp_ledger ON CONFLICT DO NOTHING"
            )
        )
        await uow.session.execute(
            text(
                "UPDATE subject_progress p SET total_xp = d.xp,"
                " level = floor(sqrt(greatest(d.xp, 0) / 100)) + 1"
                " FROM (SELECT p.subject_id, coalesce(sum(l.xp), 0) AS xp FROM subject_progress p"
                " LEFT JOIN xp_ledger l USING (subject_id) GROUP BY 1) d"
                " WHERE p.subject_id = d.subject_id AND (p.total_xp <> d.xp OR"
                " p.level <> floor(sqrt(greatest(d.xp, 0) / 100)) + 1)"
            )
        )
        await uow.session.execute(
            text(
                f"WITH derived AS ({DERIVED}), gone AS ("
                " DELETE FROM board_entries e WHERE NOT EXISTS (SELECT 1 FROM derived d WHERE"
                " (d.subject_id, d.board, d.period) = (e.subject_id, e.board, e.period)))"
                " INSERT INTO board_entries AS e (subject_id, board, period, xp, reached_at)"
                " SELECT * FROM derived"
                " ON CONFLICT (subject_id, board, period) DO UPDATE SET xp = excluded.xp,"
                " reached_at = excluded.reached_at, version = e.version + 1"
                " WHERE (e.xp, e.reached_at) IS DISTINCT FROM (excluded.xp, excluded.reached_at)"
            )
        )
        now = uow.now
    await boards.rebuild(units, redis, now)
