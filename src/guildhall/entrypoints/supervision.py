"""Keeping processes alive: start again what died, patiently, and know when it is hopeless."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from typing import Protocol

from guildhall.entrypoints.nursery import Nursery
from guildhall.entrypoints.voices import Voices
from guildhall.infra.embedded import EmbeddedPostgres, EmbeddedValkey, ServerFailed

__all__ = ["Role", "Server", "Service", "keep_alive"]

FIRST_DELAY_SECONDS = 0.2
LONGEST_DELAY_SECONDS = 5.0
HEALTHY_AFTER_SECONDS = 30.0
HOPELESS_AFTER = 10
HOPELESS_WITHIN_SECONDS = 10.0


class Service(Protocol):
    """Something that is to run for as long as the hall does."""

    @property
    def name(self) -> str: ...

    @property
    def pid(self) -> int | None: ...

    async def start(self) -> None:
        """Start it. Raises ServerFailed."""
        ...

    async def ended(self) -> int:
        """Wait for its end and give its exit code, negative for a signal."""
        ...


class Server:
    """One of our own servers as a service."""

    def __init__(self, server: EmbeddedPostgres | EmbeddedValkey, output: int) -> None:
        self.name = server.name
        self._server = server
        self._output = output

    @property
    def pid(self) -> int | None:
        return self._server.process.pid if self._server.process else None

    async def start(self) -> None:
        await self._server.start(self._output)

    async def ended(self) -> int:
        assert self._server.process is not None
        return await self._server.process.wait()


class Role:
    """One of the hall's own processes as a service."""

    def __init__(self, name: str, nursery: Nursery, output: int) -> None:
        self.name = name
        self.pid: int | None = None
        self._nursery = nursery
        self._output = output

    async def start(self) -> None:
        self.pid = await self._nursery.bear(self.name, self._output)

    async def ended(self) -> int:
        assert self.pid is not None
        return await self._nursery.end_of(self.pid)

    def ask_to_end(self) -> None:
        """Have it finish what is under way and end."""
        if self.pid is not None:
            self._nursery.signal(self.pid, signal.SIGTERM)

    def kill(self) -> None:
        if self.pid is not None:
            self._nursery.kill(self.pid)


async def keep_alive(
    service: Service, voices: Voices, *, started: bool, changed: Callable[[], None]
) -> str:
    """Start a service again whenever it ends. Returns only to give up, with the reason.

    `started`: the caller has started it already. `changed` is called when it has a new pid.
    """
    loop = asyncio.get_running_loop()
    delay, failures = FIRST_DELAY_SECONDS, 0
    while True:
        since, code = loop.time(), 0
        try:
            if not started:
                await service.start()
                changed()
            started = False
            code = await service.ended()
            how = _ending(code)
        except ServerFailed as failure:
            how = str(failure)
        lived = loop.time() - since
        # SIGKILL comes from outside, and says nothing about whether the service can run.
        killed = code == -signal.SIGKILL
        failures = failures + 1 if lived < HOPELESS_WITHIN_SECONDS and not killed else 0
        if failures >= HOPELESS_AFTER:
            return f"{service.name} ended {failures} times in a row within seconds; see above why."
        if lived >= HEALTHY_AFTER_SECONDS or killed:
            delay = FIRST_DELAY_SECONDS
        voices.say("hall", f"{service.name} {how}; starting it again in {delay:.1f} s")
        await asyncio.sleep(delay)
        delay = min(2 * delay, LONGEST_DELAY_SECONDS)


def _ending(code: int) -> str:
    if code >= 0:
        return f"ended with code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"
