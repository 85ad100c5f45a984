"""Texts as points: offline by their letters, or by a model elsewhere, never by both."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guildhall.infra.llm import EMBEDDING_DIMENSIONS, EmbeddingFailed, FaultKind
from guildhall.infra.llm.embeddings import by_letters
from tests.infra.llm.conftest import WritingMeter, line_to
from tests.llm_server import Behaviour, LlmServer


def nearness(one: str, other: str) -> float:
    return sum(a * b for a, b in zip(by_letters(one), by_letters(other), strict=True))


@given(st.text())
def test_every_text_has_a_point_of_length_one(text: str) -> None:
    point = by_letters(text)
    assert len(point) == EMBEDDING_DIMENSIONS
    assert math.isclose(math.hypot(*point), 1.0)
    assert point == by_letters(text)


@pytest.mark.parametrize(
    ("text", "near", "far"),
    [
        ("learn to juggle", "juggling, learnt at last", "bake sourdough bread"),
        ("Spanish conversation", "conversations in spanish", "repairing bicycles"),
        ("programmieren lernen", "Lernen: Programmierung", "Brot backen"),
        ("учить испанский", "испанский язык", "печь хлеб"),
        ("sort a list in Python", "python list sorting", "watercolour landscapes"),
    ],
)
def test_texts_that_share_words_are_nearer(text: str, near: str, far: str) -> None:
    assert nearness(text, near) > nearness(text, far) + 0.1


def test_case_width_and_marks_around_words_make_no_difference() -> None:
    assert by_letters("Learn  to JUGGLE!") == pytest.approx(by_letters("learn to ｊｕｇｇｌｅ"))


@pytest.mark.parametrize("seed", ["0", "1"])
def test_every_process_places_a_text_at_the_same_point(seed: str) -> None:
    program = (
        "import json; from guildhall.infra.llm.embeddings import by_letters;"
        "print(json.dumps(by_letters('ñandú juggles')))"
    )
    printed = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONHASHSEED": seed},
        check=True,
        capture_output=True,
    ).stdout
    assert json.loads(printed) == by_letters("ñandú juggles")


async def test_384_dimensions_are_asked_for_unless_that_is_switched_off(
    server: LlmServer, meter: WritingMeter
) -> None:
    async with line_to(server, "openai") as llm:
        placed = await llm.embed(["one", "two"], meter)
    assert server.requests[0].body["dimensions"] == EMBEDDING_DIMENSIONS
    assert (placed.provider, placed.model) == ("embeddings", "points-of-tests")
    assert placed.tokens == meter.total
    assert not placed.tokens.estimated
    async with line_to(server, "openai", embedding_send_dimensions=False) as llm:
        # The server's own are 1536: of no use here.
        with pytest.raises(EmbeddingFailed) as failed:
            await llm.embed(["one"], meter)
    assert "dimensions" not in server.requests[1].body
    assert failed.value.fault.kind is FaultKind.INVALID


async def test_many_texts_go_in_several_calls_and_keep_their_order(
    server: LlmServer, meter: WritingMeter
) -> None:
    texts = [f"text {number}" for number in range(300)]
    async with line_to(server, "openai") as llm:
        placed = await llm.embed(texts, meter)
        again = await llm.embed(texts[290:], meter)
    assert [len(request.body["input"]) for request in server.requests] == [128, 128, 44, 10]
    assert placed.vectors[290:] == again.vectors
    assert len(meter.faults) == 4


@pytest.mark.parametrize(
    ("behaviour", "kind", "calls"),
    [
        (Behaviour.WRONG_LENGTH, FaultKind.INVALID, 1),
        (Behaviour.ERROR, FaultKind.BROKEN, 3),
        (Behaviour.RATE_LIMIT, FaultKind.OVERLOADED, 3),
        (Behaviour.REJECTED, FaultKind.REJECTED, 1),
        (Behaviour.STALL, FaultKind.TIMEOUT, 3),
    ],
)
async def test_no_other_model_takes_the_place_of_one_that_fails(
    server: LlmServer, meter: WritingMeter, behaviour: Behaviour, kind: FaultKind, calls: int
) -> None:
    server.behave(behaviour, None, retry_after_seconds=0.001)
    patience = 0.5 if behaviour is Behaviour.STALL else 20
    async with line_to(server, "openai", llm_timeout_seconds=patience) as llm:
        with pytest.raises(EmbeddingFailed) as failed:
            await llm.embed(["a text"], meter)
    assert (failed.value.fault.provider, failed.value.fault.kind) == ("embeddings", kind)
    assert meter.faults == [kind] * calls


async def test_a_server_of_embeddings_that_recovers_is_heard(
    server: LlmServer, meter: WritingMeter
) -> None:
    server.behave(Behaviour.RATE_LIMIT, retry_after_seconds=0.1)
    async with line_to(server, "openai") as llm:
        placed = await llm.embed(["a text"], meter)
    assert len(placed.vectors) == 1
    assert [request.early for request in server.requests] == [False, False]
    assert meter.faults == [FaultKind.OVERLOADED, None]


async def test_without_usage_the_hall_counts(server: LlmServer, meter: WritingMeter) -> None:
    server.behave(Behaviour.NO_USAGE)
    async with line_to(server, "openai") as llm:
        placed = await llm.embed(["a text of some length"], meter)
    assert placed.tokens.estimated
    assert placed.tokens.input > 3
