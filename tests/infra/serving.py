"""The application behind a real server and a real socket, in this process."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI

from guildhall.entrypoints.api import create_app, furnish, serving
from guildhall.infra.hall import Hall
from guildhall.infra.settings import ApiSettings

PATIENCE_SECONDS = 20


@dataclass(frozen=True)
class Served:
    """Where a hall is served, and what serves it."""

    app: FastAPI
    server: uvicorn.Server
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def socket_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/api/v1/live"

    def client(self, token: str | None = None, **headers: str) -> httpx.AsyncClient:
        signed = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx.AsyncClient(
            base_url=f"{self.url}/api/v1", headers=signed | headers, timeout=PATIENCE_SECONDS
        )

    async def say(self, request: bytes) -> bytes:
        """Send bytes over a connection of their own; give everything that comes until it closes."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(request)
            async with asyncio.timeout(PATIENCE_SECONDS):
                return await reader.read()
        finally:
            writer.close()


@asynccontextmanager
async def served(hall: Hall, app: FastAPI | None = None, **api: Any) -> AsyncIterator[Served]:
    """Serve a hall as the API process does, with other settings of the API."""
    settings = replace(
        hall.settings, api=ApiSettings(**{"trusted_hosts": ("127.0.0.1", "hall"), **api})
    )
    app = app or create_app(settings)
    furnish(app, replace(hall, settings=settings))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(app, lifespan="off", **serving(settings)))
        running = asyncio.create_task(server.serve(sockets=[listening]))
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not server.started:  # noqa: ASYNC110  # it tells nobody
                    await asyncio.sleep(0.01)
            yield Served(app, server, listening.getsockname()[1])
        finally:
            app.state.streams.drain()
            server.should_exit = True
            await running
