"""A hall as `make up` starts it, and a real browser that visits it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.system.running_hall import RunningHall, running_hall
from tests.web.browsers import NoBrowser, some_browser
from tests.web.visitor import Visitor

ROOT = Path(__file__).resolve().parents[2]


@pytest_asyncio.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """A browser of this machine; where it has none, these tests say so and are left out."""
    async with AsyncExitStack() as open_things:
        try:
            browser = await open_things.enter_async_context(some_browser())
        except NoBrowser as none:
            pytest.skip(str(none))
        yield browser


@pytest_asyncio.fixture(scope="session")
async def hall() -> AsyncIterator[RunningHall]:
    """A hall with the web app of these very sources."""
    build = await asyncio.create_subprocess_exec(
        sys.executable,
        str(ROOT / "scripts" / "web.py"),
        "--strict",
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await build.communicate()
    assert build.returncode == 0, said.decode()
    async with running_hall() as running:
        yield running


@pytest_asyncio.fixture
async def visitor(browser: Browser, hall: RunningHall) -> AsyncIterator[Visitor]:
    """Somebody who has never been here."""
    async with Visitor.at(browser, hall) as somebody:
        yield somebody
