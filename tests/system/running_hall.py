"""A hall as an operator runs it: `guildhall up` as a process of its own, on a directory of its own.

Its children are found in /proc below the supervisor that this test has started, so that no signal
can reach a process that is not ours.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from guildhall.entrypoints.wiring import WIRING
from guildhall.infra.database import asyncpg_arguments
from guildhall.infra.endpoints import Endpoints
from guildhall.infra.hall import Hall, open_hall
from guildhall.infra.settings import Settings

PASSWORD = "correct horse battery"

# Everything that is waited for after a death is short, so that a test sees many of them.
IMPATIENT = {
    "OUTBOX_LEASE_SECONDS": "2",
    "OUTBOX_POLL_SECONDS": "0.2",
    "TASK_SOFT_LIMIT_SECONDS": "4",
    "TASK_HARD_LIMIT_SECONDS": "5",
    "BROKER_VISIBILITY_TIMEOUT_SECONDS": "6",
}

SERVERS = {"postgres": "postgres", "valkey": "valkey-server"}


class RunningHall:
    """A supervised hall, seen from outside."""

    def __init__(self, data_dir: Path, environment: dict[str, str]) -> None:
        self.data_dir = data_dir
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "COV_"))},
            "DATA_DIR": str(data_dir),
            "API_PORT": str(self.port),
            "RATE_LIMIT_ENABLED": "false",
            "LOG_FORMAT": "console",
            **environment,
        }
        self.log = data_dir.with_suffix(".log")
        self._supervisor: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._supervisor is not None
        return self._supervisor.pid

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "guildhall", *arguments]

    def start(self) -> None:
        """Do what `make up` does. Does not wait."""
        self.bury()
        with self.log.open("ab") as log:
            self._supervisor = subprocess.Popen(
                self.command("up"),
                env=self.environment,
                cwd=self.data_dir.parent,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    async def ready(self, seconds: float = 60) -> float:
        """Wait until the hall says that it is ready; give how long that took."""
        began = time.monotonic()
        async with httpx.AsyncClient(timeout=5) as client:
            while True:
                try:
                    answer = await client.get(f"{self.url}/health/ready")
                    said = answer.text
                    if answer.status_code == 200:
                        return time.monotonic() - began
                except httpx.TransportError as error:
                    said = repr(error)
                if self._supervisor is None or self._supervisor.poll() is not None:
                    raise AssertionError(f"the hall has ended by itself:\n{self.last_words()}")
                if time.monotonic() - began > seconds:
                    raise AssertionError(
                        f"not ready after {seconds} s: {said}\n{self.last_words()}"
                    )
                await asyncio.sleep(0.1)

    async def run(self, *arguments: str, given: str = "") -> tuple[int, str]:
        """Run another command on the same directory; give its exit status and what it printed."""
        process = await asyncio.create_subprocess_exec(
            *self.command(*arguments),
            env=self.environment,
            cwd=self.data_dir.parent,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        async with asyncio.timeout(60):
            out, _ = await process.communicate(given.encode())
        assert process.returncode is not None
        return process.returncode, out.decode()

    def child(self, role: str) -> int | None:
        """Give the pid of a part of the hall, if it is there just now.

        The servers are the supervisor's children, the roles those of its cradle.
        """
        mine = children_of(self.pid)
        if role not in SERVERS:
            mine = [pid for child in mine for pid in children_of(child)]
        name = SERVERS.get(role, f"guildhall-{role}"[:15])
        return next((pid for pid in mine if name_of(pid) == name), None)

    def child_of_child(self, role: str) -> int | None:
        """Give a process that a child has started: one of a worker's pool, a backend."""
        pid = self.child(role)
        return next(reversed(children_of(pid)), None) if pid else None

    def endpoints(self) -> Endpoints:
        """Give the servers of this hall, as its API process was told."""
        api = self.child("api")
        assert api is not None
        told = dict(
            line.split("=", 1)
            for line in Path(f"/proc/{api}/environ").read_text().split("\0")
            if "=" in line
        )
        return Endpoints(
            database_url=told["DATABASE_URL"],
            redis_url=told["REDIS_URL"],
            broker_url=told["BROKER_URL"],
            secret_key=told["SECRET_KEY"],
            owner_url=told["DATABASE_OWNER_URL"],
        )

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Hall]:
        """Open the hall's own pools in this process, to look behind the API."""
        async with open_hall(Settings.load(), self.endpoints(), WIRING, pool_size=2) as hall:
            yield hall

    async def rows(self, query: str, *arguments: Any) -> list[asyncpg.Record]:
        connection = await asyncpg.connect(**asyncpg_arguments(self.endpoints().owner_url))
        try:
            return list(await connection.fetch(query, *arguments))
        finally:
            await connection.close()

    def kill_supervisor(self) -> None:
        """End the supervisor without a word, and only it."""
        assert self._supervisor is not None
        self._supervisor.kill()
        self._supervisor.wait()

    def stop(self, seconds: float = 30) -> int:
        """Ask the hall to end; give its exit status."""
        assert self._supervisor is not None
        if self._supervisor.poll() is None:
            self._supervisor.send_signal(signal.SIGTERM)
        try:
            return self._supervisor.wait(seconds)
        except subprocess.TimeoutExpired:
            self.bury()
            raise

    def bury(self) -> None:
        """Leave nothing behind of what this test has started."""
        if self._supervisor is None:
            return
        below = list(descendants_of(self._supervisor.pid))
        if self._supervisor.poll() is None:
            self._supervisor.kill()
            self._supervisor.wait()
            for pid in below:
                kill(pid)
        self._supervisor = None

    def reasons(self, lines: int = 150) -> str:
        """Give the traces of the first request that failed for a reason of the hall's own."""
        said = self.log.read_text(errors="replace").splitlines()
        at = next((n for n, line in enumerate(said) if "request_failed" in line), len(said))
        return "\n".join(said[at : at + lines])

    def last_words(self) -> str:
        """Give the end of what the hall has printed."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-40:])


@asynccontextmanager
async def running_hall(
    *, before: Callable[[RunningHall], Awaitable[None]] | None = None, **environment: str
) -> AsyncIterator[RunningHall]:
    """Start a hall in a directory of its own, wait until it is ready, and end it afterwards.

    `before` does something to its directory while the hall does not run yet.
    """
    # Not pytest's: a Unix socket's path may have 107 characters, and the servers, which run under
    # an account of their own when we are root, must be able to reach it.
    place = _place()
    hall = RunningHall(place / "data", {**IMPATIENT, **environment})
    try:
        if before is not None:
            await before(hall)
        hall.start()
        await hall.ready()
        yield hall
        await asyncio.to_thread(hall.stop)
    finally:
        hall.bury()
        if "KEEP_HALL" not in os.environ:
            shutil.rmtree(place, ignore_errors=True)


def kill(pid: int | None) -> bool:
    """Send SIGKILL to a process found below our supervisor; False if it has gone meanwhile."""
    if pid is None:
        return False
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


async def until(state: Callable[[], bool], seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not state():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {seconds} s")
        await asyncio.sleep(0.02)


def children_of(pid: int) -> list[int]:
    found: list[int] = []
    for thread in Path(f"/proc/{pid}/task").glob("*"):
        try:
            found += map(int, (thread / "children").read_text().split())
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def descendants_of(pid: int) -> Iterator[int]:
    for child in children_of(pid):
        yield child
        yield from descendants_of(child)


def name_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def is_there(pid: int) -> bool:
    """Tell whether a process lives; one that is dead and waits to be buried does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def _place() -> Path:
    place = Path(tempfile.mkdtemp(prefix="hall-", dir="/tmp"))
    place.chmod(0o755)
    return place


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
