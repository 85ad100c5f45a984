"""A server of models that speaks the protocols of OpenAI and Anthropic over real HTTP, answers
well by default, and badly on request.

In a test's own process: `async with running_llm_server() as server`. As a process of its own:
`python -m tests.llm_server --port 0`, which prints its address; `RemoteLlmServer(address)` steers
it from elsewhere.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import uvicorn

from tests.llm_server.app import application
from tests.llm_server.asked import Answer, Asked, Recorded, Told
from tests.llm_server.behaviours import Behaviour, Rule
from tests.llm_server.script import ANOTHER_LANGUAGE, Script

__all__ = [
    "ANOTHER_LANGUAGE",
    "Answer",
    "Asked",
    "Behaviour",
    "LlmServer",
    "Recorded",
    "RemoteLlmServer",
    "listening_on",
    "running_llm_server",
    "serve",
]

PATIENCE_SECONDS = 20


class LlmServer:
    """A running server, steered directly."""

    def __init__(self, url: str, script: Script) -> None:
        self.url = url
        self.script = script

    @property
    def openai_url(self) -> str:
        return f"{self.url}/v1"

    @property
    def anthropic_url(self) -> str:
        return self.url

    @property
    def requests(self) -> list[Recorded]:
        """All that came in, in order."""
        return self.script.requests

    @property
    def most_under_way(self) -> int:
        """How many requests there were at once, at most."""
        return self.script.most_under_way

    def behave(
        self,
        behaviour: Behaviour,
        times: int | None = 1,
        *,
        model: str | None = None,
        retry_after_seconds: float = 0.05,
    ) -> None:
        """Misbehave for the next calls (None: for all from now on), of one model or of any."""
        self.script.rules.append(Rule(behaviour, times, model, retry_after_seconds))

    def tell(self, title: str | None, answer: Told) -> None:
        """Answer so whenever that schema or tool is asked for; None is for texts. A function gets
        what was asked."""
        self.script.told[title] = answer

    def hold(self) -> None:
        """Let every answer wait until `release`."""
        self.script.hold()

    def release(self) -> None:
        """Let go what is held, and what stalls now."""
        self.script.release()

    def reset(self) -> None:
        """Forget everything."""
        self.script.reset()

    async def until_under_way(self, number: int) -> None:
        """Wait until so many requests are there at once."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            await self.script.wait_until(lambda: self.script.under_way >= number)

    async def until_idle(self) -> None:
        """Wait until no request is under way: each is answered, or its caller has gone."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            await self.script.wait_until(lambda: self.script.under_way == 0)


class RemoteLlmServer:
    """The same, steered over its control endpoint."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._client = httpx.AsyncClient(
            base_url=f"{url}/control/", trust_env=False, timeout=PATIENCE_SECONDS
        )

    async def behave(
        self,
        behaviour: Behaviour,
        times: int | None = 1,
        *,
        model: str | None = None,
        retry_after_seconds: float = 0.05,
    ) -> None:
        await self._say(
            "behave",
            behaviour=behaviour,
            times=times,
            model=model,
            retry_after_seconds=retry_after_seconds,
        )

    async def tell(self, title: str | None, answer: Any) -> None:
        await self._say("tell", title=title, answer=answer)

    async def hold(self) -> None:
        await self._say("hold")

    async def release(self) -> None:
        await self._say("release")

    async def reset(self) -> None:
        await self._say("reset")

    async def until_under_way(self, number: int) -> None:
        await self._say("wait", under_way=number)

    async def requests(self) -> list[dict[str, Any]]:
        shown: list[dict[str, Any]] = (await self._say("requests"))["requests"]
        return shown

    async def most_under_way(self) -> int:
        return int((await self._say("requests"))["most_under_way"])

    async def aclose(self) -> None:
        await self._client.aclose()

    async def _say(self, what: str, **said: Any) -> dict[str, Any]:
        answer = await self._client.post(what, json=said)
        answer.raise_for_status()
        told: dict[str, Any] = answer.json()
        return told


@asynccontextmanager
async def running_llm_server() -> AsyncIterator[LlmServer]:
    """Serve in this process and event loop, on a free port of 127.0.0.1."""
    script = Script()
    with listening_on(0) as listening:
        server = serve(script)
        running = asyncio.create_task(server.serve(sockets=[listening]))
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not server.started:  # noqa: ASYNC110  # it tells nobody
                    await asyncio.sleep(0.01)
            yield LlmServer(f"http://127.0.0.1:{listening.getsockname()[1]}", script)
        finally:
            script.closing.set()
            script.release()
            server.should_exit = True
            await running


def listening_on(port: int) -> socket.socket:
    """Give a socket for `serve`; 0 is any free port."""
    listening = socket.create_server(("127.0.0.1", port))
    # Else the second packet of an answer waits 40 ms for the first one's acknowledgement.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def serve(script: Script) -> uvicorn.Server:
    """Give a server that is not started."""
    return uvicorn.Server(
        # Connections that are cut on purpose are no news.
        uvicorn.Config(
            application(script),
            lifespan="off",
            log_config=None,
            log_level=100,
            timeout_graceful_shutdown=1,
        )
    )
