"""A session in a browser, from the first visit on; and that nothing typed is lost when it ends."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator

import httpx
import pyotp
import pytest_asyncio
from playwright.async_api import Page, Request, Route, expect

from tests.system.guests import Guest, admin_of
from tests.system.running_hall import PASSWORD, RunningHall
from tests.web.axe import faults_of
from tests.web.guests import busy_member
from tests.web.visitor import Visitor

ACCESS_COOKIE = "__Host-guildhall"
PATIENCE_SECONDS = 30


@pytest_asyncio.fixture
async def client(hall: RunningHall) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=hall.url, timeout=30) as new:
        yield new


@pytest_asyncio.fixture
async def elsewhere(visitor: Visitor, client: httpx.AsyncClient) -> Guest:
    """The visitor, who has signed up, on another device of theirs."""
    await visitor.sign_up()
    guest = Guest(client, visitor.name)
    await guest.login()
    return guest


async def end_sessions(guest: Guest) -> None:
    """End all sessions but the one that this is asked from."""
    for session in (await guest.get("/users/me/sessions"))["items"]:
        if not session["current"]:
            answer, _ = await guest.ask("DELETE", f"/users/me/sessions/{session['id']}")
            assert answer.status_code == 204, answer.text


def link_in_letters(hall: RunningHall, page: str, name: str) -> str | None:
    """Give the link to a page in the newest letter to somebody, without the origin."""
    for letter in sorted((hall.data_dir / "mail").glob("*.eml"), reverse=True):
        text = letter.read_text()
        found = re.search(rf"(/{page}#token=[\w-]+)", text)
        if found and name in text:
            return found[1]
    return None


async def letter_link(visitor: Visitor, page: str) -> str:
    """Wait for a letter's link."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (link := link_in_letters(visitor.hall, page, visitor.name)) is None:
            await visitor.page.wait_for_timeout(100)
    return link


async def kept_by_scripts(page: Page) -> str:
    """Give everything that scripts of the page can get hold of."""
    kept: str = await page.evaluate(
        "JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])"
    )
    return kept


async def test_from_the_welcome_to_a_task_that_is_done(
    visitor: Visitor, client: httpx.AsyncClient, hall: RunningHall
) -> None:
    page = visitor.page
    await page.goto("/")
    await page.get_by_role("link", name="Join the hall").click()
    await visitor.fill(
        Name_in_the_hall=visitor.name, Email_address=visitor.email, Password=PASSWORD
    )
    await visitor.press("Join")
    await visitor.sees(f"Good to see you, {visitor.name}")
    assert "eyJ" not in await kept_by_scripts(page), "a token where scripts can read it"

    guest = Guest(client, visitor.name)
    await guest.login()
    me = await guest.get("/users/me")
    assert me["time_zone"] == "Europe/Berlin"
    dashboard = await busy_member(guest, await admin_of(hall, client))
    await page.reload()
    title = dashboard["today"]["tasks"][0]["title"]
    task = page.get_by_role("checkbox", name=title)
    async with page.expect_response(lambda answer: answer.request.method == "PATCH") as patched:
        await page.get_by_text(title).click()
    assert (await patched.value).status == 200
    assert await task.is_checked()
    await page.reload()
    await task.wait_for()
    assert await task.is_checked()
    await visitor.picture("task-done")
    tasks = (await guest.get(f"/dashboard/{guest.id}"))["today"]["tasks"]
    assert tasks[0]["status"] == "done"


async def test_what_was_typed_outlives_the_session(visitor: Visitor, elsewhere: Guest) -> None:
    page = visitor.page
    await page.get_by_role("link", name="Settings").click()
    await visitor.fill(Minutes_a_day="77")
    await end_sessions(elsewhere)

    save = page.locator("section", has_text="Your days").get_by_role("button", name="Save")
    await save.click()
    await visitor.sees("Your session has ended")
    assert await faults_of(visitor.page) == []
    await visitor.picture("session-ended")
    assert await page.get_by_label("Name or email address").input_value() == visitor.name
    await visitor.fill(Password="not this one")
    await visitor.press("Sign in")
    await page.get_by_role("dialog").get_by_role("alert").wait_for()
    await visitor.fill(Password=PASSWORD)
    await visitor.press("Sign in")

    # What was asked for is done, without being asked for again.
    await page.get_by_text("Saved.").wait_for()
    assert await page.get_by_label("Minutes a day").input_value() == "77"
    assert (await elsewhere.get("/users/me"))["daily_capacity_minutes"] == 77


async def test_an_expired_access_token_is_renewed_once_and_unseen(
    visitor: Visitor, elsewhere: Guest
) -> None:
    refreshes: list[Request] = []
    await visitor.page.goto("/settings/devices")
    await visitor.sees("Where you are signed in")
    visitor.context.on(
        "request", lambda asked: refreshes.append(asked) if "/auth/refresh" in asked.url else None
    )
    await visitor.context.clear_cookies(name=ACCESS_COOKIE)
    await visitor.page.get_by_role("link", name="Dashboard").click()
    await visitor.sees("What you could do next")
    assert len(refreshes) == 1
    cookies = {cookie["name"] for cookie in await visitor.context.cookies()}
    assert ACCESS_COOKIE in cookies


async def test_signing_out_in_one_tab_is_felt_in_all(visitor: Visitor) -> None:
    await visitor.sign_up()
    second = await visitor.context.new_page()
    visitor.listen(second)
    await second.goto("/dashboard")
    await second.get_by_role("heading", name="What you could do next").wait_for()
    await visitor.press("Sign out")
    await visitor.sees("A place to get better")
    await second.get_by_role("heading", name="Sign in").wait_for()
    assert "guildhall-csrf" not in await kept_by_scripts(second)


async def test_a_strange_room_leads_past_the_sign_in_and_back(visitor: Visitor) -> None:
    await visitor.sign_up()
    await visitor.press("Sign out")
    await visitor.sees("A place to get better")
    await visitor.page.goto("/settings")
    await visitor.sees("Sign in")
    await visitor.fill(**{"Name or email address": visitor.name, "Password": PASSWORD})
    await visitor.press("Sign in")
    await visitor.sees("Settings")


async def test_the_second_factor_is_asked_for(visitor: Visitor, elsewhere: Guest) -> None:
    begun = await elsewhere.post("/users/me/totp", expect=201)
    app = pyotp.TOTP(begun["secret"])
    confirmed, _ = await elsewhere.ask("POST", "/users/me/totp/confirm", {"code": app.now()})
    assert confirmed.status_code == 200, confirmed.text
    recovery_code = confirmed.json()["recovery_codes"][0]

    await visitor.page.goto("/sign-in")
    await visitor.sees("Sign in")
    await visitor.fill(**{"Name or email address": visitor.name, "Password": PASSWORD})
    await visitor.press("Sign in")
    await visitor.fill(Code_from_the_app="000000")
    await visitor.press("Sign in")
    await (
        visitor.page.get_by_label("Code from the app")
        .and_(visitor.page.locator("[aria-invalid=true]"))
        .wait_for()
    )
    await visitor.press("Use a recovery code instead")
    await visitor.fill(Recovery_code=recovery_code)
    await visitor.press("Sign in")
    await visitor.sees(f"Good to see you, {visitor.name}")


async def test_the_links_of_letters_lead_somewhere(visitor: Visitor) -> None:
    await visitor.sign_up()
    page = visitor.page
    reminder = page.get_by_text("Please confirm your email address")
    await reminder.wait_for()
    await page.goto(await letter_link(visitor, "verify-email"))
    await page.get_by_text("Your address is confirmed").wait_for()
    assert "token" not in page.url
    await page.get_by_role("main").get_by_role("link", name="Dashboard").click()
    await visitor.sees("What you could do next")
    await reminder.wait_for(state="detached")

    await visitor.press("Sign out")
    await visitor.sees("A place to get better")
    await page.goto("/reset-password")
    await visitor.fill(Email_address=visitor.email)
    await visitor.press("Send me the link")
    await page.get_by_text("a letter is on its way").wait_for()
    await page.goto("/")
    await page.goto(await letter_link(visitor, "reset-password"))
    await visitor.fill(New_password="quite another horse")
    await visitor.press("Set the password")
    await page.get_by_text("Your new password is set").wait_for()
    await page.get_by_role("main").get_by_role("link", name="Sign in").click()
    await visitor.fill(**{"Name or email address": visitor.name, "Password": "quite another horse"})
    await visitor.press("Sign in")
    await visitor.sees(f"Good to see you, {visitor.name}")


async def test_without_a_network_the_page_says_so_and_keeps_what_was_typed(
    visitor: Visitor, elsewhere: Guest
) -> None:
    page = visitor.page
    await page.get_by_role("link", name="Settings").click()
    await visitor.fill(Minutes_a_day="88")
    await visitor.context.set_offline(True)
    save = page.locator("section", has_text="Your days").get_by_role("button", name="Save")
    await save.click()
    await page.get_by_role("alert").get_by_text("The hall cannot be reached").wait_for()
    await page.get_by_text("You are offline").wait_for()
    await visitor.picture("offline")
    assert await page.get_by_label("Minutes a day").input_value() == "88"
    await visitor.context.set_offline(False)
    await save.click()
    await page.get_by_text("Saved.").wait_for()
    assert (await elsewhere.get("/users/me"))["daily_capacity_minutes"] == 88


async def test_what_the_hall_refuses_is_said_at_the_field(
    visitor: Visitor, elsewhere: Guest, client: httpx.AsyncClient
) -> None:
    await Guest(client, f"{visitor.name}-2").register()
    await visitor.page.get_by_role("link", name="Settings").click()
    await visitor.fill(Name_in_the_hall=f"{visitor.name}-2")
    profile = visitor.page.locator("section", has_text="Profile")
    await profile.get_by_role("button", name="Save").click()
    await (
        visitor.page.get_by_label("Name in the hall")
        .and_(visitor.page.locator("[aria-invalid=true]"))
        .wait_for()
    )
    await visitor.picture("refused-at-the-field")
    assert await faults_of(visitor.page) == []
    me = await elsewhere.get("/users/me")
    assert me["username"] == visitor.name

    # What it takes is shown as it took it.
    name = visitor.page.get_by_label("Name in the hall")
    await name.fill(f"  {visitor.name}-3 ")
    await profile.get_by_role("button", name="Save").click()
    await profile.get_by_text("Saved.").wait_for()
    await expect(name).to_have_value(f"{visitor.name}-3")


async def test_a_sensitive_change_asks_who_one_is_and_goes_on(
    visitor: Visitor, elsewhere: Guest, hall: RunningHall
) -> None:
    await hall.rows(
        "UPDATE active_sessions SET authenticated_at = authenticated_at - interval '1 hour'"
        " WHERE user_id = $1 RETURNING 1",
        elsewhere.id,
    )
    await visitor.page.goto("/settings/devices")
    await visitor.sees("Where you are signed in")
    await visitor.page.get_by_role("button", name=re.compile("^Sign out of")).first.click()
    await visitor.sees("Is it still you?")
    assert await faults_of(visitor.page) == []
    await visitor.fill(Password=PASSWORD)
    await visitor.press("Confirm")
    await visitor.page.get_by_role("button", name=re.compile("^Sign out of")).wait_for(
        state="detached"
    )
    answer, _ = await elsewhere.ask("GET", "/users/me")
    assert answer.status_code == 401


async def test_a_defect_of_the_hall_is_said_and_tried_again(
    visitor: Visitor, hall: RunningHall
) -> None:
    await visitor.sign_up()
    await visitor.sees("The last 30 days")
    history = visitor.page.locator("section", has_text="The last 30 days")
    await hall.rows("ALTER TABLE xp_ledger RENAME TO xp_ledger_mislaid")
    try:
        await visitor.page.reload()
        await history.get_by_text("Something broke on our side").wait_for()
        await history.get_by_text("Reference: ").wait_for()
        await visitor.picture("broken")
        assert await faults_of(visitor.page) == []
        # What does not need it goes on.
        await visitor.sees("What you could do next")
    finally:
        await hall.rows("ALTER TABLE xp_ledger_mislaid RENAME TO xp_ledger")
    await history.get_by_role("button", name="Try again").click()
    await history.get_by_text("No XP yet in these 30 days.").wait_for()


async def test_a_form_of_one_line_is_sent_once_however_often_enter_is_pressed(
    visitor: Visitor,
) -> None:
    page = visitor.page
    sent: list[str] = []
    go_on = asyncio.Event()

    async def hold(route: Route) -> None:
        sent.append(route.request.url)
        await go_on.wait()
        await route.continue_()

    await page.route("**/api/v1/auth/password-reset", hold)
    await page.goto("/reset-password")
    line = page.get_by_label("Email address")
    await line.fill(visitor.email)
    await line.press("Enter")
    await page.get_by_role("status").get_by_text("One moment").wait_for()
    await line.press("Enter")
    await line.press("Enter")
    go_on.set()
    await page.get_by_text("a letter is on its way").wait_for()
    assert len(sent) == 1
