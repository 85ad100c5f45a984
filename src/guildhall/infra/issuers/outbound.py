"""The way out: the one HTTP client with which a process asks issuers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
import orjson

__all__ = ["Outbound", "RemoteRefused", "RemoteUnavailable", "open_outbound"]

CONNECT_SECONDS = 3.0
TOTAL_SECONDS = 5.0
LONGEST_ANSWER = 256 * 1024


class RemoteUnavailable(Exception):
    """Whoever was asked is away, slow, or answers what it should not."""


class RemoteRefused(Exception):
    """Whoever was asked understood, and said no."""


class Outbound:
    """Asks for JSON: no redirects, five seconds in all, and no more than 256 KB."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def get(self, url: str) -> Mapping[str, Any]:
        """Raises RemoteUnavailable or RemoteRefused."""
        return await self._ask(self._client.build_request("GET", url))

    async def post_form(
        self, url: str, form: Mapping[str, str], authorization: str | None
    ) -> Mapping[str, Any]:
        """Raises RemoteUnavailable or RemoteRefused."""
        headers = {"Authorization": authorization} if authorization else {}
        return await self._ask(
            self._client.build_request("POST", url, data=dict(form), headers=headers)
        )

    async def _ask(self, request: httpx.Request) -> Mapping[str, Any]:
        try:
            async with asyncio.timeout(TOTAL_SECONDS):
                answer = await self._client.send(request, stream=True)
                try:
                    status, body = answer.status_code, await _read(answer)
                finally:
                    await answer.aclose()
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            raise RemoteUnavailable(f"{request.url.host}: {type(error).__name__}") from error
        if 400 <= status < 500:
            raise RemoteRefused(f"{request.url.host}: {status}")
        if status != 200:
            raise RemoteUnavailable(f"{request.url.host}: {status}")
        try:
            read = orjson.loads(body)
        except ValueError:
            raise RemoteUnavailable(f"{request.url.host}: not JSON") from None
        if not isinstance(read, dict):
            raise RemoteUnavailable(f"{request.url.host}: not an object")
        return read


async def _read(answer: httpx.Response) -> bytes:
    """Give the body. Counted as it arrives and is unpacked: what it says of its length is a
    claim."""
    body = bytearray()
    async for piece in answer.aiter_bytes():
        body += piece
        if len(body) > LONGEST_ANSWER:
            raise httpx.DecodingError("too long", request=answer.request)
    return bytes(body)


@asynccontextmanager
async def open_outbound() -> AsyncIterator[Outbound]:
    """Open the client for the life of a process. It takes nothing from the environment: no proxy,
    no `.netrc`."""
    async with httpx.AsyncClient(
        timeout=httpx.Timeout(TOTAL_SECONDS, connect=CONNECT_SECONDS),
        follow_redirects=False,
        trust_env=False,
        headers={"Accept": "application/json", "User-Agent": "guildhall"},
    ) as client:
        yield Outbound(client)
