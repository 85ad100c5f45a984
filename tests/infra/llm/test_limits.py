"""Who is asked when, and for how long; and that nobody is charged twice, or for nothing."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from prometheus_client import REGISTRY

from guildhall.infra.llm import OFFLINE, FaultKind, Llm
from tests.infra.llm.conftest import (
    MODELS,
    OFFLINE_TEXT,
    PROTOCOLS,
    NoMoney,
    WritingMeter,
    for_outline,
    for_text,
    line_to,
)
from tests.llm_server import Behaviour, LlmServer
from tests.world import SettableClock

REST = 30.0


def fallback(server: LlmServer, protocol: str, name: str, model: str) -> dict[str, Any]:
    url = server.openai_url if protocol == "openai" else server.anthropic_url
    return {
        "provider": protocol,
        "name": name,
        "model": model,
        "base_url": url,
        "api_key": f"key-of-{name}",
    }


def kinds(reply: Any) -> list[tuple[str, FaultKind]]:
    return [(fault.provider, fault.kind) for fault in reply.faults]


async def test_the_next_provider_is_asked_in_order(server: LlmServer, meter: WritingMeter) -> None:
    server.behave(Behaviour.REJECTED, None, model=MODELS["openai"])
    server.behave(Behaviour.WRONG_SCHEMA, None, model="second")
    fallbacks = (
        fallback(server, "anthropic", "next-one", "second"),
        fallback(server, "openai", "last-one", "third"),
    )
    async with line_to(server, "openai", llm_fallbacks=fallbacks) as llm:
        reply = await llm.ask(for_outline(tries=2), meter)
    assert (reply.provider, reply.model) == ("last-one", "third")
    assert kinds(reply) == [("openai", FaultKind.REJECTED), ("next-one", FaultKind.INVALID)]
    assert [call.provider for call in meter.calls.values()] == [
        "openai",
        "next-one",
        "next-one",
        "last-one",
    ]
    assert meter.all_settled
    keys = [request.headers["authorization"] for request in server.requests]
    assert keys == [
        "Bearer key-of-tests",
        "Bearer key-of-next-one",
        "Bearer key-of-next-one",
        "Bearer key-of-last-one",
    ]


async def test_what_one_model_refuses_no_other_is_asked(
    server: LlmServer, meter: WritingMeter
) -> None:
    server.behave(Behaviour.REFUSAL, None, model=MODELS["openai"])
    fallbacks = (fallback(server, "anthropic", "next-one", "second"),)
    async with line_to(server, "openai", llm_fallbacks=fallbacks) as llm:
        reply = await llm.ask(for_text(), meter)
    assert reply.refused
    assert reply.provider == OFFLINE
    assert len(server.requests) == 1


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_stream_falls_back_only_before_its_first_piece(
    server: LlmServer, meter: WritingMeter, protocol: str
) -> None:
    server.behave(Behaviour.ERROR, None, model=MODELS[protocol])
    fallbacks = (fallback(server, "openai", "next-one", "second"),)
    async with line_to(server, protocol, llm_fallbacks=fallbacks) as llm:
        async with llm.stream(for_text(tries=1), meter) as answer:
            said = "".join([piece async for piece in answer])
        assert answer.reply.provider == "next-one"
        assert "said second" in said
        assert kinds(answer.reply) == [(protocol, FaultKind.BROKEN)]
    assert meter.faults == [FaultKind.BROKEN, None]


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_retry_after_is_kept(server: LlmServer, meter: WritingMeter, protocol: str) -> None:
    server.behave(Behaviour.RATE_LIMIT, retry_after_seconds=0.3)
    async with line_to(server, protocol) as llm:
        reply = await llm.ask(for_text(), meter)
    assert reply.provider == protocol
    assert [request.early for request in server.requests] == [False, False]
    assert meter.faults == [FaultKind.OVERLOADED, None]


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_nobody_waits_longer_than_the_turn_has(
    server: LlmServer, meter: WritingMeter, protocol: str
) -> None:
    server.behave(Behaviour.RATE_LIMIT, None, retry_after_seconds=3600)
    async with line_to(server, protocol) as llm, asyncio.timeout(30):
        reply = await llm.ask(for_text(), meter)
    assert reply.provider == OFFLINE
    assert kinds(reply) == [(protocol, FaultKind.OVERLOADED)]
    assert len(server.requests) == 1


async def test_a_turn_ends_with_its_time(server: LlmServer, meter: WritingMeter) -> None:
    server.behave(Behaviour.STALL, None)
    fallbacks = (fallback(server, "anthropic", "next-one", "second"),)
    async with line_to(server, "openai", llm_fallbacks=fallbacks) as llm:
        reply = await llm.ask(for_text(seconds=1.5), meter)
    assert reply.output == OFFLINE_TEXT
    assert kinds(reply) == [("openai", FaultKind.TIMEOUT), ("next-one", FaultKind.TIMEOUT)]
    assert meter.faults == [FaultKind.TIMEOUT]


async def ask_one(llm: Llm, meter: WritingMeter) -> list[FaultKind]:
    reply = await llm.ask(for_text(tries=1), meter)
    return [fault.kind for fault in reply.faults]


async def test_a_breaker_opens_tries_again_once_and_closes(
    server: LlmServer, meter: WritingMeter
) -> None:
    clock = SettableClock()
    limits = {"llm_breaker_faults": 3, "llm_breaker_seconds": REST}
    async with line_to(server, "openai", clock, **limits) as llm:
        server.behave(Behaviour.ERROR, 3)
        for _ in range(3):
            assert await ask_one(llm, meter) == [FaultKind.BROKEN]
        # Open: nobody is asked, and nothing is reserved.
        assert await ask_one(llm, meter) == [FaultKind.RESTING]
        assert len(server.requests) == len(meter.calls) == 3
        # Half open: of many at once, one asks; as it fails, all rest again.
        clock.advance(seconds=REST)
        server.behave(Behaviour.ERROR)
        ends = await asyncio.gather(*(ask_one(llm, meter) for _ in range(10)))
        assert sorted(ends) == [[FaultKind.BROKEN], *[[FaultKind.RESTING]] * 9]
        assert await ask_one(llm, meter) == [FaultKind.RESTING]
        assert len(server.requests) == 4
        # Half open again: the one gets through, and then all do.
        clock.advance(seconds=REST)
        assert await ask_one(llm, meter) == []
        assert await asyncio.gather(*(ask_one(llm, meter) for _ in range(5))) == [[]] * 5
    assert meter.all_settled


async def test_a_probe_that_is_cancelled_leaves_the_way_free_for_the_next(
    server: LlmServer, meter: WritingMeter
) -> None:
    clock = SettableClock()
    limits = {"llm_breaker_faults": 1, "llm_breaker_seconds": REST}
    async with line_to(server, "openai", clock, **limits) as llm:
        server.behave(Behaviour.ERROR)
        await ask_one(llm, meter)
        clock.advance(seconds=REST)
        server.hold()
        probe = asyncio.create_task(ask_one(llm, meter))
        await server.until_under_way(1)
        probe.cancel()
        await asyncio.wait([probe])
        server.release()
        assert await ask_one(llm, meter) == []


@pytest.mark.parametrize(
    "behaviour", [Behaviour.REJECTED, Behaviour.REFUSAL, Behaviour.TRUNCATED, Behaviour.BAD_JSON]
)
async def test_what_only_speaks_against_a_question_opens_no_breaker(
    server: LlmServer, meter: WritingMeter, behaviour: Behaviour
) -> None:
    # Else one member's questions would take the provider from everybody.
    async with line_to(server, "openai", llm_breaker_faults=1) as llm:
        server.behave(behaviour)
        await llm.ask(for_outline(tries=1), meter)
        assert (await llm.ask(for_outline(), meter)).provider == "openai"


async def test_a_turn_without_time_opens_no_breaker(server: LlmServer, meter: WritingMeter) -> None:
    server.behave(Behaviour.STALL)
    async with line_to(server, "openai", llm_breaker_faults=1) as llm:
        assert (await llm.ask(for_text(seconds=1.5), meter)).provider == OFFLINE
        assert (await llm.ask(for_text(), meter)).provider == "openai"


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_call_that_is_cancelled_is_settled_and_stopped(
    server: LlmServer, meter: WritingMeter, protocol: str
) -> None:
    server.hold()
    async with line_to(server, protocol) as llm:
        asking = asyncio.create_task(llm.ask(for_text(), meter))
        await server.until_under_way(1)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await server.until_idle()
    assert [request.ended for request in server.requests] == ["gone"]
    (tokens,) = meter.tokens
    assert tokens is not None
    assert tokens.estimated
    assert tokens.input > 0
    assert tokens.output == 0


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_stream_that_is_left_is_settled_and_stopped(
    server: LlmServer, meter: WritingMeter, protocol: str
) -> None:
    server.behave(Behaviour.STALL_MIDWAY)
    async with line_to(server, protocol) as llm:
        async with llm.stream(for_text(), meter) as answer:
            async for _ in answer:
                break
        assert meter.all_settled
        await server.until_idle()
    assert [request.ended for request in server.requests] == ["gone"]
    (tokens,) = meter.tokens
    assert tokens is not None
    assert tokens.estimated
    assert tokens.output > 0


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_stream_that_is_cancelled_is_settled(
    server: LlmServer, meter: WritingMeter, protocol: str
) -> None:
    server.behave(Behaviour.STALL_MIDWAY)
    begun = asyncio.Event()

    async def listen(llm: Llm) -> None:
        async with llm.stream(for_text(), meter) as answer:
            async for _ in answer:
                begun.set()

    async with line_to(server, protocol) as llm:
        listening = asyncio.create_task(listen(llm))
        await begun.wait()
        listening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await listening
        await server.until_idle()
    assert len(meter.tokens) == 1


class SlowMeter(WritingMeter):
    """Waits where it is told to, as a database does."""

    def __init__(self, where: str) -> None:
        super().__init__()
        self.where = where
        self.waits = asyncio.Event()
        self.may_go_on = asyncio.Event()

    async def reserve(self, call: Any) -> Any:
        call_id = await super().reserve(call)
        await self._wait("reserve")
        return call_id

    async def settle(self, *settled: Any) -> None:
        await self._wait("settle")
        await super().settle(*settled)

    async def _wait(self, where: str) -> None:
        if where == self.where:
            self.waits.set()
            await self.may_go_on.wait()


@pytest.mark.parametrize("where", ["reserve", "settle"])
@pytest.mark.parametrize("times", [1, 3])
async def test_a_cancellation_does_not_stop_the_meter(
    server: LlmServer, where: str, times: int
) -> None:
    meter = SlowMeter(where)
    async with line_to(server, "openai") as llm:
        asking = asyncio.create_task(llm.embed(["a text"], meter))
        await meter.waits.wait()
        for _ in range(times):
            asking.cancel()
            await asyncio.sleep(0)
        assert not asking.done()
        meter.may_go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await asking
    assert len(server.requests) == (0 if where == "reserve" else 1)
    (tokens,) = meter.tokens
    assert (tokens is None) == (where == "reserve")


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("most", [0, 1])
async def test_a_meter_that_forbids_ends_the_turn(
    server: LlmServer, protocol: str, most: int
) -> None:
    server.behave(Behaviour.WRONG_SCHEMA, None)
    meter = WritingMeter(most)
    fallbacks = (fallback(server, "openai", "next-one", "second"),)
    async with line_to(server, protocol, llm_fallbacks=fallbacks) as llm:
        with pytest.raises(NoMoney):
            await llm.ask(for_outline(), meter)
        with pytest.raises(NoMoney):
            async with llm.stream(for_text(), WritingMeter(0)) as answer:
                await anext(aiter(answer))
    assert len(server.requests) == most
    assert meter.all_settled


async def test_calls_do_not_wait_for_each_other(server: LlmServer, meter: WritingMeter) -> None:
    server.hold()
    async with line_to(server, "openai") as llm:
        asking = [asyncio.create_task(llm.ask(for_text(), meter)) for _ in range(30)]
        await server.until_under_way(30)
        server.release()
        replies = await asyncio.gather(*asking)
    assert server.most_under_way == 30
    assert {reply.provider for reply in replies} == {"openai"}
    assert len(meter.faults) == 30


async def test_calls_and_tokens_are_counted(server: LlmServer, meter: WritingMeter) -> None:
    line = {"provider": "openai", "model": "counted"}

    def counted(metric: str, **labels: str) -> float:
        return REGISTRY.get_sample_value(f"guildhall_llm_{metric}_total", line | labels) or 0

    server.behave(Behaviour.OVERLOADED)
    async with line_to(server, "openai", llm_model="counted") as llm:
        reply = await llm.ask(for_text(), meter)
    assert counted("calls", fault="") == counted("calls", fault="overloaded") == 1
    assert counted("tokens", direction="in") == reply.tokens.input
    assert counted("tokens", direction="out") == reply.tokens.output > 0


async def test_a_server_that_is_not_there_costs_nothing(
    server: LlmServer, meter: WritingMeter, unused_tcp_port: int
) -> None:
    nowhere = f"http://127.0.0.1:{unused_tcp_port}"
    async with line_to(server, "openai", llm_base_url=nowhere) as llm:
        reply = await llm.ask(for_text(), meter)
    assert kinds(reply) == [("openai", FaultKind.UNREACHABLE)]
    assert meter.tokens == [None] * 3
