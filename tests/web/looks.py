"""A room as it is seen: on a phone and on a wide screen, by day and by night."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from playwright.async_api import Browser, StorageState, ViewportSize

from tests.system.running_hall import RunningHall
from tests.web.axe import COLOURS, RULES, faults_of
from tests.web.visitor import PICTURES_WANTED, Visitor

PHONE: ViewportSize = {"width": 390, "height": 844}
WIDE: ViewportSize = {"width": 1280, "height": 900}
SIZES = {"phone": PHONE, "wide": WIDE}
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
BEYOND = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


async def look(visitor: Visitor, name: str, rules: Sequence[str] = RULES) -> None:
    """Look at what a visitor sees just now. Axe finds nothing, nothing stands beyond the edge, and
    a picture is left to be looked at."""
    await visitor.settled()
    await visitor.picture(name)
    faults = await faults_of(visitor.page, rules)
    assert not faults, "\n".join([name, *faults])
    assert await visitor.page.evaluate(BEYOND) == 0, f"{name}: something is beyond the edge"


async def look_around(visitor: Visitor, name: str) -> None:
    """Look at it on every screen and in every light; once for each screen by all rules.

    Where nobody looks at pictures, on a phone only.
    """
    for size, viewport in SIZES.items() if PICTURES_WANTED else [("phone", PHONE)]:
        await visitor.page.set_viewport_size(viewport)
        for theme in THEMES:
            await visitor.page.emulate_media(color_scheme=theme, reduced_motion="reduce")
            rules = RULES if theme == "light" else COLOURS
            await look(visitor, f"{name}-{size}-{theme}", rules)


async def look_at(
    browser: Browser,
    hall: RunningHall,
    room: tuple[str, str, str],
    who: StorageState | None = None,
) -> None:
    """Enter a room, given as its name, its address, and a heading by which one knows that it is
    there, and look around; the policy refuses nothing."""
    name, address, heading = room
    async with Visitor.at(browser, hall, viewport=PHONE, storage_state=who) as visitor:
        await visitor.page.goto(address)
        await visitor.sees(heading)
        await look_around(visitor, name)
