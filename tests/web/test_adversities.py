"""What goes wrong, and who means no good: texts that would fell a page, browsers that are shared,
answers that are not the hall's."""

from __future__ import annotations

import re
import secrets
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Route, expect

from tests.system.guests import Guest, admin_of
from tests.system.running_hall import PASSWORD, RunningHall
from tests.web.visitor import Visitor

MOST_EMPHASES = 200
SHOWN_AGAIN = "dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))"


@pytest_asyncio.fixture
async def client(hall: RunningHall) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=hall.url, timeout=30) as new:
        yield new


async def guest(client: httpx.AsyncClient) -> Guest:
    somebody = Guest(client, f"guest-{secrets.token_hex(4)}")
    await somebody.register()
    return somebody


async def sign_out(visitor: Visitor) -> None:
    await visitor.press("Sign out")
    await visitor.page.wait_for_url(re.compile(r":\d+/$"))


@pytest.mark.parametrize("text", [">" * 20_000, "- " * 10_000, "*a* " * 5000])
async def test_no_text_fells_the_page_that_shows_it(
    visitor: Visitor, client: httpx.AsyncClient, hall: RunningHall, text: str
) -> None:
    admin = await admin_of(hall, client)
    challenge: dict[str, Any] = {
        "title": "Read this",
        "description": text,
        "xp": 10,
        "difficulty": "easy",
        "grader": {"type": "flag", "flag": "lantern"},
    }
    written = await admin.post("/challenges", challenge, expect=201)
    await admin.post(f"/challenges/{written['id']}/publish", expect=200)
    await visitor.sign_up()
    await visitor.page.goto(f"/challenges/{written['id']}")
    await visitor.sees("Read this")
    assert await visitor.page.locator("main em").count() <= MOST_EMPHASES


async def test_what_one_member_has_typed_is_not_shown_to_the_next(
    visitor: Visitor, client: httpx.AsyncClient
) -> None:
    one, other = await guest(client), await guest(client)
    title = visitor.page.get_by_label("Title", exact=True)
    await visitor.sign_in(one.username, PASSWORD)
    await visitor.page.goto("/challenges/new")
    await title.fill("My secret challenge")
    await sign_out(visitor)
    await visitor.sign_in(other.username, PASSWORD)
    await visitor.page.goto("/challenges/new")
    await expect(title).to_have_value("")
    await sign_out(visitor)
    await visitor.sign_in(one.username, PASSWORD)
    await visitor.page.goto("/challenges/new")
    await expect(title).to_have_value("My secret challenge")


async def test_who_could_not_sign_out_is_told_so(visitor: Visitor) -> None:
    await visitor.sign_up()
    await visitor.page.route("**/auth/logout", lambda route: route.abort())
    await visitor.press("Sign out")
    await visitor.page.get_by_text("The hall cannot be reached.").wait_for()
    await visitor.page.unroute("**/auth/logout")
    await sign_out(visitor)


async def test_who_is_out_already_need_not_sign_in_to_sign_out(
    visitor: Visitor, client: httpx.AsyncClient
) -> None:
    member = await guest(client)
    await visitor.sign_in(member.username, PASSWORD)
    for session in (await member.get("/users/me/sessions"))["items"]:
        if not session["current"]:
            await member.ask("DELETE", f"/users/me/sessions/{session['id']}")
    await sign_out(visitor)


async def test_back_shows_nothing_of_who_has_signed_out(visitor: Visitor) -> None:
    await visitor.sign_up()
    await visitor.context.clear_cookies()
    await visitor.page.evaluate(SHOWN_AGAIN)
    await visitor.page.wait_for_url("**/sign-in")
    assert visitor.name not in await visitor.page.inner_text("body")


async def test_back_shows_nothing_of_a_member_to_the_next(
    visitor: Visitor, client: httpx.AsyncClient
) -> None:
    next_one = await guest(client)
    await visitor.sign_up()
    await visitor.context.clear_cookies()
    # As in another tab, of which this one has heard nothing.
    answer = await visitor.page.request.post(
        "/api/v1/auth/login",
        data={"login": next_one.username, "password": PASSWORD, "transport": "cookie"},
        headers={"Origin": visitor.page.url.partition("/dashboard")[0]},
    )
    assert answer.ok, await answer.text()
    await visitor.page.evaluate(SHOWN_AGAIN)
    await visitor.page.get_by_text(f"Good to see you, {next_one.username}").wait_for()


async def test_a_link_that_is_no_good_gives_way_to_asking_for_another(visitor: Visitor) -> None:
    await visitor.page.goto("/reset-password#token=of-long-ago")
    await visitor.fill(New_password="correct horse battery")
    await visitor.press("Set the password")
    await visitor.fill(Email_address=visitor.email)
    await visitor.press("Send me the link")
    await visitor.page.get_by_text("a letter is on its way").wait_for()
    assert "token" not in visitor.page.url


async def test_who_is_to_wait_is_told_how_long_and_nothing_is_asked_meanwhile(
    visitor: Visitor,
) -> None:
    asked = 0

    async def refuse(route: Route) -> None:
        nonlocal asked
        asked += 1
        await route.fulfill(status=429, headers={"Retry-After": "30"}, body="<h1>Slow down</h1>")

    await visitor.sign_up()
    await visitor.page.route("**/api/v1/challenges?*", refuse)
    await visitor.page.goto("/challenges")
    await visitor.page.get_by_text("You can try again in 30 seconds.").wait_for()
    assert asked == 1


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ({"status": 503, "body": "<h1>503</h1>"}, "The hall cannot be reached."),
        ({"status": 413, "body": "<h1>413</h1>"}, "This is more than the hall takes at once."),
        (
            {"status": 200, "body": "<h1>Welcome to our network</h1>"},
            "Something between you and the hall answered in its place.",
        ),
    ],
)
async def test_what_proxies_answer_is_said_as_what_it_is(
    visitor: Visitor, answer: dict[str, Any], sentence: str
) -> None:
    await visitor.page.route("**/auth/login", lambda route: route.fulfill(**answer))
    await visitor.page.goto("/sign-in")
    await visitor.fill(Name_or_email_address="somebody", Password=PASSWORD)
    await visitor.press("Sign in")
    await visitor.page.get_by_text(sentence).wait_for()
    await expect(visitor.page.get_by_label("Password", exact=True)).to_have_value(PASSWORD)


async def test_a_language_that_cannot_be_fetched_is_not_spoken(visitor: Visitor) -> None:
    page = visitor.page
    await page.goto("/")
    await visitor.settled()
    heading = page.get_by_role("heading", level=1)
    before = await heading.inner_text()
    await page.route("**/assets/**", lambda route: route.abort())
    await page.get_by_label("Language").select_option("de")
    await page.get_by_text("The hall cannot be reached.").wait_for()
    assert await heading.inner_text() == before
    await page.unroute("**/assets/**")
    await page.get_by_label("Language").select_option("de")
    await expect(page.get_by_label("Sprache")).to_have_value("de")
