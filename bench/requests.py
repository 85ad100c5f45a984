"""(c) Requests a second of the hottest endpoints, against bare handlers with the same statements.

Both have two processes on the same servers, and the same 32 connections in a closed loop ask
them. Ours checks tokens and sessions, counts limits, validates, logs and measures; the bare
handler does none of that. For submissions neither has a worker running, so that what is compared
is the request; afterwards the workers award all of them, and the audit must agree.

The last column of goals is CTFd's: requests a second that it gave on such a machine with two
workers, times ten.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from statistics import median
from typing import Any
from uuid import UUID

import orjson

from bench import seed
from bench.harness import API_WORKERS, Servers, Stage
from bench.loading import closed_loop, request
from bench.processes import answering, free_port, processes, uvicorn
from bench.report import Figure, progress
from bench.scale import Scale

__all__ = ["READS", "read_requests", "run"]

READ_GOAL, SUBMIT_GOAL = 0.5, 0.35
BACKLOG_PER_MEMBER = 2
ASKING = 200


class Read:
    """A read of ours, its bare twin, and a check of what ours says."""

    def __init__(self, ours: str, bare: str, right: Callable[[Any], bool]) -> None:
        self.ours = ours
        self.bare = bare
        self.right = right


READS: Mapping[str, Read] = {
    "leaderboard top 10": Read(
        "/api/v1/leaderboards/global?limit=10",
        "/top",
        lambda body: [item["rank"] for item in body["items"]] == list(range(1, 11)),
    ),
    "leaderboard around me": Read(
        "/api/v1/leaderboards/global?limit=10&around=me",
        "/around",
        lambda body: 6 <= len(body["items"]) <= 11,
    ),
    "challenge list": Read(
        "/api/v1/challenges", "/challenges", lambda body: len(body["items"]) == 20
    ),
    "progress/me": Read("/api/v1/progress/me", "/progress", lambda body: body["total_xp"] > 0),
}
# Requests a second of CTFd (https://ctfd.io) with two workers on such a machine.
CTFD = {"leaderboard top 10": 270.0, "challenge list": 130.0, "submit an attempt": 54.0}


async def run(servers: Servers, scale: Scale) -> list[Figure]:
    """Ask in turns."""
    rates: dict[str, tuple[list[float], list[float]]] = {
        name: ([], []) for name in (*READS, "submit an attempt")
    }
    async with servers.stage("requests") as stage:
        members = await seed.add_members(stage, scale.request_members)
        await _let_earn(stage, members)
        challenges = await seed.add_challenges(stage, scale.request_challenges, "requests")
        attempts = await seed.open_attempts(stage, members, challenges)
        async with AsyncExitStack() as running:
            port = await running.enter_async_context(stage.running("api"))
            bare = await running.enter_async_context(_bare(stage))
            for _ in range(scale.rounds):
                for name, read in READS.items():
                    ours, theirs = read_requests(read, members)
                    result = await closed_loop(port, ours, seconds=scale.request_seconds)
                    assert read.right(orjson.loads(result["bodies"]["200"])), result["bodies"]
                    rates[name][0].append(result["per_second"])
                    result = await closed_loop(bare, theirs, seconds=scale.request_seconds)
                    rates[name][1].append(result["per_second"])
                    _say(name, rates[name])
            await _submissions(stage, scale, (port, bare), attempts, rates["submit an attempt"])
        async with stage.running("worker", "relay", "scheduler"):
            await stage.audited()
    return _figures(rates)


def read_requests(read: Read, members: list[seed.Member]) -> tuple[list[str], list[str]]:
    """Give the requests of some members, to ours and to the bare handler."""
    asking = random.Random(1).sample(members, min(ASKING, len(members)))
    return (
        [request("GET", read.ours, token=member.token) for member in asking],
        [request("GET", f"{read.bare}?who={member.id}") for member in asking],
    )


async def _let_earn(stage: Stage, members: list[seed.Member]) -> None:
    """Let each member pass two challenges, so that all of them are on the board."""
    challenges = await seed.add_challenges(stage, BACKLOG_PER_MEMBER, "earned")
    await seed.hand_in_backlog(stage, members, challenges)
    async with stage.running("worker", "relay", "scheduler"):
        await stage.audited()


async def _submissions(
    stage: Stage,
    scale: Scale,
    ports: tuple[int, int],
    attempts: list[tuple[seed.Member, UUID]],
    rates: tuple[list[float], list[float]],
) -> None:
    """Submit in turns, each attempt once; no attempt is left unsubmitted by an error."""
    answers = 0
    for number in range(2 * scale.rounds):
        whose = number % 2
        share = len(attempts) // (2 * scale.rounds)
        mine = attempts[number * share : (number + 1) * share]
        if whose == 0:
            await seed.remember_sessions(stage, list({m.id: m for m, _ in mine}.values()))
        path = "/api/v1/attempts/{}/submit" if whose == 0 else "/attempts/{}/submit?who={}"
        result = await closed_loop(
            ports[whose],
            [
                request(
                    "POST",
                    path.format(id_, member.id),
                    token=member.token if whose == 0 else None,
                    body=seed.ANSWER,
                )
                for member, id_ in mine
            ],
            seconds=scale.request_seconds,
            expect=202,
            once=True,
        )
        answers += result["answers"]
        rates[whose].append(result["per_second"])
        if whose == 1:
            _say("submit an attempt", rates)
    submitted = await stage.pool.fetchval(
        "SELECT count(*) FROM attempts WHERE status = 'submitted'"
    )
    assert submitted == answers, f"{answers} answers, {submitted} submitted"


@asynccontextmanager
async def _bare(stage: Stage) -> AsyncIterator[int]:
    port = free_port()
    command = uvicorn("bench.baselines.bare:api", port, API_WORKERS)
    async with processes({"bare": command}, stage.endpoints.as_environment(), stage.directory):
        await answering(port, stage.directory, "bare")
        yield port


def _say(name: str, rates: tuple[list[float], list[float]]) -> None:
    progress(f"{name}: ours {rates[0][-1]:.0f}/s, bare {rates[1][-1]:.0f}/s")


def _figures(rates: dict[str, tuple[list[float], list[float]]]) -> list[Figure]:
    figures = [
        Figure.against(
            f"c. {name}",
            median(ours),
            "/s",
            median(bare),
            at_least=SUBMIT_GOAL if name.startswith("submit") else READ_GOAL,
        )
        for name, (ours, bare) in rates.items()
    ]
    for name, ctfd in CTFD.items():
        figures.append(
            Figure.against(f"c. {name}, to CTFd", median(rates[name][0]), "/s", ctfd, at_least=10)
        )
    return figures
