"""(a) How many awards a second come out of a backlog of submitted attempts.

Ours: the attempts and their events become visible in one commit, and the clock runs until every
one has been graded and awarded: scores, ledger, totals, levels, streaks, four to eight board
entries, ranks and badges. The hall has its starter badges, and all its processes run.

Typical: one Celery task per attempt (load, insert, update the total, ZADD). Its backlog is as
long and is enqueued before the clock starts; it is measured for a window of each round, for it
would take minutes to get to the end.
"""

from __future__ import annotations

import asyncio
import time
from statistics import median

from bench import seed
from bench.harness import Servers, Stage
from bench.report import Figure, progress
from bench.scale import Scale
from bench.typical import Typical, open_typical

__all__ = ["drain", "run"]

GRADE, AWARD = "challenges.grade_attempts", "progression.award_achievements"
TYPICAL_ELSEWHERE = 246.0


async def run(servers: Servers, scale: Scale) -> list[Figure]:
    """Drain backlogs in turns."""
    ours: list[float] = []
    theirs: list[float] = []
    async with (
        servers.stage("awards") as stage,
        open_typical(servers, stage, scale.backlog_members) as typical,
    ):
        members = await seed.add_members(stage, scale.backlog_members)
        await typical.enqueue(await typical.add_attempts(1, scale.backlog, "submitted"))
        for number in range(scale.rounds):
            async with stage.running("api", "worker", "relay", "scheduler"):
                ours.append(await drain(stage, members, scale.backlog, f"backlog-{number}"))
                await stage.audited()
            async with typical.running("worker"):
                theirs.append(await _typical_window(typical, scale.baseline_window))
            progress(f"awards: ours {ours[-1]:.0f}/s, typical {theirs[-1]:.0f}/s")
        await typical.audited()
    return [
        Figure.against("a. awards from a backlog", median(ours), "/s", median(theirs), at_least=10),
        Figure.against(
            "a. the same, against 246/s measured elsewhere",
            median(ours),
            "/s",
            TYPICAL_ELSEWHERE,
        ),
    ]


async def drain(stage: Stage, members: list[seed.Member], backlog: int, name: str) -> float:
    """Hand in a backlog to a running hall; give awards a second until the last is written."""
    challenges = await seed.add_challenges(stage, backlog // len(members), name)
    before = await _awards(stage)
    handed_in = await seed.hand_in_backlog(stage, members, challenges)
    began = time.perf_counter()
    await stage.drained(GRADE, AWARD)
    seconds = time.perf_counter() - began
    awarded = await _awards(stage) - before
    assert awarded == handed_in, f"{handed_in} attempts, {awarded} awards"
    return awarded / seconds


async def _awards(stage: Stage) -> int:
    return int(await stage.pool.fetchval("SELECT count(*) FROM xp_ledger"))


async def _typical_window(typical: Typical, seconds: float) -> float:
    """Count the awards of a while, from when its worker has warmed up."""
    target = await typical.awards() + 100
    async with asyncio.timeout(60):
        while await typical.awards() < target:  # noqa: ASYNC110  # a database
            await asyncio.sleep(0.1)
    before, began = await typical.awards(), time.perf_counter()
    await asyncio.sleep(seconds)
    after, ended = await typical.awards(), time.perf_counter()
    return (after - before) / (ended - began)
