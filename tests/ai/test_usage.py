"""What was spent, as those who pay are shown it; and what stays when a member has left."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio

from guildhall import ai
from guildhall.infra.llm import Call, FaultKind, Tokens
from guildhall.kernel.member import OPERATOR_ID
from tests import factories
from tests.ai.conftest import MICROS_A_TOKEN, MODEL, House
from tests.factories import Person
from tests.identity.leaving import erased
from tests.world import NOON, Client, SettableClock

USAGE = "/admin/token-usage"
SUMS = (
    "calls", "failed_calls", "open_calls", "lost_calls", "estimated_calls", "input_tokens",
    "output_tokens", "cached_tokens", "cost_micros",
)  # fmt: skip


async def call(
    house: House,
    member: UUID | None,
    output: int | None,
    *,
    feature: str = "tests.a",
    model: str = MODEL,
    fault: FaultKind | None = None,
    estimated: bool = False,
) -> None:
    """Make a call; with no output it is never settled."""
    meter = house.meter(member, feature=feature)
    call_id = await meter.reserve(Call("openai", model, 0, 200))
    if output is not None:
        tokens = Tokens(11, output, cached=3, estimated=estimated)
        await meter.settle(call_id, tokens, fault)
        await meter.flush()


@pytest_asyncio.fixture
async def spent(house: House, clock: SettableClock, member: Person, other: Person) -> House:
    """Calls of two members and the hall, over three days."""
    clock.set(datetime(2031, 5, 12, 23, 59, tzinfo=UTC))
    await call(house, member.id, 1)
    await call(house, member.id, None)
    clock.set(datetime(2031, 5, 13, 12, tzinfo=UTC))
    await ai.release_lost(factories.task_run(house.hall))
    await call(house, other.id, 40, feature="tests.b")
    await call(house, other.id, 2, fault=FaultKind.INVALID, estimated=True)
    clock.set(NOON)
    await call(house, member.id, 5, feature="tests.b")
    await call(house, None, 30, feature="tests.c")
    await call(house, member.id, None, feature="tests.c")
    return house


async def usage(client: Client, who: Person, **query: Any) -> dict[str, Any]:
    answer = await client.of(who).get(USAGE, params=query)
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


async def test_usage_adds_up_by_whatever_is_asked_for(
    client: Client, spent: House, admin: Person, member: Person, other: Person
) -> None:
    by_day = await usage(client, admin)
    assert (by_day["since"], by_day["until"]) == ("2031-04-15", "2031-05-14")
    assert by_day["totals"] == {
        "calls": 7,
        "failed_calls": 1,
        "open_calls": 1,
        "lost_calls": 1,
        "estimated_calls": 1,
        "input_tokens": 55,
        "output_tokens": 78,
        "cached_tokens": 15,
        "cost_micros": 78 * MICROS_A_TOKEN,
    }
    costs = {
        "day": [("2031-05-12", 10), ("2031-05-13", 420), ("2031-05-14", 350)],
        "feature": [("tests.b", 450), ("tests.c", 300), ("tests.a", 30)],
        "model": [(MODEL, 780)],
        "provider": [("openai", 780)],
        "member": [(str(other.id), 420), (str(OPERATOR_ID), 300), (str(member.id), 60)],
    }
    for group, expected in costs.items():
        shown = await usage(client, admin, group=group)
        assert [(line["key"], line["cost_micros"]) for line in shown["items"]] == expected
        assert shown["totals"] == by_day["totals"]
        for name in SUMS:
            assert sum(line[name] for line in shown["items"]) == shown["totals"][name]
        names = [line["username"] for line in shown["items"]]
        assert names == ([other.username, None, member.username] if group == "member" else
                         [None] * len(expected))  # fmt: skip


async def test_usage_is_of_the_days_that_are_asked_for(
    client: Client, spent: House, admin: Person
) -> None:
    shown = await usage(client, admin, **{"from": "2031-05-13", "to": "2031-05-13"})
    assert [line["key"] for line in shown["items"]] == ["2031-05-13"]
    assert shown["totals"]["cost_micros"] == 420
    nothing = await usage(client, admin, to="2031-05-11")
    assert nothing["items"] == []
    assert nothing["totals"] == dict.fromkeys(SUMS, 0)
    since = await usage(client, admin, **{"from": "2031-05-14"})
    assert (since["until"], since["totals"]["calls"]) == ("2031-05-14", 3)


@pytest.mark.parametrize("group", ["day", "feature", "member"])
async def test_a_page_goes_on_where_the_one_before_ended(
    client: Client, spent: House, admin: Person, group: str
) -> None:
    whole = (await usage(client, admin, group=group))["items"]
    paged, cursor = [], None
    for _ in range(10):
        query = {"cursor": cursor} if cursor else {}
        page = await usage(client, admin, group=group, limit=1, **query)
        assert page["totals"]["calls"] == 7
        paged += page["items"]
        if (cursor := page["next_cursor"]) is None:
            break
    assert paged == whole
    assert len(whole) == 3


@pytest.mark.parametrize(
    "query",
    [
        {"from": "2031-05-14", "to": "2031-05-13"},
        {"from": "2030-01-01", "to": "2031-05-13"},
        {"from": "tomorrow"},
        {"from": "0001-01-01"},
        {"to": "9999-12-31"},
        {"group": "mood"},
        {"group": "member", "cursor": "never-given-out"},
        {"limit": 101},
        {"month": "2031-05"},
    ],
    ids=str,
)
async def test_what_cannot_be_meant_is_refused(
    client: Client, house: House, admin: Person, query: dict[str, Any]
) -> None:
    assert (await client.of(admin).get(USAGE, params=query)).status_code == 422


async def test_budgets_are_shown_with_what_is_left(
    client: Client, spent: House, admin: Person, member: Person
) -> None:
    limits = client._application.state.hall.settings.ai
    budgets = (await usage(client, admin))["budgets"]
    shown = {(each["scope"], each["name"], each["period"]): each for each in budgets}
    day, month = shown["hall", "all", "day"], shown["hall", "all", "month"]
    assert day == {
        "scope": "hall",
        "name": "all",
        "username": None,
        "period": "day",
        "limit_micros": limits.ai_budget_hall_daily_micros,
        "spent_micros": 350,
        "reserved_micros": 2000,
        "left_micros": limits.ai_budget_hall_daily_micros - 2350,
        "calls": 3,
        "limit_calls": None,
        "resets_at": "2031-05-15T00:00:00Z",
    }
    assert (month["spent_micros"], month["resets_at"]) == (780, "2031-06-01T00:00:00Z")
    assert shown["feature", "tests.c", "day"]["limit_micros"] is None
    assert shown["feature", "tests.c", "day"]["left_micros"] is None
    assert shown["feature", "tests.a", "day"]["spent_micros"] == 0
    theirs = shown["member", str(member.id), "day"]
    assert (theirs["calls"], theirs["limit_calls"]) == (2, limits.ai_budget_member_daily_calls)


async def test_a_hall_that_has_spent_nothing_says_what_it_may(
    client: Client, house: House, admin: Person
) -> None:
    shown = await usage(client, admin, group="member")
    assert (shown["items"], shown["next_cursor"]) == ([], None)
    assert [(each["scope"], each["period"], each["spent_micros"]) for each in shown["budgets"]] == [
        ("hall", "day", 0),
        ("hall", "month", 0),
    ]


async def test_what_was_spent_outlives_who_asked_without_naming_them(
    client: Client,
    house: House,
    owner: asyncpg.Connection,
    clock: SettableClock,
    admin: Person,
    member: Person,
) -> None:
    await house.ask(member.id, cause="the secret wish of a member")
    before = (await usage(client, admin))["totals"]
    assert before["cost_micros"] > 0
    await erased(house.hall, client, clock, member)
    after = await usage(client, admin, group="member")
    assert after["totals"] == before
    assert [line["username"] for line in after["items"]] == [None]
    assert await house.turns() == []
    assert await owner.fetchval("SELECT count(*) FROM ai_budgets WHERE scope = 'member'") == 0
    (row,) = await house.calls()
    assert {name for name, value in row.items() if isinstance(value, str)} == {
        "feature", "provider", "model", "state",
    }  # fmt: skip
    assert await ai.audit(house.hall.units) == []


async def test_a_member_sees_their_own_turns_and_nobody_elses(
    house: House, member: Person, other: Person
) -> None:
    await house.ask(member.id)
    for who, seen in ((member, 1), (other, 0)):
        async with house.hall.units.read(member=who.id) as uow:
            for table in ("ai_turns", "ai_calls", "ai_budgets"):
                rows = await uow.session.connection()
                found = await rows.exec_driver_sql(f"SELECT DISTINCT user_id FROM {table}")
                assert len(found.all()) == seen, table
