"""Child processes: started with an environment, waited for, and ended by their own id."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

__all__ = ["START_SECONDS", "ProcessDied", "answering", "free_port", "processes", "uvicorn"]

START_SECONDS = 40
STOP_SECONDS = 25
REPOSITORY = Path(__file__).parent.parent


class ProcessDied(RuntimeError):
    """A process ended, or did not come up. Carries the end of its log."""


def free_port() -> int:
    """Give a TCP port on 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def uvicorn(application: str, port: int, workers: int) -> list[str]:
    """Give the command of a server for a baseline: the same server, event loop and parser."""
    return [
        *("-m", "uvicorn", application, "--host=127.0.0.1", f"--port={port}"),
        *(f"--workers={workers}", "--loop=uvloop", "--http=httptools"),
        *("--no-access-log", "--no-server-header", "--log-level=warning"),
    ]


@contextlib.asynccontextmanager
async def processes(
    commands: Mapping[str, Sequence[str]], environment: Mapping[str, str], logs: Path
) -> AsyncIterator[dict[str, subprocess.Popen[bytes]]]:
    """Run Python commands by name (`["-m", "guildhall", "api"]`), each with a log of its own."""
    running: dict[str, subprocess.Popen[bytes]] = {}
    try:
        for name, command in commands.items():
            with (logs / f"{name}.log").open("ab") as log:
                running[name] = subprocess.Popen(  # noqa: ASYNC220  # returns at once
                    [sys.executable, *command],
                    env={**os.environ, **environment},
                    cwd=REPOSITORY,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
        yield running
        for name, process in running.items():
            if process.poll() is not None:
                raise ProcessDied(f"{name} ended with {process.returncode}:\n{_tail(logs, name)}")
    finally:
        for process in running.values():
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        await asyncio.gather(*map(_ended, running.values()))


async def answering(port: int, logs: Path, name: str, path: str = "/health") -> None:
    """Wait until an HTTP server answers 200."""
    patience = time.monotonic() + START_SECONDS
    request = f"GET {path} HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n".encode()
    while time.monotonic() < patience:
        with contextlib.suppress(OSError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(request)
            answer = await reader.read(64)
            writer.close()
            if answer.split(b" ", 2)[1:2] == [b"200"]:
                return
        await asyncio.sleep(0.1)
    raise ProcessDied(f"{name} does not answer on {port}:\n{_tail(logs, name)}")


async def _ended(process: subprocess.Popen[bytes]) -> None:
    """Wait for the end; whoever does not go is killed, with the children of its own session."""
    patience = time.monotonic() + STOP_SECONDS
    while process.poll() is None and time.monotonic() < patience:  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _tail(logs: Path, name: str) -> str:
    return (logs / f"{name}.log").read_text(errors="replace")[-3000:]
