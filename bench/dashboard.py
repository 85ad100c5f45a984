"""(h) Dashboards a second, cold and warm, against constant bytes behind the same door.

One hall serves both: a route that admits, counts and answers with bytes that it had before, and the
dashboard of members who have three goals of forty tasks each. Cold, no page is kept and each member
asks once; warm, all pages are kept and each asks eight times more. Limits stay on: ten a minute.
"""

from __future__ import annotations

import random
from contextlib import AsyncExitStack
from datetime import date, timedelta
from statistics import median

import orjson

from bench import seed
from bench.harness import API_WORKERS, Servers, Stage
from bench.loading import closed_loop, request
from bench.processes import answering, free_port, processes, uvicorn
from bench.report import Figure, progress
from bench.scale import Scale
from guildhall.goals.page import DashboardOut
from guildhall.kernel.ids import new_id

__all__ = ["run"]

MEMBERS = 1_000
GOALS, TASKS, DONE = 3, 40, 10
CHALLENGES = 80
WARM_TIMES = 8
FACTORY = "--factory"
GOAL_COLUMNS = "user_id id title description deadline status last_version created_at updated_at"
TASK_COLUMNS = (
    "user_id id goal_id milestone_id key kind position title minutes difficulty scheduled_on"
    " status created_at updated_at"
)


async def run(servers: Servers, scale: Scale) -> list[Figure]:
    """Ask in turns, each round from an empty cache."""
    rates: dict[str, list[float]] = {"cold": [], "warm": [], "constant": []}
    async with servers.stage("dashboard") as stage:
        members = await seed.add_members(stage, MEMBERS)
        await seed.add_challenges(stage, CHALLENGES, "dashboard")
        await _add_goals(stage, members)
        async with AsyncExitStack() as running:
            port = await _serve(stage, running)
            for number in range(scale.rounds + 1):
                await _forget(stage)
                await seed.remember_sessions(stage, members)
                for name, path, times in (
                    ("cold", "dashboard", 1),
                    ("warm", "dashboard", WARM_TIMES),
                    ("constant", "constant", WARM_TIMES + 1),
                ):
                    asked = [
                        request("GET", f"/api/v1/{path}/{member.id}", token=member.token)
                        for member in members * times
                    ]
                    random.Random(1).shuffle(asked)
                    result = await closed_loop(
                        port, asked, seconds=scale.request_seconds * 6, once=True
                    )
                    if path == "dashboard":
                        page = DashboardOut.model_validate(orjson.loads(result["bodies"]["200"]))
                        assert page.goals.running == GOALS
                        assert page.today.tasks
                    if number:  # The first round warms the processes up, for all three alike.
                        rates[name].append(result["per_second"])
                if number:
                    progress(", ".join(f"{name} {rate[-1]:.0f}/s" for name, rate in rates.items()))
    constant = median(rates["constant"])
    return [
        Figure.against(f"h. dashboard, {name}", median(rates[name]), "/s", constant)
        for name in ("cold", "warm")
    ]


async def _serve(stage: Stage, running: AsyncExitStack) -> int:
    port = free_port()
    metrics = stage.directory / "metrics"
    metrics.mkdir(exist_ok=True)
    environment = {
        **stage.endpoints.as_environment(),
        "RATE_LIMIT_MEMBER_PER_MINUTE": "1000000",
        "PROMETHEUS_MULTIPROC_DIR": str(metrics),
    }
    command = [*uvicorn("bench.baselines.constant:api", port, API_WORKERS), FACTORY]
    await running.enter_async_context(
        processes({"constant": command}, environment, stage.directory)
    )
    await answering(port, stage.directory, "constant")
    return port


async def _forget(stage: Stage) -> None:
    """Forget every page, and who has asked how often."""
    for pattern in ("cache:view:*", "limit:*"):
        if keys := [key async for key in stage.redis.scan_iter(pattern, count=1_000)]:
            await stage.redis.delete(*keys)


async def _add_goals(stage: Stage, members: list[seed.Member]) -> None:
    """Give everybody goals whose plans they have accepted, and which they are in the middle of."""
    now = stage.hall.clock.now()
    today = now.date()
    goals, plans, milestones, tasks = [], [], [], []
    for member in members:
        for number in range(GOALS):
            goal_id, milestone_id = new_id(), new_id()
            goals.append(
                (member.id, goal_id, f"Goal {number}", "", today + timedelta(days=TASKS), "active",
                 1, now, now)
            )  # fmt: skip
            plans.append(
                (member.id, goal_id, 1, "accepted", "offline", "rules", "bench", "{}", now)
            )
            milestones.append((member.id, milestone_id, goal_id, 0, "A stretch", "Shown."))
            tasks += [
                _task(member, goal_id, milestone_id, position, today, now)
                for position in range(TASKS)
            ]
    for table, columns, rows in (
        ("goals", GOAL_COLUMNS, goals),
        ("plans", "user_id goal_id version state provider model prompt layout created_at", plans),
        ("milestones", "user_id id goal_id position title evidence", milestones),
        ("tasks", TASK_COLUMNS, tasks),
    ):  # fmt: skip
        await stage.pool.copy_records_to_table(table, records=rows, columns=columns.split())
    await stage.pool.execute("VACUUM ANALYZE goals, plans, milestones, tasks")


def _task(
    member: seed.Member,
    goal_id: object,
    milestone_id: object,
    position: int,
    today: date,
    now: object,
) -> tuple[object, ...]:
    day = today + timedelta(days=position - DONE)
    status = "done" if position < DONE else "open"
    return (
        member.id, new_id(), goal_id, milestone_id, f"t{position}", "do", position,
        f"Task {position} of the goal", 20, "easy", day, status, now, now,
    )  # fmt: skip
