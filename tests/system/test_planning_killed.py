"""kill -9 of the worker while a model plans, in a hall as an operator runs it."""

from __future__ import annotations

import asyncio

import httpx

from tests.goals.conftest import ANALYSIS, PROPOSAL
from tests.llm_server import running_llm_server
from tests.system.guests import Guest
from tests.system.running_hall import RunningHall, kill, running_hall

PATIENCE_SECONDS = 90
GOAL = {
    "title": "Hold a conversation in Spanish with my neighbour",
    "minutes_per_day": 40,
}


async def test_a_plan_whose_worker_was_killed_is_finished_once_and_charged_once() -> None:
    async with running_llm_server() as models:
        models.tell("Analysis", ANALYSIS)
        models.tell("PlanProposal", PROPOSAL)
        async with (
            running_hall(
                LLM_PROVIDER="openai",
                LLM_BASE_URL=models.openai_url,
                LLM_API_KEY="key-of-tests",
                LLM_MODEL="gpt-of-tests",
                LLM_PRICES='{"gpt-of-tests": {"input": 0, "output": 10}}',
                TASK_SOFT_LIMIT_SECONDS="60",
                TASK_HARD_LIMIT_SECONDS="70",
                BROKER_VISIBILITY_TIMEOUT_SECONDS="80",
            ) as hall,
            httpx.AsyncClient(base_url=hall.url, timeout=15) as client,
            asyncio.timeout(PATIENCE_SECONDS),
        ):
            guest = Guest(client, "planner")
            await guest.register()
            today = (await hall.rows("SELECT current_date + 120 AS day"))[0]["day"]
            models.hold()
            answer, _ = await guest.ask("POST", "/goals", GOAL | {"deadline": str(today)})
            goal_id = answer.json()["id"]
            await models.until_under_way(1)
            assert kill(hall.child("worker"))
            await models.until_idle()
            models.release()
            while (await guest.get(f"/goals/{goal_id}"))["status"] == "analysing":  # noqa: ASYNC110  # it is in another process
                await asyncio.sleep(0.2)
            goal = await guest.get(f"/goals/{goal_id}")
            assert goal["plan"]["provider"] == "openai"
            await _is_charged_once(hall)
            status, said = await hall.run("audit")
            assert status == 0, said


async def _is_charged_once(hall: RunningHall) -> None:
    """The call that died is nobody's to pay; the analysis and the plan were each paid once."""
    assert (await hall.rows("SELECT count(*) AS n FROM plans"))[0]["n"] == 1
    calls = await hall.rows("SELECT state, cost_micros FROM ai_calls ORDER BY id")
    paid = [call for call in calls if call["cost_micros"] > 0]
    assert [call["state"] for call in paid] == ["settled", "settled"]
    lost = [call["state"] for call in calls if call not in paid]
    assert set(lost) <= {"lost"}, calls
    spent = await hall.rows(
        "SELECT spent_micros, reserved_micros FROM ai_budgets"
        " WHERE scope = 'member' AND length(period) = 10"
    )
    assert [row["spent_micros"] for row in spent] == [sum(call["cost_micros"] for call in paid)]
    assert [row["reserved_micros"] for row in spent] == [0]
