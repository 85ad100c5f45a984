"""Every room, in both themes, on a phone and on a wide screen: axe finds nothing, the policy
refuses nothing, and a picture of each is left in `web/pictures` to be looked at."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, StorageState, expect

from tests.system.guests import Guest, admin_of
from tests.system.running_hall import PASSWORD, RunningHall
from tests.web.axe import faults_of
from tests.web.guests import busy_member
from tests.web.looks import look_at
from tests.web.visitor import Visitor

# A room, its address, and a heading by which one knows that it is there.
OPEN_ROOMS = {
    "welcome": ("/", "A place to get better"),
    "sign-up": ("/sign-up", "Join the hall"),
    "sign-in": ("/sign-in", "Sign in"),
    "second-factor": ("/sign-in/second-factor", "One more step"),
    "verify-email": ("/verify-email", "Your email address"),
    "reset-password": ("/reset-password", "A new password"),
    "new-password": ("/reset-password#token=ghr_any", "A new password"),
    "nowhere": ("/no/such/room", "No such room"),
}
ROOMS_OF_MEMBERS = {
    "dashboard": ("/dashboard", "What you could do next"),
    "settings": ("/settings", "Your days"),
}


@pytest_asyncio.fixture(scope="module")
async def signed_in(browser: Browser, hall: RunningHall) -> AsyncIterator[StorageState]:
    """The browser of a member who has done a lot."""
    async with (
        httpx.AsyncClient(base_url=hall.url, timeout=30) as client,
        Visitor.at(browser, hall) as visitor,
    ):
        await visitor.sign_up()
        member = Guest(client, visitor.name)
        await member.login()
        await busy_member(member, await admin_of(hall, client))
        yield await visitor.context.storage_state()


@pytest.mark.parametrize("room", OPEN_ROOMS)
async def test_a_room_is_there_for_everybody(
    browser: Browser, hall: RunningHall, room: str
) -> None:
    await look_at(browser, hall, (room, *OPEN_ROOMS[room]))


@pytest.mark.parametrize("room", ROOMS_OF_MEMBERS)
async def test_a_room_is_there_for_members(
    browser: Browser,
    hall: RunningHall,
    signed_in: StorageState,
    room: str,
) -> None:
    await look_at(browser, hall, (room, *ROOMS_OF_MEMBERS[room]), signed_in)


async def test_a_link_that_was_cut_short_says_so(
    browser: Browser, hall: RunningHall, signed_in: StorageState
) -> None:
    async with Visitor.at(browser, hall, storage_state=signed_in) as visitor:
        await visitor.page.goto("/goals/01a2")
        said = visitor.page.get_by_role("alert")
        await expect(said).to_have_text(
            "There is nothing at this address. Perhaps the link was cut short."
        )


async def test_axe_would_find_something(visitor: Visitor) -> None:
    """The look at the rooms is worth what this one is."""
    await visitor.page.goto("/sign-in")
    await visitor.sees("Sign in")
    await visitor.page.evaluate("document.querySelector('label').remove()")
    faults = await faults_of(visitor.page)
    assert any(fault.startswith("label: ") for fault in faults), faults


async def test_the_theme_chosen_is_there_before_the_first_paint(visitor: Visitor) -> None:
    await visitor.page.goto("/")
    await visitor.page.get_by_label("Appearance").select_option("dark")
    await visitor.page.route("**/assets/*.js", lambda route: route.abort())
    await visitor.page.reload()
    background = "getComputedStyle(document.documentElement).backgroundColor"
    assert await visitor.page.evaluate(background) == "rgb(22, 25, 26)"
    visitor.faults.clear()  # That the app's script did not come is meant.


async def test_another_language_is_spoken_at_once_and_kept(visitor: Visitor) -> None:
    await visitor.page.goto("/sign-up")
    await visitor.page.get_by_label("Language").select_option("de")
    await visitor.sees("Mitglied werden")
    await visitor.page.reload()
    await visitor.sees("Mitglied werden")
    assert await visitor.page.get_attribute("html", "lang") == "de"
    await visitor.page.goto("/sign-in")
    await visitor.fill(**{"Name_oder_E-Mail-Adresse": "niemand", "Passwort": PASSWORD})
    await visitor.press("Anmelden")
    await visitor.page.get_by_text("Name oder Passwort stimmt nicht.").wait_for()
