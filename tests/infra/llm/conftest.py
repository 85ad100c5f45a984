"""A server of models, a meter that writes everything down, and lines to all providers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio
from pydantic import BaseModel, ConfigDict, Field

from guildhall.infra.llm import Call, FaultKind, Llm, Question, Tokens, open_llm
from guildhall.infra.settings import LlmSettings
from guildhall.kernel.ids import new_id
from tests.llm_server import LlmServer, running_llm_server
from tests.world import SettableClock

MODELS = {"openai": "gpt-of-tests", "anthropic": "claude-of-tests"}
PROTOCOLS = list(MODELS)
OFFLINE_TEXT = "The hall's own words."


class Step(BaseModel):
    model_config = ConfigDict(extra="forbid")

    title: str = Field(min_length=3, max_length=80)
    minutes: int = Field(ge=5, le=600)


class Outline(BaseModel):
    """What the tests ask for."""

    model_config = ConfigDict(extra="forbid")

    summary: str
    steps: list[Step] = Field(min_length=1, max_length=5)


OFFLINE_OUTLINE = Outline(summary="Offline", steps=[Step(title="Begin", minutes=10)])


class NoMoney(Exception):
    pass


class WritingMeter:
    """Allows `most` calls and writes down what becomes of each. Settling twice is a fault."""

    def __init__(self, most: int | None = None) -> None:
        self.most = most
        self.calls: dict[Any, Call] = {}
        self.settled: dict[Any, tuple[Tokens | None, FaultKind | None]] = {}

    async def reserve(self, call: Call) -> Any:
        if self.most is not None and len(self.calls) >= self.most:
            raise NoMoney
        call_id = new_id()
        self.calls[call_id] = call
        return call_id

    async def settle(self, call_id: Any, tokens: Tokens | None, fault: FaultKind | None) -> None:
        assert call_id in self.calls
        assert call_id not in self.settled
        if tokens is not None:
            assert tokens.input <= self.calls[call_id].most_input_tokens
            assert tokens.output <= self.calls[call_id].most_output_tokens
        self.settled[call_id] = (tokens, fault)

    @property
    def all_settled(self) -> bool:
        return self.calls.keys() == self.settled.keys()

    @property
    def faults(self) -> list[FaultKind | None]:
        """How the calls ended, in the order in which they were made."""
        assert self.all_settled
        return [self.settled[call_id][1] for call_id in self.calls]

    @property
    def tokens(self) -> list[Tokens | None]:
        """What the calls took, in the order in which they were made."""
        assert self.all_settled
        return [self.settled[call_id][0] for call_id in self.calls]

    @property
    def total(self) -> Tokens:
        return sum((tokens for tokens in self.tokens if tokens is not None), Tokens(0, 0))


@pytest.fixture
def meter() -> WritingMeter:
    return WritingMeter()


@pytest_asyncio.fixture(scope="session")
async def _llm_server() -> AsyncIterator[LlmServer]:
    async with running_llm_server() as server:
        yield server


@pytest_asyncio.fixture
async def server(_llm_server: LlmServer) -> AsyncIterator[LlmServer]:
    yield _llm_server
    _llm_server.reset()


def provider_settings(server: LlmServer, protocol: str, **more: Any) -> LlmSettings:
    """Settings for one provider, in a hurry; embeddings as well where the protocol has them."""
    settings: dict[str, Any] = {
        "llm_timeout_seconds": 20,
        "llm_stall_seconds": 20,
        "llm_backoff_seconds": 0.001,
    }
    if protocol != "offline":
        settings |= {
            "llm_provider": protocol,
            "llm_base_url": server.openai_url if protocol == "openai" else server.anthropic_url,
            "llm_api_key": "key-of-tests",
            "llm_model": MODELS[protocol],
        }
    if protocol == "openai":
        settings |= {"embedding_provider": "openai", "embedding_model": "points-of-tests"}
    return LlmSettings(**settings | more)


@asynccontextmanager
async def line_to(
    server: LlmServer, protocol: str, clock: SettableClock | None = None, **more: Any
) -> AsyncIterator[Llm]:
    settings = provider_settings(server, protocol, **more)
    async with open_llm(settings, clock or SettableClock()) as llm:
        yield llm


def for_text(**more: Any) -> Question[str]:
    return Question(
        **{
            "instructions": "Say something kind about the goal.",
            "data": {"goal": "Learn to juggle"},
            "answer": str,
            "offline": lambda: OFFLINE_TEXT,
            "max_output_tokens": 200,
        }
        | more
    )


def for_outline(**more: Any) -> Question[Outline]:
    return Question(
        **{
            "instructions": "Make an outline of the way to the goal.",
            "data": {"goal": "Learn to juggle"},
            "answer": Outline,
            "offline": lambda: OFFLINE_OUTLINE,
            "max_output_tokens": 500,
        }
        | more
    )
