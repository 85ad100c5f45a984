"""Races, arranged: one side waits in the database while the other is not yet done."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg

from guildhall.infra.database import asyncpg_arguments
from guildhall.infra.hall import Hall

PATIENCE_SECONDS = 30
WAITING = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock'
"""


async def until_it_waits(hall: Hall, request: asyncio.Task[Any]) -> None:
    """Go on once a request waits for a lock in the database, or is over without having to."""
    connection = await asyncpg.connect(**asyncpg_arguments(hall.endpoints.database_url))
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not request.done():
                if await connection.fetchval(WAITING):
                    return
                await asyncio.sleep(0.01)
    finally:
        await connection.close()
