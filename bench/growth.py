"""(d) How awards and reads grow with the hall: members and ledger rows, a hundredfold and more.

Each size is a fresh hall whose past is written in SQL: members, ten ledger rows and activities
each, totals, and board entries of the present periods; Redis is filled from them as after a wipe.
The present is then measured as in (a) and (c), with a thousand active members among them all. A
size that does not fit into what is left of the time is left out, and the report says so.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from statistics import median

import asyncpg

from bench import seed
from bench.awards import drain
from bench.harness import Servers, Stage
from bench.loading import closed_loop
from bench.report import Figure, progress
from bench.requests import READS, read_requests
from bench.scale import Scale
from guildhall.progression import rules

__all__ = ["run"]

ROWS_PER_MEMBER = 10
ACTIVE_MEMBERS = 500
READ_GROWTH, AWARD_FALL = 1.5, 1.3
ROUNDS = 3
READ_SECONDS = 2.0
CONNECTIONS = 8


@dataclass(frozen=True)
class Size:
    """What was measured at one size."""

    members: int
    ledger_rows: int
    awards_per_second: float
    read_ms: dict[str, float]
    fill_seconds: float
    rebuild_seconds: float
    measure_seconds: float

    def seconds_for(self, members: int) -> float:
        """Guess the time of another size: filling grows with it, measuring does not."""
        filling = self.fill_seconds + self.rebuild_seconds
        return filling * members / self.members + self.measure_seconds


async def run(servers: Servers, scale: Scale) -> list[Figure]:
    """Measure each size that time allows."""
    began = time.monotonic()
    sizes: list[Size] = []
    left_out: list[str] = []
    for members in scale.growth_members:
        step = time.monotonic()
        left = scale.growth_budget - (step - began)
        if sizes and (likely := sizes[-1].seconds_for(members)) > left:
            left_out.append(f"{members:,} members: about {likely:.0f} s, {left:.0f} s left")
            continue
        sizes.append(await _size(servers, scale, members))
        progress(f"growth: {members:,} members took {time.monotonic() - step:.0f} s")
    for line in left_out:
        progress(f"growth stopped: {line}")
    return _figures(sizes, left_out)


async def _size(servers: Servers, scale: Scale, number: int) -> Size:
    active = min(ACTIVE_MEMBERS, number)
    async with servers.stage(f"growth_{number}") as stage:
        members = await seed.add_members(stage, active)
        began = time.monotonic()
        ledger_rows = await _write_past(stage, number - active)
        fill_seconds = time.monotonic() - began
        progress(f"growth: {ledger_rows:,} ledger rows written in {fill_seconds:.0f} s")
        began = time.monotonic()
        entries = await stage.rebuild_boards()
        rebuild_seconds = time.monotonic() - began
        progress(f"growth: {entries:,} board entries into Redis in {rebuild_seconds:.0f} s")
        names = list(READS)
        reads: dict[str, list[float]] = {name: [] for name in names}
        awards = []
        began = time.monotonic()
        async with stage.running("api", "worker", "relay", "scheduler") as port:
            for position in range(ROUNDS):
                awards.append(
                    await drain(stage, members, scale.growth_backlog, f"growth-{position}")
                )
                await stage.drained()
                for name in names:
                    requests, _ = read_requests(READS[name], members)
                    result = await closed_loop(
                        port, requests, seconds=READ_SECONDS, connections=CONNECTIONS
                    )
                    reads[name].append(1000 * CONNECTIONS / result["per_second"])
        progress(f"growth: awards {[round(rate) for rate in awards]}/s")
        return Size(
            number,
            ledger_rows,
            median(awards),
            {name: median(times) for name, times in reads.items()},
            fill_seconds,
            rebuild_seconds,
            time.monotonic() - began,
        )


async def _write_past(stage: Stage, number: int) -> int:
    """Write members with a past, in SQL; give the ledger rows."""
    periods = rules.periods_at(stage.hall.clock.now())
    async with stage.pool.acquire() as connection:
        await connection.execute("SET synchronous_commit = off; SET maintenance_work_mem = '1GB'")
        await connection.execute("SET max_parallel_maintenance_workers = 2")
        await connection.execute(USERS, number, timeout=600)
        for table, statement in (("xp_ledger", LEDGER), ("activities", ACTIVITIES)):
            async with _without_indexes(connection, table):
                for batch in range(ROWS_PER_MEMBER):
                    await connection.execute(statement, batch, timeout=600)
        await connection.execute(PROGRESS, ROWS_PER_MEMBER, timeout=600)
        async with _without_indexes(connection, "board_entries"):
            await connection.execute(
                ENTRIES, ROWS_PER_MEMBER, periods["season"], periods["week"], timeout=600
            )
        for table in ("users", "xp_ledger", "activities", "subject_progress", "board_entries"):
            await connection.execute(f"VACUUM ANALYZE {table}", timeout=600)
        await connection.execute("RESET ALL")
        await connection.execute("CHECKPOINT", timeout=600)
        return int(await connection.fetchval("SELECT count(*) FROM xp_ledger"))


@asynccontextmanager
async def _without_indexes(connection: asyncpg.Connection, table: str) -> AsyncIterator[None]:
    """Drop a table's constraints and indexes, and build them again over what was written."""
    constraints = await connection.fetch(
        "SELECT conname AS name, pg_get_constraintdef(oid) AS definition FROM pg_constraint"
        " WHERE conrelid = $1::text::regclass AND contype IN ('p', 'u')",
        table,
    )
    indexes = await connection.fetch(
        "SELECT i.indexrelid::regclass::text AS name, pg_get_indexdef(i.indexrelid) AS definition"
        " FROM pg_index i LEFT JOIN pg_constraint c ON c.conindid = i.indexrelid"
        " AND c.contype IN ('p', 'u') WHERE i.indrelid = $1::text::regclass AND c.oid IS NULL",
        table,
    )
    for row in constraints:
        await connection.execute(f"ALTER TABLE {table} DROP CONSTRAINT {row['name']}")
    for row in indexes:
        await connection.execute(f"DROP INDEX {row['name']}")
    yield
    for row in constraints:
        await connection.execute(
            f"ALTER TABLE {table} ADD CONSTRAINT {row['name']} {row['definition']}", timeout=600
        )
    for row in indexes:
        await connection.execute(row["definition"], timeout=600)


# Of the past: accounts that `bench.seed` did not make. Ten awards of 10 to 90 XP each.
USERS = """
INSERT INTO users (id, username, username_key, email, email_key, password_hash, created_at)
SELECT uuidv7(), 'past-' || n, 'past-' || n, 'past-' || n || '@example.org',
       'past-' || n || '@example.org', '!', now() - interval '1 year'
FROM generate_series(1, $1::int) AS n
"""
THEIR_XP = "10 + abs(hashtext(u.username)) % 80"
THEIR_DOMAIN = "CASE abs(hashtext(u.username)) % 4 WHEN 0 THEN 'python' WHEN 1 THEN 'sql' END"
LEDGER = f"""
INSERT INTO xp_ledger (subject_id, id, xp, cause_type, cause_id, rule_id, rule_version, domain,
                       occurred_at, local_day)
SELECT u.id, uuidv7(), {THEIR_XP}, 'attempt', uuidv7(), 'challenge', 1, {THEIR_DOMAIN},
       now() - make_interval(days => 20 - $1::int), current_date - 20 + $1::int
FROM users u WHERE u.username LIKE 'past-%'
"""
ACTIVITIES = f"""
INSERT INTO activities (subject_id, event_id, topic, outcome, domain, keeps_streak, occurred_at,
                        local_day)
SELECT u.id, uuidv7(), 'challenges.attempt_graded', 'passed', {THEIR_DOMAIN}, true,
       now() - make_interval(days => 20 - $1::int), current_date - 20 + $1::int
FROM users u WHERE u.username LIKE 'past-%'
"""
PROGRESS = f"""
INSERT INTO subject_progress (subject_id, total_xp, level, streak_days, streak_longest,
                              streak_last_day)
SELECT u.id, $1::int * ({THEIR_XP}), floor(sqrt($1::int * ({THEIR_XP}) / 100)) + 1,
       $1::int, $1::int, current_date - 11
FROM users u WHERE u.username LIKE 'past-%'
"""
ENTRIES = f"""
INSERT INTO board_entries (subject_id, board, period, xp, reached_at)
SELECT u.id, b.board, p.period, $1::int * ({THEIR_XP}),
       now() - interval '11 days' - make_interval(secs => abs(hashtext(u.username)) % 86400)
FROM users u
CROSS JOIN LATERAL (VALUES ('global'), ({THEIR_DOMAIN})) AS b(board)
CROSS JOIN LATERAL (VALUES ('all', 1), ($2::text, 1), ($3::text, 10)) AS p(period, one_in)
WHERE u.username LIKE 'past-%' AND b.board IS NOT NULL
  AND abs(hashtext(u.username)) / 97 % p.one_in = 0
"""


def _figures(sizes: list[Size], left_out: list[str]) -> list[Figure]:
    figures = []
    smallest = sizes[0]
    for size in sizes[1:]:
        where = f"{size.members:,} members, {size.ledger_rows:,} ledger rows"
        figures += [
            Figure.growth(
                f"d. {name}, {where}",
                size.read_ms[name],
                "ms",
                smallest.read_ms[name],
                size.read_ms[name] / smallest.read_ms[name],
                below=READ_GROWTH,
            )
            for name in READS
        ]
        figures.append(
            Figure.growth(
                f"d. awards, {where}",
                size.awards_per_second,
                "/s",
                smallest.awards_per_second,
                smallest.awards_per_second / size.awards_per_second,
                below=AWARD_FALL,
            )
        )
        figures.append(Figure(f"d. boards into Redis, {where}", size.rebuild_seconds, "s"))
    figures += [Figure(f"d. stopped before {line}", None, "") for line in left_out]
    return figures
