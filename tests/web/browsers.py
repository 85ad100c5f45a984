"""A browser of this machine."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Browser, async_playwright

# The one without windows first: it opens a page in two thirds of the time.
NAMES = (
    *("chromium-headless-shell", "chromium", "chromium-browser"),
    *("google-chrome", "google-chrome-stable"),
)
QUIET = (
    *("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync", "--disable-quic"),
    *("--disable-background-networking", "--disable-component-update"),
)


class NoBrowser(Exception):
    def __init__(self) -> None:
        super().__init__(f"needs a browser: one of {', '.join(NAMES)}")


@asynccontextmanager
async def some_browser() -> AsyncIterator[Browser]:
    """Start a browser, without a window and with a home of its own. Raises NoBrowser."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        raise NoBrowser
    with tempfile.TemporaryDirectory(prefix="browser-") as home:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(
                executable_path=path,
                args=QUIET,
                env={**os.environ, "HOME": home},
            )
            yield browser
            await browser.close()
