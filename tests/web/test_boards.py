"""Leaderboards, past seasons, badges, and what members see of each other."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, StorageState, expect

from guildhall.infra.hall import Hall
from guildhall.kernel.member import Member
from guildhall.progression import award_achievements, close_seasons
from guildhall.progression.rules import periods_at
from tests import factories
from tests.system.guests import Guest, admin_of, publish_flag
from tests.system.running_hall import RunningHall
from tests.web.axe import faults_of
from tests.web.looks import BEYOND, look_at
from tests.web.visitor import PATIENCE_MILLISECONDS, Visitor

BOARD = "carving"  # A domain of its own, so that nobody from another test stands on its board.
CARVERS = 30
ADDRESS = f"/leaderboards?board={BOARD}"
expect.set_options(timeout=PATIENCE_MILLISECONDS)
LONG_AGO = timedelta(days=100)  # A season has 92 days at most.


@dataclass
class Village:
    """Thirty carvers, of whom some carved in a season that is over; and one at a browser."""

    carvers: list[Member]
    mine: Guest
    admin: Guest
    state: StorageState
    season: str
    at: datetime


@pytest_asyncio.fixture(scope="module")
async def village(browser: Browser, hall: RunningHall) -> AsyncIterator[Village]:
    now = datetime.now(UTC)
    async with (
        httpx.AsyncClient(base_url=hall.url, timeout=30) as client,
        Visitor.at(browser, hall) as visitor,
        hall.opened() as inside,
    ):
        await factories.domain(inside, BOARD)
        carvers = [
            await factories.member(inside, username=f"carver-{number:02}")
            for number in range(1, CARVERS + 1)
        ]
        await visitor.sign_up()
        mine = Guest(client, visitor.name)
        await mine.login()
        then = now - LONG_AGO
        await award(inside, *(carved(each, then, 5 * n) for n, each in enumerate(carvers[:4], 1)))
        assert await close_seasons(factories.task_run(inside)) == {"closed": 1}
        # The first has most; the second and the third have equally much, the second earlier.
        amounts = [2000, 1500, 1500, *range(1400, 1400 - 40 * (CARVERS - 3), -40)]
        events = [
            carved(each, now - timedelta(seconds=CARVERS - number), amount)
            for number, (each, amount) in enumerate(zip(carvers, amounts, strict=True))
        ]
        await award(inside, *events)
        admin = await admin_of(hall, client)
        await admin.post(
            "/admin/xp",
            {"user_id": mine.id, "xp": 500, "domain": BOARD, "reason": "a test"},
            expect=201,
        )
        season = f"{then.year}-Q{(then.month + 2) // 3}"
        yield Village(carvers, mine, admin, await visitor.context.storage_state(), season, now)


def carved(who: Member, at: datetime, xp: int) -> object:
    return factories.achievement(who, at, xp, domain=BOARD)


async def award(inside: Hall, *events: object) -> None:
    async with inside.units.write() as uow:
        await award_achievements(uow, events)  # type: ignore[arg-type]  # Made by `carved`.


@pytest_asyncio.fixture
async def carver(browser: Browser, hall: RunningHall, village: Village) -> AsyncIterator[Visitor]:
    """The one at a browser, who stands far down on the board."""
    async with Visitor.at(browser, hall, storage_state=village.state) as visitor:
        yield visitor


def line_of(page: Page, name: str) -> object:
    return page.get_by_role("listitem").filter(has=page.get_by_role("link", name=name, exact=True))


async def ranks_shown(page: Page) -> list[int]:
    found = await page.locator("[data-rank]").evaluate_all("all => all.map(x => x.dataset.rank)")
    return [int(rank) for rank in found]


ROOMS = {
    "board": (ADDRESS, "Carving, ever since"),
    "board-of-the-hall": ("/leaderboards", "The whole hall, ever since"),
    "board-empty": ("/leaderboards?board=linux&window=day", "Linux command line, today"),
    "seasons": ("/leaderboards/seasons", "Seasons that are over"),
    "season": ("/leaderboards/seasons/{season}?board=carving", "Carving, final"),
    "badges": ("/badges", "Still to earn"),
    "member": ("/members/{other}", "Ranks"),
    "member-oneself": ("/members/{mine}", "Ranks"),
    "member-nobody": ("/members/00000000-0000-7000-8000-000000000000", "Nobody to be seen"),
}


@pytest.mark.parametrize("room", ROOMS)
async def test_a_room_of_boards_is_there(
    browser: Browser, hall: RunningHall, village: Village, room: str
) -> None:
    address, heading = ROOMS[room]
    address = address.format(
        season=village.season, other=village.carvers[1].id, mine=village.mine.id
    )
    await look_at(browser, hall, (room, address, heading), village.state)


@pytest.mark.parametrize("room", ["board", "season", "badges", "member-oneself"])
async def test_the_rooms_speak_german(
    browser: Browser, hall: RunningHall, village: Village, room: str
) -> None:
    address = ROOMS[room][0].format(season=village.season, mine=village.mine.id)
    async with Visitor.at(
        browser,
        hall,
        locale="de-DE",
        viewport={"width": 390, "height": 844},
        storage_state=village.state,
    ) as visitor:
        await visitor.page.goto(address)
        await visitor.page.get_by_role("navigation", name="Mitglieder und ihre Plätze").wait_for()
        await visitor.page.get_by_role("heading", level=2).first.wait_for()
        await visitor.settled()
        await visitor.picture(f"{room}-phone-de")
        assert await faults_of(visitor.page) == []
        assert await visitor.page.evaluate(BEYOND) == 0


async def test_the_top_comes_in_pages_and_ones_own_place_is_always_there(carver: Visitor) -> None:
    page = carver.page
    await page.goto(ADDRESS)
    await page.get_by_text("You are in place 27 of 31.").wait_for()
    assert await ranks_shown(page) == [*range(1, 21), *range(25, 30)]
    await carver.press("Show me")
    own = page.locator("#own-line")
    await expect(own).to_be_focused()
    await expect(own).to_be_in_viewport()
    await expect(own).to_contain_text("You")
    await carver.press("Show more")
    await page.get_by_role("link", name="carver-30").wait_for()
    assert await ranks_shown(page) == list(range(1, 32))
    await expect(page.get_by_role("button", name="Show more")).to_have_count(0)
    await expect(page.get_by_text("You are in place 27 of 31.")).to_be_in_viewport()


async def test_who_has_equally_much_is_told_apart_by_when(carver: Visitor) -> None:
    page = carver.page
    await page.goto(f"{ADDRESS}&window=season")
    tied = page.locator("[data-rank]").filter(has_text="reached")
    await expect(tied).to_have_count(2)
    await expect(tied.nth(0)).to_contain_text("carver-02")
    await expect(tied.nth(1)).to_contain_text("carver-03")
    await page.get_by_text("whoever had them first stands higher").wait_for()


async def test_board_and_window_are_in_the_address(carver: Visitor, village: Village) -> None:
    page = carver.page
    await page.goto("/leaderboards")
    await carver.sees("The whole hall, ever since")
    await page.get_by_label("Board", exact=True).select_option("Carving")
    await carver.sees("Carving, ever since")
    for link, window, named in [
        ("Season", "season", "this season"),
        ("Week", "week", "this week"),
        ("Today", "day", "today"),
    ]:
        await page.get_by_role("link", name=link, exact=True).click()
        await page.wait_for_url(f"**/leaderboards?board={BOARD}&window={window}")
        await carver.sees(f"Carving, {named}")
        if periods_at(village.at)[window] != periods_at(datetime.now(UTC))[window]:
            continue  # Midnight has passed since they carved.
        # What was carved a season ago is no part of these.
        await expect(page.locator("[data-rank='1']")).to_contain_text("carver-01")
        await expect(page.locator("[data-rank='1']")).to_contain_text("2,000 XP")
    await page.reload()
    await carver.sees("Carving, today")
    await page.goto(ADDRESS)
    await expect(page.locator("[data-rank='1']")).to_contain_text("2,005 XP")


async def test_the_final_board_of_a_past_season_is_kept(carver: Visitor, village: Village) -> None:
    page = carver.page
    await page.goto("/leaderboards")
    await page.get_by_role("link", name="Past seasons").click()
    year, quarter = village.season.split("-Q")
    await page.get_by_role("link", name=f"Quarter {quarter} of {year}").click()
    await carver.sees("The whole hall, final")
    await page.get_by_label("Board", exact=True).select_option("Carving")
    await carver.sees("Carving, final")
    await expect(page.locator("[data-rank]")).to_have_count(4)
    await expect(page.locator("[data-rank='1']")).to_contain_text("carver-04")
    assert page.url.endswith(f"/leaderboards/seasons/{village.season}?board={BOARD}")


async def test_a_board_moves_while_one_looks_at_it(carver: Visitor, village: Village) -> None:
    """Another member passes a challenge in the API; nobody reloads anything."""
    page = carver.page
    rival = Guest(village.mine.client, "rival-of-the-carvers")
    await rival.register()
    challenge = await publish_flag(village.admin, "chisel", 530, BOARD)
    await page.goto(ADDRESS)
    await page.get_by_text("You are in place 27 of 31.").wait_for()
    await page.evaluate("window.isTheSamePage = true")
    attempt = await rival.post(f"/challenges/{challenge}/attempts", expect=201)
    await rival.post(f"/attempts/{attempt['id']}/submit", {"answer": "chisel"}, expect=202)
    await page.get_by_text("You are in place 28 of 32.").wait_for()
    await expect(page.locator("[data-rank='26']")).to_contain_text(rival.username)
    await expect(page.locator("#own-line")).to_have_attribute("data-rank", "28")
    await expect(page.get_by_role("status").filter(has_text="place 28 now")).to_have_count(1)
    assert await page.evaluate("window.isTheSamePage")


async def test_who_goes_off_the_boards_is_seen_by_nobody(
    carver: Visitor, village: Village, browser: Browser, hall: RunningHall
) -> None:
    async with Visitor.at(browser, hall) as other:
        await other.sign_up()
        shy = Guest(village.mine.client, other.name)
        await shy.login()
        await village.admin.post(
            "/admin/xp",
            {"user_id": shy.id, "xp": 3000, "domain": BOARD, "reason": "a test"},
            expect=201,
        )
        await carver.page.goto(ADDRESS)
        address = await carver.page.get_by_role("link", name=other.name).get_attribute("href")
        assert address is not None
        await other.page.goto(ADDRESS)
        await other.press("Take me off the boards")
        await other.page.get_by_text("You are on no board, as you chose").wait_for()
        await expect(other.page.get_by_role("link", name=other.name)).to_have_count(0)
        await other.picture("board-hidden")
        assert await faults_of(other.page) == []

        await expect(carver.page.get_by_role("link", name=other.name)).to_have_count(0)
        await carver.page.goto(address)
        await carver.sees("Nobody to be seen here")
        await other.page.get_by_role("link", name="Your page").click()
        await other.page.get_by_text("nobody but you can open this page").wait_for()

        await other.page.goto(ADDRESS)
        await other.press("Put me on the boards again")
        await other.page.get_by_text("You are in place 1 of").wait_for()
        await other.press("Take me off the boards")
        await other.page.get_by_text("You are on no board, as you chose").wait_for()


async def test_a_members_page_shows_what_they_have(carver: Visitor, village: Village) -> None:
    page = carver.page
    await page.goto(ADDRESS)
    await page.get_by_role("link", name="carver-01").click()
    await page.wait_for_url(f"**/members/{village.carvers[0].id}")
    await carver.sees("carver-01")
    await page.get_by_text("2,005 XP").first.wait_for()
    await expect(page.locator("section", has_text="Ranks")).to_contain_text("Carving")
    await expect(page.locator("section", has_text="Badges")).to_contain_text("since")
    await page.get_by_role("link", name="Your page").click()
    await page.get_by_text("This is how others see you.").wait_for()


async def test_every_badge_says_what_it_is_earned_for(carver: Visitor, village: Village) -> None:
    page = carver.page
    known = (await village.mine.get("/badges"))["items"]
    await page.goto("/badges")
    await carver.sees("Still to earn")
    shown = page.get_by_role("main").get_by_role("heading", level=3)
    await expect(shown).to_have_count(len(known))
    words = await page.get_by_role("main").inner_text()
    assert words.count("For ") >= len(known)
    assert "undefined" not in words
    assert "condition." not in words
    await page.get_by_text("For joining the hall.").wait_for()
    await page.get_by_text("For 5 passed attempts and no failed attempt.").wait_for()
    await page.get_by_text("One of these is enough:").wait_for()
    mine = (await village.mine.get("/progress/me"))["badges"]
    assert mine != []
    await expect(page.get_by_text(re.compile("^Earned on "))).to_have_count(len(mine))
