"""Live streams as HTTP carries them: server-sent events, and frames of a WebSocket.

FastAPI's own server-sent events write from a generator that waits inside `send` for a reader who
does not read, where nothing but they can end it. Here every write has its time, and the stream is
closed whatever its reader does. No connection to the database is held meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Annotated, Protocol

import orjson
import structlog
from fastapi import Depends, HTTPException, Response, WebSocket
from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event
from pydantic import BaseModel
from starlette.requests import HTTPConnection
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocketDisconnect

from guildhall.infra.http.entrance import EVENT_STREAM, asks_for_events
from guildhall.infra.streams import LiveEvent, Reason, Stream, Streams

__all__ = [
    "LARGEST_FRAME_BYTES",
    "LARGEST_SAID_BYTES",
    "EventStream",
    "OpenStream",
    "Party",
    "converse",
    "discuss",
]

log = structlog.get_logger()

KEEP_ALIVE_SECONDS = 15
SEND_SECONDS = 5
RETRY_MILLISECONDS = 2000
LARGEST_FRAME_BYTES = 4096
LARGEST_SAID_BYTES = 16_384
"""Of a frame where people talk. The server reads none that is larger, of any socket."""
CLOSE_CODES = {
    Reason.SESSION_ENDED: 4001,
    Reason.TOKEN_EXPIRED: 4001,
    Reason.DRAINING: 1012,
    Reason.TOO_SLOW: 1013,
    Reason.TOO_LARGE: 1009,
    Reason.TOO_MANY: 4029,
    Reason.FAILED: 1011,
}


async def _opened(connection: HTTPConnection) -> AsyncIterator[Stream]:
    if connection.scope["type"] == "http" and not asks_for_events(connection):
        raise HTTPException(
            406, f"This is a stream that does not end: send `Accept: {EVENT_STREAM}`."
        )
    streams: Streams = connection.app.state.streams
    async with streams.open(connection.state.credential, connection.state.member) as stream:
        yield stream


OpenStream = Annotated[Stream, Depends(_opened)]
"""A stream of whoever is signed in; closed when the answer has ended."""


class EventStream(Response):
    """The events of a stream, until it ends or its reader goes."""

    media_type = EVENT_STREAM

    def __init__(self, stream: Stream) -> None:
        super().__init__(headers={"X-Accel-Buffering": "no"}, media_type=EVENT_STREAM)
        del self.headers["content-length"]
        self._stream = stream

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        watching = asyncio.create_task(self._watch(receive))
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            while True:
                event = await self._stream.next(KEEP_ALIVE_SECONDS)
                if self._stream.reason == Reason.GONE:
                    return
                ended = self._stream.reason is not None
                async with asyncio.timeout(SEND_SECONDS):
                    await send(
                        {
                            "type": "http.response.body",
                            "body": _written(event),
                            "more_body": not ended,
                        }
                    )
                if ended:
                    return
        except TimeoutError:
            self._stream.end(Reason.TOO_SLOW)
        finally:
            watching.cancel()

    async def _watch(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._stream.end(Reason.GONE)


def _written(event: LiveEvent | None) -> bytes:
    if event is None:
        return KEEPALIVE_COMMENT
    ended = event.name == "ended"
    return format_sse_event(
        data_str=orjson.dumps(event.data).decode(),
        event=event.name,
        retry=RETRY_MILLISECONDS if ended else None,
    )


async def converse(socket: WebSocket, stream: Stream) -> None:
    """Tell a stream's events as JSON texts, `{"type": …, "data": …}`, and answer pings."""
    await socket.accept()
    hearing = asyncio.create_task(_hear(socket, stream))
    try:
        while stream.reason is None:
            event = await stream.next(KEEP_ALIVE_SECONDS)
            if event is None or stream.reason == Reason.GONE:
                continue
            frame = {"type": event.name} | ({} if event.data is None else {"data": event.data})
            async with asyncio.timeout(SEND_SECONDS):
                await socket.send_text(orjson.dumps(frame).decode())
        if stream.reason != Reason.GONE:
            async with asyncio.timeout(SEND_SECONDS):
                await socket.close(CLOSE_CODES[stream.reason], stream.reason)
    except TimeoutError:
        stream.end(Reason.TOO_SLOW)
    except WebSocketDisconnect:
        stream.end(Reason.GONE)
    finally:
        hearing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await hearing


class Party(Protocol):
    """Who answers on the hall's side of a WebSocket. Both give frames, and one runs at a time."""

    def hear(self, said: str | bytes) -> AsyncGenerator[BaseModel, None]:
        """Take what the client says. May end the stream."""
        ...

    def learn(self, event: LiveEvent | None) -> AsyncGenerator[BaseModel, None]:
        """Take an event of the stream, or that there was none for a while."""
        ...


async def discuss(socket: WebSocket, stream: Stream, party: Party) -> None:
    """Let a party talk with a client in JSON texts, for as long as the stream lives.

    What is said is taken one by one: who does not read the answers is not heard further, and is
    soon let go.
    """
    await socket.accept()
    floor = asyncio.Lock()

    async def speak(frames: AsyncGenerator[BaseModel, None]) -> None:
        async with floor, aclosing(frames):
            async for frame in frames:
                try:
                    async with asyncio.timeout(SEND_SECONDS):
                        await socket.send_text(frame.model_dump_json())
                except TimeoutError:
                    stream.end(Reason.TOO_SLOW)
                except (WebSocketDisconnect, RuntimeError):  # Gone, or closed by us meanwhile.
                    stream.end(Reason.GONE)
                if stream.reason is not None:
                    return

    async def listen() -> None:
        try:
            while stream.reason is None:
                message = await socket.receive()
                if message["type"] == "websocket.disconnect":
                    stream.end(Reason.GONE)
                    return
                text = message.get("text")
                await speak(party.hear(message["bytes"] if text is None else text))
        except Exception:
            log.exception("socket_failed", path=socket.url.path)
            stream.end(Reason.FAILED)

    listening = asyncio.create_task(listen())
    try:
        while stream.reason is None:
            event = await stream.next(KEEP_ALIVE_SECONDS)
            if stream.reason is None:
                await speak(party.learn(event))
    except Exception:
        log.exception("socket_failed", path=socket.url.path)
        stream.end(Reason.FAILED)
    finally:
        listening.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await listening
    if stream.reason is not None and stream.reason != Reason.GONE:
        with contextlib.suppress(TimeoutError, WebSocketDisconnect, RuntimeError):
            async with asyncio.timeout(SEND_SECONDS):
                await socket.close(CLOSE_CODES[stream.reason], stream.reason)


async def _hear(socket: WebSocket, stream: Stream) -> None:
    """Read what a client says: pings, and nothing else."""
    while (message := await socket.receive())["type"] != "websocket.disconnect":
        said = message.get("text") or message.get("bytes") or b""
        if len(said) > LARGEST_FRAME_BYTES:
            stream.end(Reason.TOO_LARGE)
            return
        stream.tell(_answer(said))
    stream.end(Reason.GONE)


def _answer(said: str | bytes) -> LiveEvent:
    try:
        frame = orjson.loads(said)
    except orjson.JSONDecodeError:
        return _fault("not_json", "A frame is one JSON object.")
    if not isinstance(frame, dict) or frame.get("type") != "ping":
        return _fault("type_unknown", 'The only thing to say here is {"type": "ping"}.')
    return LiveEvent("pong")


def _fault(error: str, detail: str) -> LiveEvent:
    return LiveEvent("error", {"error": error, "detail": detail})
