"""A turn with a cause is done once, whoever asks, whatever dies; and every call is paid once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from pydantic import BaseModel

from guildhall import ai
from guildhall.ai import turns
from guildhall.ai.errors import TurnFinished, TurnUnderWay
from guildhall.ai.metering import LedgerMeter
from guildhall.ai.service import stream
from guildhall.infra.llm import FaultKind, Reply, Tokens
from guildhall.kernel.ids import new_id
from tests import factories
from tests.ai.conftest import (
    CALL,
    MICROS_A_TOKEN,
    MOST_MICROS,
    PROMPT,
    Advice,
    House,
    for_advice,
    for_text,
)
from tests.llm_server import Behaviour, LlmServer
from tests.world import SettableClock

CAUSE = "goal:1:plan"
LEASE_SECONDS = turns.LEASE.total_seconds()


async def dead_attempt(house: House, member: UUID) -> tuple[turns.Held, LedgerMeter, UUID]:
    """Leave what a worker leaves that is killed while it waits for a model."""
    turn = await turns.take(
        house.hall.units, member, feature="tests.advice", prompt=PROMPT, cause=CAUSE, seconds=60
    )
    assert isinstance(turn, turns.Held)
    meter = house.meter(member, turn=turn)
    return turn, meter, await meter.reserve(CALL)


async def test_who_ask_at_once_for_the_same_cause_get_one_answer_of_one_call(
    house: House, server: LlmServer
) -> None:
    member = new_id()
    server.hold()
    asking = [
        asyncio.ensure_future(house.ask(member, cause=CAUSE, question=for_advice()))
        for _ in range(20)
    ]
    await server.until_under_way(1)
    server.release()
    replies = await asyncio.gather(*asking)
    assert len(server.requests) == 1
    assert [reply.output for reply in replies] == [replies[0].output] * 20
    assert [type(reply.output) for reply in replies] == [Advice] * 20
    assert {(reply.provider, reply.tokens.output) for reply in replies} == {
        ("openai", replies[0].tokens.output)
    }
    assert [call["state"] for call in await house.calls()] == ["settled"]
    assert [turn["attempts"] for turn in await house.turns()] == [1]


async def finish_in_vain(house: House, member: UUID) -> None:
    async with house.hall.units.write() as uow:
        await ai.finish(uow, CAUSE, member=member)
        raise ZeroDivisionError


async def test_who_asks_again_is_given_the_stored_answer_until_something_was_made_of_it(
    house: House, server: LlmServer
) -> None:
    member = new_id()
    server.behave(Behaviour.REJECTED)
    first = await house.ask(member, cause=CAUSE)
    again = await house.with_budgets(hall_daily_micros=0).ask(member, cause=CAUSE)
    assert (again.output, again.provider, again.tokens) == (
        first.output,
        first.provider,
        first.tokens,
    )
    assert [(fault.provider, fault.kind) for fault in again.faults] == [
        ("openai", FaultKind.REJECTED)
    ]
    assert len(server.requests) == 1
    # Another member's cause of the same name is another.
    await house.ask(new_id(), cause=CAUSE)
    assert len(server.requests) == 2

    with pytest.raises(ZeroDivisionError):
        await finish_in_vain(house, member)
    assert (await house.ask(member, cause=CAUSE)).output == first.output
    async with house.hall.units.write(member=member) as uow:
        await ai.finish(uow, CAUSE, member=member)
    with pytest.raises(TurnFinished):
        await house.ask(member, cause=CAUSE)
    assert len(server.requests) == 2
    stored = {turn["user_id"]: turn["answer"] for turn in await house.turns()}
    assert stored[member] is None


async def test_an_answer_without_a_cause_is_not_stored(house: House) -> None:
    await house.ask(new_id())
    (turn,) = await house.turns()
    assert (turn["state"], turn["answer"], turn["provider"]) == ("settled", None, "openai")


async def test_a_stored_answer_that_fits_no_more_is_asked_for_again(
    house: House, server: LlmServer
) -> None:
    class Other(BaseModel):
        name: str

    member = new_id()
    await house.ask(member, cause=CAUSE, question=for_advice())
    question = PROMPT.question(
        {"goal": "Juggle"}, answer=Other, offline=lambda: Other(name="Begin")
    )
    reply = await house.ask(member, cause=CAUSE, question=question)
    assert isinstance(reply.output, Other)
    assert len(server.requests) == 2


async def test_what_a_killed_worker_was_asking_is_taken_up_and_charged_once(
    house: House, server: LlmServer, clock: SettableClock
) -> None:
    member = new_id()
    turn, meter, dead_call = await dead_attempt(house, member)
    clock.advance(seconds=LEASE_SECONDS)
    reply = await house.ask(member, cause=CAUSE)
    cost = reply.tokens.output * MICROS_A_TOKEN
    calls = {call["id"]: call for call in await house.calls()}
    assert calls.pop(dead_call)["state"] == "lost"
    assert [(call["state"], call["cost_micros"]) for call in calls.values()] == [("settled", cost)]
    assert await house.spent("member") == await house.spent("hall") == {"2031-05-14": cost}
    assert await house.reserved() == 0
    assert [turn["attempts"] for turn in await house.turns()] == [2]
    assert await ai.audit(house.hall.units) == []

    # It was not dead after all: it may neither ask on nor answer, and the hall knows what it cost.
    with pytest.raises(TurnUnderWay):
        await meter.reserve(CALL)
    await meter.settle(dead_call, Tokens(9, 7), None)
    await meter.flush()
    async with house.hall.units.write() as uow:
        assert not await turns.close(uow, turn, provider="p", model="m", answer={"late": 1})
    assert (await house.ask(member, cause=CAUSE)).output == reply.output
    assert await house.spent("member") == {"2031-05-14": cost}
    assert await house.spent("hall") == {"2031-05-14": cost + 70}
    assert await ai.audit(house.hall.units) == []


async def test_while_a_turn_is_held_nobody_takes_it_up(
    house: House, server: LlmServer, clock: SettableClock
) -> None:
    member = new_id()
    turn, _, dead_call = await dead_attempt(house, member)
    clock.advance(seconds=LEASE_SECONDS - 1)
    with pytest.raises(TurnUnderWay):
        await house.ask(member, cause=CAUSE, question=for_text(seconds=0.0))
    async with house.hall.units.write() as uow:
        await turns.keep(uow, turn)
    clock.advance(seconds=LEASE_SECONDS - 1)
    with pytest.raises(TurnUnderWay):
        await house.ask(member, cause=CAUSE, question=for_text(seconds=0.0))
    assert server.requests == []
    assert [(call["id"], call["state"]) for call in await house.calls()] == [
        (dead_call, "reserved")
    ]


async def test_of_many_who_find_a_dead_turn_one_takes_it_up(
    house: House, server: LlmServer, clock: SettableClock
) -> None:
    member = new_id()
    await dead_attempt(house, member)
    clock.advance(seconds=LEASE_SECONDS)
    replies = await asyncio.gather(*(house.ask(member, cause=CAUSE) for _ in range(12)))
    assert len({reply.output for reply in replies}) == len(server.requests) == 1
    assert await ai.audit(house.hall.units) == []


async def test_one_that_somebody_else_has_taken_up_is_ended(
    house: House, server: LlmServer, clock: SettableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that stood still for too long finds that its turn goes on elsewhere."""
    monkeypatch.setattr(turns, "RENEWAL_SECONDS", 0.05)
    member = new_id()
    server.hold()
    slow = asyncio.ensure_future(house.ask(member, cause=CAUSE))
    await server.until_under_way(1)
    await house.owner.execute("UPDATE ai_turns SET attempts = attempts + 1")
    with pytest.raises(TurnUnderWay):
        await slow
    (call,) = await house.calls()
    assert call["state"] == "settled"
    assert [turn["state"] for turn in await house.turns()] == ["open"]


@pytest.mark.parametrize("cause", [None, CAUSE])
async def test_who_is_cancelled_pays_for_what_was_sent_and_holds_nothing(
    house: House, server: LlmServer, cause: str | None
) -> None:
    member = new_id()
    server.hold()
    asking = asyncio.ensure_future(house.ask(member, cause=cause))
    await server.until_under_way(1)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    (call,) = await house.calls()
    assert (call["state"], call["estimated"]) == ("settled", True)
    assert await house.reserved() == 0
    assert await ai.audit(house.hall.units) == []
    assert [turn["state"] for turn in await house.turns()] == ["open" if cause else "dropped"]
    server.release()
    assert (await house.ask(member, cause=cause)).provider == "openai"
    assert len(await house.calls()) == 2


async def test_a_turn_that_its_budget_stopped_goes_on_when_there_is_one(
    house: House, server: LlmServer
) -> None:
    member = new_id()
    for _ in range(2):
        with pytest.raises(ai.BudgetSpent):
            await house.with_budgets(hall_daily_micros=0).ask(member, cause=CAUSE)
    assert (await house.ask(member, cause=CAUSE)).provider == "openai"
    assert [turn["attempts"] for turn in await house.turns()] == [3]


async def test_a_call_is_settled_once(house: House) -> None:
    meter, member = house.meter(new_id()), new_id()
    call_id = await meter.reserve(CALL)
    await meter.settle(call_id, Tokens(9, 7), None)
    await meter.settle(call_id, Tokens(9, 100), None)
    await meter.flush()
    await meter.settle(call_id, Tokens(9, 100), None)
    await meter.flush()
    await meter.abandon()
    (call,) = await house.calls()
    assert (call["cost_micros"], call["output_tokens"], call["state"]) == (70, 7, "settled")

    # From two processes at once, too: one of them has the say.
    meter = house.meter(member)
    call_id = await meter.reserve(CALL)
    twin = house.meter(member)
    twin._calls = dict(meter._calls)
    for each in (meter, twin):
        await each.settle(call_id, Tokens(9, 5), None)
    await asyncio.gather(meter.flush(), twin.flush())
    assert await house.spent("hall") == {"2031-05-14": 70 + 50}
    assert await house.reserved() == 0
    assert await ai.audit(house.hall.units) == []


async def test_what_was_not_charged_for_costs_nothing(house: House) -> None:
    meter = house.meter(new_id())
    call_id = await meter.reserve(CALL)
    await meter.settle(call_id, None, FaultKind.UNREACHABLE)
    await meter.flush()
    (call,) = await house.calls()
    assert (call["state"], call["cost_micros"], call["fault"]) == ("settled", 0, "unreachable")
    assert await house.reserved() == 0


async def test_what_nobody_settles_is_released_after_its_lease_and_known_later_all_the_same(
    house: House, clock: SettableClock
) -> None:
    run = factories.task_run(house.hall)
    meter = house.meter(new_id(), seconds=60.0)
    call_id = await meter.reserve(CALL)
    clock.advance(seconds=119)
    assert await ai.release_lost(run) == {"released": 0}
    assert await house.reserved() == 6 * MOST_MICROS
    clock.advance(seconds=1)
    assert await ai.release_lost(run) == {"released": 1}
    assert await ai.release_lost(run) == {"released": 0}
    assert await house.reserved() == 0
    assert [call["state"] for call in await house.calls()] == ["lost"]
    assert await ai.audit(house.hall.units) == []

    await meter.settle(call_id, Tokens(9, 7), None)
    await meter.flush()
    twin = house.meter(new_id())
    twin._owner_id, twin._calls = meter._owner_id, {call_id: CALL}
    await twin.settle(call_id, Tokens(9, 7), None)
    await twin.flush()
    (call,) = await house.calls()
    assert (call["state"], call["cost_micros"], call["output_tokens"]) == ("lost", 70, 7)
    assert (await house.spent("member"), await house.spent("hall")) == (
        {"2031-05-14": 0},
        {"2031-05-14": 70},
    )
    assert await ai.audit(house.hall.units) == []


async def test_a_settlement_and_a_sweep_at_once_release_once(
    house: House, clock: SettableClock
) -> None:
    meters = [house.meter(new_id()) for _ in range(12)]
    for meter in meters:
        await meter.settle(await meter.reserve(CALL), Tokens(9, 1), None)
    clock.advance(hours=1)
    run = factories.task_run(house.hall)
    await asyncio.gather(
        *(ai.release_lost(run) for _ in range(3)), *(meter.flush() for meter in meters)
    )
    assert await house.reserved() == 0
    assert await house.spent("hall") == {"2031-05-14": 120}
    assert await ai.audit(house.hall.units) == []


async def test_old_answers_turns_and_counters_go_and_the_ledger_stays(
    house: House, clock: SettableClock
) -> None:
    run = factories.task_run(house.hall)
    await house.ask(new_id(), cause=CAUSE)
    clock.advance(days=7, seconds=1)
    assert await ai.tidy_turns(run) == {"answers": 1, "turns": 0, "counters": 0}
    clock.advance(days=24)
    assert await ai.tidy_turns(run) == {"answers": 0, "turns": 1, "counters": 0}
    clock.advance(days=92)
    assert await ai.tidy_turns(run) == {"answers": 0, "turns": 0, "counters": 6}
    assert [call["state"] for call in await house.calls()] == ["settled"]


async def test_budgets_are_the_sums_of_the_ledger_whatever_goes_wrong(
    house: House, server: LlmServer
) -> None:
    for behaviour in (
        Behaviour.ERROR, Behaviour.NO_USAGE, Behaviour.CUT, Behaviour.REFUSAL, Behaviour.BAD_JSON,
        Behaviour.WRONG_SCHEMA, Behaviour.RATE_LIMIT, Behaviour.EMPTY, Behaviour.TRUNCATED,
        Behaviour.WRONG_KEY,
    ):  # fmt: skip
        server.behave(behaviour, times=3)
    members, features = [new_id() for _ in range(4)], ["tests.a", "tests.b"]
    poor = house.with_budgets(member_daily_micros=14 * MOST_MICROS)
    ends: list[Reply[Advice] | BaseException] = await asyncio.gather(
        *(
            poor.ask(members[n % 4], feature=features[n % 2], question=for_advice())
            for n in range(40)
        ),
        return_exceptions=True,
    )
    assert {type(end) for end in ends} <= {Reply, ai.BudgetSpent}
    calls = await house.calls()
    assert len(calls) == len(server.requests) > 30
    assert {call["state"] for call in calls} == {"settled"}
    assert any(call["estimated"] for call in calls)
    assert await house.reserved() == 0
    assert sum(call["cost_micros"] for call in calls) == (await house.spent("hall"))["2031-05-14"]
    assert await ai.audit(house.hall.units) == []

    await house.owner.execute("UPDATE ai_budgets SET spent_micros = 1 WHERE scope = 'hall'")
    assert [difference.split(":")[0] for difference in await ai.audit(house.hall.units)] == [
        "hall all 2031-05",
        "hall all 2031-05-14",
    ]
    await asyncio.gather(ai.repair(house.hall.units), *(house.ask(member) for member in members))
    assert await ai.audit(house.hall.units) == []
    assert (await house.spent("hall"))["2031-05-14"] == sum(
        call["cost_micros"] for call in await house.calls()
    )


async def pieces_of(answer: AsyncIterator[str]) -> str:
    return "".join([piece async for piece in answer])


async def test_a_stream_is_paid_for_at_its_end(house: House) -> None:
    member = new_id()
    async with stream(
        house.hall, for_text(), member=member, feature="tests.chat", prompt=PROMPT
    ) as answer:
        said = await pieces_of(aiter(answer))
    assert answer.reply.output == said
    (call,), (turn,) = await house.calls(), await house.turns()
    assert call["cost_micros"] == answer.reply.tokens.output * MICROS_A_TOKEN > 0
    assert (turn["state"], turn["provider"], turn["answer"]) == ("settled", "openai", None)
    assert await house.reserved() == 0
    assert await ai.audit(house.hall.units) == []


async def test_a_stream_that_is_left_early_pays_for_what_was_used(
    house: House, server: LlmServer
) -> None:
    async with stream(
        house.hall, for_text(), member=new_id(), feature="tests.chat", prompt=PROMPT
    ) as answer:
        async for _ in answer:
            break
    (call,), (turn,) = await house.calls(), await house.turns()
    assert (call["state"], call["estimated"]) == ("settled", True)
    assert 0 < call["cost_micros"] < MOST_MICROS
    assert turn["state"] == "dropped"
    assert await house.reserved() == 0
    assert await ai.audit(house.hall.units) == []


async def test_a_stream_without_a_budget_says_so_before_its_first_piece(
    house: House, server: LlmServer
) -> None:
    off = house.with_budgets(hall_daily_micros=0)
    with pytest.raises(ai.BudgetSpent):
        async with stream(
            off.hall, for_text(), member=new_id(), feature="tests.chat", prompt=PROMPT
        ) as answer:
            await pieces_of(aiter(answer))
    assert server.requests == []
    assert [turn["state"] for turn in await house.turns()] == ["dropped"]


async def test_points_are_paid_for(house: House, server: LlmServer) -> None:
    member = new_id()
    embedded = await ai.embed(house.hall, ["one", "two"], member=member, feature="tests.search")
    assert len(embedded.vectors) == 2
    (call,) = await house.calls()
    assert (call["user_id"], call["feature"], call["model"], call["turn_id"]) == (
        member,
        "tests.search",
        "points-of-tests",
        None,
    )
    assert call["cost_micros"] == 3 * embedded.tokens.input > 0
    off = house.with_budgets(features={"tests.search": 0})
    with pytest.raises(ai.BudgetSpent):
        await ai.embed(off.hall, ["one"], member=member, feature="tests.search")
    assert len(server.requests) == 1
    assert await ai.audit(house.hall.units) == []
