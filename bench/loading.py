"""What to load with: requests, and runs of the load generator, checked for wrong answers."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Watch", "closed_loop", "open_loop", "request"]

CONNECTIONS = 32
SLACK_SECONDS = 90


@dataclass(frozen=True)
class Watch:
    """Where submissions become visible: a Redis command that tells which members are there."""

    command: str
    key: str
    redis_url: str


def request(
    method: str,
    path: str,
    *,
    token: str | None = None,
    body: dict[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> str:
    """Give the bytes of an HTTP request, as latin-1."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", "Accept: */*"]
    if token is not None:
        lines.append(f"Authorization: Bearer {token}")
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    content = "" if body is None else json.dumps(body)
    if body is not None:
        lines += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
    return "\r\n".join([*lines, "", content])


async def closed_loop(
    port: int,
    requests: Sequence[str],
    *,
    seconds: float,
    expect: int = 200,
    once: bool = False,
    connections: int = CONNECTIONS,
) -> dict[str, Any]:
    """Send in a closed loop; every answer must have the expected status."""
    return await _load(
        {
            "mode": "closed",
            "port": port,
            "requests": list(requests),
            "once": once,
            "seconds": seconds,
            "warm_up": min(0.5, seconds / 4),
            "connections": min(connections, len(requests)),
        },
        seconds,
        expect,
    )


async def open_loop(
    port: int,
    requests: Sequence[str],
    members: Sequence[bytes],
    watch: Watch,
    *,
    rate: float,
    expect: int,
    patience: float = 5,
) -> dict[str, Any]:
    """Send at a fixed rate and watch the board; every answer must have the expected status."""
    return await _load(
        {
            "mode": "open",
            "port": port,
            "requests": list(requests),
            "members": [member.decode("latin-1") for member in members],
            "watch": watch.command,
            "key": watch.key,
            "redis_url": watch.redis_url,
            "rate": rate,
            "patience": patience,
        },
        len(requests) / rate + patience,
        expect,
    )


async def _load(spec: dict[str, Any], seconds: float, expect: int) -> dict[str, Any]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bench.load",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(seconds + SLACK_SECONDS):
            written, _ = await process.communicate(json.dumps(spec).encode())
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, f"the load generator ended with {process.returncode}"
    result: dict[str, Any] = json.loads(written)
    assert set(result["statuses"]) <= {str(expect)}, (
        f"wrong answers: {result['statuses']}, {result['bodies']}"
    )
    return result
