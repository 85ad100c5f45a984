"""The supervisor's side of the cradle: ask for a process, hear when it has ended."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from asyncio.subprocess import Process
from collections.abc import Mapping

from guildhall.infra.embedded.processes import Output, ServerFailed, end, end_group, spawn

__all__ = ["Nursery"]

MESSAGE_BYTES = 4096
STOP_SECONDS = 1.0
NO_CRADLE = "could not be started: what it is forked from has ended"


class Nursery:
    """Starts the hall's own processes, forked from one that has imported everything."""

    name = "nursery"

    def __init__(self, environment: Mapping[str, str], output: Output) -> None:
        self._environment = {**environment, "PYTHONUNBUFFERED": "1"}
        self._output = output
        self._process: Process | None = None
        self._listening: asyncio.Task[None] | None = None
        self._channel: socket.socket | None = None
        self._settled = asyncio.Event()  # it is ready, or it has ended
        self._asking = asyncio.Lock()
        self._started: asyncio.Future[int] | None = None
        self._ends: dict[int, asyncio.Future[int]] = {}

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    async def start(self) -> None:
        """Start the cradle; it is not ready yet. Waiting for it is part of `bear`."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with theirs:
            self._process = await spawn(
                (
                    *(sys.executable, "-m", "guildhall.entrypoints.cradle"),
                    *(str(theirs.fileno()), str(os.getpid())),
                ),
                # None: when we die it sees the socket close, and takes everybody with it.
                death_signal=None,
                environment=self._environment,
                output=self._output,
                passed=[theirs.fileno()],
            )
        self._settled.clear()
        self._channel = ours
        self._listening = asyncio.create_task(self._listen(ours))

    async def ended(self) -> int:
        """Wait for the end of the cradle; then all its children have ended, too."""
        assert self._process is not None
        assert self._listening is not None
        await asyncio.shield(self._listening)
        await end(self._process)
        return self._process.returncode or 0

    async def bear(self, role: str, output: int, report: int | None = None) -> int:
        """Start a process and give its pid. Raises ServerFailed if the cradle goes meanwhile."""
        async with self._asking:
            await self._settled.wait()
            if self._channel is None:
                raise ServerFailed(NO_CRADLE)
            self._started = asyncio.get_running_loop().create_future()
            descriptors = [output] if report is None else [output, report]
            try:
                socket.send_fds(self._channel, [json.dumps({"role": role}).encode()], descriptors)
            except OSError as error:
                raise ServerFailed(NO_CRADLE) from error
            return await self._started

    async def end_of(self, pid: int) -> int:
        """Wait for a process to end and give its exit code, negative for a signal."""
        return await asyncio.shield(self._ends[pid])

    def signal(self, pid: int, number: signal.Signals) -> None:
        """Send a signal to a process, unless it has ended."""
        if pid in self._ends and not self._ends[pid].done():
            os.kill(pid, number)

    def kill(self, pid: int) -> None:
        """Kill a process and its own children, unless it has ended."""
        if pid in self._ends and not self._ends[pid].done():
            end_group(pid)

    async def stop(self) -> None:
        """End the cradle, and whoever is left in it."""
        if self._process is None:
            return
        if self._channel is not None:
            self._channel.shutdown(socket.SHUT_RDWR)
        await end(self._process, (signal.SIGTERM, STOP_SECONDS))

    async def _listen(self, channel: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        heard = b""
        with channel:
            while received := await _received(loop, channel):
                *lines, heard = (heard + received).split(b"\n")
                for line in lines:
                    self._hear(json.loads(line))
            self._channel = None
        self._lose_all()

    def _hear(self, message: dict[str, int]) -> None:
        if "ready" in message:
            self._settled.set()
        elif "started" in message:
            pid = message["started"]
            self._ends[pid] = asyncio.get_running_loop().create_future()
            if self._started is not None and not self._started.done():
                self._started.set_result(pid)
        else:
            self._ends[message["ended"]].set_result(message["code"])

    def _lose_all(self) -> None:
        self._settled.set()
        if self._started is not None and not self._started.done():
            self._started.set_exception(ServerFailed(NO_CRADLE))
        for pid, ended in self._ends.items():
            if not ended.done():
                # On Linux it has been killed already; elsewhere it has nobody else.
                end_group(pid)
                ended.set_result(-signal.SIGKILL)


async def _received(loop: asyncio.AbstractEventLoop, channel: socket.socket) -> bytes:
    try:
        return await loop.sock_recv(channel, MESSAGE_BYTES)
    except ConnectionError:
        return b""
