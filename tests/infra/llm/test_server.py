"""The server of models that tests ask: it speaks as it should, and as a process of its own."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

import jsonschema_rs
import pytest
import pytest_asyncio
from pydantic import BaseModel, EmailStr, Field, RootModel

from guildhall.goals.proposals import PlanProposal
from guildhall.infra.llm import FaultKind, open_llm
from guildhall.infra.settings import LlmSettings
from tests.infra.llm.conftest import (
    OFFLINE_OUTLINE,
    Outline,
    Step,
    WritingMeter,
    for_outline,
    for_text,
)
from tests.llm_server import ANOTHER_LANGUAGE, Behaviour, LlmServer, RemoteLlmServer
from tests.llm_server.instances import instance
from tests.world import SettableClock


class Colour(StrEnum):
    RED = "red"


class Everything(BaseModel):
    word: str = Field(min_length=40, max_length=50)
    short: str = Field(max_length=3)
    key: str = Field(pattern=r"^(?:a|b)[0-9]{2,4}\.[^\d\s]\w+x?$")
    whole: int = Field(gt=10, le=12)
    by_seven: int = Field(ge=8, multiple_of=7)
    below: int = Field(lt=0)
    part: float = Field(ge=0.25, le=0.5)
    money: Decimal
    yes: bool
    day: date
    at: datetime
    id: UUID
    mail: EmailStr
    colour: Colour
    kind: Literal["only"]
    maybe: int | None
    either: Annotated[str, Field(min_length=2)] | int
    pair: tuple[int, str]
    steps: list[Step] = Field(min_length=2)
    none: list[Step] = []
    named: dict[str, int]


class Tree(BaseModel):
    name: str
    branches: list[Tree] = []


@pytest.mark.parametrize(
    "shape", [Everything, Tree, Outline, PlanProposal, RootModel[list[int]], RootModel[int | str]]
)
@pytest.mark.parametrize("sentence", ["Words that fit", ANOTHER_LANGUAGE])
def test_what_it_makes_up_fits_the_schema(shape: type[BaseModel], sentence: str) -> None:
    schema = shape.model_json_schema()
    made = instance(schema, sentence)
    jsonschema_rs.validator_for(schema, validate_formats=True).validate(made)
    shape.model_validate(made)
    assert made == instance(schema, sentence)


def test_keys_that_it_makes_up_differ() -> None:
    schema = PlanProposal.model_json_schema()
    schema["$defs"]["MilestoneIdea"]["properties"]["tasks"]["minItems"] = 20
    proposal = PlanProposal.model_validate(instance(schema))
    assert len({task.key for task in proposal.tasks}) == 20


async def test_an_answer_may_depend_on_what_was_asked(
    server: LlmServer, meter: WritingMeter
) -> None:
    server.tell("Outline", lambda asked: {"summary": asked.data["goal"], "steps": STEPS})
    server.tell(None, lambda asked: asked.instructions[:3])
    settings = LlmSettings(
        llm_provider="openai", llm_base_url=server.openai_url, llm_model="m", llm_output="tool"
    )
    async with open_llm(settings, SettableClock()) as llm:
        reply = await llm.ask(for_outline(), meter)
        text = await llm.ask(for_text(), meter)
    assert reply.output == Outline(summary="Learn to juggle", steps=[Step(**STEPS[0])])
    assert text.output == "Say"


STEPS = [{"title": "Throw", "minutes": 10}]


@pytest_asyncio.fixture
async def process() -> AsyncIterator[RemoteLlmServer]:
    running = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.llm_server", "--port", "0", stdout=asyncio.subprocess.PIPE
    )
    assert running.stdout is not None
    server = RemoteLlmServer((await running.stdout.readline()).decode().strip())
    yield server
    await server.aclose()
    running.terminate()
    await running.wait()


@pytest.mark.parametrize("protocol", ["openai", "anthropic"])
async def test_it_can_be_a_process_of_its_own(
    process: RemoteLlmServer, meter: WritingMeter, protocol: str
) -> None:
    settings = LlmSettings(
        llm_provider=protocol,
        llm_base_url=f"{process.url}/v1" if protocol == "openai" else process.url,
        llm_api_key="key-of-tests",
        llm_model="far-away",
        llm_backoff_seconds=0.001,
    )
    async with open_llm(settings, SettableClock()) as llm:
        await process.tell("Outline", {"summary": "Told", "steps": STEPS})
        await process.behave(Behaviour.ERROR, model="far-away")
        assert (await llm.ask(for_outline(), meter)).output.summary == "Told"
        await process.behave(Behaviour.REFUSAL)
        refused = await llm.ask(for_outline(), meter)
        assert refused.output == OFFLINE_OUTLINE
        assert [fault.kind for fault in refused.faults] == [FaultKind.REFUSED]
        assert [request["behaviour"] for request in await process.requests()] == [
            "error",
            None,
            "refusal",
        ]
        await process.reset()
        await process.hold()
        asking = [asyncio.create_task(llm.ask(for_text(), meter)) for _ in range(5)]
        await process.until_under_way(5)
        assert await process.most_under_way() == 5
        await process.release()
        assert {reply.provider for reply in await asyncio.gather(*asking)} == {protocol}
    assert meter.all_settled
