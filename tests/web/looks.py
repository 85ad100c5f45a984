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


async def look_at(
    browser: Browser,
    hall: RunningHall,
    room: tuple[str, str, str],
    theme: Theme,
    size: str,
    who: StorageState | None = None,
) -> None:
    """Enter a room, given as its name, its address, and a heading by which one knows that it is
    there. Axe finds nothing, the policy refuses nothing, nothing stands beyond the edge, and a
    picture is left to be looked at."""
    name, address, heading = room
    width, height = SIZES[size]
    async with Visitor.at(
        browser,
        hall,
        viewport={"width": width, "height": height},
        color_scheme=theme,
        reduced_motion="reduce",
        storage_state=who,
    ) as visitor:
        await visitor.page.goto(address)
        await visitor.sees(heading)
        await visitor.settled()
        await visitor.picture(f"{name}-{size}-{theme}")
        faults = await faults_of(visitor.page)
        assert not faults, "\n".join(faults)
        assert await visitor.page.evaluate(BEYOND) == 0
