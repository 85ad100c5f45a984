"""(b) How long a submission takes to the leaderboard, at a fixed rate, and where that breaks.

An open loop: submissions leave at their intended times, whatever comes back. A watcher asks Redis
every two milliseconds who is on the board. The time counted is from the intended moment to the
first look at the board that has the member: sending, answer, grading, award and board together.

The knee is the highest rate whose p95 stays under 250 ms. Ours and the typical implementation
climb the same steps in turns, each until it fails.

What was acknowledged is durable: afterwards every attempt answered with 202 has its ledger row,
on a server with fsync and synchronous_commit on.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from statistics import median
from typing import Any

from bench import seed
from bench.baselines import typical as typical_app
from bench.harness import Servers, Stage
from bench.loading import Watch, open_loop, request
from bench.report import Figure, progress
from bench.scale import Scale
from bench.typical import FLAG, Typical, open_typical
from guildhall.progression import boards

__all__ = ["run"]

RATE = 50
GOAL_P95_MS = 50.0
KNEE_P95_MS = 250.0
PROCESSES = ("api", "worker", "relay", "scheduler")

Step = Callable[[float, float], Awaitable[dict[str, Any]]]


async def run(servers: Servers, scale: Scale) -> list[Figure]:
    """Measure at 50 a second in turns, then climb."""
    at_rest = RATE * scale.latency_seconds * scale.rounds
    climb = sum(scale.knee_rates) * scale.knee_seconds
    warming = 200
    submissions = int(at_rest + climb) + warming + 100
    async with (
        servers.stage("latency") as stage,
        open_typical(servers, stage, submissions + 1) as typical,
    ):
        await _assert_durable(stage)
        ours = await _Ours.prepare(stage, submissions)
        theirs = await _Theirs.prepare(typical, submissions)
        async with stage.running(*PROCESSES) as our_port, typical.running("api", "worker") as port:
            ours.port, theirs.port = our_port, port
            for subject in (ours, theirs):
                await subject.step(RATE, warming / RATE)
            rounds: dict[str, list[dict[str, Any]]] = {"ours": [], "typical": []}
            for _ in range(scale.rounds):
                for subject in (ours, theirs):
                    result = await subject.step(RATE, scale.latency_seconds)
                    rounds[subject.name].append(result)
                    progress(f"{subject.name} at {RATE}/s: {result['from_intended_ms']}")
            knees = await _knees((ours, theirs), scale)
            await theirs.rest()
            await stage.audited()
            lost = await _acknowledged_but_lost(stage, ours.acknowledged)
            await typical.audited()
    return _figures(rounds, knees, lost)


class _Ours:
    """Submissions to the hall, each by a member who is not on the board yet."""

    name = "ours"

    def __init__(self, stage: Stage, attempts: list[tuple[seed.Member, Any]]) -> None:
        self._stage = stage
        self._attempts = attempts
        self._watch = Watch("HMGET", boards.keys_of("global", "all")[1], stage.endpoints.redis_url)
        self.port = 0
        self.acknowledged = 0

    @classmethod
    async def prepare(cls, stage: Stage, submissions: int) -> _Ours:
        members = await seed.add_members(stage, submissions)
        (challenge,) = await seed.add_challenges(stage, 1, "latency")
        return cls(stage, await seed.open_attempts(stage, members, [challenge]))

    async def step(self, rate: float, seconds: float) -> dict[str, Any]:
        number = int(rate * seconds)
        mine, self._attempts = self._attempts[:number], self._attempts[number:]
        await seed.remember_sessions(self._stage, [member for member, _ in mine])
        result = await open_loop(
            self.port,
            [
                request(
                    "POST",
                    f"/api/v1/attempts/{id_}/submit",
                    token=member.token,
                    body=seed.ANSWER,
                )
                for member, id_ in mine
            ],
            [member.id.bytes for member, _ in mine],
            self._watch,
            rate=rate,
            expect=202,
        )
        self.acknowledged += result["statuses"].get("202", 0)
        return result

    async def rest(self) -> None:
        await self._stage.drained()


class _Theirs:
    """The same to the typical implementation."""

    name = "typical"

    def __init__(self, typical: Typical, ids: list[int]) -> None:
        self._typical = typical
        self._ids = ids
        self._watch = Watch("ZMSCORE", typical_app.BOARD, typical.stage.endpoints.redis_url)
        self.port = 0

    @classmethod
    async def prepare(cls, typical: Typical, submissions: int) -> _Theirs:
        return cls(typical, await typical.add_attempts(1, submissions, "started"))

    async def step(self, rate: float, seconds: float) -> dict[str, Any]:
        number = int(rate * seconds)
        mine, self._ids = self._ids[:number], self._ids[number:]
        return await open_loop(
            self.port,
            [request("POST", f"/attempts/{id_}/submit", body={"answer": FLAG}) for id_ in mine],
            [str(id_).encode() for id_ in mine],
            self._watch,
            rate=rate,
            expect=202,
        )

    async def rest(self) -> None:
        await self._typical.settled()


async def _knees(subjects: tuple[_Ours, _Theirs], scale: Scale) -> dict[str, int]:
    """Climb in turns; a step that fails is tried once more, for one stall is not a knee."""
    knees = {subject.name: 0 for subject in subjects}  # 0: not even the first step held.
    climbing = list(subjects)
    for rate in scale.knee_rates:
        for subject in list(climbing):
            for _ in range(2):
                result = await subject.step(rate, scale.knee_seconds)
                p95 = result["from_intended_ms"]["p95"]
                progress(f"{subject.name} at {rate}/s: p95 {p95:.0f} ms")
                if p95 < KNEE_P95_MS:
                    knees[subject.name] = rate
                    break
                await subject.rest()
            else:
                climbing.remove(subject)
    return knees


async def _assert_durable(stage: Stage) -> None:
    for setting in ("fsync", "synchronous_commit", "full_page_writes"):
        value = await stage.pool.fetchval(f"SHOW {setting}")
        assert value == "on", f"{setting} is {value}: what is acknowledged would not be durable"


async def _acknowledged_but_lost(stage: Stage, acknowledged: int) -> int:
    kept = await stage.pool.fetchval("SELECT count(*) FROM xp_ledger WHERE cause_type = 'attempt'")
    return acknowledged - int(kept)


def _figures(
    rounds: dict[str, list[dict[str, Any]]], knees: dict[str, int], lost: int
) -> list[Figure]:
    def typically(name: str, kind: str, share: str) -> float:
        return median(result[kind][share] for result in rounds[name])

    figures = []
    for kind, words in (
        ("from_intended_ms", "submission to leaderboard"),
        ("from_answer_ms", "202 to leaderboard"),
    ):
        for share in ("p50", "p95", "p99"):
            ours, theirs = typically("ours", kind, share), typically("typical", kind, share)
            is_goal = (kind, share) == ("from_intended_ms", "p95")
            figures.append(
                Figure(
                    f"b. {words}, {share} at {RATE}/s",
                    ours,
                    "ms",
                    theirs,
                    ours / theirs if theirs else None,
                    f"< {GOAL_P95_MS:g} ms" if is_goal else None,
                    ours < GOAL_P95_MS if is_goal else None,
                )
            )
    figures.append(
        Figure.against(
            "b. knee (p95 under 250 ms)", knees["ours"], "/s", knees["typical"], at_least=2
        )
    )
    figures.append(Figure("b. acknowledged but lost", lost, "", goal="0", met=lost == 0))
    return figures
