"""The process from which the hall's processes are forked. Run by `nursery`, with a socket.

    python -m guildhall.entrypoints.cradle SOCKET SUPERVISOR_PID

Importing the hall takes a second or three; this process does it once, for all of them, while the
servers start, and a child that died is back in a moment. It opens nothing and starts no thread, so
there is nothing that a fork could tear apart.

It says one JSON line each: `{"ready": true}`, `{"started": pid}`, `{"ended": pid, "code": code}`.
It hears `{"role": name}` with one or two file descriptors: for what the child says, and for what
it reports. When the supervisor ends, however it does, the socket closes, and everybody here ends.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import json
import os
import select
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress

from guildhall.entrypoints import commands
from guildhall.entrypoints.cli import main as run_command_line
from guildhall.entrypoints.prepare import prepare
from guildhall.infra.database import why_not
from guildhall.infra.embedded.launch import bind_to_parent
from guildhall.infra.endpoints import Endpoints
from guildhall.infra.settings import Settings
from guildhall.infra.telemetry import configure_logs

__all__ = ["main"]

MESSAGE_BYTES = 4096
PR_SET_NAME = 15
STDIN, STDOUT, STDERR = 0, 1, 2

Role = Callable[[], None]

LOADED = commands  # What every child is going to need, imported here once.


def main() -> None:
    """Serve the supervisor; in a child, become what was asked for."""
    channel = socket.socket(fileno=int(sys.argv[1]))
    role = _serve(channel, supervisor=int(sys.argv[2]))
    if role is not None:
        role()


def _serve(channel: socket.socket, supervisor: int) -> Role | None:
    """Fork whenever asked. Returns in each child with what it is to do, and here in the end."""
    waker, wake = os.pipe()
    for descriptor in (waker, wake):
        os.set_blocking(descriptor, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    gc.collect()
    gc.freeze()  # so that the children's collectors leave the shared pages shared
    children: set[int] = set()
    with suppress(ConnectionError):
        _say(channel, {"ready": True})
        while os.getppid() == supervisor:
            readable, _, _ = select.select([channel.fileno(), waker], [], [])
            if waker in readable:
                with suppress(BlockingIOError):
                    os.read(waker, MESSAGE_BYTES)
                _bury(channel, children)
            if channel.fileno() not in readable:
                continue
            message, descriptors, _, _ = socket.recv_fds(channel, MESSAGE_BYTES, 2)
            if not message:
                break
            cradle = os.getpid()
            pid = os.fork()
            if pid == 0:
                for inherited in (channel.detach(), waker, wake):
                    os.close(inherited)
                return _born(json.loads(message)["role"], descriptors, cradle)
            children.add(pid)
            for descriptor in descriptors:
                os.close(descriptor)
            _say(channel, {"started": pid})
    for pid in children:
        _end_group(pid)
    return None


def _bury(channel: socket.socket, children: set[int]) -> None:
    for pid in list(children):
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            children.discard(pid)
            _end_group(pid)  # A worker that was killed leaves its own children behind.
            _say(channel, {"ended": pid, "code": os.waitstatus_to_exitcode(status)})


def _end_group(leader: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def _say(channel: socket.socket, message: dict[str, object]) -> None:
    channel.sendall(json.dumps(message).encode() + b"\n")


def _born(name: str, descriptors: list[int], cradle: int) -> Role:
    """Make a fork a process of its own: its session, its signals, its output, its end."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    # Crash-only: with the supervisor gone the servers are going, and there is nothing to finish.
    bind_to_parent(cradle, signal.SIGKILL)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_NAME, f"guildhall-{name}"[:15].encode(), 0, 0, 0)
    said, *report = descriptors
    with open(os.devnull, "rb") as nothing:  # noqa: PTH123  # a device, not a file of ours
        os.dup2(nothing.fileno(), STDIN)
    os.dup2(said, STDOUT)
    os.dup2(said, STDERR)
    os.close(said)
    if name == "prepare":
        return lambda: _prepare(report[0])
    os.environ.pop("DATABASE_OWNER_URL", None)  # Nobody else changes tables.
    sys.argv[:] = ["guildhall", name]
    return run_command_line


def _prepare(report: int) -> None:
    """Make the hall ready to open, and report what the supervisor shall print."""
    settings = Settings.load()
    configure_logs(settings.log, "prepare")
    try:
        prepared = asyncio.run(prepare(settings, Endpoints.configured(settings)))
    except Exception as error:
        if (fault := why_not(error)) is None:
            raise
        sys.exit(fault)
    with os.fdopen(report, "w") as writer:
        json.dump({"setup_token": prepared.setup_token}, writer)


if __name__ == "__main__":
    main()
