"""The load generator: a process of its own, so that it shares no event loop with anybody.

Reads one specification (JSON) from standard input, loads 127.0.0.1 within its bounds of count and
time, and writes one result (JSON) to standard output. Requests come ready-made as bytes; an
answer's head is read just far enough to know its status and its length.

* closed loop: so many connections, each sending its next request when it has its answer;
* open loop: requests leave at their intended times whatever comes back, and a watcher asks Redis
  when each one's member is on the board. Times count from the *intended* moment, so a generator
  or a server that falls behind shows as latency instead of vanishing (coordinated omission).
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from itertools import cycle
from typing import Any

import uvloop
from redis.asyncio import Redis

MOST_CONNECTIONS = 512
WATCH_SECONDS = 0.002
WATCHED_AT_ONCE = 512

Answered = Callable[["Connection", int, bytes], None]


class Connection(asyncio.Protocol):
    """A keep-alive connection with at most one request under way."""

    def __init__(self, answered: Answered) -> None:
        self._answered = answered
        self._read = b""
        self._transport: Any = None
        self.sent_at = 0.0
        self.tag = -1
        self.lost = False

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def send(self, request: bytes) -> None:
        self.sent_at = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._read += data
        end = self._read.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self._read[:end].lower()
        at = head.index(b"content-length:") + 15
        stop = head.find(b"\r", at)
        whole = end + 4 + int(head[at : stop if stop > 0 else None])
        if len(self._read) < whole:
            return
        body, self._read = self._read[end + 4 : whole], self._read[whole:]
        self._answered(self, int(head[9:12]), body)

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        if self.sent_at:
            self._answered(self, 0, repr(exc).encode())

    def close(self) -> None:
        self.sent_at = 0.0
        self._transport.close()


async def connect(port: int, answered: Answered) -> Connection:
    loop = asyncio.get_running_loop()
    _, protocol = await loop.create_connection(lambda: Connection(answered), "127.0.0.1", port)
    return protocol


async def closed_loop(spec: dict[str, Any]) -> dict[str, Any]:
    """Load as fast as the answers come, for a time or until each request was sent once."""
    requests = [request.encode("latin-1") for request in spec["requests"]]
    ahead: Iterator[bytes] = iter(requests) if spec["once"] else cycle(requests)
    statuses: Counter[int] = Counter()
    bodies: dict[int, str] = {}
    latencies: list[float] = []
    done = asyncio.Event()
    open_ = spec["connections"]
    counted_from = time.perf_counter() + spec["warm_up"]
    until = counted_from + spec["seconds"]
    first = last = 0.0

    def answered(connection: Connection, status: int, body: bytes) -> None:
        nonlocal open_, first, last
        now = time.perf_counter()
        statuses[status] += 1
        if status not in bodies:
            bodies[status] = body.decode(errors="replace")
        if now >= counted_from:
            first, last = first or now, now
            latencies.append(now - connection.sent_at)
        request = next(ahead, None) if now < until and status else None
        if request is None:
            connection.close()
            open_ -= 1
            if not open_:
                done.set()
        else:
            connection.send(request)

    connections = [await connect(spec["port"], answered) for _ in range(open_)]
    for connection in connections:
        connection.send(next(ahead))
    await asyncio.wait_for(done.wait(), spec["warm_up"] + spec["seconds"] + 30)
    return {
        "per_second": (len(latencies) - 1) / (last - first) if last > first else 0.0,
        "answers": sum(statuses.values()),
        "statuses": statuses,
        "bodies": bodies,
        "latencies_ms": percentiles(latencies),
    }


async def open_loop(spec: dict[str, Any]) -> dict[str, Any]:
    """Send at a fixed rate; tell when each was answered and when it stood on the board."""
    requests = [request.encode("latin-1") for request in spec["requests"]]
    members = [member.encode("latin-1") for member in spec["members"]]
    statuses: Counter[int] = Counter()
    bodies: dict[int, str] = {}
    intended = [0.0] * len(requests)
    answered_at = [0.0] * len(requests)
    visible_at = [0.0] * len(requests)
    watched: deque[int] = deque()
    waiting: deque[int] = deque()
    idle: deque[Connection] = deque()  # In turns: a server closes what stays idle for seconds.
    connections = 0

    def send(connection: Connection, number: int) -> None:
        connection.tag = number
        connection.send(requests[number])

    def answered(connection: Connection, status: int, body: bytes) -> None:
        answered_at[connection.tag] = time.perf_counter()
        statuses[status] += 1
        bodies.setdefault(status, body.decode(errors="replace"))
        connection.sent_at = 0.0
        if status == 0:
            return
        if waiting:
            send(connection, waiting.popleft())
        else:
            idle.append(connection)

    async def watch(redis: Redis) -> None:
        while True:
            some = [watched[n] for n in range(min(len(watched), WATCHED_AT_ONCE))]
            if some:
                found = await redis.execute_command(
                    spec["watch"], spec["key"], *(members[number] for number in some)
                )
                now = time.perf_counter()
                for number, value in zip(some, found, strict=True):
                    if value is not None:
                        visible_at[number] = now
                        watched.remove(number)
                if len(watched) >= WATCHED_AT_ONCE:
                    watched.rotate(-WATCHED_AT_ONCE)
            await asyncio.sleep(WATCH_SECONDS)

    async with Redis.from_url(spec["redis_url"]) as redis:
        idle += [await connect(spec["port"], answered) for _ in range(32)]
        connections = len(idle)
        watcher = asyncio.create_task(watch(redis))
        begin = time.perf_counter() + 0.05
        for number in range(len(requests)):
            intended[number] = begin + number / spec["rate"]
            if (ahead := intended[number] - time.perf_counter()) > 0:
                await asyncio.sleep(ahead)
            watched.append(number)
            while idle and idle[0].lost:
                idle.popleft()
                connections -= 1
            if idle:
                send(idle.popleft(), number)
            elif connections < MOST_CONNECTIONS:
                connections += 1
                send(await connect(spec["port"], answered), number)
            else:
                waiting.append(number)
        patience = time.perf_counter() + spec["patience"]
        while (  # noqa: ASYNC110  # what is awaited comes from two sides
            watched or statuses.total() < len(requests)
        ) and time.perf_counter() < patience:
            await asyncio.sleep(0.01)
        watcher.cancel()
    gone = float("inf")
    from_intended = [
        seen - due if seen else gone for seen, due in zip(visible_at, intended, strict=True)
    ]
    from_answer = [
        max(0.0, seen - answer) if seen and answer else gone
        for seen, answer in zip(visible_at, answered_at, strict=True)
    ]
    return {
        "sent": len(requests),
        "statuses": statuses,
        "bodies": bodies,
        "unseen": sum(1 for seen in visible_at if not seen),
        "from_intended_ms": percentiles(from_intended),
        "from_answer_ms": percentiles(from_answer),
        "to_answer_ms": percentiles(
            [
                answer - due if answer else gone
                for answer, due in zip(answered_at, intended, strict=True)
            ]
        ),
    }


def percentiles(seconds: list[float]) -> dict[str, float]:
    """Give p50, p95, p99 in milliseconds; what never came counts as a minute."""
    ordered = sorted(min(second, 60.0) for second in seconds)
    if not ordered:
        return {}
    return {
        f"p{share}": round(1000 * ordered[min(len(ordered) - 1, len(ordered) * share // 100)], 2)
        for share in (50, 95, 99)
    }


def main() -> None:
    spec = json.load(sys.stdin)
    load = {"closed": closed_loop, "open": open_loop}[spec["mode"]]
    json.dump(uvloop.run(load(spec)), sys.stdout)


if __name__ == "__main__":
    main()
