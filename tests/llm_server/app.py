"""The server as an ASGI application."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from types import ModuleType
from typing import Any, Self

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from tests.llm_server import anthropic_protocol, openai_protocol
from tests.llm_server.asked import Asked, Recorded
from tests.llm_server.behaviours import Behaviour, Rule
from tests.llm_server.script import Script

__all__ = ["application"]

STATUSES = {
    Behaviour.RATE_LIMIT: 429,
    Behaviour.ERROR: 500,
    Behaviour.OVERLOADED: 529,
    Behaviour.REJECTED: 400,
    Behaviour.WRONG_KEY: 401,
}
DIMENSIONS = 1536


class ConnectionCut(Exception):
    """Ends a connection in the middle of an answer: the server closes what it cannot finish."""


def application(script: Script) -> Starlette:
    async def completions(request: Request) -> Response:
        return await _reply(script, request, openai_protocol)

    async def messages(request: Request) -> Response:
        return await _reply(script, request, anthropic_protocol)

    async def embeddings(request: Request) -> Response:
        return await _embed(script, request)

    async def control(request: Request) -> Response:
        return JSONResponse(await _control(script, request))

    return Starlette(
        routes=[
            Route("/v1/chat/completions", completions, methods=["POST"]),
            Route("/v1/messages", messages, methods=["POST"]),
            Route("/v1/embeddings", embeddings, methods=["POST"]),
            Route("/control/{what}", control, methods=["POST"]),
        ]
    )


async def _reply(script: Script, request: Request, protocol: ModuleType) -> Response:
    body = await request.json()
    asked: Asked = protocol.asked(body)
    recorded = Recorded(request.url.path, request.headers, body, asked)
    recorded.early = script.is_early(asked.model)
    rule = script.next_rule(asked.model)
    behaviour = recorded.behaviour = rule.behaviour if rule else None
    async with _Recording(script, recorded) as recording:
        if not await _unless_gone(script, request, script.opened()):
            return Response(status_code=499)
        if behaviour is Behaviour.STALL:
            await _unless_gone(script, request, script.unstalled())
            return Response(status_code=499)
        recorded.ended = "answered"
        if rule is not None and behaviour in STATUSES:
            return _error(script, rule, asked.model, protocol)
        answer = recorded.answer = script.answer(asked, behaviour)
        number = len(script.requests)
        if behaviour is Behaviour.BROKEN_BODY:
            return Response(b'{"id": "nev', media_type="application/json")
        if asked.stream:
            recorded.ended = None
            usage = body.get("stream_options", {}).get(
                "include_usage", protocol is not openai_protocol
            )
            events = protocol.events(asked, answer, number, usage=usage)
            return recording.stream(_streamed(script, recorded, events, protocol))
        whole = orjson.dumps(protocol.body(asked, answer, number))
        if behaviour is Behaviour.CUT:
            return StreamingResponse(_cut(whole), media_type="application/json")
        return Response(whole, media_type="application/json")


async def _streamed(
    script: Script, recorded: Recorded, events: Iterator[bytes], protocol: ModuleType
) -> AsyncIterator[bytes]:
    all_events = list(events)
    for number, event in enumerate(all_events):
        if number == len(all_events) // 2:
            match recorded.behaviour:
                case Behaviour.CUT:
                    raise ConnectionCut
                case Behaviour.STALL_MIDWAY:
                    await script.unstalled()
                case Behaviour.OVERLOADED_MIDWAY:
                    yield protocol.error_event("Overloaded")
                    break
        yield event
        await asyncio.sleep(0)  # Each event in a packet of its own.
    recorded.ended = "answered"


async def _cut(whole: bytes) -> AsyncIterator[bytes]:
    yield whole[: len(whole) // 2]
    await asyncio.sleep(0)
    raise ConnectionCut


async def _embed(script: Script, request: Request) -> Response:
    body = await request.json()
    recorded = Recorded(request.url.path, request.headers, body)
    rule = script.next_rule(body["model"])
    behaviour = recorded.behaviour = rule.behaviour if rule else None
    async with _Recording(script, recorded):
        if not await _unless_gone(script, request, script.opened()):
            return Response(status_code=499)
        if behaviour is Behaviour.STALL:
            await _unless_gone(script, request, script.unstalled())
            return Response(status_code=499)
        recorded.ended = "answered"
        if rule is not None and behaviour in STATUSES:
            return _error(script, rule, body["model"], openai_protocol)
        dimensions = (
            3 if behaviour is Behaviour.WRONG_LENGTH else body.get("dimensions", DIMENSIONS)
        )
        answer = openai_protocol.embeddings(body, dimensions=dimensions)
        if behaviour is Behaviour.NO_USAGE:
            answer["usage"] = {"prompt_tokens": 0, "total_tokens": 0}
        return Response(orjson.dumps(answer), media_type="application/json")


class _Recording:
    """Keeps a request, and counts how many are under way at once; a stream is until its end."""

    def __init__(self, script: Script, recorded: Recorded) -> None:
        self._script = script
        self._recorded = recorded
        self._streams = False

    async def __aenter__(self) -> Self:
        script = self._script
        script.requests.append(self._recorded)
        script.under_way += 1
        script.most_under_way = max(script.most_under_way, script.under_way)
        await script.change()
        return self

    async def __aexit__(self, *_: object) -> None:
        if not self._streams:
            await self._end()

    def stream(self, pieces: AsyncIterator[bytes]) -> Response:
        """Give an answer whose end is the end of this."""
        self._streams = True
        return _Stream(pieces, self._end)

    async def _end(self) -> None:
        self._recorded.ended = self._recorded.ended or "gone"
        self._script.under_way -= 1
        await self._script.change()


class _Stream(StreamingResponse):
    def __init__(self, pieces: AsyncIterator[bytes], end: Callable[[], Awaitable[None]]) -> None:
        super().__init__(pieces, media_type="text/event-stream")
        self._end = end

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._end()


def _error(script: Script, rule: Rule, model: str, protocol: ModuleType) -> Response:
    status = STATUSES[rule.behaviour]
    headers: dict[str, str] = {}
    if status == 429:
        script.rate_limited(model, rule.retry_after_seconds)
        headers["Retry-After"] = str(math.ceil(rule.retry_after_seconds))
        headers["Retry-After-Ms"] = str(round(rule.retry_after_seconds * 1000))
    return JSONResponse(protocol.error(status, "As was wished"), status, headers)


async def _unless_gone(script: Script, request: Request, waited_for: Awaitable[object]) -> bool:
    """Wait; give False as soon as the caller goes, or the server ends."""
    waiting = asyncio.ensure_future(waited_for)
    going = [asyncio.ensure_future(_gone(request)), asyncio.ensure_future(script.closing.wait())]
    try:
        await asyncio.wait([waiting, *going], return_when=asyncio.FIRST_COMPLETED)
        return waiting.done()
    finally:
        for task in (waiting, *going):
            task.cancel()
        await asyncio.gather(waiting, *going, return_exceptions=True)


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _control(script: Script, request: Request) -> Mapping[str, Any]:
    body = await request.body()
    said = orjson.loads(body) if body else {}
    match request.path_params["what"]:
        case "behave":
            script.rules.append(Rule(**said | {"behaviour": Behaviour(said["behaviour"])}))
        case "tell":
            script.told[said["title"]] = said["answer"]
        case "hold":
            script.hold()
        case "release":
            script.release()
        case "reset":
            script.reset()
        case "wait":
            await script.wait_until(lambda: script.under_way >= said["under_way"])
        case "requests":
            return {
                "requests": [recorded.shown() for recorded in script.requests],
                "most_under_way": script.most_under_way,
            }
        case what:
            raise ValueError(what)
    return {}
