"""What a hall needs before it can open: its schema, its first content, a way in for its admin."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from sqlalchemy import text

from guildhall.entrypoints.seeding import read_content, seed, starter_content
from guildhall.entrypoints.wiring import WIRING
from guildhall.identity import new_setup_token
from guildhall.infra.endpoints import Endpoints
from guildhall.infra.hall import open_hall
from guildhall.infra.migrations import upgrade
from guildhall.infra.settings import Settings

__all__ = ["Prepared", "prepare"]


@dataclass(frozen=True)
class Prepared:
    """`setup_token` lets the first admin in; None once there is one."""

    setup_token: str | None


async def prepare(settings: Settings, endpoints: Endpoints) -> Prepared:
    """Migrate, load the starter content into a new hall, and make the setup token."""
    await asyncio.to_thread(upgrade, endpoints.owner_url)
    async with open_hall(settings, endpoints, WIRING, pool_size=2) as hall:
        async with hall.units.read() as uow:
            new = not await uow.session.scalar(text("SELECT EXISTS (SELECT FROM challenges)"))
        if new and settings.hall.seed_starter_content:
            await seed(hall, read_content(starter_content(), WIRING.topics))
        async with hall.units.write() as uow:
            # The hall is ready once its processes have done something, not those before them.
            await uow.session.execute(text("DELETE FROM heartbeats"))
            return Prepared(await new_setup_token(uow))
