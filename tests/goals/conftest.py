"""A hall whose goals are planned by a local server of models."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest_asyncio

from guildhall.entrypoints.wiring import WIRING
from guildhall.infra.hall import Hall
from guildhall.infra.llm import open_llm
from guildhall.infra.settings import AiSettings, LlmSettings
from guildhall.infra.tasks import TaskRunner
from tests.llm_server import LlmServer, running_llm_server

MODELS = {"openai": "gpt-of-tests", "anthropic": "claude-of-tests"}
MICROS_A_TOKEN = 10
PLENTY = 10**12
ANALYSIS = {"domain": None, "vague": [], "missing": ["Where do you stand today?"]}
PROPOSAL: dict[str, Any] = {
    "summary": "From greetings to a whole conversation, with a partner from the second week on.",
    "milestones": [
        {
            "title": "First words",
            "evidence": "You introduce yourself without notes.",
            "tasks": [
                {"key": "greetings", "title": "Learn the greetings", "minutes": 300,
                 "difficulty": "easy", "kind": "practise", "depends_on": []},
                {"key": "numbers", "title": "Learn the numbers", "minutes": 300,
                 "difficulty": "easy", "kind": "practise", "depends_on": ["greetings"]},
            ],
        },
        {
            "title": "A conversation",
            "evidence": "Ten minutes with a neighbour.",
            "tasks": [
                {"key": "partner", "title": "Find somebody to talk to", "minutes": 30,
                 "difficulty": "medium", "kind": "do", "depends_on": []},
                {"key": "talks", "title": "Talk about your day", "minutes": 1200,
                 "difficulty": "hard", "kind": "do", "depends_on": ["numbers", "partner"]},
            ],
        },
    ],
}  # fmt: skip


@pytest_asyncio.fixture(scope="session")
async def _llm_server() -> AsyncIterator[LlmServer]:
    async with running_llm_server() as server:
        yield server


@pytest_asyncio.fixture
async def server(_llm_server: LlmServer) -> AsyncIterator[LlmServer]:
    """The server of models. It analyses and plans well, unless it is told otherwise."""
    _llm_server.tell("Analysis", ANALYSIS)
    _llm_server.tell("PlanProposal", PROPOSAL)
    yield _llm_server
    _llm_server.reset()


@asynccontextmanager
async def hall_asking(
    hall: Hall, server: LlmServer, protocol: str, budgets: dict[str, Any], **more: Any
) -> AsyncIterator[Hall]:
    """Give the hall with a line to the server in one of its protocols, and with those budgets."""
    llm_settings = LlmSettings(
        **{
            "llm_provider": protocol,
            "llm_base_url": server.openai_url if protocol == "openai" else server.anthropic_url,
            "llm_api_key": "key-of-tests",
            "llm_model": MODELS[protocol],
            "llm_timeout_seconds": 2,
            "llm_stall_seconds": 2,
            "llm_backoff_seconds": 0.001,
            "llm_prices": {MODELS[protocol]: {"input": 0, "output": MICROS_A_TOKEN}},
        }
        | more
    )
    names = ("hall_daily", "hall_monthly", "member_daily", "member_monthly")
    plenty: dict[str, Any] = {f"ai_budget_{name}_micros": PLENTY for name in names}
    settings = replace(hall.settings, ai=AiSettings(**plenty | budgets))
    async with open_llm(llm_settings, hall.clock) as llm:
        yield replace(
            hall,
            llm=llm,
            settings=settings,
            task_runner=TaskRunner(
                hall.units,
                {task.name: task for task in WIRING.tasks},
                post=hall.post,
                llm=llm,
                settings=settings,
            ),
        )


@pytest_asyncio.fixture
async def asking(committed: Hall, server: LlmServer) -> AsyncIterator[Callable[..., Any]]:
    """Open the hall with a line to the server of models."""
    async with AsyncExitStack() as lines:

        async def make(
            protocol: str = "openai", budgets: dict[str, Any] | None = None, **more: Any
        ) -> Hall:
            return await lines.enter_async_context(
                hall_asking(committed, server, protocol, budgets or {}, **more)
            )

        yield make
