"""What every provider can do, the hall itself included."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from guildhall.infra.llm import EMBEDDING_DIMENSIONS, OFFLINE, Llm, Said
from tests.infra.llm.conftest import (
    MODELS,
    OFFLINE_TEXT,
    Outline,
    WritingMeter,
    for_outline,
    for_text,
    line_to,
)
from tests.llm_server import LlmServer


@pytest.fixture(params=["openai", "anthropic", "offline"])
def protocol(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest_asyncio.fixture
async def llm(server: LlmServer, protocol: str) -> AsyncIterator[Llm]:
    async with line_to(server, protocol) as opened:
        yield opened


def model_of(protocol: str) -> str:
    return MODELS.get(protocol, "rules")


async def test_a_text_is_answered(llm: Llm, protocol: str, meter: WritingMeter) -> None:
    reply = await llm.ask(for_text(), meter)
    assert reply.output == OFFLINE_TEXT if protocol == OFFLINE else "Words that fit" in reply.output
    assert (reply.provider, reply.model) == (protocol, model_of(protocol))
    assert reply.faults == ()
    assert reply.tokens == meter.total
    assert meter.faults == ([] if protocol == OFFLINE else [None])
    assert (reply.tokens.output > 0) == (protocol != OFFLINE)
    assert not reply.tokens.estimated


async def test_an_answer_has_the_type_that_was_asked_for(
    llm: Llm, protocol: str, meter: WritingMeter
) -> None:
    reply = await llm.ask(for_outline(), meter)
    assert isinstance(reply.output, Outline)
    assert (reply.provider, reply.model) == (protocol, model_of(protocol))
    assert reply.faults == ()
    assert meter.faults == ([] if protocol == OFFLINE else [None])


async def test_a_stream_ends_with_the_whole_answer(
    llm: Llm, protocol: str, meter: WritingMeter
) -> None:
    async with llm.stream(for_text(), meter) as answer:
        pieces = [piece async for piece in answer]
    assert len(pieces) > (0 if protocol == OFFLINE else 1)
    assert "".join(pieces) == answer.reply.output
    assert answer.reply.provider == protocol
    assert answer.reply.faults == ()
    assert answer.reply.tokens == meter.total
    assert not answer.reply.tokens.estimated
    assert meter.faults == ([] if protocol == OFFLINE else [None])


async def test_a_stream_says_the_same_as_an_answer(
    llm: Llm, protocol: str, meter: WritingMeter
) -> None:
    async with llm.stream(for_text(), meter) as answer:
        pieces = [piece async for piece in answer]
    asked = await llm.ask(for_text(), meter)
    assert "".join(pieces) == asked.output
    if protocol != OFFLINE:
        streamed_tokens, asked_tokens = meter.tokens
        assert streamed_tokens == asked_tokens


async def test_texts_become_points_of_length_one(
    llm: Llm, protocol: str, meter: WritingMeter
) -> None:
    texts = ["juggling three balls", "", "ñandú 漢字 🙂", "juggling three balls"]
    placed = await llm.embed(texts, meter)
    assert len(placed.vectors) == len(texts)
    for vector in placed.vectors:
        assert len(vector) == EMBEDDING_DIMENSIONS
        assert math.isclose(math.hypot(*vector), 1.0)
    assert placed.vectors[0] == placed.vectors[3]
    assert placed.vectors[0] != placed.vectors[2]
    assert placed.provider == ("embeddings" if protocol == "openai" else OFFLINE)
    assert meter.faults == ([None] if protocol == "openai" else [])
    assert (await llm.embed([], meter)).vectors == []


async def test_what_was_said_before_is_passed_in_order(
    server: LlmServer, llm: Llm, protocol: str, meter: WritingMeter
) -> None:
    history = (Said("member", "I can catch one."), Said("model", "Then throw two."))
    reply = await llm.ask(for_text(history=history), meter)
    assert reply.provider == protocol
    if protocol != OFFLINE:
        asked = server.requests[0].asked
        assert asked is not None
        assert asked.messages[:2] == [
            ("user", "I can catch one."),
            ("assistant", "Then throw two."),
        ]
        assert asked.data == {"goal": "Learn to juggle"}
