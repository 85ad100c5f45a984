"""A process that is killed while a model answers: the turn is done once, and charged once."""

from __future__ import annotations

import asyncio
import os
import sys

import orjson

from guildhall import ai
from guildhall.kernel.ids import new_id
from tests.ai.conftest import MICROS_A_TOKEN, MODEL, MOST_MICROS, House
from tests.llm_server import LlmServer

CAUSE = "goal:1:plan"


async def test_what_a_killed_process_was_asking_is_answered_once_and_charged_once(
    house: House, server: LlmServer
) -> None:
    member, endpoints = new_id(), house.hall.endpoints
    server.hold()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.ai.asking_process",
        endpoints.database_url, endpoints.redis_url, str(member), CAUSE,
        env=os.environ
        | {
            "DATA_DIR": str(house.hall.settings.hall.data_dir),
            "LLM_PROVIDER": "openai",
            "LLM_BASE_URL": server.openai_url,
            "LLM_API_KEY": "key-of-tests",
            "LLM_MODEL": MODEL,
            "LLM_PRICES": orjson.dumps({MODEL: {"input": 0, "output": MICROS_A_TOKEN}}).decode(),
        },
    )  # fmt: skip
    # However long it takes to start: it asks, or it ends.
    asked = asyncio.ensure_future(server.script.wait_until(lambda: server.script.under_way > 0))
    ended = asyncio.ensure_future(process.wait())
    try:
        await asyncio.wait([asked, ended], return_when=asyncio.FIRST_COMPLETED)
        assert asked.done(), process.returncode
        (call,) = await house.calls()
        assert (call["state"], call["reserved_micros"]) == ("reserved", MOST_MICROS)
    finally:
        if process.returncode is None:
            process.kill()
        await ended
        asked.cancel()
    server.release()
    # The hall's clock is years ahead of that process: its lease is over.
    reply = await house.ask(member, cause=CAUSE)
    assert reply.provider == "openai"
    cost = reply.tokens.output * MICROS_A_TOKEN
    states = {call["state"]: call["cost_micros"] for call in await house.calls()}
    assert states == {"lost": 0, "settled": cost}
    assert sum((await house.spent("member")).values()) == cost
    assert await house.reserved() == 0
    assert (await house.ask(member, cause=CAUSE)).output == reply.output
    assert len(server.requests) == 2
    assert [turn["attempts"] for turn in await house.turns()] == [2]
    assert await ai.audit(house.hall.units) == []
