"""The rooms of a member's account, looked at: with one of everything in them, and in German."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, StorageState

from tests.system.guests import Guest
from tests.system.running_hall import RunningHall
from tests.web.factors import add_passkey, authenticator, set_up_app
from tests.web.looks import PHONE, look, look_around, look_at
from tests.web.visitor import Visitor

ROOMS = {
    "settings-security": ("/settings/security", "Password"),
    "settings-devices": ("/settings/devices", "Devices you have used"),
    "settings-api-keys": ("/settings/api-keys", "Your keys"),
    "settings-data": ("/settings/data", "Delete your account"),
}
OPEN_ROOMS = {
    "setup": ("/setup#token=ghs_any", "Open the hall"),
    "setup-token": ("/setup", "Open the hall"),
}


@pytest_asyncio.fixture(scope="module")
async def settled_in(browser: Browser, hall: RunningHall) -> AsyncIterator[StorageState]:
    """The browser of a member with one of everything, and about to leave."""
    async with (
        httpx.AsyncClient(base_url=hall.url, timeout=30) as client,
        Visitor.at(browser, hall) as visitor,
    ):
        await visitor.sign_up()
        await authenticator(visitor)
        await add_passkey(visitor)
        guest = Guest(client, visitor.name)
        await guest.login()
        for name, scopes in (
            ("Backup script", ["goals:read", "identity:read"]),
            ("The lamp in the kitchen that shows today’s tasks", ["goals:read", "goals:write"]),
            ("An old one", ["progression:read"]),
        ):
            body = {"name": name, "scopes": scopes}
            made = await guest.post("/users/me/api-keys", body, expect=201)
        answer, _ = await guest.ask("DELETE", f"/users/me/api-keys/{made['id']}")
        assert answer.status_code == 204, answer.text
        await guest.post("/users/me/export", expect=202)
        await visitor.page.goto("/settings/data")
        await visitor.page.get_by_role("button", name="Download").wait_for()
        yield await visitor.context.storage_state()


@pytest.mark.parametrize("room", ROOMS)
async def test_a_room_of_the_settings_is_there(
    browser: Browser,
    hall: RunningHall,
    settled_in: StorageState,
    room: str,
) -> None:
    await look_at(browser, hall, (room, *ROOMS[room]), settled_in)


@pytest.mark.parametrize("room", OPEN_ROOMS)
async def test_the_first_admin_s_page_is_there(
    browser: Browser, hall: RunningHall, room: str
) -> None:
    await look_at(browser, hall, (room, *OPEN_ROOMS[room]))


async def test_what_is_shown_once_can_be_looked_at(browser: Browser, hall: RunningHall) -> None:
    async with Visitor.at(browser, hall, viewport=PHONE) as visitor:
        page = visitor.page
        await visitor.sign_up()
        await page.goto("/settings/security")
        await visitor.press("Set up an app")
        await visitor.sees("Set up your app")
        await look_around(visitor, "app-setup")
        await visitor.press("Cancel")
        await set_up_app(visitor)
        await look_around(visitor, "recovery-codes")
        await visitor.press("I have kept them")
        await page.get_by_text("10 recovery codes are left").wait_for()
        await look_around(visitor, "app-on")

        await page.goto("/settings/api-keys")
        await visitor.press("Make a key")
        await look_around(visitor, "new-key")
        await visitor.fill(What_it_is_for="Backup script")
        dialog = page.get_by_role("dialog")
        await dialog.get_by_label("goals, plans and today’s tasks").check()
        await dialog.get_by_role("button", name="Make a key").click()
        await visitor.sees("Your new key")
        await look_around(visitor, "made-key")
        await visitor.press("I have kept it")

        await page.goto("/settings/data")
        await visitor.press("Delete my account …")
        await look_around(visitor, "deletion")
        await page.get_by_label("To confirm, type your name").fill(visitor.name)
        await visitor.press("Delete my account")
        await page.get_by_role("alert").wait_for()
        await look_around(visitor, "leaving")


async def test_the_settings_speak_german(
    browser: Browser, hall: RunningHall, settled_in: StorageState
) -> None:
    german = {"viewport": PHONE, "locale": "de-DE", "storage_state": settled_in}
    async with Visitor.at(browser, hall, **german) as visitor:
        for name, address, heading in (
            ("security", "/settings/security", "Passwort"),
            ("devices", "/settings/devices", "Geräte, die du benutzt hast"),
            ("api-keys", "/settings/api-keys", "Deine Schlüssel"),
            ("data", "/settings/data", "Dein Konto löschen"),
        ):
            await visitor.page.goto(address)
            await visitor.sees(heading)
            await look(visitor, f"settings-{name}-german")
