"""Whatever a provider does, a question has an answer, and each call is settled once."""

from __future__ import annotations

import itertools

import pytest
from pydantic import BaseModel

from guildhall.infra.llm import (
    OFFLINE,
    AnswerCut,
    AnswerStream,
    FaultKind,
    Llm,
    Question,
    Reply,
    Tokens,
)
from tests.infra.llm.conftest import (
    MODELS,
    OFFLINE_OUTLINE,
    OFFLINE_TEXT,
    PROTOCOLS,
    WritingMeter,
    for_outline,
    for_text,
    line_to,
)
from tests.llm_server import ANOTHER_LANGUAGE, Behaviour, LlmServer

TRIES = 3
ENDS = {
    # What it ends as, and how many calls are made to a provider that goes on like that.
    Behaviour.BAD_JSON: (FaultKind.INVALID, TRIES),
    Behaviour.WRONG_SCHEMA: (FaultKind.INVALID, TRIES),
    Behaviour.EMPTY: (FaultKind.INVALID, TRIES),
    Behaviour.BROKEN_BODY: (FaultKind.BROKEN, TRIES),
    Behaviour.ERROR: (FaultKind.BROKEN, TRIES),
    Behaviour.RATE_LIMIT: (FaultKind.OVERLOADED, TRIES),
    Behaviour.OVERLOADED: (FaultKind.OVERLOADED, TRIES),
    Behaviour.CUT: (FaultKind.UNREACHABLE, TRIES),
    Behaviour.STALL: (FaultKind.TIMEOUT, TRIES),
    Behaviour.REFUSAL: (FaultKind.REFUSED, 1),
    Behaviour.CONTENT_FILTER: (FaultKind.REFUSED, 1),
    Behaviour.TRUNCATED: (FaultKind.TRUNCATED, 1),
    Behaviour.REJECTED: (FaultKind.REJECTED, 1),
    Behaviour.WRONG_KEY: (FaultKind.REJECTED, 1),
}
FREE = {Behaviour.RATE_LIMIT, Behaviour.OVERLOADED, Behaviour.REJECTED, Behaviour.WRONG_KEY}
NOTHING_CAME = {Behaviour.BROKEN_BODY, Behaviour.ERROR, Behaviour.CUT, Behaviour.STALL}
INVALID_AFTERWARDS = {Behaviour.BAD_JSON, Behaviour.WRONG_SCHEMA, Behaviour.EMPTY}


def patience(behaviour: Behaviour) -> dict[str, float]:
    """Wait briefly only for what never comes: a busy machine is slow with the rest."""
    if behaviour is Behaviour.STALL:
        return {"llm_timeout_seconds": 0.5}
    return {"llm_stall_seconds": 0.5} if behaviour is Behaviour.STALL_MIDWAY else {}


async def stream_whole(
    llm: Llm, question: Question[str], meter: WritingMeter
) -> tuple[Reply[str], str]:
    async with llm.stream(question, meter) as answer:
        said = "".join([piece async for piece in answer])
    return answer.reply, said


@pytest.mark.parametrize(
    ("protocol", "output", "model"),
    [
        ("openai", "native", MODELS["openai"]),
        ("openai", "tool", MODELS["openai"]),
        ("anthropic", "tool", MODELS["anthropic"]),
        ("anthropic", "native", "claude-sonnet-4-6"),
    ],
)
@pytest.mark.parametrize("behaviour", ENDS)
async def test_a_provider_that_goes_on_like_that_is_passed_over(
    server: LlmServer,
    meter: WritingMeter,
    behaviour: Behaviour,
    protocol: str,
    output: str,
    model: str,
) -> None:
    server.behave(behaviour, None, retry_after_seconds=0.001)
    kind, calls = ENDS[behaviour]
    settings = {"llm_output": output, "llm_model": model} | patience(behaviour)
    async with line_to(server, protocol, **settings) as llm:
        reply = await llm.ask(for_outline(tries=TRIES), meter)
    assert (reply.output, reply.provider) == (OFFLINE_OUTLINE, OFFLINE)
    assert [(fault.provider, fault.kind) for fault in reply.faults] == [(protocol, kind)]
    assert reply.refused == (kind is FaultKind.REFUSED)
    assert len(server.requests) == calls
    # Whether an answer fits is seen after its call is over.
    ended = None if behaviour in INVALID_AFTERWARDS else kind
    assert meter.faults == [ended] * calls
    for tokens in meter.tokens:
        assert (tokens is None) == (behaviour in FREE)
        if tokens is not None:
            assert tokens.input > 0
            assert tokens.estimated == (behaviour in NOTHING_CAME)
    assert reply.tokens == meter.total
    assert not any(word in repr(reply.faults) for word in ("juggle", "unheard", "never closed"))


async def test_a_model_that_takes_no_schema_is_passed_over(
    server: LlmServer, meter: WritingMeter
) -> None:
    async with line_to(server, "anthropic", llm_output="native") as llm:
        reply = await llm.ask(for_outline(), meter)
    assert reply.provider == OFFLINE
    assert [fault.kind for fault in reply.faults] == [FaultKind.REJECTED]
    assert server.requests == []
    assert reply.tokens == meter.total == Tokens(0, 0)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    "behaviour", [one for one, (_, calls) in ENDS.items() if calls > 1 and one != Behaviour.STALL]
)
async def test_a_provider_that_recovers_is_heard(
    server: LlmServer, meter: WritingMeter, behaviour: Behaviour, protocol: str
) -> None:
    server.behave(behaviour, TRIES - 1, retry_after_seconds=0.001)
    async with line_to(server, protocol) as llm:
        reply = await llm.ask(for_outline(tries=TRIES), meter)
    assert reply.provider == protocol
    assert reply.faults == ()
    assert len(meter.faults) == TRIES
    assert reply.tokens == meter.total


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_model_is_told_what_is_wrong(
    server: LlmServer, meter: WritingMeter, protocol: str
) -> None:
    minutes = itertools.count(40, 10)
    server.tell(
        "Outline",
        lambda _: {"summary": "s", "steps": [{"title": "Throw", "minutes": next(minutes)}]},
    )

    def check(outline: BaseModel) -> list[str]:
        return [] if "minutes=60" in repr(outline) else ["A step must take sixty minutes."]

    async with line_to(server, protocol) as llm:
        reply = await llm.ask(for_outline(check=check), meter)
    assert reply.provider == protocol
    assert "minutes=60" in repr(reply.output)
    told = ["sixty minutes" in str(request.body["messages"]) for request in server.requests]
    assert told == [False, True, True]


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_check_that_is_never_content_ends_the_tries(
    server: LlmServer, meter: WritingMeter, protocol: str
) -> None:
    async with line_to(server, protocol) as llm:
        reply = await llm.ask(for_outline(check=lambda _: ["No."], tries=2), meter)
    assert reply.provider == OFFLINE
    assert [fault.kind for fault in reply.faults] == [FaultKind.INVALID]
    assert meter.faults == [None, None]


async def test_without_usage_the_hall_counts(server: LlmServer, meter: WritingMeter) -> None:
    server.behave(Behaviour.NO_USAGE, None)
    async with line_to(server, "openai") as llm:
        reply = await llm.ask(for_outline(), meter)
        streamed, said = await stream_whole(llm, for_text(), meter)
    assert reply.provider == streamed.provider == "openai"
    assert said
    assert len(meter.calls) == 2
    for tokens in meter.tokens:
        assert tokens is not None
        assert tokens.estimated
        assert tokens.input > 10
        assert tokens.output > 0


async def test_an_answer_that_cannot_be_read_counts_for_the_longest(
    server: LlmServer, meter: WritingMeter
) -> None:
    # Anthropic's protocol knows no answer without usage, and its client cannot read one.
    server.behave(Behaviour.NO_USAGE, None)
    async with line_to(server, "anthropic") as llm:
        reply = await llm.ask(for_outline(), meter)
        streamed, said = await stream_whole(llm, for_text(), meter)
    assert (reply.output, said) == (OFFLINE_OUTLINE, OFFLINE_TEXT)
    for made_up in (reply, streamed):
        assert [fault.kind for fault in made_up.faults] == [FaultKind.BROKEN]
    assert [tokens and tokens.output for tokens in meter.tokens] == [500, 200]


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_another_language_is_an_answer_like_any_other_here(
    server: LlmServer, meter: WritingMeter, protocol: str
) -> None:
    server.behave(Behaviour.WRONG_LANGUAGE, None)
    async with line_to(server, protocol) as llm:
        reply = await llm.ask(for_outline(), meter)
        refused = await llm.ask(
            for_outline(check=lambda outline: ["In English."] * ("Esto" in outline.summary)), meter
        )
    assert ANOTHER_LANGUAGE in reply.output.summary
    assert refused.provider == OFFLINE


STREAM_ENDS = {
    Behaviour.EMPTY: (FaultKind.INVALID, 1),
    Behaviour.ERROR: (FaultKind.BROKEN, TRIES),
    Behaviour.RATE_LIMIT: (FaultKind.OVERLOADED, TRIES),
    Behaviour.OVERLOADED: (FaultKind.OVERLOADED, TRIES),
    Behaviour.STALL: (FaultKind.TIMEOUT, TRIES),
    Behaviour.REFUSAL: (FaultKind.REFUSED, 1),
    Behaviour.CONTENT_FILTER: (FaultKind.REFUSED, 1),
    Behaviour.REJECTED: (FaultKind.REJECTED, 1),
}


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("behaviour", STREAM_ENDS)
async def test_a_stream_that_does_not_begin_is_made_up_for(
    server: LlmServer, meter: WritingMeter, behaviour: Behaviour, protocol: str
) -> None:
    if behaviour is Behaviour.REFUSAL and protocol == "anthropic":
        # There the words of a refusal are text like any other.
        server.behave(Behaviour.CONTENT_FILTER, None)
    server.behave(behaviour, None, retry_after_seconds=0.001)
    kind, calls = STREAM_ENDS[behaviour]
    async with line_to(server, protocol, **patience(behaviour)) as llm:
        reply, said = await stream_whole(llm, for_text(tries=TRIES), meter)
    assert (said, reply.output, reply.provider) == (OFFLINE_TEXT, OFFLINE_TEXT, OFFLINE)
    assert [(fault.provider, fault.kind) for fault in reply.faults] == [(protocol, kind)]
    assert meter.faults == [kind] * calls
    assert reply.tokens == meter.total


async def listen(answer: AnswerStream, said: list[str]) -> None:
    async for piece in answer:
        said.append(piece)  # noqa: PERF401  # what comes before it breaks off counts


STREAM_BREAKS = {
    Behaviour.CUT: FaultKind.UNREACHABLE,
    Behaviour.STALL_MIDWAY: FaultKind.TIMEOUT,
    Behaviour.OVERLOADED_MIDWAY: FaultKind.OVERLOADED,
    Behaviour.TRUNCATED: FaultKind.TRUNCATED,
}


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("behaviour", STREAM_BREAKS)
async def test_a_stream_that_breaks_off_says_so_and_counts_what_came(
    server: LlmServer, meter: WritingMeter, behaviour: Behaviour, protocol: str
) -> None:
    server.behave(behaviour, None)
    said: list[str] = []
    async with line_to(server, protocol, **patience(behaviour)) as llm:
        async with llm.stream(for_text(), meter) as answer:
            with pytest.raises(AnswerCut) as cut:
                await listen(answer, said)
        with pytest.raises(RuntimeError):
            _ = answer.reply
    assert said
    assert cut.value.partial == "".join(said)
    assert (cut.value.fault.provider, cut.value.fault.kind) == (protocol, STREAM_BREAKS[behaviour])
    assert len(server.requests) == 1
    (tokens,) = meter.tokens
    assert meter.faults == [STREAM_BREAKS[behaviour]]
    assert tokens is not None
    assert tokens.input > 0
    assert tokens.output > 1
    assert tokens.estimated == (behaviour is not Behaviour.TRUNCATED)
    await server.until_idle()
