"""The dashboard of somebody who has been here for months: days, pauses, ranks, what is next."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, StorageState, expect

from guildhall.kernel.ids import new_id
from guildhall.kernel.member import Member, Role
from guildhall.progression import award_achievements
from tests.factories import achievement
from tests.system.guests import Guest, admin_of
from tests.system.running_hall import RunningHall
from tests.web.axe import faults_of
from tests.web.guests import busy_member
from tests.web.looks import BEYOND, look_at
from tests.web.visitor import Visitor

DAYS = 150
HEADING = "Badges within reach"


@pytest_asyncio.fixture(scope="module")
async def veteran(browser: Browser, hall: RunningHall) -> AsyncIterator[StorageState]:
    """The browser of somebody with months behind them: nine days, one missed, and again; a holiday;
    and what a busy member has."""
    async with (
        httpx.AsyncClient(base_url=hall.url, timeout=30) as client,
        Visitor.at(browser, hall) as visitor,
    ):
        await visitor.sign_up()
        guest = Guest(client, visitor.name)
        await guest.login()
        today = datetime.now(UTC)
        holiday = range(40, 47)
        who = Member(UUID(guest.id), new_id(), Role.MEMBER, "Europe/Berlin", 0, second_factor=False)
        events = [
            achievement(
                who,
                today - timedelta(days=ago),
                5 + ago * 7 % 23,
                domain="python" if ago % 3 else "sql",
            )
            for ago in range(DAYS, 0, -1)
            if ago % 10 and ago not in holiday
        ]
        days = [(today - timedelta(days=ago)).date() for ago in (holiday[-1], holiday[0])]
        pause = {"starts_on": str(days[0]), "ends_on": str(days[1])}
        await guest.post("/progress/me/pauses", pause, expect=201)
        async with hall.opened() as inside:
            for event in events:
                async with inside.units.write() as uow:
                    await award_achievements(uow, [event])
        await busy_member(guest, await admin_of(hall, client))
        yield await visitor.context.storage_state()


async def test_a_dashboard_of_months_is_there(
    browser: Browser, hall: RunningHall, veteran: StorageState
) -> None:
    room = ("dashboard-of-months", "/dashboard", HEADING)
    await look_at(browser, hall, room, veteran)


@pytest.mark.parametrize("size", [(390, 844), (1280, 900)])
async def test_it_speaks_german(
    browser: Browser, hall: RunningHall, veteran: StorageState, size: tuple[int, int]
) -> None:
    viewport = {"width": size[0], "height": size[1]}
    async with Visitor.at(
        browser, hall, storage_state=veteran, locale="de-DE", viewport=viewport
    ) as visitor:
        await visitor.page.goto("/dashboard")
        await visitor.sees("Abzeichen in Reichweite")
        await visitor.settled()
        await visitor.picture(f"dashboard-german-{size[0]}")
        assert await faults_of(visitor.page) == []
        assert await visitor.page.evaluate(BEYOND) == 0
        rooms = visitor.page.get_by_role("navigation", name="Räume").get_by_role("link")
        sides = await rooms.locator("span").evaluate_all(
            "words => words.map(it => it.getBoundingClientRect()).map(it => [it.left, it.right])"
        )
        assert all(0 <= left < right <= size[0] for left, right in sides), sides
        assert all(before[1] <= after[0] for before, after in pairwise(sides)), sides


async def test_the_days_are_there_in_words(
    browser: Browser, hall: RunningHall, veteran: StorageState
) -> None:
    async with Visitor.at(browser, hall, storage_state=veteran) as visitor:
        page = visitor.page
        await page.goto("/dashboard")
        await visitor.sees(HEADING)
        days = page.locator("section", has_text="Your days").first
        await expect(days.get_by_role("img")).to_have_accessible_name(re.compile("^Of the last"))
        await days.get_by_text("Day by day").click()
        table = days.get_by_role("region", name="Day by day")
        await table.get_by_role("row", name="Paused").first.wait_for()
        assert await table.get_by_role("row", name="Paused").count() >= 7
        assert await table.get_by_role("row", name="Saved by a free day").count() >= 1
        assert await table.get_by_role("row", name="XP earned").count() > 90


async def test_a_pause_is_planned_and_taken_back(
    browser: Browser, hall: RunningHall, veteran: StorageState
) -> None:
    async with Visitor.at(browser, hall, storage_state=veteran) as visitor:
        page = visitor.page
        await page.goto("/dashboard")
        await visitor.press("Plan a pause")
        dialog = page.get_by_role("dialog", name="Plan a pause")
        begins = datetime.now(UTC).date() + timedelta(days=20)
        await dialog.get_by_label("From").fill(str(begins))
        await dialog.get_by_label("To, and that day too").fill(str(begins - timedelta(days=1)))
        await dialog.get_by_role("button", name="Pause these days").click()
        await expect(dialog.get_by_text("cannot lie before the first")).to_be_visible()
        assert await faults_of(page) == []
        await visitor.picture("pause-wide-light")
        await dialog.get_by_label("To, and that day too").fill(str(begins + timedelta(days=500)))
        await dialog.get_by_role("button", name="Pause these days").click()
        await expect(dialog.get_by_text("A pause has at most 366 days")).to_be_visible()
        await dialog.get_by_label("To, and that day too").fill(str(begins + timedelta(days=3)))
        await dialog.get_by_role("button", name="Pause these days").click()
        await expect(dialog).to_have_count(0)
        removing = page.get_by_role("button", name="Take back the pause")
        await expect(removing).to_have_count(2)
        await removing.first.click()
        await expect(removing).to_have_count(1)


async def test_goals_ranks_and_badges_say_where_to_go_on(
    browser: Browser, hall: RunningHall, veteran: StorageState
) -> None:
    async with Visitor.at(browser, hall, storage_state=veteran) as visitor:
        page = visitor.page
        await page.goto("/dashboard")
        await visitor.sees(HEADING)
        goal = page.get_by_role("link", name="Write small Python programs for my work").first
        assert "/goals/" in (await goal.get_attribute("href") or "")
        ranks = page.locator("section", has=page.get_by_role("heading", name="Ranks"))
        await expect(ranks.get_by_role("progressbar").first).to_be_visible()
        await expect(ranks.get_by_text("XP to rank").first).to_be_visible()
        reach = page.locator("section", has=page.get_by_role("heading", name=HEADING))
        await expect(reach.get_by_role("progressbar")).to_have_count(3)
        bars = await reach.get_by_role("progressbar").evaluate_all(
            """bars => bars.map(
                bar => bar.getAttribute('aria-valuenow') / bar.getAttribute('aria-valuemax'))"""
        )
        assert bars == sorted(bars, reverse=True)
        assert all(0 <= share < 1 for share in bars)


async def test_a_newcomer_is_led_to_a_first_goal(visitor: Visitor) -> None:
    page = visitor.page
    await visitor.sign_up()
    goals = page.locator("section", has=page.get_by_role("heading", name="Goals", exact=True))
    await expect(goals.get_by_role("link", name="New goal")).to_have_attribute("href", "/goals/new")
    suggested = page.get_by_role("link", name=re.compile("^Set a goal, such as")).first
    title = (await suggested.inner_text()).split("“")[1].split("”")[0]
    await suggested.click()
    await expect(page.get_by_label("What do you want to reach?")).to_have_value(title)
    await expect(page.get_by_label("Template").locator("option:checked")).to_have_text(title)
    await expect(page).to_have_url(re.compile("/goals/new$"))
