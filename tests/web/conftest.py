"""A hall as `make up` starts it, and a real browser that visits it."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from tests.system.running_hall import RunningHall, running_hall
from tests.web.visitor import Visitor

ROOT = Path(__file__).resolve().parents[2]
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
QUIET = (
    *("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync", "--disable-quic"),
    *("--disable-background-networking", "--disable-component-update"),
)


@pytest_asyncio.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """A browser of this machine; where it has none, these tests say so and are left out."""
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip(f"needs a browser: one of {', '.join(BROWSERS)}")
    with tempfile.TemporaryDirectory(prefix="browser-") as home:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(
                executable_path=path,
                args=QUIET,
                env={**os.environ, "HOME": home},
            )
            yield browser
            await browser.close()


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
