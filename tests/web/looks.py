"""A room as it is seen: on a phone and on a wide screen, by day and by night."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from playwright.async_api import Browser, StorageState

from tests.system.running_hall import RunningHall
from tests.web.axe import faults_of
from tests.web.visitor import Visitor

Theme = Literal["light", "dark"]
SIZES = {"phone": (390, 844), "wide": (1280, 900)}
BEYOND = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def in_every_light(test: Any) -> Any:
    """Have a test run with each `theme` and `size`."""
    sized = pytest.mark.parametrize("size", SIZES)(test)
    return pytest.mark.parametrize("theme", ["light", "dark"])(sized)


async def look(visitor: Visitor, name: str) -> None:
    """Look at what a visitor sees just now. Axe finds nothing, nothing stands beyond the edge, and
    a picture is left to be looked at."""
    await visitor.settled()
    await visitor.picture(name)
    faults = await faults_of(visitor.page)
    assert not faults, "\n".join(faults)
    assert await visitor.page.evaluate(BEYOND) == 0


def light_of(theme: Theme, size: str) -> dict[str, Any]:
    """Give the browser's options for a theme and a size."""
    width, height = SIZES[size]
    return {
        "viewport": {"width": width, "height": height},
        "color_scheme": theme,
        "reduced_motion": "reduce",
    }


async def look_at(
    browser: Browser,
    hall: RunningHall,
    room: tuple[str, str, str],
    theme: Theme,
    size: str,
    who: StorageState | None = None,
) -> None:
    """Enter a room, given as its name, its address, and a heading by which one knows that it is
    there, and look at it; the policy refuses nothing."""
    name, address, heading = room
    light = light_of(theme, size)
    async with Visitor.at(browser, hall, **light, storage_state=who) as visitor:
        await visitor.page.goto(address)
        await visitor.sees(heading)
        await look(visitor, f"{name}-{size}-{theme}")
