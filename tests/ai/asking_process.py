"""python -m tests.ai.asking_process DATABASE_URL REDIS_URL MEMBER CAUSE: asks as a worker does."""

from __future__ import annotations

import asyncio
import sys
from uuid import UUID

from guildhall import ai
from guildhall.entrypoints.wiring import WIRING
from guildhall.infra.endpoints import Endpoints
from guildhall.infra.hall import open_hall
from guildhall.infra.settings import Settings
from tests.ai.conftest import PROMPT, for_text


async def main(database_url: str, redis_url: str, member: str, cause: str) -> None:
    endpoints = Endpoints(
        database_url=database_url,
        redis_url=redis_url,
        broker_url=redis_url,
        secret_key="tests-only-0123456789-abcdefghijk",
        owner_url=database_url,
    )
    async with open_hall(Settings.load(), endpoints, WIRING, pool_size=2) as hall:
        await ai.ask(
            hall,
            for_text(),
            member=UUID(member),
            feature="tests.advice",
            prompt=PROMPT,
            cause=cause,
        )


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
