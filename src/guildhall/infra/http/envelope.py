"""The envelope of every request: its id, size limit, headers, time, log line, and last resort."""

from __future__ import annotations

import time

import structlog
from fastapi import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from guildhall.infra.door import Allowance
from guildhall.infra.http.problems import problem
from guildhall.infra.settings import ApiSettings
from guildhall.infra.telemetry import REQUEST_SECONDS, REQUESTS

__all__ = ["Envelope"]

log = structlog.get_logger()

SECURITY_HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
)
QUIET_ROUTES = frozenset({"/health", "/health/ready", "/metrics"})


class Envelope:
    """Wraps the whole application, as plain ASGI: it costs every request, so it does little."""

    def __init__(self, app: ASGIApp, settings: ApiSettings) -> None:
        self._app = app
        self._max_bytes = settings.max_request_bytes
        self._headers = SECURITY_HEADERS if settings.security_headers else ()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        status = 500
        started = False
        scope.setdefault("state", {})

        async def start(message: Message) -> None:
            nonlocal status, started
            if message["type"] == "http.response.start":
                started = True
                status = message["status"]
                headers = message["headers"]
                headers.extend(self._headers)
                allowance: Allowance | None = scope["state"].get("allowance")
                if allowance is not None and status != 429:
                    headers.extend(allowance.headers())
            await send(message)

        try:
            await self._app(scope, self._counted(scope, receive), start)
        except Exception:
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
            seconds = time.perf_counter() - began
            route = getattr(scope.get("route"), "path", "unknown")
            REQUESTS.labels(scope["method"], route, status).inc()
            REQUEST_SECONDS.labels(route).observe(seconds)
            if route not in QUIET_ROUTES:
                log.info(
                    "request",
                    method=scope["method"],
                    path=scope["path"],
                    status=status,
                    ms=round(seconds * 1000, 1),
                )

    def _counted(self, scope: Scope, receive: Receive) -> Receive:
        """Count the body as it comes: a Content-Length may lie."""
        if scope["method"] in ("GET", "HEAD", "OPTIONS"):
            return receive
        read = 0

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > self._max_bytes:
                raise HTTPException(413, f"A request may have {self._max_bytes} bytes.")
            return message

        return counted
