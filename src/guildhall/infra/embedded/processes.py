"""Child processes that end with their parent, and proof of what a process is.

A pid proves nothing: after a kill -9 or a container's restart it may be somebody else's. So nothing
here is believed or ended by its pid alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from asyncio.subprocess import DEVNULL, STDOUT, Process
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

from guildhall.infra.embedded.accounts import Account

__all__ = [
    "Output",
    "ServerFailed",
    "command_of",
    "end",
    "end_group",
    "is_running",
    "send",
    "spawn",
    "until",
]

LAUNCHER = Path(__file__).with_name("launch.py")
PROC = Path("/proc")
LOOK_EVERY_SECONDS = 0.01
KEPT_FOR_SERVERS = ("PATH", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")

Output = int | IO[bytes]


class ServerFailed(Exception):
    """A server of the hall does not come up. One sentence for the operator."""


async def spawn(
    command: Sequence[str | Path],
    *,
    death_signal: signal.Signals | None,
    output: Output,
    account: Account | None = None,
    environment: Mapping[str, str] | None = None,
    passed: Sequence[int] = (),
) -> Process:
    """Start a command in a process group of its own. Call this from the main thread.

    On Linux it gets `death_signal` when this process ends, however that happens. `account` is the
    one to change to; without `environment` it is given next to nothing: ours is full of secrets.
    """
    if environment is None:
        environment = {name: os.environ[name] for name in KEPT_FOR_SERVERS if name in os.environ}
        environment = {**environment, "LC_ALL": "C"}
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-S", str(LAUNCHER), str(os.getpid()), str(int(death_signal or 0))),
        *((str(account.uid), str(account.gid)) if account else ("-", "-")),
        *map(str, command),
        stdin=DEVNULL,
        stdout=output,
        stderr=STDOUT,
        env=environment,
        # Readable by everyone, while the current directory may not be for the service account.
        cwd="/" if account else None,
        start_new_session=True,
        pass_fds=passed,
    )


async def end(process: Process, *steps: tuple[signal.Signals, float]) -> None:
    """Send each signal and wait so many seconds for the end; kill what is still there.

    Reaps the process in any case, and kills what is left of its group.
    """
    for number, seconds in steps:
        if process.returncode is not None:
            break
        send(process, number)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), seconds)
    end_group(process.pid)
    await process.wait()


def send(process: Process, number: signal.Signals) -> None:
    """Send a signal to a process, unless it has ended.

    Not by its own `send_signal`: that looks whether it has ended and so takes its exit code away
    from asyncio, which is waiting for it.
    """
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, number)


def end_group(leader: int) -> None:
    """Kill what a child of ours has left behind. Its group bears its pid for as long as it lives.

    Only for children that `spawn` has started.
    """
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


async def until(state: Callable[[], bool], seconds: float) -> bool:
    """Wait for a state of the world that nobody announces. False when the time was up."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while not state():
        if loop.time() > deadline:
            return False
        await asyncio.sleep(LOOK_EVERY_SECONDS)
    return True


def is_running(pid: int) -> bool:
    """Tell whether a process exists and still does something: a zombie does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    try:
        # pid (command) state …, and the command may contain anything, a bracket too
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return not PROC.joinpath("self").exists()


def command_of(pid: int) -> str:
    """Give the command line of a process, its arguments separated by spaces; "" if unknown."""
    try:
        if PROC.joinpath("self").exists():
            line = (PROC / str(pid) / "cmdline").read_bytes()
            return line.replace(b"\0", b" ").decode(errors="replace").strip()
        return subprocess.run(  # noqa: S603  # a pid is no command
            ["ps", "-ww", "-o", "command=", "-p", str(pid)],  # noqa: S607  # wherever it is
            capture_output=True,
            text=True,
            check=False,
        ).stdout.strip()
    except OSError:
        return ""
