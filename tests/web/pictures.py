"""Take the README's pictures: `make pictures`, which needs Chromium or Chrome.

Of a hall in which people have been at work for weeks, as a member and its admin see it.
"""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Literal

import structlog
from playwright.async_api import Browser

from tests.system.running_hall import PASSWORD, RunningHall
from tests.web.browsers import some_browser
from tests.web.lively import STAR, WARDEN, lively_hall
from tests.web.visitor import Visitor

PICTURES = Path(__file__).resolve().parents[2] / "docs" / "pictures"
WIDE, PHONE = (1280, 800), (390, 844)

Picture = tuple[str, str, str, str, tuple[int, int], Literal["light", "dark"]]
TAKEN: tuple[Picture, ...] = (
    ("dashboard", STAR.name, "/dashboard", "Today", WIDE, "light"),
    ("goal", STAR.name, "goal", "Write small Python", WIDE, "light"),
    ("challenges", STAR.name, "/challenges", "Challenges", WIDE, "light"),
    ("leaderboards", STAR.name, "/leaderboards", "Leaderboards", WIDE, "dark"),
    ("phone", STAR.name, "/dashboard", "Today", PHONE, "dark"),
    ("administration", WARDEN, "/admin", "How the hall is", WIDE, "light"),
)


async def take(browser: Browser, hall: RunningHall, picture: Picture) -> None:
    """Take one picture: what a visitor sees without scrolling."""
    name, who, address, heading, (width, height), theme = picture
    async with Visitor.at(
        browser,
        hall,
        viewport={"width": width, "height": height},
        color_scheme=theme,
        reduced_motion="reduce",
    ) as visitor:
        await visitor.sign_in(who, PASSWORD)
        if address == "goal":
            await visitor.page.goto("/goals")
            await visitor.page.get_by_role("link", name=heading).first.click()
        else:
            await visitor.page.goto(address)
        await visitor.sees(heading)
        await visitor.settled()
        await visitor.page.screenshot(path=PICTURES / f"{name}.png")


async def main() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    PICTURES.mkdir(exist_ok=True)
    async with lively_hall() as hall, some_browser() as browser:
        for picture in TAKEN:
            await take(browser, hall, picture)


if __name__ == "__main__":
    asyncio.run(main())
