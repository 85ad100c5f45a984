"""A hall that asks a local server of models, at a price that can be worked out in the head."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio
from pydantic import BaseModel, ConfigDict, Field

from guildhall import ai
from guildhall.ai.metering import LedgerMeter
from guildhall.ai.prompts import parse
from guildhall.infra.hall import Hall
from guildhall.infra.llm import Call, Llm, Question, Reply, open_llm
from guildhall.infra.settings import AiSettings, LlmSettings
from tests.llm_server import LlmServer, running_llm_server

MODEL = "gpt-of-tests"
MICROS_A_TOKEN = 10  # Of output; input is free, so that what a call costs at most is known.
MOST_TOKENS = 200
MOST_MICROS = MICROS_A_TOKEN * MOST_TOKENS
PLENTY = 10**12
OFFLINE_TEXT = "The hall's own words."
PROMPT = parse(
    "guildhall.tests",
    "advise.v1.md",
    b"""---
name: advise
version: 1
inputs:
  goal: {description: What they want., max_length: 80}
max_output_tokens: 200
tries: 2
---
Say something kind about the goal.
""",
)


class Advice(BaseModel):
    """What the tests ask for, where they ask for more than a text."""

    model_config = ConfigDict(extra="forbid")

    title: str = Field(min_length=3, max_length=80)
    minutes: int = Field(ge=5, le=600)


def for_text(**more: Any) -> Question[str]:
    question = PROMPT.question({"goal": "Juggle"}, answer=str, offline=lambda: OFFLINE_TEXT)
    return replace(question, **more)


def for_advice() -> Question[Advice]:
    return PROMPT.question(
        {"goal": "Juggle"}, answer=Advice, offline=lambda: Advice(title="Begin", minutes=10)
    )


def budgets(**limits: Any) -> AiSettings:
    """Give budgets that let everything through but what is said."""
    names = ("hall_daily", "hall_monthly", "member_daily", "member_monthly")
    plenty: dict[str, Any] = {f"ai_budget_{name}_micros": PLENTY for name in names}
    plenty["ai_budget_member_daily_calls"] = 10**6
    return AiSettings(**plenty | {f"ai_budget_{name}": limit for name, limit in limits.items()})


@dataclass(frozen=True)
class House:
    """A hall with a line to the server of models, and what it may spend."""

    hall: Hall
    owner: asyncpg.Connection

    def with_budgets(self, **limits: Any) -> House:
        settings = replace(self.hall.settings, ai=budgets(**limits))
        return replace(self, hall=replace(self.hall, settings=settings))

    async def ask(
        self,
        member: UUID | None,
        *,
        feature: str = "tests.advice",
        question: Question[Any] | None = None,
        **more: Any,
    ) -> Reply[Any]:
        return await ai.ask(
            self.hall,
            question or for_text(),
            member=member,
            feature=feature,
            prompt=PROMPT,
            **more,
        )

    def meter(self, member: UUID | None, **more: Any) -> LedgerMeter:
        return LedgerMeter(
            self.hall.units, self.hall.llm, self.hall.settings.ai, member=member,
            **{"feature": "tests.advice", "seconds": 60.0} | more,
        )  # fmt: skip

    async def spent(self, scope: str, period: str = "day") -> dict[str, int]:
        """Give what the budgets of a scope have counted, by their period."""
        rows = await self.owner.fetch(
            "SELECT period, sum(spent_micros)::int AS spent FROM ai_budgets WHERE scope = $1"
            " AND length(period) = $2 GROUP BY 1 ORDER BY 1",
            scope,
            10 if period == "day" else 7,
        )
        return {row["period"]: row["spent"] for row in rows}

    async def reserved(self) -> int:
        """Give what is reserved in all budgets together."""
        held: int = await self.owner.fetchval("SELECT sum(reserved_micros)::int FROM ai_budgets")
        return held

    async def calls(self) -> list[asyncpg.Record]:
        return list(await self.owner.fetch("SELECT * FROM ai_calls ORDER BY id"))

    async def turns(self) -> list[asyncpg.Record]:
        return list(await self.owner.fetch("SELECT * FROM ai_turns ORDER BY id"))


CALL = Call("openai", MODEL, 0, MOST_TOKENS)
"""One that costs MOST_MICROS at most."""


@pytest_asyncio.fixture(scope="session")
async def _llm_server() -> AsyncIterator[LlmServer]:
    async with running_llm_server() as server:
        yield server


@pytest_asyncio.fixture
async def server(_llm_server: LlmServer) -> AsyncIterator[LlmServer]:
    yield _llm_server
    _llm_server.reset()


@pytest_asyncio.fixture
async def open_line(server: LlmServer, committed: Hall) -> AsyncIterator[Callable[..., Any]]:
    """Open a line to the server of models, with other settings than usual if need be."""
    async with AsyncExitStack() as lines:

        async def make(**more: Any) -> Llm:
            settings = LlmSettings(
                **{
                    "llm_provider": "openai",
                    "llm_base_url": server.openai_url,
                    "llm_api_key": "key-of-tests",
                    "llm_model": MODEL,
                    "llm_timeout_seconds": 30,
                    "llm_backoff_seconds": 0.001,
                    "llm_breaker_faults": 10**6,
                    "llm_prices": {
                        MODEL: {"input": 0, "output": MICROS_A_TOKEN},
                        "points-of-tests": {"input": 3, "output": 0},
                    },
                    "embedding_provider": "openai",
                    "embedding_model": "points-of-tests",
                }
                | more
            )
            return await lines.enter_async_context(open_llm(settings, committed.clock))

        yield make


@pytest_asyncio.fixture
async def house(committed: Hall, owner: asyncpg.Connection, open_line: Callable[..., Any]) -> House:
    return House(replace(committed, llm=await open_line()), owner).with_budgets()


@pytest.fixture
def offline_house(committed: Hall, owner: asyncpg.Connection) -> House:
    return House(committed, owner).with_budgets()
