"""(i) How soon a room is there: largest contentful paint, against a page of plain HTML.

A hall in which people have been at work for weeks, and a real browser on this machine. Each visit
has a browser context of its own, whose cache is empty: nothing of the app has been loaded before.
The baseline is a page of words and nothing else, which a few lines of this file serve: that is what
the browser needs for itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from statistics import median

from playwright.async_api import Browser, StorageState

from bench.harness import Servers
from bench.report import Figure, progress
from bench.scale import Scale
from tests.system.running_hall import PASSWORD, RunningHall
from tests.web.browsers import some_browser
from tests.web.lively import STAR, WARDEN, lively_hall
from tests.web.visitor import Visitor

__all__ = ["run"]

GOAL_MILLISECONDS = 1_500
NOBODYS = {"welcome": "/", "sign-in": "/sign-in"}
MEMBERS = {
    "dashboard": "/dashboard",
    "goals": "/goals",
    "challenges": "/challenges",
    "leaderboards": "/leaderboards",
    "settings": "/settings",
}
ADMINS = {"administration": "/admin"}
PLAIN = (
    "<!doctype html><title>Plain</title><h1>A place to get better, together.</h1>"
    + "<p>Take on challenges, and see how far you have come.</p>" * 20
)
# Once what the page has now is painted.
PAINTED = """async () => {
    await new Promise(painted => requestAnimationFrame(() => requestAnimationFrame(painted)));
    return new Promise(done => new PerformanceObserver(list =>
        done(list.getEntries().at(-1).startTime)
    ).observe({type: "largest-contentful-paint", buffered: true}));
}"""


async def run(_: Servers, scale: Scale) -> list[Figure]:
    """Enter every room in turns, as often as there are rounds."""
    painted: dict[str, list[float]] = {}
    async with lively_hall() as hall, some_browser() as browser, _plain() as plain:
        member = await _signed_in(browser, hall, STAR.name)
        admin = await _signed_in(browser, hall, WARDEN)
        visits: list[tuple[str, str, StorageState | None]] = [
            ("plain", plain, None),
            *((name, _at(hall, path), None) for name, path in NOBODYS.items()),
            *((name, _at(hall, path), member) for name, path in MEMBERS.items()),
            *((name, _at(hall, path), admin) for name, path in ADMINS.items()),
        ]
        for number in range(scale.rounds + 1):
            for name, address, who in visits:
                milliseconds = await _visit(browser, address, who)
                if number:  # The first round warms up the hall and the browser.
                    painted.setdefault(name, []).append(milliseconds)
            progress(", ".join(f"{name} {times[-1]:.0f}" for name, times in painted.items()))
    baseline = median(painted.pop("plain"))
    return [
        Figure(
            f"i. {name}, largest paint",
            (value := median(times)),
            "ms",
            baseline,
            value / baseline,
            f"value < {GOAL_MILLISECONDS}",
            value < GOAL_MILLISECONDS,
        )
        for name, times in painted.items()
    ]


async def _signed_in(browser: Browser, hall: RunningHall, name: str) -> StorageState:
    async with Visitor.at(browser, hall) as visitor:
        await visitor.sign_in(name, PASSWORD)
        return await visitor.context.storage_state()


async def _visit(browser: Browser, address: str, who: StorageState | None) -> float:
    """Give when the largest thing was painted, in milliseconds from the start of the visit."""
    context = await browser.new_context(storage_state=who, viewport={"width": 1280, "height": 900})
    try:
        page = await context.new_page()
        await page.goto(address)
        await page.get_by_role("heading", level=1).first.wait_for()
        await page.locator("[data-waiting]").first.wait_for(state="detached")
        return float(await page.evaluate(PAINTED))
    finally:
        await context.close()


def _at(hall: RunningHall, path: str) -> str:
    return f"http://localhost:{hall.port}{path}"


@asynccontextmanager
async def _plain() -> AsyncIterator[str]:
    """Serve the plain page; give its address."""
    body = PLAIN.encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {len(body)}\r\n"

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"{head}Connection: close\r\n\r\n".encode() + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}/"
