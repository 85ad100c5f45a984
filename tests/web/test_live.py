"""What happens to a member elsewhere is seen at once: one stream serves all tabs of a browser."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator

import httpx
import pytest_asyncio
from playwright.async_api import Browser, Page, Request, expect

from tests.system.guests import Guest, admin_of, publish_flag
from tests.system.running_hall import RunningHall, kill
from tests.web.axe import faults_of
from tests.web.guests import once
from tests.web.looks import BEYOND
from tests.web.visitor import Visitor

ACCESS_COOKIE = "__Host-guildhall"
LOCKS = """navigator.locks.query().then(
    ({held, pending}) => [...held, ...pending].map(lock => lock.name))"""
PATIENCE_SECONDS = 15
STREAM = re.compile(r"/api/v1/live$")


@pytest_asyncio.fixture
async def client(hall: RunningHall) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=hall.url, timeout=30) as new:
        yield new


@pytest_asyncio.fixture
async def elsewhere(visitor: Visitor, client: httpx.AsyncClient) -> Guest:
    """The visitor, who has signed up, on another device of theirs."""
    async with visitor.page.expect_response(STREAM):
        await visitor.sign_up()
    guest = Guest(client, visitor.name)
    await guest.login()
    return guest


async def pass_challenge(
    guest: Guest, admin: Guest, xp: int = 120, domain: str | None = "python"
) -> None:
    challenge = await publish_flag(admin, "lantern", xp, domain)
    attempt = await guest.post(f"/challenges/{challenge}/attempts", expect=201)
    await guest.post(f"/attempts/{attempt['id']}/submit", {"answer": "lantern"}, expect=202)


def streams_of(visitor: Visitor) -> list[Request]:
    """Collect the streams that a browser asks for from now on."""
    asked: list[Request] = []
    visitor.context.on(
        "request", lambda request: asked.append(request) if STREAM.search(request.url) else None
    )
    return asked


async def sees_xp(page: Page, xp: int) -> None:
    figure = page.locator("main strong").get_by_text(f"{xp} XP", exact=True)
    await expect(figure).to_be_visible()


async def test_what_is_earned_elsewhere_is_seen_without_a_reload(
    visitor: Visitor, elsewhere: Guest, client: httpx.AsyncClient, hall: RunningHall
) -> None:
    await sees_xp(visitor.page, 0)
    await pass_challenge(elsewhere, await admin_of(hall, client))
    await sees_xp(visitor.page, 120)
    await expect(visitor.page.locator("main").get_by_text("Level 2", exact=True)).to_be_attached()
    badges = visitor.page.locator("section", has_text="Badges")
    await expect(badges.get_by_role("listitem").first).to_be_visible()


async def test_what_is_earned_is_celebrated_without_getting_in_the_way(
    visitor: Visitor, elsewhere: Guest, client: httpx.AsyncClient, hall: RunningHall
) -> None:
    page = visitor.page
    admin = await admin_of(hall, client)
    await page.get_by_role("link", name="Settings").click()
    field = page.get_by_label("Minutes a day")
    await field.focus()
    await pass_challenge(elsewhere, admin)
    slip = page.get_by_role("region", name="What you have just earned")
    await expect(slip.get_by_text("Level 2", exact=True)).to_be_visible()
    await expect(slip.get_by_text("+120 XP")).to_be_visible()
    await expect(slip.get_by_text("For a challenge in Python")).to_be_visible()
    await expect(slip.get_by_text("Badge “").first).to_be_visible()
    said = slip.get_by_role("status")
    await expect(said).to_contain_text("You have earned 120 XP.")
    await expect(said).to_contain_text("You have reached level 2.")
    assert await field.evaluate("field => field === document.activeElement")
    await visitor.picture("celebration-wide-light")
    assert await faults_of(page) == []

    # What comes meanwhile is gathered on the same slip.
    await pass_challenge(elsewhere, admin, 40)
    await expect(slip.get_by_text("+160 XP")).to_be_visible()
    await expect(slip.get_by_text("For 2 things that you did")).to_be_visible()
    await slip.get_by_role("button", name="Close").click()
    await expect(slip).to_have_count(0)

    # XP alone is a small slip, which goes by itself, but not while one points at it.
    await page.mouse.move(0, 0)
    await pass_challenge(elsewhere, admin, 5, domain=None)
    await expect(slip.get_by_text("+5 XP")).to_be_visible()
    assert await slip.locator("svg[class*=seal]").count() == 0
    await visitor.picture("celebration-small-wide-light")
    await expect(slip).to_have_count(0, timeout=15_000)


async def test_who_wants_no_motion_sees_none(
    browser: Browser, hall: RunningHall, client: httpx.AsyncClient
) -> None:
    async with Visitor.at(
        browser,
        hall,
        viewport={"width": 390, "height": 844},
        color_scheme="dark",
        reduced_motion="reduce",
    ) as visitor:
        async with visitor.page.expect_response(STREAM):
            await visitor.sign_up()
        guest = Guest(client, visitor.name)
        await guest.login()
        await sees_xp(visitor.page, 0)
        # Every figure that is shown on the way, and everything that moves.
        await visitor.page.evaluate(
            """() => {
                window.seen = new Set(); window.moved = [];
                const look = () => {
                    document.querySelectorAll("main strong").forEach(it => seen.add(it.innerText));
                    const moving = document.getAnimations().filter(
                        it => it.effect.getComputedTiming().duration > 1);
                    moved.push(...moving.map(it => it.animationName ?? it.transitionProperty));
                    requestAnimationFrame(look);
                };
                look();
            }"""
        )
        await pass_challenge(guest, await admin_of(hall, client))
        slip = visitor.page.get_by_role("region", name="What you have just earned")
        await expect(slip.get_by_text("+120 XP")).to_be_visible()
        await sees_xp(visitor.page, 120)
        figures = await visitor.page.evaluate("[...seen].filter(it => / XP$/.test(it))")
        assert figures == ["0 XP", "120 XP"]
        assert await visitor.page.evaluate("moved") == []
        await visitor.picture("celebration-phone-dark")
        assert await faults_of(visitor.page) == []
        assert await visitor.page.evaluate(BEYOND) == 0


async def test_two_tabs_share_one_stream_and_hand_it_over(
    visitor: Visitor, elsewhere: Guest, client: httpx.AsyncClient, hall: RunningHall
) -> None:
    asked = streams_of(visitor)
    admin = await admin_of(hall, client)
    second = await visitor.context.new_page()
    visitor.listen(second)
    await second.goto("/dashboard")
    await sees_xp(second, 0)
    await pass_challenge(elsewhere, admin)
    await sees_xp(second, 120)
    await sees_xp(visitor.page, 120)
    assert asked == [], "the second tab has a stream of its own"

    async with visitor.context.expect_event("response", lambda it: bool(STREAM.search(it.url))):
        await visitor.page.close()
    await pass_challenge(elsewhere, admin, 40)
    await sees_xp(second, 160)
    assert len(asked) == 1


async def test_a_stream_that_was_lost_is_found_again_with_what_was_missed(
    visitor: Visitor, elsewhere: Guest, client: httpx.AsyncClient, hall: RunningHall
) -> None:
    admin = await admin_of(hall, client)
    await visitor.context.route(STREAM, lambda route: route.abort())
    await visitor.page.reload()  # Sees nothing of the hall but by asking.
    await sees_xp(visitor.page, 0)
    await pass_challenge(elsewhere, admin)
    await once(elsewhere, "/progress/me", lambda mine: mine["total_xp"] == 120)
    async with visitor.page.expect_response(STREAM):
        await visitor.context.unroute(STREAM)
    await sees_xp(visitor.page, 120)


async def test_a_hall_that_starts_anew_is_heard_again(
    visitor: Visitor, elsewhere: Guest, client: httpx.AsyncClient, hall: RunningHall
) -> None:
    admin = await admin_of(hall, client)
    async with visitor.page.expect_response(
        lambda it: bool(STREAM.search(it.url)) and it.status == 200, timeout=40_000
    ):
        assert kill(hall.child("api"))
    await pass_challenge(elsewhere, admin)
    await sees_xp(visitor.page, 120)


async def test_an_expired_token_is_renewed_for_the_stream(
    visitor: Visitor, elsewhere: Guest, client: httpx.AsyncClient, hall: RunningHall
) -> None:
    """Here it is the hall that starts anew that makes the page ask for another stream."""
    asked = streams_of(visitor)
    await visitor.context.clear_cookies(name=ACCESS_COOKIE)
    async with visitor.page.expect_response(
        lambda it: bool(STREAM.search(it.url)) and it.ok, timeout=40_000
    ):
        assert kill(hall.child("api"))
    answers = [await request.response() for request in asked]
    assert {401, 200} <= {answer.status for answer in answers if answer is not None}
    await pass_challenge(elsewhere, await admin_of(hall, client))
    await sees_xp(visitor.page, 120)


async def test_signing_out_ends_the_stream(
    visitor: Visitor, elsewhere: Guest, client: httpx.AsyncClient, hall: RunningHall
) -> None:
    second = await visitor.context.new_page()
    visitor.listen(second)
    await second.goto("/dashboard")
    await sees_xp(second, 0)
    asked = streams_of(visitor)
    over = asyncio.Event()
    for end in ("requestfinished", "requestfailed"):
        visitor.context.on(end, lambda it: over.set() if STREAM.search(it.url) else None)
    await visitor.press("Sign out")
    await visitor.sees("A place to get better")
    async with asyncio.timeout(PATIENCE_SECONDS):
        await over.wait()
    await second.get_by_role("heading", name="Sign in").wait_for()
    for page in (visitor.page, second):
        assert [name for name in await page.evaluate(LOCKS) if "live" in name] == []
    await visitor.page.wait_for_timeout(2500)  # Longer than a stream that was lost waits.
    assert asked == []
