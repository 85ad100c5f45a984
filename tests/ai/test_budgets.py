"""Budgets stop the spending, under any concurrency, and say when they let on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from prometheus_client import REGISTRY

from guildhall import ai
from guildhall.infra.llm import FaultKind, Tokens
from guildhall.kernel.ids import new_id
from guildhall.kernel.member import OPERATOR_ID
from tests.ai.conftest import (
    CALL,
    MICROS_A_TOKEN,
    MODEL,
    MOST_MICROS,
    OFFLINE_TEXT,
    House,
    for_advice,
)
from tests.llm_server import Behaviour, LlmServer
from tests.world import SettableClock

ALLOWED = 10
PARALLEL = 64
TEN = ALLOWED * MOST_MICROS

TOMORROW = datetime(2031, 5, 15, tzinfo=UTC)
NEXT_MONTH = datetime(2031, 6, 1, tzinfo=UTC)
# Each budget that can end a day's or a month's asking, with room for ten calls and not eleven.
LIMITS: list[dict[str, Any]] = [
    {"hall_daily_micros": TEN},
    {"hall_monthly_micros": TEN + MOST_MICROS - 1},
    {"member_daily_micros": TEN},
    {"member_monthly_micros": TEN},
    {"features": {"tests.advice": TEN}},
    {"features_monthly": {"tests.advice": TEN}},
    {"member_daily_calls": ALLOWED},
]


@pytest.mark.parametrize("limits", LIMITS, ids=lambda limits: next(iter(limits)))
async def test_of_64_parallel_calls_against_a_budget_for_10_exactly_10_go_through(
    house: House, server: LlmServer, limits: dict[str, Any]
) -> None:
    poor = house.with_budgets(**limits)
    one = new_id()
    everybody = [one] * PARALLEL
    if "member" not in next(iter(limits)):
        everybody = [new_id() for _ in range(PARALLEL)]
    server.hold()
    asking = {asyncio.ensure_future(poor.ask(member)) for member in everybody}
    waiting = asking
    while len(waiting) > ALLOWED:
        done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        assert [type(each.exception()) for each in done] == [ai.BudgetSpent] * len(done)
    await server.until_under_way(ALLOWED)
    assert await ai.audit(poor.hall.units) == []
    server.release()
    replies = await asyncio.gather(*waiting)

    assert [reply.provider for reply in replies] == ["openai"] * ALLOWED
    assert len(server.requests) == server.most_under_way == ALLOWED
    assert [call["state"] for call in await house.calls()] == ["settled"] * ALLOWED
    assert await house.reserved() == 0
    assert await ai.audit(poor.hall.units) == []


async def test_of_64_parallel_reservations_of_different_members_and_features_none_waits_for_ever(
    house: House,
) -> None:
    members, features = [new_id() for _ in range(8)], ["tests.a", "tests.b", "tests.c"]
    meters = [house.meter(members[n % 8], feature=features[n % 3]) for n in range(PARALLEL)]

    async def work(number: int) -> None:
        meter = meters[number]
        for cost in (1, 2, 3):
            call_id = await meter.reserve(CALL)
            await meter.settle(call_id, Tokens(5, cost), None)
        await meter.flush()

    await asyncio.gather(*map(work, range(PARALLEL)))
    assert await ai.audit(house.hall.units) == []
    assert await house.reserved() == 0
    assert sum((await house.spent("hall")).values()) == PARALLEL * 6 * MICROS_A_TOKEN
    assert sum((await house.spent("member")).values()) == PARALLEL * 6 * MICROS_A_TOKEN


@pytest.mark.parametrize(
    ("limits", "scope", "period", "resets_at"),
    [
        ({"member_daily_micros": MOST_MICROS}, "member", "day", TOMORROW),
        ({"member_monthly_micros": MOST_MICROS}, "member", "month", NEXT_MONTH),
        ({"member_daily_calls": 1}, "member", "day", TOMORROW),
        ({"features": {"tests.advice": MOST_MICROS}}, "feature", "day", TOMORROW),
        ({"hall_daily_micros": MOST_MICROS}, "hall", "day", TOMORROW),
        ({"hall_monthly_micros": MOST_MICROS}, "hall", "month", NEXT_MONTH),
        (
            {"hall_daily_micros": MOST_MICROS, "member_monthly_micros": MOST_MICROS},
            "member", "month", NEXT_MONTH,
        ),
    ],
)  # fmt: skip
async def test_who_is_stopped_is_told_by_which_budget_and_until_when(
    house: House,
    clock: SettableClock,
    limits: dict[str, Any],
    scope: str,
    period: str,
    resets_at: datetime,
) -> None:
    poor, member = house.with_budgets(**limits), new_id()
    await poor.ask(member)
    labels = {"scope": scope, "period": period}

    def refusals() -> float:
        return REGISTRY.get_sample_value("guildhall_ai_budget_refusals_total", labels) or 0

    before = refusals()
    with pytest.raises(ai.BudgetSpent) as refusal:
        await poor.ask(member)
    assert refusals() == before + 1
    assert refusal.value.extra == {
        "scope": scope,
        "period": period,
        "feature": "tests.advice",
        "resets_at": resets_at.isoformat(),
    }
    clock.set(resets_at)
    assert (await poor.ask(member)).provider == "openai"


async def test_a_budget_is_only_of_whom_it_is_for(house: House) -> None:
    poor = house.with_budgets(
        member_daily_micros=MOST_MICROS, features={"tests.other": MOST_MICROS}
    )
    one, another = new_id(), new_id()
    await poor.ask(one)
    with pytest.raises(ai.BudgetSpent):
        await poor.ask(one)
    await poor.ask(another, feature="tests.other")
    with pytest.raises(ai.BudgetSpent):
        await poor.ask(new_id(), feature="tests.other")
    # The hall's own work has no member whose budget could be spent.
    for _ in range(3):
        await poor.ask(None)
    assert {call["user_id"] for call in await house.calls()} == {one, another, OPERATOR_ID}
    assert await ai.audit(house.hall.units) == []


async def test_what_was_reserved_and_not_used_can_be_spent_by_others(house: House) -> None:
    poor, member = house.with_budgets(member_daily_micros=MOST_MICROS), new_id()
    meter = poor.meter(member)
    for _ in range(3):
        call_id = await meter.reserve(CALL)
        with pytest.raises(ai.BudgetSpent):
            await poor.meter(member).reserve(CALL)
        await meter.settle(call_id, Tokens(9, 0), None)
        await meter.flush()
    assert len(await house.calls()) == 3
    assert await house.spent("member") == {"2031-05-14": 0}


async def test_a_call_counts_for_the_day_on_which_it_was_reserved(
    house: House, clock: SettableClock
) -> None:
    clock.set(datetime(2031, 5, 31, 23, 59, 59, tzinfo=UTC))
    meter = house.meter(new_id())
    before_midnight = await meter.reserve(CALL)
    clock.advance(seconds=2)
    await meter.settle(before_midnight, Tokens(9, 7), None)
    after_midnight = await meter.reserve(CALL)
    await meter.settle(after_midnight, Tokens(9, 4), None)
    await meter.flush()
    for scope in ("member", "feature", "hall"):
        assert await house.spent(scope) == {"2031-05-31": 70, "2031-06-01": 40}
        assert await house.spent(scope, "month") == {"2031-05": 70, "2031-06": 40}
    assert await house.reserved() == 0


@pytest.mark.parametrize(
    "limits",
    [
        {"hall_daily_micros": 0},
        {"hall_monthly_micros": 0},
        {"member_daily_micros": 0},
        {"member_monthly_micros": 0},
        {"member_daily_calls": 0},
        {"features": {"tests.advice": 0}},
        {"features_monthly": {"tests.advice": 0}},
    ],
    ids=lambda limits: next(iter(limits)),
)
async def test_a_budget_of_0_stops_even_what_costs_nothing(
    house: House, server: LlmServer, open_line: Callable[..., Any], limits: dict[str, Any]
) -> None:
    member = new_id()
    await house.ask(member)  # So that the counters are there, and not looked at as new ones.
    free = await open_line(llm_prices={MODEL: {"input": 0, "output": 0}})
    off = replace(house, hall=replace(house.hall, llm=free)).with_budgets(**limits)
    for who in (member, new_id()):
        with pytest.raises(ai.BudgetSpent) as refusal:
            await off.ask(who)
        assert refusal.value.extra["resets_at"] is None
    assert len(server.requests) == 1


async def test_a_lowered_limit_counts_at_once(house: House) -> None:
    member = new_id()
    await house.ask(member)
    with pytest.raises(ai.BudgetSpent):
        await house.with_budgets(member_daily_micros=MOST_MICROS).ask(member)
    await house.ask(member)


async def test_who_is_stopped_can_have_the_halls_own_answer(
    house: House, server: LlmServer
) -> None:
    off = house.with_budgets(hall_daily_micros=0)
    reply = await off.ask(new_id(), offline_when_spent=True)
    assert (reply.output, reply.provider, reply.model) == (OFFLINE_TEXT, "offline", "rules")
    assert [(fault.provider, fault.kind) for fault in reply.faults] == [
        ("openai", FaultKind.TOO_DEAR)
    ]
    assert server.requests == []
    assert await house.calls() == []
    assert [(turn["state"], turn["provider"]) for turn in await house.turns()] == [
        ("settled", "offline")
    ]


async def test_a_budget_that_ends_in_the_middle_of_a_turn_ends_the_turn_and_pays_its_calls(
    house: House, server: LlmServer
) -> None:
    server.behave(Behaviour.BAD_JSON, times=None)
    poor = house.with_budgets(member_daily_calls=1)
    with pytest.raises(ai.BudgetSpent):
        await poor.ask(new_id(), question=for_advice())
    (call,) = await house.calls()
    assert call["state"] == "settled"
    assert call["cost_micros"] == call["output_tokens"] * MICROS_A_TOKEN > 0
    reply = await poor.ask(new_id(), question=for_advice(), offline_when_spent=True)
    assert (reply.provider, reply.output.title) == ("offline", "Begin")
    assert await house.reserved() == 0
    assert await ai.audit(house.hall.units) == []


async def test_without_a_provider_nothing_is_counted_and_the_turn_is_on_record(
    offline_house: House,
) -> None:
    member = new_id()
    reply = await offline_house.with_budgets(hall_daily_micros=0).ask(member)
    assert (reply.output, reply.provider, reply.faults) == (OFFLINE_TEXT, "offline", ())
    assert await offline_house.calls() == []
    assert await offline_house.spent("hall") == {}
    (turn,) = await offline_house.turns()
    assert (turn["user_id"], turn["feature"], turn["state"]) == (member, "tests.advice", "settled")
    assert (turn["prompt"], turn["prompt_version"]) == ("tests.advise", 1)
    assert (turn["provider"], turn["model"], turn["answer"]) == ("offline", "rules", None)
