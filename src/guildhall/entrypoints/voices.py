"""What the processes of a hall say, on one terminal: each line under the name of its speaker."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys

__all__ = ["Voices"]

COLOURS = {
    "hall": "1;32",
    "postgres": "34",
    "valkey": "31",
    "api": "36",
    "worker": "33",
    "scheduler": "35",
    "relay": "32",
    "prepare": "37",
}
WIDTH = max(map(len, COLOURS))
LONGEST_LINE_BYTES = 1_000_000


class Voices:
    """Pipes for the processes to speak into, and the printing of what comes out.

    A pipe lasts as long as the hall, however often its process is started again.
    """

    def __init__(self) -> None:
        self._coloured = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        self._mouths: dict[str, int] = {}
        self._closed: list[asyncio.Future[None]] = []

    async def pipe(self, name: str) -> int:
        """Give the file descriptor for what a process says."""
        if name not in self._mouths:
            loop = asyncio.get_running_loop()
            ear, mouth = os.pipe()
            closed = loop.create_future()
            await loop.connect_read_pipe(
                lambda: _Listener(self, name, closed), os.fdopen(ear, "rb", buffering=0)
            )
            self._mouths[name] = mouth
            self._closed.append(closed)
        return self._mouths[name]

    def say(self, name: str, line: str) -> None:
        """Print a line under a name."""
        label = f"{name:<{WIDTH}} |"
        if self._coloured:
            label = f"\033[{COLOURS.get(name, '37')}m{label}\033[0m"
        self.print(f"{label} {line}")

    def print(self, text: str) -> None:
        """Print as it is. That nobody is listening any more is no reason to stop a hall."""
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.write(f"{text}\n")
            sys.stdout.flush()

    def strong(self, text: str) -> str:
        """Make words stand out, where there are colours."""
        return f"\033[1m{text}\033[0m" if self._coloured else text

    async def hear_out(self, seconds: float) -> None:
        """Print what was said last, when all who spoke have ended."""
        for mouth in self._mouths.values():
            os.close(mouth)
        self._mouths.clear()
        if self._closed:
            await asyncio.wait(self._closed, timeout=seconds)


class _Listener(asyncio.Protocol):
    def __init__(self, voices: Voices, name: str, closed: asyncio.Future[None]) -> None:
        self._voices = voices
        self._name = name
        self._closed = closed
        self._heard = b""

    def data_received(self, data: bytes) -> None:
        *lines, self._heard = (self._heard + data).split(b"\n")
        if len(self._heard) > LONGEST_LINE_BYTES:
            lines, self._heard = [*lines, self._heard], b""
        for line in lines:
            self._voices.say(self._name, line.decode(errors="replace").rstrip())

    def connection_lost(self, exc: Exception | None) -> None:
        if self._heard:
            self.data_received(b"\n")
        if not self._closed.done():
            self._closed.set_result(None)
