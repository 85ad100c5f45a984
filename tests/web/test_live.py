"""What happens to a member elsewhere is seen at once: one stream serves all tabs of a browser."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Page, Request, expect

from tests.system.guests import Guest, admin_of, publish_flag
from tests.system.running_hall import RunningHall
from tests.web.visitor import Visitor

pytestmark = pytest.mark.xdist_group("web")  # One hall serves them all.
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
    await expect(page.get_by_role("main").get_by_text(f"{xp} XP", exact=True)).to_be_visible()


async def test_what_is_earned_elsewhere_is_seen_without_a_reload(
    visitor: Visitor, elsewhere: Guest, client: httpx.AsyncClient, hall: RunningHall
) -> None:
    await sees_xp(visitor.page, 0)
    await pass_challenge(elsewhere, await admin_of(hall, client))
    await sees_xp(visitor.page, 120)
    await expect(visitor.page.get_by_text("Level 2", exact=True)).to_be_attached()
    badges = visitor.page.locator("section", has_text="Badges")
    await expect(badges.get_by_role("listitem").first).to_be_visible()
