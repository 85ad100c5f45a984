"""Reports on tasks: from a page, which count at once, and from programs, which may repeat them."""

from __future__ import annotations

import hashlib
from typing import Any
from uuid import UUID

from guildhall.goals.models import Task
from guildhall.goals.outcomes import Outcome, settle
from guildhall.goals.schemas import ProgressUpdate, TaskOut
from guildhall.infra.cache import Tier
from guildhall.infra.hall import Hall
from guildhall.infra.unit_of_work import UnitOfWork
from guildhall.kernel.member import Member

__all__ = ["change", "report"]

REMEMBERED_SECONDS = 15


async def change(uow: UnitOfWork, who: Member, task_id: UUID, outcome: Outcome) -> Task:
    """Note what became of a task, now; a report that is remembered is forgotten."""
    uow.after_commit(lambda: uow.cache.drop(_report_key(who, task_id), tiers=Tier.REDIS))
    return await settle(uow, who, task_id, outcome)


async def report(hall: Hall, who: Member, body: ProgressUpdate) -> TaskOut:
    """Note progress on a task, once for the same report: it is remembered for 15 seconds, or until
    another one about this task."""
    said = hashlib.sha256(body.model_dump_json().encode()).hexdigest()
    key = _report_key(who, body.task_id)

    async def load() -> dict[str, Any]:
        outcome = Outcome(body.status, body.minutes, body.percent)
        async with hall.units.write(member=who.id) as uow:
            task = await settle(uow, who, body.task_id, outcome)
            answer = TaskOut.model_validate(task).model_dump(mode="json")
        return {"said": said, "answer": answer}

    for _ in range(2):
        known = await hall.cache.get(key, load, ttl_seconds=REMEMBERED_SECONDS, tiers=Tier.REDIS)
        if known["said"] == said:
            break
        await hall.cache.drop(key, tiers=Tier.REDIS)
    else:
        known = await load()
    return TaskOut.model_validate(known["answer"])


def _report_key(who: Member, task_id: UUID) -> str:
    return f"progress:{who.id}:{task_id}"
