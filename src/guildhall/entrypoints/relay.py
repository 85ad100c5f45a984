"""The relay process."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from functools import partial

import asyncpg

from guildhall.entrypoints.wiring import WIRING
from guildhall.infra.celery import CeleryBroker, celery_app
from guildhall.infra.database import asyncpg_arguments
from guildhall.infra.endpoints import Endpoints
from guildhall.infra.relay import Relay
from guildhall.infra.settings import Settings
from guildhall.infra.telemetry import configure_logs

__all__ = ["run"]


def run(settings: Settings, endpoints: Endpoints) -> None:
    """Relay until a signal comes."""
    configure_logs(settings.log, "relay")
    asyncio.run(_run(settings, endpoints))


async def _run(settings: Settings, endpoints: Endpoints) -> None:
    broker = CeleryBroker(
        celery_app(endpoints.broker_url, settings.broker), endpoints.broker_url, WIRING.queues
    )
    relay = Relay(
        partial(asyncpg.connect, **asyncpg_arguments(endpoints.database_url), timeout=10),
        broker,
        WIRING.paces,
        settings.outbox,
    )
    work = asyncio.create_task(relay.run())
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(signal_number, work.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await work
