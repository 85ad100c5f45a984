"""What is around every room, from the narrowest phone to a tablet, with all rooms there are."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, StorageState, expect

from tests.system.guests import admin_of
from tests.system.running_hall import PASSWORD, RunningHall
from tests.web.axe import faults_of
from tests.web.looks import BEYOND
from tests.web.visitor import Visitor

WIDTHS = (320, 390, 480, 600, 768, 1024, 1100)
LANGUAGES = {"en": "en-GB", "de": "de-DE"}
# What is wrong with the ways to the rooms: too small to be touched, cut off, or over another.
WRONG = """() => {
    const wrong = [];
    let before = null;
    for (const room of document.querySelectorAll("header:not(main *) nav a")) {
        const box = room.getBoundingClientRect();
        const words = room.querySelector("span").getBoundingClientRect();
        const name = room.textContent;
        if (box.height < 44 || box.width < 44) wrong.push(`${name}: ${box.width} by ${box.height}`);
        const isCut = words.left < box.left || words.right > box.right;
        if (isCut) wrong.push(`${name}: beyond its room`);
        if (words.left < 2 || words.right > innerWidth - 2) wrong.push(`${name}: beyond the edge`);
        if (before && words.left < before.right + 2 && words.top < before.bottom) {
            wrong.push(`${name}: over its neighbour`);
        }
        before = words;
    }
    return wrong;
}"""


@pytest_asyncio.fixture(scope="module")
async def keeper(browser: Browser, hall: RunningHall) -> AsyncIterator[StorageState]:
    """The browser of an admin: nobody has more rooms."""
    async with (
        httpx.AsyncClient(base_url=hall.url, timeout=30) as client,
        Visitor.at(browser, hall) as visitor,
    ):
        admin = await admin_of(hall, client)
        await visitor.page.goto("/sign-in")
        await visitor.fill(**{"Name or email address": admin.username, "Password": PASSWORD})
        await visitor.press("Sign in")
        await visitor.sees(f"Good to see you, {admin.username}")
        yield await visitor.context.storage_state()


@pytest_asyncio.fixture(scope="module")
async def newcomer(browser: Browser, hall: RunningHall) -> AsyncIterator[StorageState]:
    """The browser of a member: they have a room less, and all names on a phone."""
    async with Visitor.at(browser, hall) as visitor:
        await visitor.sign_up()
        yield await visitor.context.storage_state()


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("language", LANGUAGES)
async def test_all_rooms_fit_at_every_width(
    browser: Browser,
    hall: RunningHall,
    keeper: StorageState,
    newcomer: StorageState,
    language: str,
    width: int,
) -> None:
    for rooms, who in ((6, keeper), (5, newcomer)):
        async with Visitor.at(
            browser,
            hall,
            locale=LANGUAGES[language],
            viewport={"width": width, "height": 800},
            storage_state=who,
        ) as visitor:
            await visitor.page.goto("/attempts")
            await expect(visitor.page.locator("header:not(main *) nav a")).to_have_count(rooms)
            await visitor.settled()
            await visitor.picture(f"shell-{width}-{language}-{rooms}")
            assert await visitor.page.evaluate(WRONG) == []
            assert await visitor.page.evaluate(BEYOND) == 0
            assert await faults_of(visitor.page) == []


async def test_the_keyboard_goes_through_the_page_in_order(
    browser: Browser, hall: RunningHall, keeper: StorageState
) -> None:
    focused = "document.activeElement.textContent.trim()"
    async with Visitor.at(browser, hall, storage_state=keeper) as visitor:
        page = visitor.page
        await page.goto("/leaderboards")
        await visitor.sees("Leaderboards")
        passed = []
        for _ in range(9):
            await page.keyboard.press("Tab")
            passed.append(await page.evaluate(focused))
        rooms = ["Dashboard", "Goals", "Challenges", "Leaderboards", "Administration", "Settings"]
        assert passed == ["Skip to the content", "Guildhall", *rooms, "Sign out"]
        await page.keyboard.press("Tab")
        assert await page.evaluate(focused) == "Boards"
        await page.reload()
        await visitor.sees("Leaderboards")
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await page.keyboard.press("Tab")
        assert await page.evaluate(focused) == "Boards"
