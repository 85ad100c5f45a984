"""Connections: how long and how large the head of a request may be before anybody looks at it.

uvicorn bounds neither (0.54, with httptools), so that one connection could fill the memory, and a
few thousand silent ones all that the process may open. A body has its own limits, in the envelope.
"""

from __future__ import annotations

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

__all__ = ["MOST_HEAD_BYTES", "GuardedProtocol"]

MOST_HEAD_BYTES = 65_536  # And at most one read of the socket more.


class GuardedProtocol(HttpToolsProtocol):
    """uvicorn's HTTP, for heads that arrive in time and end somewhere."""

    def __init__(self, *arguments: Any, head_seconds: float, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._head_seconds = head_seconds
        self._head_bytes = 0
        self._in_head = True
        self._head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(cast(asyncio.Transport, transport))
        self._head_timer = self.loop.call_later(self._head_seconds, self._give_up, 408)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._in_head and not self.transport.is_closing():
            self._head_bytes += len(data)
            if self._head_bytes > MOST_HEAD_BYTES:
                self._give_up(431)
            elif self._head_timer is None:
                self._head_timer = self.loop.call_later(self._head_seconds, self._give_up, 408)

    def on_message_begin(self) -> None:
        self._in_head, self._head_bytes = True, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._stop_timer()
        super().on_headers_complete()

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _give_up(self, status: int) -> None:
        """Close the connection; say why to somebody who has begun to ask, and who is not just
        being answered."""
        self._stop_timer()
        if self._head_bytes and (self.cycle is None or self.cycle.response_complete):
            self.transport.write(
                b"HTTP/1.1 %d \r\nconnection: close\r\ncontent-length: 0\r\n\r\n" % status
            )
        self.transport.close()
