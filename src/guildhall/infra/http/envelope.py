"""The envelope of every request: its limits of size and time, headers, log line, last resort."""

from __future__ import annotations

import asyncio
import time

import structlog
from fastapi import HTTPException
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from guildhall.infra.door import Allowance
from guildhall.infra.http.deadline import Deadline
from guildhall.infra.http.hygiene import PROBE_PATHS, Hygiene
from guildhall.infra.http.problems import problem
from guildhall.infra.http.work import request_address
from guildhall.infra.settings import ApiSettings
from guildhall.infra.telemetry import REQUEST_SECONDS, REQUESTS
from guildhall.kernel.client import acting_address

__all__ = ["Envelope"]

log = structlog.get_logger()

BODILESS_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
RETRY_AFTER_SECONDS = 5


class Envelope:
    """Wraps the whole application, as plain ASGI: it costs every request, so it does little."""

    def __init__(self, app: ASGIApp, settings: ApiSettings) -> None:
        self._app = app
        self._max_bytes = settings.max_request_bytes
        self._body_seconds = settings.request_body_seconds
        self._answer_seconds = settings.request_seconds
        self._hygiene = Hygiene(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        wrapped = {"http": self._request, "websocket": self._socket}.get(scope["type"])
        if wrapped is None:
            await self._app(scope, receive, send)
            return
        before = acting_address.set(request_address(HTTPConnection(scope)))
        try:
            await wrapped(scope, receive, send)
        finally:
            acting_address.reset(before)

    async def _request(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = time.perf_counter()
        seconds: float | None = None
        status = 500
        started = False
        scope.setdefault("state", {})

        async def start(message: Message) -> None:
            nonlocal status, started, seconds
            if message["type"] == "http.response.start":
                deadline.lift()  # What has begun may go on: it may be a stream.
                started = True
                seconds = time.perf_counter() - began
                status = message["status"]
                headers = message["headers"]
                self._hygiene.cover(scope["path"], headers)
                allowance: Allowance | None = scope["state"].get("allowance")
                if allowance is not None and status != 429:
                    headers.extend(allowance.headers())
            await send(message)

        deadline = Deadline(self._answer_seconds)
        try:
            async with deadline:
                answer = self._hygiene.refusal(scope)
                if answer is None:
                    await self._app(scope, self._counted(scope, receive), start)
                else:
                    await answer(scope, receive, start)
        except Exception as error:
            if isinstance(error, TimeoutError) and deadline.expired:
                log.warning("request_too_slow", method=scope["method"], path=scope["path"])
                answer = problem(
                    503,
                    "too_slow",
                    "This took too long, and was not done. Try again in a moment.",
                    {"Retry-After": str(RETRY_AFTER_SECONDS)},
                )
                await answer(scope, receive, start)
                return
            log.exception("request_failed", method=scope["method"], path=scope["path"])
            if started:
                raise
            answer = problem(
                500,
                "internal_error",
                "Something broke on our side. `request_id` finds it in the logs.",
            )
            await answer(scope, receive, start)
        finally:
            seconds = time.perf_counter() - began if seconds is None else seconds
            route = getattr(scope.get("route"), "path", "unknown")
            REQUESTS.labels(scope["method"], route, status).inc()
            REQUEST_SECONDS.labels(route).observe(seconds)
            if route not in PROBE_PATHS:
                log.info(
                    "request",
                    method=scope["method"],
                    path=scope["path"],
                    status=status,
                    ms=round(seconds * 1000, 1),
                )

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a WebSocket on, and note when it is over."""
        began = time.perf_counter()

        async def speak(message: Message) -> None:
            # The server logs the address of a handshake when it is answered. A ticket may stand
            # in it; whoever wanted it has read it by now.
            scope["query_string"] = b""
            await send(message)

        refused = self._hygiene.refusal(scope)
        if refused is not None:
            await refused(scope, receive, speak)
            return
        try:
            await self._app(scope, receive, speak)
        finally:
            seconds = round(time.perf_counter() - began, 1)
            log.info("socket_closed", path=scope["path"], seconds=seconds)

    def _counted(self, scope: Scope, receive: Receive) -> Receive:
        """Count the body as it comes, and its time: a Content-Length may lie, or never come."""
        if scope["method"] in BODILESS_METHODS:
            return receive
        read = 0
        complete = False
        arrives_by = asyncio.get_running_loop().time() + self._body_seconds

        async def counted() -> Message:
            nonlocal read, complete
            if complete:
                return await receive()
            try:
                async with asyncio.timeout_at(arrives_by):
                    message = await receive()
            except TimeoutError:
                raise HTTPException(
                    408, "The request did not arrive in time.", {"Connection": "close"}
                ) from None
            complete = not message.get("more_body", False)
            read += len(message.get("body", b""))
            if read > self._max_bytes:
                raise HTTPException(
                    413, f"A request may have {self._max_bytes} bytes.", {"Connection": "close"}
                )
            return message

        return counted
