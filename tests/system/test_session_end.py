"""How soon nothing opens any more: REST, server-sent events and WebSocket, in a real hall.

The seconds are printed, not judged: `pytest -s`, or SESSION_END_REPORT for a file.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
import websockets
from websockets.asyncio.client import ClientConnection

from tests.system.guests import Guest, admin_of
from tests.system.running_hall import RunningHall, running_hall

PATIENCE_SECONDS = 30
ROUNDS = 5


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def hall() -> AsyncIterator[RunningHall]:
    async with running_hall() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def client(hall: RunningHall) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=hall.url, timeout=15) as open_client:
        yield open_client


@dataclass
class Ended:
    """When each way noticed that it is over, by the clock of this process."""

    rest: float
    events: float
    socket: float
    close_code: int | None


async def watch(
    hall: RunningHall,
    client: httpx.AsyncClient,
    headers: dict[str, str],
    end: Callable[[], Awaitable[None]],
) -> Ended:
    """Open everything, do something, and see when each way is over; give seconds since then."""
    url = hall.url.replace("http:", "ws:") + "/api/v1/live"
    async with AsyncExitStack() as opened:
        stream = await opened.enter_async_context(
            client.stream("GET", "/api/v1/live", headers=headers | {"Accept": "text/event-stream"})
        )
        lines = stream.aiter_lines()
        assert await anext(lines) == "event: hello", stream.status_code
        socket = await opened.enter_async_context(
            websockets.connect(url, additional_headers=headers)
        )
        assert json.loads(await socket.recv())["type"] == "hello"
        begun = asyncio.gather(_refused(client, headers), _events_over(lines), _socket_over(socket))
        await asyncio.sleep(0)
        began = time.monotonic()
        await end()
        async with asyncio.timeout(PATIENCE_SECONDS):
            rest, events, closed = await begun
    return Ended(rest - began, events - began, closed - began, socket.close_code)


async def _refused(client: httpx.AsyncClient, headers: dict[str, str]) -> float:
    while (await client.get("/api/v1/users/me", headers=headers)).status_code == 200:
        pass
    return time.monotonic()


async def _events_over(lines: AsyncIterator[str]) -> float:
    said = [line async for line in lines]
    assert 'data: {"reason":"session_ended"}' in said
    return time.monotonic()


async def _socket_over(socket: ClientConnection) -> float:
    await socket.wait_closed()
    return time.monotonic()


def tell(what: str, times: list[Ended], capture: pytest.CaptureFixture[str]) -> None:
    assert {ended.close_code for ended in times} == {4001}
    line = f"{what}: slowest of {len(times)} until refused or ended, in ms: " + ", ".join(
        f"{way} {1000 * max(getattr(ended, way) for ended in times):.0f}"
        for way in ("rest", "events", "socket")
    )
    with capture.disabled():
        print(f"\n{line}")  # noqa: T201  # it is what this test is for
    if report := os.environ.get("SESSION_END_REPORT"):
        with Path(report).open("a") as file:
            file.write(f"{line}\n")


async def newcomer(client: httpx.AsyncClient) -> Guest:
    guest = Guest(client, f"guest-{secrets.token_hex(5)}")
    await guest.register()
    return guest


async def test_an_ended_session_is_over_on_every_way(
    hall: RunningHall, client: httpx.AsyncClient, capsys: pytest.CaptureFixture[str]
) -> None:
    guest = await newcomer(client)
    times = []
    for _ in range(ROUNDS):
        theirs = guest.headers
        await guest.login()

        async def end(headers: dict[str, str] = theirs) -> None:
            listed = await client.get("/api/v1/users/me/sessions", headers=headers)
            (own,) = [row["id"] for row in listed.json()["items"] if row["current"]]
            answer = await client.delete(f"/api/v1/users/me/sessions/{own}", headers=guest.headers)
            assert answer.status_code == 204, answer.text

        times.append(await watch(hall, client, theirs, end))
    tell("session ended", times, capsys)


async def test_a_suspension_is_felt_on_every_way(
    hall: RunningHall, client: httpx.AsyncClient, capsys: pytest.CaptureFixture[str]
) -> None:
    admin = await admin_of(hall, client)
    times = []
    for _ in range(ROUNDS):
        guest = await newcomer(client)

        async def end(user_id: str = guest.id) -> None:
            answer = await client.patch(
                f"/api/v1/admin/users/{user_id}",
                json={"status": "suspended"},
                headers=admin.headers,
            )
            assert answer.status_code == 200, answer.text

        times.append(await watch(hall, client, guest.headers, end))
    tell("member suspended", times, capsys)


@pytest.mark.parametrize("how", ["revoked", "suspended"])
async def test_an_api_key_is_over_on_every_way(
    hall: RunningHall, client: httpx.AsyncClient, capsys: pytest.CaptureFixture[str], how: str
) -> None:
    admin = await admin_of(hall, client)
    times = []
    for _ in range(ROUNDS):
        guest = await newcomer(client)
        made = await guest.post(
            "/users/me/api-keys", {"name": "listener", "scopes": ["identity:read"]}, expect=201
        )

        async def end(guest: Guest = guest, key_id: str = made["id"]) -> None:
            if how == "revoked":
                path = f"/api/v1/users/me/api-keys/{key_id}"
                answer = await client.delete(path, headers=guest.headers)
            else:
                path = f"/api/v1/admin/users/{guest.id}"
                body = {"status": "suspended"}
                answer = await client.patch(path, json=body, headers=admin.headers)
            assert answer.status_code in {200, 204}, answer.text

        times.append(await watch(hall, client, {"X-API-Key": made["key"]}, end))
    tell(f"API key {how}", times, capsys)


async def test_streams_do_not_hold_up_a_stop(
    client: httpx.AsyncClient, capsys: pytest.CaptureFixture[str]
) -> None:
    """The signal ends them: the process does not wait for readers who would stay for ever."""
    async with running_hall(DRAIN_SECONDS="60") as hall, AsyncExitStack() as opened:
        guest = await newcomer(
            await opened.enter_async_context(httpx.AsyncClient(base_url=hall.url, timeout=15))
        )
        listening = {**guest.headers, "Accept": "text/event-stream"}
        streams = [
            await opened.enter_async_context(
                guest.client.stream("GET", "/api/v1/live", headers=listening)
            )
            for _ in range(5)
        ]
        url = hall.url.replace("http:", "ws:") + "/api/v1/live"
        socket = await opened.enter_async_context(
            websockets.connect(url, additional_headers=guest.headers)
        )
        api = hall.child("api")
        assert api is not None
        began = time.monotonic()
        os.kill(api, signal.SIGTERM)
        async with asyncio.timeout(PATIENCE_SECONDS):
            said = [[line async for line in stream.aiter_lines()] for stream in streams]
            await socket.wait_closed()
        for lines in said:
            assert 'data: {"reason":"draining"}' in lines
            assert any(line.startswith("retry: ") for line in lines)
        assert socket.close_code == 1012
        with capsys.disabled():
            seconds = time.monotonic() - began
            print(f"\nstreams told of a stop in {1000 * seconds:.0f} ms")  # noqa: T201
        await hall.ready()
