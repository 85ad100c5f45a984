"""`guildhall up`: the whole hall in one terminal.

This process only supervises, and imports little, so that it is there at once. It ends in order on
the first signal and at once on the second; when it is killed, everything it has started ends too.
"""

from __future__ import annotations

import asyncio
import errno
import json
import os
import shutil
import signal
import socket
import sys
from collections.abc import Sequence

from guildhall.entrypoints.nursery import Nursery
from guildhall.entrypoints.supervision import Role, Server, Service, keep_alive
from guildhall.entrypoints.voices import Voices
from guildhall.infra.embedded import EmbeddedServers, HallLock, Occupancy, Premises, ServerFailed
from guildhall.infra.embedded.processes import send
from guildhall.infra.settings import ApiSettings, Settings, SettingsFault

__all__ = ["up"]

REFUSED = 2
FAILED = 1
ROLES = ("api", "worker", "scheduler", "relay")
# Those that begin work stop first; the worker is asked when nobody hands it work any more.
BEGINNERS = ("scheduler", "relay", "api")
COMMAND_WAIT_SECONDS = 10.0
PORT_WAIT_SECONDS = 5.0
SLOW_AFTER_SECONDS = 60.0
POLL_SECONDS = 0.05
ANSWER_SECONDS = 5.0
LAST_WORDS_SECONDS = 1.0
DRAIN_MARGIN_SECONDS = 2.0
LOOPBACK = {"localhost", "127.0.0.1", "::1"}
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # compared with, not bound to


def up(settings: Settings) -> int:
    """Run the hall until it is told to stop, and give the exit code.

    0 after a stop, 1 when it had to give up, 2 when it refused to start.
    """
    try:
        return asyncio.run(_UpHall(settings).run())
    except SettingsFault as fault:
        sys.stderr.write(f"{fault}\n")
        return REFUSED
    except KeyboardInterrupt:  # before anything was started
        return REFUSED


class _UpHall:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._premises = Premises.of(settings.hall.data_dir)
        self._servers = EmbeddedServers(settings, self._premises)
        self._lock: HallLock | None = None
        self._voices = Voices()
        self._services: list[Service] = []
        self._roles: dict[str, Role] = {}
        self._nursery: Nursery | None = None
        self._keepers: list[asyncio.Task[str]] = []
        self._over: asyncio.Future[str | None] | None = None
        self._setup_token: str | None = None
        self._at_once = asyncio.Event()
        self._url = _url(settings.api)
        self._serving = False

    async def run(self) -> int:
        self._premises.establish()
        lock = HallLock(self._premises.run)
        crashed = await self._take(lock)
        self._lock = lock
        try:
            await _check_port(self._settings.api, PORT_WAIT_SECONDS if crashed else 0)
            self._announce()
            loop = asyncio.get_running_loop()
            self._over = loop.create_future()
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(number, self._told_to_stop)
            if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as under nohup
                loop.add_signal_handler(signal.SIGHUP, self._told_to_stop)
            return await self._live(self._over)
        finally:
            lock.release()

    async def _live(self, over: asyncio.Future[str | None]) -> int:
        """Open, until `over` says that it is to close: told to (None), or why it must."""
        opening = asyncio.create_task(self._open_until(over))
        try:
            await asyncio.wait([opening, over], return_when=asyncio.FIRST_COMPLETED)
            if opening.done():
                await opening
            reason = await over
        except ServerFailed as failure:
            reason = str(failure)
        finally:
            opening.cancel()
            await asyncio.wait([opening])
            await self._close()
        if reason is None:
            return 0
        self._voices.say("hall", f"The hall gave up: {reason}")
        return FAILED

    async def _take(self, lock: HallLock) -> bool:
        """Take the lock; tell whether the last holder died with it. Raises SettingsFault."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + COMMAND_WAIT_SECONDS
        while not lock.acquire():
            holder = lock.occupancy()
            a_hall = holder is None or holder.kind == "hall"
            if a_hall or loop.time() > deadline:
                raise SettingsFault([self._in_use_by(holder, "hall" if a_hall else "command")])
            await asyncio.sleep(POLL_SECONDS)
        return lock.occupancy() is not None

    def _in_use_by(self, holder: Occupancy | None, kind: str) -> str:
        who = f"process {holder.pid}" if holder else "another process"
        if kind == "command":
            return f"A guildhall command is using {self._premises.data_dir} ({who}); wait for it."
        where = f", {holder.url}" if holder and holder.url else ""
        return (
            f"A hall is running in {self._premises.data_dir} already ({who}{where}); stop it, or"
            " set another DATA_DIR."
        )

    async def _open_until(self, over: asyncio.Future[str | None]) -> str | None:
        await self._open()
        await self._greet()
        return await asyncio.shield(over)

    async def _open(self) -> None:
        """Start everything: servers and cradle at once, then the schema, then the roles."""
        environment = self._environment()
        pipes = {
            name: await self._voices.pipe(name)
            for name in ("hall", "prepare", "postgres", "valkey", *ROLES)
        }
        self._servers.premises.furnish()
        for remark in self._premises.remarks:
            self._voices.say("hall", remark)
        told = len(self._premises.remarks)
        environment |= self._servers.endpoints.as_environment()
        nursery = self._nursery = Nursery(environment, pipes["hall"])
        await nursery.start()
        self._keep(nursery)
        await self._servers.start(pipes.__getitem__)
        for remark in self._premises.remarks[told:]:
            self._voices.say("hall", remark)
        for server in self._servers.all:
            self._keep(Server(server, pipes[server.name]))
        self._setup_token = await self._prepared(nursery, pipes["prepare"])
        self._serving = True
        for name in ROLES:
            self._roles[name] = role = Role(name, nursery, pipes[name])
            await role.start()
            self._keep(role)
        self._announce()

    def _keep(self, service: Service) -> None:
        """Watch over a service that has been started."""
        self._services.append(service)
        keeper = asyncio.create_task(
            keep_alive(service, self._voices, started=True, changed=self._announce)
        )
        keeper.add_done_callback(self._gave_up)
        self._keepers.append(keeper)

    def _gave_up(self, keeper: asyncio.Task[str]) -> None:
        if not keeper.cancelled():
            self._end(keeper.result())

    def _end(self, reason: str | None) -> None:
        assert self._over is not None
        if not self._over.done():
            self._over.set_result(reason)

    def _environment(self) -> dict[str, str]:
        metrics = self._premises.run / "metrics"
        shutil.rmtree(metrics, ignore_errors=True)
        metrics.mkdir(mode=0o700, exist_ok=True)
        environment = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(metrics)}
        if "log_format" not in self._settings.log.model_fields_set:
            environment["LOG_FORMAT"] = "console"
        if "log_dir" not in self._settings.log.model_fields_set:
            environment["LOG_DIR"] = str(self._premises.logs)
        return environment

    async def _prepared(self, nursery: Nursery, output: int) -> str | None:
        """Bring schema and content up to date; give the setup token, if there is one."""
        ear, mouth = os.pipe()
        with os.fdopen(ear, "rb", buffering=0) as report:
            try:
                pid = await nursery.bear("prepare", output, mouth)
            finally:
                os.close(mouth)
            code = await nursery.end_of(pid)
            if code != 0:
                raise ServerFailed("the database could not be brought up to date; see above why.")
            token: str | None = json.loads(report.read())["setup_token"]
            return token

    async def _greet(self) -> None:
        """Tell where the hall is, once it can serve."""
        loop = asyncio.get_running_loop()
        since, warned = loop.time(), False
        while not await _is_ready(self._settings.api):
            if not warned and loop.time() - since > SLOW_AFTER_SECONDS:
                self._voices.say("hall", f"not ready yet; {self._url}/health/ready says why")
                warned = True
            await asyncio.sleep(POLL_SECONDS)
        strong = self._voices.strong
        page = _page(self._settings.api)
        lines = [
            ("The hall is open", strong(page)),
            ("API and its docs", f"{page}/docs"),
            ("Everything it keeps", str(self._premises.data_dir)),
            ("To stop it", "Ctrl-C"),
        ]
        self._voices.print("\n" + "\n".join(f"  {label:<20} {value}" for label, value in lines))
        if self._setup_token is not None:
            # After the #: a browser tells that part of an address to nobody.
            self._voices.print(
                "\n  It has no admin yet. Open this page and become it; the link is good once:\n\n"
                f"    {strong(f'{page}/setup#token={self._setup_token}')}"
            )
        self._voices.print("")

    def _told_to_stop(self) -> None:
        if self._over is not None and self._over.done():
            self._at_once.set()
        else:
            self._voices.say("hall", "Closing: what is under way is finished (again: at once)")
            self._end(None)

    async def _close(self) -> None:
        """Drain and stop everything; at once when told a second time."""
        closing = asyncio.create_task(self._close_in_order())
        hurry = asyncio.create_task(self._at_once.wait())
        await asyncio.wait([closing, hurry], return_when=asyncio.FIRST_COMPLETED)
        if not closing.done():
            self._stop_keeping()
            for role in self._roles.values():
                role.kill()
            for server in self._servers.all:
                if server.process is not None:
                    send(server.process, server.hasty_signal)
        await closing
        hurry.cancel()
        self._voices.say("hall", "Closed")
        await self._voices.hear_out(LAST_WORDS_SECONDS)

    async def _close_in_order(self) -> None:
        self._stop_keeping()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._settings.api.drain_seconds + DRAIN_MARGIN_SECONDS
        beginners = [role for name, role in self._roles.items() if name in BEGINNERS]
        api = [role for role in beginners if role.name == "api"]
        others = [role for role in beginners if role.name != "api"]
        rest = [role for name, role in self._roles.items() if name not in BEGINNERS]
        for role in beginners:
            role.ask_to_end()
        await _ended(others, deadline - loop.time())
        for role in rest:
            role.ask_to_end()
        await _ended([*rest, *api], deadline - loop.time())
        for role in self._roles.values():
            role.kill()
        if self._nursery is not None:
            await _ended(list(self._roles.values()), LAST_WORDS_SECONDS)
            await self._nursery.stop()
        await self._servers.stop()

    def _stop_keeping(self) -> None:
        for keeper in self._keepers:
            keeper.cancel()

    def _announce(self) -> None:
        assert self._lock is not None
        self._lock.announce(
            Occupancy(
                pid=os.getpid(),
                kind="hall",
                url=self._url,
                postgres=self._servers.postgres is not None,
                valkey=self._servers.valkey is not None,
                serving=self._serving,
                processes={
                    service.name: service.pid
                    for service in self._services
                    if service.pid is not None
                },
            )
        )


async def _ended(roles: Sequence[Role], seconds: float) -> None:
    waiting = [asyncio.create_task(role.ended()) for role in roles if role.pid is not None]
    if waiting:
        _, late = await asyncio.wait(waiting, timeout=max(0, seconds))
        for task in late:
            task.cancel()


def _url(api: ApiSettings) -> str:
    host = EVERYWHERE.get(api.api_host, api.api_host)
    return f"http://{f'[{host}]' if ':' in host else host}:{api.api_port}"


def _page(api: ApiSettings) -> str:
    """Give the address for browsers. On this machine by name: a passkey belongs to a name, never to
    a number, and what is kept for `localhost` is not there at 127.0.0.1."""
    local = LOOPBACK | EVERYWHERE.keys()
    return api.origin if api.public_url or api.api_host in local else _url(api)


async def _check_port(api: ApiSettings, patience_seconds: float) -> None:
    """Refuse to start where somebody listens already. Raises SettingsFault.

    Patience is for the API of a supervisor that was killed a moment ago: it is just ending.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience_seconds
    while (error := _bind_error(api)) is not None:
        if error.errno != errno.EADDRINUSE:
            reason = error.strerror or str(error)
            raise SettingsFault([f"API_HOST: cannot listen on {api.api_host}: {reason}."])
        if loop.time() > deadline:
            raise SettingsFault(
                [f"API_PORT: {api.api_port} on {api.api_host} is taken; set another API_PORT."]
            )
        await asyncio.sleep(POLL_SECONDS)


def _bind_error(api: ApiSettings) -> OSError | None:
    try:
        found = socket.getaddrinfo(
            api.api_host, api.api_port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        for family, kind, protocol, _, address in found:
            with socket.socket(family, kind, protocol) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                probe.bind(address)
    except OSError as error:
        return error
    return None


async def _is_ready(api: ApiSettings) -> bool:
    """Ask the API itself, by hand: an HTTP client would cost more to import than to write."""
    host = EVERYWHERE.get(api.api_host, api.api_host)
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            reader, writer = await asyncio.open_connection(host, api.api_port)
            try:
                writer.write(b"GET /health/ready HTTP/1.0\r\nHost: localhost\r\n\r\n")
                status = await reader.readline()
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return False
    return status.split(b" ")[1:2] == [b"200"]
