"""(e) What the guards cost, and what they give away.

The door: `GET /progress/me` with a bearer token, a cookie and an API key, against the same handler
of the same processes for whoever the address names. The wall: a hot read, a page through a unit
of work and a write, against a hall that tells PostgreSQL nothing, on tables without row security.

Silence: sign-ins, registrations and resets for accounts that exist and that do not, asked in
random order one after the other. The figure is the area under the ROC curve (Mann and Whitney,
1947): how often a stranger who bets on the slower of two answers is right. A half is a coin.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from statistics import median
from uuid import UUID

from bench import seed
from bench.harness import API_WORKERS, Servers, Stage
from bench.loading import closed_loop, request
from bench.processes import answering, free_port, processes, uvicorn
from bench.report import Figure, progress
from bench.scale import Scale
from guildhall.identity import BannedPasswords, PasswordPolicy, Register
from guildhall.identity.service import hash_chosen, register
from guildhall.infra.http.credentials import ACCESS_COOKIE

__all__ = ["run"]

PASSWORD = "analytical engine"  # of made-up accounts
PROGRESS = "/api/v1/progress/me"
DOOR_GOAL, WALL_GOAL = 0.5, 0.8
SUBMISSIONS_A_MEMBER = 40
WIDEST = 0.08  # Three standard errors of the area, for 300 answers of each kind.
FACTORY = "--factory"


async def run(servers: Servers, scale: Scale) -> list[Figure]:
    """Ask in turns."""
    async with servers.stage("signin") as stage:
        members = await seed.add_members(stage, min(200, scale.request_members))
        figures = await _door(stage, scale, members)
        figures += await _wall(stage, scale, members)
        figures += await _silence(stage, scale)
    return figures


async def _door(stage: Stage, scale: Scale, members: Sequence[seed.Member]) -> list[Figure]:
    keys = await seed.add_api_keys(stage, members, ["progression:read"])
    asked = {
        "bearer": [request("GET", PROGRESS, token=member.token) for member in members],
        "cookie": [
            request("GET", PROGRESS, headers={"Cookie": f"{ACCESS_COOKIE}={member.token}"})
            for member in members
        ],
        "API key": [request("GET", PROGRESS, headers={"X-API-Key": key}) for key in keys],
        "nothing": [request("GET", f"/open/progress?who={member.id}") for member in members],
    }
    rates: dict[str, list[float]] = {name: [] for name in asked}
    async with _variant(stage, "open_door") as port:
        for _ in range(scale.rounds):
            for name, requests in asked.items():
                result = await closed_loop(port, requests, seconds=scale.request_seconds)
                rates[name].append(result["per_second"])
                progress(f"progress/me with {name}: {rates[name][-1]:.0f}/s")
    open_rate = median(rates.pop("nothing"))
    return [
        Figure.against(f"e. progress/me, {name}", median(each), "/s", open_rate, at_least=DOOR_GOAL)
        for name, each in rates.items()
    ]


async def _wall(stage: Stage, scale: Scale, members: Sequence[seed.Member]) -> list[Figure]:
    challenges = await seed.add_challenges(stage, SUBMISSIONS_A_MEMBER, "wall")
    attempts = await seed.open_attempts(stage, members, challenges)
    share = len(attempts) // (2 * scale.rounds)
    rates: dict[str, tuple[list[float], list[float]]] = {
        name: ([], []) for name in ("challenge list", "own attempts", "submit an attempt")
    }
    async with AsyncExitStack() as running:
        walled = await running.enter_async_context(stage.running("api"))
        unwalled = await running.enter_async_context(_variant(stage, "unwalled"))
        for number in range(2 * scale.rounds):
            off = number % 2
            await _row_security(stage, on=not off)
            port = unwalled if off else walled
            for name, path in (
                ("challenge list", "/api/v1/challenges"),
                ("own attempts", "/api/v1/attempts"),
            ):
                asked = [request("GET", path, token=member.token) for member in members]
                result = await closed_loop(port, asked, seconds=scale.request_seconds)
                rates[name][off].append(result["per_second"])
            mine = attempts[number * share : (number + 1) * share]
            asked = [
                request(
                    "POST",
                    f"/api/v1/attempts/{attempt_id}/submit",
                    token=member.token,
                    body=seed.ANSWER,
                )
                for member, attempt_id in mine
            ]
            result = await closed_loop(
                port, asked, seconds=scale.request_seconds, expect=202, once=True
            )
            rates["submit an attempt"][off].append(result["per_second"])
            for name, both in rates.items():
                progress(f"{name}, {'no wall' if off else 'wall'}: {both[off][-1]:.0f}/s")
        await _row_security(stage, on=True)
    return [
        Figure.against(
            f"e. {name}, row security", median(on), "/s", median(off), at_least=WALL_GOAL
        )
        for name, (on, off) in rates.items()
    ]


async def _row_security(stage: Stage, *, on: bool) -> None:
    tables = await stage.pool.fetch("SELECT DISTINCT tablename AS name FROM pg_policies")
    verb = "ENABLE" if on else "DISABLE"
    for table in tables:
        await stage.pool.execute(f"ALTER TABLE {table['name']} {verb} ROW LEVEL SECURITY")


async def _silence(stage: Stage, scale: Scale) -> list[Figure]:
    """Time one answer after the other, of accounts that are there and that are not."""
    names = [f"known-{number}" for number in range(scale.guesses)]
    for start in range(0, len(names), 10):
        await asyncio.gather(*(_account(stage, name) for name in names[start : start + 10]))
    cases: dict[str, Callable[[str, bool], tuple[str, dict[str, str]]]] = {
        "login": lambda name, known: (
            "/api/v1/auth/login",
            {"login": name if known else f"un{name}", "password": "a wrong guess"},
        ),
        "login by address": lambda name, known: (
            "/api/v1/auth/login",
            {"login": _address(name, known), "password": "a wrong guess"},
        ),
        "register": lambda name, known: (
            "/api/v1/auth/register",
            {
                "username": f"new-{name}-{known}",
                "email": _address(name, known),
                "password": PASSWORD,
            },
        ),
        "reset": lambda name, known: (
            "/api/v1/auth/password-reset",
            {"email": _address(name, known)},
        ),
    }
    figures = []
    # Each guess comes from an address of its own, or the throttle would answer instead.
    settings = {"RATE_LIMIT_SIGN_IN_PER_MINUTE": "1000000", "TRUSTED_PROXIES": "127.0.0.1"}
    async with stage.running("api", **settings) as port:
        for what, case in cases.items():
            asked = [(name, known) for name in names for known in (True, False)]
            random.Random(what).shuffle(asked)
            seconds: dict[bool, list[float]] = {True: [], False: []}
            shapes: dict[bool, set[tuple[int, frozenset[str]]]] = {True: set(), False: set()}
            async with _connection(port) as ask:
                for name, known in asked:
                    taken, status, body = await ask(*case(name, known))
                    seconds[known].append(taken)
                    shapes[known].add((status, _shape(body)))
            assert shapes[True] == shapes[False], f"{what} tells by its answer: {shapes}"
            figures.append(_silent(what, seconds[True], seconds[False]))
    return figures


def _silent(what: str, known: Sequence[float], unknown: Sequence[float]) -> Figure:
    area = _area(known, unknown)
    difference = 1000 * (median(known) - median(unknown))
    progress(
        f"{what}: {1000 * median(known):.2f} ms for those who exist, {difference:+.2f} ms to those"
        f" who do not, area {area:.3f} over {len(known)} each"
    )
    return Figure(
        f"e. {what}: exists or not, by time",
        area,
        "area",
        0.5,
        area / 0.5,
        f"0.5 ± {WIDEST}",
        abs(area - 0.5) <= WIDEST,
    )


def _area(first: Sequence[float], second: Sequence[float]) -> float:
    """Give the share of pairs of which the first took longer; a tie is half a pair."""
    wins = sum((a > b) + (a == b) / 2 for a in first for b in second)
    return wins / (len(first) * len(second))


def _shape(body: bytes) -> frozenset[str]:
    """Give what answers of one kind have in common: their fields, and the words of a refusal."""
    fields = json.loads(body)
    said = {f"{name}={fields[name]}" for name in ("error", "detail", "status") if name in fields}
    return frozenset({*fields, *said})


def _address(name: str, known: bool) -> str:
    return f"{name}@example.org" if known else f"un{name}@example.org"


async def _account(stage: Stage, name: str) -> UUID:
    body = Register(username=name, email=f"{name}@example.org", password=PASSWORD)
    password_hash = await hash_chosen(PasswordPolicy(BannedPasswords(None)), body)
    async with stage.hall.units.write() as uow:
        return (await register(uow, body, password_hash)).id


@asynccontextmanager
async def _variant(stage: Stage, factory: str) -> AsyncIterator[int]:
    port = free_port()
    command = [*uvicorn(f"bench.baselines.unguarded:{factory}", port, API_WORKERS), FACTORY]
    environment = {
        **stage.endpoints.as_environment(),
        "RATE_LIMIT_MEMBER_PER_MINUTE": "1000000",
        "TRUSTED_HOSTS": "*",
    }
    async with processes({factory: command}, environment, stage.directory):
        await answering(port, stage.directory, factory)
        yield port


Ask = Callable[[str, dict[str, str]], Awaitable[tuple[float, int, bytes]]]


@asynccontextmanager
async def _connection(port: int) -> AsyncIterator[Ask]:
    """Open one connection; each request on it comes from a new address, says the proxy."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    addresses = (f"10.{a}.{b}.1" for a in range(256) for b in range(256))

    async def ask(path: str, body: dict[str, str]) -> tuple[float, int, bytes]:
        headers = {"X-Forwarded-For": next(addresses)}
        writer.write(request("POST", path, body=body, headers=headers).encode())
        began = time.perf_counter()
        head = await reader.readuntil(b"\r\n\r\n")
        taken = time.perf_counter() - began
        fields = dict(
            line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if b": " in line
        )
        content = await reader.readexactly(int(fields.get(b"content-length", b"0")))
        return taken, int(head.split(b" ", 2)[1]), content

    try:
        yield ask
    finally:
        writer.close()
        await writer.wait_closed()
