"""Health: is the process alive, and can the hall serve."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable
from datetime import timedelta
from typing import Any

from fastapi import APIRouter, Request
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from sqlalchemy import text

from guildhall.infra.hall import Hall
from guildhall.infra.http import hall_of
from guildhall.infra.migrations import head_revision

__all__ = ["router"]

router = APIRouter(include_in_schema=False)

CHECK_TIMEOUT_SECONDS = 3
# A process is believed to work for so long after it last completed something: long enough for a
# deployment, a lost connection or a worker's queue to pass without an alarm. One that has stopped
# is named at the latest then. Relay and scheduler write every second or two; a worker's probe is
# started every five, and has the way through relay and broker before it.
SILENT_AFTER = {
    "worker": timedelta(seconds=30),
    "relay": timedelta(seconds=15),
    "scheduler": timedelta(seconds=30),
}


@router.get("/health")
async def alive() -> dict[str, str]:
    """Answer. Touches nothing else: a lost database is no reason to restart this process."""
    return {"status": "alive"}


@router.get("/health/ready")
async def ready(request: Request) -> Response:
    """Tell whether everything the hall needs is there; 503 names what is not."""
    hall = hall_of(request)
    checks = await asyncio.gather(_checked(_database(hall)), _checked(_redis(hall)))
    database, redis = checks
    processes = database.pop("processes", {})
    parts = {"database": database, "redis": redis, **processes}
    ok = all(part["ok"] for part in parts.values()) and bool(processes)
    body = {"status": "ready" if ok else "not ready", "parts": parts}
    return JSONResponse(jsonable_encoder(body), 200 if ok else 503)


@router.get("/metrics")
async def metrics() -> Response:
    """Give the metrics of all processes of the hall, in Prometheus's format."""
    return Response(await asyncio.to_thread(_collect), media_type=CONTENT_TYPE_LATEST)


def _collect() -> bytes:
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # the library's own gap
    return generate_latest(registry)


async def _checked(check: Awaitable[dict[str, Any]]) -> dict[str, Any]:
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_SECONDS):
            return await check
    except Exception as error:
        return {"ok": False, "fault": type(error).__name__}


async def _database(hall: Hall) -> dict[str, Any]:
    async with hall.units.read() as uow:
        revision = await uow.session.scalar(text("SELECT version_num FROM alembic_version"))
        rows = await uow.session.execute(text("SELECT process, completed_at FROM heartbeats"))
        seen = {row.process: row.completed_at for row in rows}
    head = head_revision()
    return {
        "ok": revision == head,
        **({} if revision == head else {"fault": f"schema {revision}, code {head}: migrate"}),
        "processes": {
            process: {
                "ok": process in seen and hall.clock.now() - seen[process] < limit,
                "last_completed": seen.get(process),
            }
            for process, limit in SILENT_AFTER.items()
        },
    }


async def _redis(hall: Hall) -> dict[str, Any]:
    await hall.redis.ping()
    return {"ok": True}
