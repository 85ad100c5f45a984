"""Somebody at a browser."""

from __future__ import annotations

import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page

from tests.system.running_hall import PASSWORD, RunningHall

# A browser writes a line for every answer that is no success; tests look at those themselves.
ANSWERS = "Failed to load resource"
PICTURES = Path(__file__).resolve().parents[2] / "web" / "pictures"
PICTURES_WANTED = os.environ.get("PICTURES") != "no"
PATIENCE_MILLISECONDS = 15_000
PAINTED = """async () => {
    await document.fonts.ready;
    await new Promise(painted => requestAnimationFrame(() => requestAnimationFrame(painted)));
}"""


@dataclass
class Visitor:
    page: Page
    context: BrowserContext
    hall: RunningHall
    name: str = field(default_factory=lambda: f"visitor-{secrets.token_hex(4)}")
    faults: list[str] = field(default_factory=list)

    @classmethod
    @asynccontextmanager
    async def at(
        cls, browser: Browser, hall: RunningHall, **context: Any
    ) -> AsyncIterator[Visitor]:
        """Open a browser of one's own at the hall. At the end no page may have complained."""
        opened = await browser.new_context(
            base_url=f"http://localhost:{hall.port}",
            **{"locale": "en-GB", "timezone_id": "Europe/Berlin", **context},
        )
        opened.set_default_timeout(PATIENCE_MILLISECONDS)
        visitor = cls(await opened.new_page(), opened, hall)
        visitor.listen(visitor.page)
        try:
            yield visitor
        finally:
            await opened.close()
        assert visitor.faults == []

    def listen(self, page: Page) -> None:
        """Note what a page complains of: defects, and what the policy refuses."""

        def said(message: ConsoleMessage) -> None:
            if message.type in ("error", "warning") and ANSWERS not in message.text:
                self.faults.append(message.text)

        page.on("console", said)
        page.on("pageerror", lambda error: self.faults.append(str(error)))

    @property
    def email(self) -> str:
        return f"{self.name}@example.org"

    async def fill(self, **fields: str) -> None:
        """Type into fields by their labels."""
        for label, text in fields.items():
            await self.page.get_by_label(label.replace("_", " "), exact=True).fill(text)

    async def press(self, name: str) -> None:
        await self.page.get_by_role("button", name=name, exact=True).click()

    async def picture(self, name: str) -> None:
        """Leave a picture to be looked at, unless nobody will."""
        if not PICTURES_WANTED:
            return
        PICTURES.mkdir(exist_ok=True)
        await self.page.screenshot(path=PICTURES / f"{name}.png", full_page=True)

    async def settled(self) -> None:
        """Wait until nothing on the page waits for the hall any more, and it is painted."""
        await self.page.locator("[data-waiting]").first.wait_for(state="detached")
        await self.page.evaluate(PAINTED)

    async def sees(self, heading: str) -> None:
        """Wait for a heading."""
        await self.page.get_by_role("heading", name=heading).first.wait_for()

    async def sign_up(self) -> None:
        """Join the hall by its pages."""
        await self.page.goto("/sign-up")
        await self.fill(Name_in_the_hall=self.name, Email_address=self.email, Password=PASSWORD)
        await self.press("Join")
        await self.sees(f"Good to see you, {self.name}")

    async def sign_in(self, name: str, password: str) -> None:
        """Enter the hall by its pages."""
        await self.page.goto("/sign-in")
        await self.fill(Name_or_email_address=name, Password=password)
        await self.press("Sign in")
        await self.sees(f"Good to see you, {name}")
