"""A member's own account by its pages: what lets them in, what programs may do, what is theirs."""

from __future__ import annotations

import asyncio
import io
import json
import re
import sys
import time
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.oidc_server import PASSWORD as PASSWORD_ELSEWHERE
from tests.oidc_server import running_oidc_server
from tests.system.guests import Guest
from tests.system.running_hall import PASSWORD, RunningHall, running_hall, until
from tests.web.factors import add_passkey, authenticator, set_up_app
from tests.web.looks import look
from tests.web.visitor import Visitor

WEB = Path(__file__).resolve().parents[2] / "web"
PIXELS = 4
READER = """
import decodeQR from "qr/decode.js";
import { readFileSync } from "node:fs";
const light = readFileSync(0);
const opaque = (_, i) => (i % 4 == 3 ? 255 : light[i >> 2]);
const data = Uint8Array.from({ length: light.length * 4 }, opaque);
const side = Number(process.argv[1]);
process.stdout.write(decodeQR({ width: side, height: side, data }));
"""
STEP_SECONDS = 30
RECOVERY_CODE = re.compile(r"(?:[A-Z2-7]{4}-){5}[A-Z2-7]{4}")


@pytest_asyncio.fixture
async def client(hall: RunningHall) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=hall.url, timeout=30) as new:
        yield new


async def read_qr(path: str) -> str:
    """Give what a QR code says, drawn as squares of one by one."""
    dark = {(int(x), int(y)) for x, y in re.findall(r"M(\d+) (\d+)", path)}
    edge = min(x for x, _ in dark)
    side = (max(x for x, _ in dark) + 1 + edge) * PIXELS
    light = bytes(
        0 if (x // PIXELS, y // PIXELS) in dark else 255 for y in range(side) for x in range(side)
    )
    reader = await asyncio.create_subprocess_exec(
        *(str(Path(sys.executable).with_name("node")), "--input-type=module", "-e", READER),
        *("--", str(side)),
        cwd=WEB,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await reader.communicate(light)
    return said.decode()


async def fetched(visitor: Visitor, button: str) -> tuple[str, bytes]:
    """Press a button that gives a file; give its name, and what is in it."""
    async with visitor.page.expect_download() as downloading:
        await visitor.press(button)
    download = await downloading.value
    path = await download.path()
    return download.suggested_filename, await asyncio.to_thread(path.read_bytes)


async def grow_stale(hall: RunningHall, visitor: Visitor) -> None:
    """Let it be long ago that the visitor proved who they are."""
    await hall.rows(
        "UPDATE active_sessions SET authenticated_at = authenticated_at - interval '1 hour'"
        " WHERE user_id = (SELECT id FROM users WHERE username = $1) RETURNING 1",
        visitor.name,
    )


async def sign_out_and_in(visitor: Visitor) -> None:
    await visitor.press("Sign out")
    await visitor.sees("A place to get better")
    await visitor.page.goto("/sign-in")
    await visitor.fill(**{"Name or email address": visitor.name, "Password": PASSWORD})
    await visitor.press("Sign in")


async def test_an_app_is_set_up_by_the_page_and_then_asked_for(visitor: Visitor) -> None:
    page = visitor.page
    await visitor.sign_up()
    app, codes = await set_up_app(visitor)
    saved = (await fetched(visitor, "Save as a file"))[1].decode()
    assert RECOVERY_CODE.findall(saved) == codes
    assert len(codes) == 10
    await visitor.press("I have kept them")
    await page.get_by_text("10 recovery codes are left").wait_for()

    await sign_out_and_in(visitor)
    # A code is good once, so it is the next one that lets in.
    await visitor.fill(Code_from_the_app=app.at(int(time.time()) + STEP_SECONDS))
    await visitor.press("Sign in")
    await visitor.sees(f"Good to see you, {visitor.name}")

    await sign_out_and_in(visitor)
    await visitor.press("Use a recovery code instead")
    await visitor.fill(Recovery_code=codes[0])
    await visitor.press("Sign in")
    await visitor.sees(f"Good to see you, {visitor.name}")
    await page.goto("/settings/security")
    await page.get_by_text("9 recovery codes are left").wait_for()

    await visitor.press("New recovery codes")
    await visitor.sees("New recovery codes?")
    await page.get_by_role("dialog").get_by_role("button", name="New recovery codes").click()
    await visitor.sees("Your recovery codes")
    renewed = await page.get_by_role("dialog").locator("li").all_inner_texts()
    assert not set(renewed) & set(codes)
    await visitor.press("I have kept them")

    await visitor.press("Turn off")
    await page.get_by_role("dialog").get_by_role("button", name="Turn off").click()
    await page.get_by_role("button", name="Set up an app").wait_for()
    await sign_out_and_in(visitor)
    await visitor.sees(f"Good to see you, {visitor.name}")


async def test_the_qr_code_says_what_the_link_does(visitor: Visitor) -> None:
    """Read by a decoder, as a camera would."""
    await visitor.sign_up()
    await visitor.page.goto("/settings/security")
    await visitor.press("Set up an app")
    code = visitor.page.get_by_role("img", name="QR code")
    link = await visitor.page.get_by_role("link", name="Or open an app").get_attribute("href")
    assert await read_qr(await code.locator("path").get_attribute("d") or "") == link


async def test_a_change_that_takes_a_code_asks_for_one_and_goes_on(visitor: Visitor) -> None:
    await visitor.sign_up()
    _, codes = await set_up_app(visitor)
    await visitor.press("I have kept them")
    # This session was opened without a code.
    await visitor.press("Turn off")
    await visitor.page.get_by_role("dialog").get_by_role("button", name="Turn off").click()
    await visitor.sees("Is it still you?")
    dialog = visitor.page.get_by_role("dialog")
    await dialog.get_by_label("Password", exact=True).fill(PASSWORD)
    await dialog.get_by_label("Code from the app").fill(codes[3])
    await visitor.press("Confirm")
    await visitor.page.get_by_role("button", name="Set up an app").wait_for()


async def test_a_passkey_is_made_and_lets_in(visitor: Visitor, hall: RunningHall) -> None:
    page = visitor.page
    await visitor.sign_up()
    await authenticator(visitor)
    await page.goto("/settings/security")
    await visitor.press("Add a passkey")
    await visitor.fill(What_to_call_it="My thumb")
    await visitor.press("Go on")
    passkeys = page.get_by_role("list", name="Passkeys")
    await passkeys.get_by_text("My thumb").wait_for()
    await passkeys.get_by_text("not used yet").wait_for()

    # The same device has nothing to add.
    await visitor.press("Add a passkey")
    await grow_stale(hall, visitor)
    await visitor.press("Go on")
    await visitor.sees("Is it still you?")
    await visitor.press("Use a passkey")
    await page.get_by_text("This device has a passkey for your account already.").wait_for()
    await visitor.press("Cancel")

    await visitor.press("Sign out")
    await visitor.sees("A place to get better")
    await page.goto("/settings/security")
    await visitor.sees("Sign in")
    await visitor.press("Use a passkey")
    await visitor.sees("Security")
    await passkeys.get_by_text("last used").wait_for()

    await grow_stale(hall, visitor)
    await visitor.press("Remove My thumb")
    await page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    await visitor.sees("Is it still you?")
    await visitor.press("Use a passkey")
    await passkeys.wait_for(state="detached")

    await visitor.press("Sign out")
    await visitor.sees("A place to get better")
    await page.goto("/sign-in")
    await visitor.press("Use a passkey")
    await page.get_by_role("alert").get_by_text("The hall does not know this passkey").wait_for()


async def change_something_after_the_end(visitor: Visitor) -> None:
    """Type something, and save it when the session has ended meanwhile."""
    page = visitor.page
    await page.get_by_role("link", name="Settings").click()
    await visitor.fill(Minutes_a_day="77")
    await end_sessions_of(visitor.hall, visitor.name)
    save = page.locator("section", has_text="Your days").get_by_role("button", name="Save")
    await save.click()
    await visitor.sees("Your session has ended")


async def test_a_session_that_ended_goes_on_with_a_passkey(visitor: Visitor) -> None:
    await authenticator(visitor)
    await visitor.sign_up()
    await add_passkey(visitor)
    await change_something_after_the_end(visitor)
    await visitor.press("Use a passkey")
    await visitor.page.get_by_text("Saved.").wait_for()


async def test_a_session_that_ended_goes_on_with_no_passkey_of_another_member(
    visitor: Visitor, client: httpx.AsyncClient
) -> None:
    first, second = visitor.name, f"{visitor.name}-2"
    await authenticator(visitor)
    visitor.name = second
    await visitor.sign_up()
    await add_passkey(visitor)
    await visitor.press("Sign out")
    await visitor.sees("A place to get better")
    visitor.name = first
    await visitor.sign_up()
    await change_something_after_the_end(visitor)
    await visitor.press("Use a passkey")
    await visitor.page.get_by_text("That passkey belongs to another member").wait_for()
    other = Guest(client, second)
    await other.login()
    assert (await other.get("/users/me"))["daily_capacity_minutes"] != 77
    await visitor.fill(Password=PASSWORD)
    await visitor.press("Sign in")
    await visitor.page.get_by_text("Saved.").wait_for()


async def end_sessions_of(hall: RunningHall, name: str) -> None:
    """End somebody's sessions as an operator would who asks for it over the API."""
    async with httpx.AsyncClient(base_url=hall.url, timeout=30) as client:
        guest = Guest(client, name)
        await guest.login()
        answer, _ = await guest.ask("DELETE", "/users/me/sessions")
        assert answer.status_code == 200, answer.text


async def test_a_new_password_is_set_and_ends_what_else_there_is(
    visitor: Visitor, client: httpx.AsyncClient
) -> None:
    page = visitor.page
    await visitor.sign_up()
    elsewhere = Guest(client, visitor.name)
    await elsewhere.login()
    await page.goto("/settings/security")
    await visitor.fill(Current_password="not this one", New_password="quite another horse")
    await visitor.press("Change the password")
    await page.get_by_text("The current password is not right").wait_for()
    await visitor.fill(Current_password=PASSWORD)
    await visitor.press("Change the password")
    await page.get_by_text("Your new password is set.").wait_for()
    answer, _ = await elsewhere.ask("GET", "/users/me")
    assert answer.status_code == 401
    login = {"login": visitor.name, "password": "quite another horse"}
    assert (await client.post("/api/v1/auth/login", json=login)).status_code == 200


async def test_devices_are_forgotten_and_all_else_is_signed_out(
    visitor: Visitor, client: httpx.AsyncClient
) -> None:
    page = visitor.page
    await visitor.sign_up()
    guests = [Guest(client, visitor.name) for _ in range(3)]
    for guest in guests:
        await guest.login()
    await page.goto("/settings/devices")
    known = page.get_by_role("list", name="Devices you have used")
    await known.get_by_text("This device").wait_for()
    forget = known.get_by_role("button", name=re.compile("^Forget "))
    before = await forget.count()
    assert before >= 1
    await known.get_by_text("from 127.0.0.1").first.wait_for()
    await forget.first.click()
    await visitor.sees("Where you are signed in")
    if before > 1:
        await visitor.press("Sign out everywhere else")
        dialog = page.get_by_role("dialog")
        await dialog.get_by_role("button", name="Sign out everywhere else").click()
    sessions = page.get_by_role("list", name="Where you are signed in")
    await sessions.get_by_role("button").first.wait_for(state="detached")
    await sessions.get_by_text("This device").wait_for()
    for guest in guests:
        answer, _ = await guest.ask("GET", "/users/me")
        assert answer.status_code == 401


async def test_sessions_elsewhere_are_ended_all_at_once(
    visitor: Visitor, client: httpx.AsyncClient
) -> None:
    page = visitor.page
    await visitor.sign_up()
    guests = [Guest(client, visitor.name) for _ in range(2)]
    for guest in guests:
        await guest.login()
    await page.goto("/settings/devices")
    await visitor.press("Sign out everywhere else")
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("button", name="Sign out everywhere else").click()
    sessions = page.get_by_role("list", name="Where you are signed in")
    await sessions.get_by_role("button").first.wait_for(state="detached")
    await expect(sessions.get_by_role("listitem")).to_have_count(1)
    for guest in guests:
        answer, _ = await guest.ask("GET", "/users/me")
        assert answer.status_code == 401


async def test_a_key_made_by_the_page_opens_what_it_may_until_it_is_revoked(
    visitor: Visitor, client: httpx.AsyncClient
) -> None:
    page = visitor.page

    async def opens(key: str, path: str) -> int:
        answer = await client.get(f"/api/v1{path}", headers={"X-API-Key": key})
        return answer.status_code

    await visitor.sign_up()
    await page.goto("/settings/api-keys")
    await page.get_by_text("You have no keys.").wait_for()
    await visitor.press("Make a key")
    dialog = page.get_by_role("dialog")
    await visitor.fill(What_it_is_for="Backup script")
    await dialog.get_by_role("button", name="Make a key").click()
    await dialog.get_by_text("Choose at least one thing").wait_for()
    sees = dialog.get_by_role("group", name="It may see")
    await sees.get_by_label("goals, plans and today’s tasks").check()
    await dialog.get_by_label("How long it is good for").select_option("7")
    await dialog.get_by_role("button", name="Make a key").click()
    await visitor.sees("Your new key")
    key = await dialog.locator("code").inner_text()
    assert (await opens(key, "/goals"), await opens(key, "/users/me")) == (200, 403)
    await visitor.press("I have kept it")
    await page.get_by_text("not used yet").or_(page.get_by_text("last used")).wait_for()

    await visitor.press("Replace Backup script")
    await dialog.get_by_label("The old key still works for").select_option("0")
    await dialog.get_by_role("button", name="Replace").click()
    await visitor.sees("Your new key")
    second = await dialog.locator("code").inner_text()
    assert (await opens(key, "/goals"), await opens(second, "/goals")) == (401, 200)
    await visitor.press("I have kept it")

    await visitor.press("Revoke Backup script")
    await dialog.get_by_role("button", name="Revoke").click()
    await dialog.wait_for(state="detached")
    assert await opens(second, "/goals") == 401
    await page.get_by_role("button", name="Revoke Backup script").wait_for(state="detached")
    await expect(page.get_by_text("revoked on")).to_have_count(2)
    # The button that had the focus is gone; the next tab is still at the keys.
    await expect(page.get_by_role("region", name="Your keys")).to_be_focused()


async def test_ones_data_is_put_together_and_fetched(visitor: Visitor) -> None:
    page = visitor.page
    await visitor.sign_up()
    await page.goto("/settings/data")
    await visitor.press("Put it together")
    await page.get_by_role("button", name="Download").wait_for()
    name, content = await fetched(visitor, "Download")
    assert re.fullmatch(r"guildhall-\d{4}-\d\d-\d\d\.zip", name)
    with zipfile.ZipFile(io.BytesIO(content)) as zipped:
        (account,) = json.loads(zipped.read("users.json"))
        assert account["username"] == visitor.name
        assert "manifest.json" in zipped.namelist()


async def test_an_account_is_deleted_in_a_while_and_kept_after_all(
    visitor: Visitor, client: httpx.AsyncClient
) -> None:
    page = visitor.page
    await visitor.sign_up()
    await page.goto("/settings/data")
    await visitor.press("Delete my account …")
    name = page.get_by_label("To confirm, type your name")
    await name.fill("somebody else")
    await visitor.press("Delete my account")
    await page.get_by_text(f"That is not “{visitor.name}”.").wait_for()
    await name.fill(visitor.name)
    await visitor.press("Delete my account")
    await page.get_by_role("alert").get_by_text("Your account will be erased on").wait_for()
    guest = Guest(client, visitor.name)
    await guest.login()
    assert (await guest.get("/users/me"))["erase_after"] is not None

    await page.goto("/dashboard")
    await page.get_by_role("alert").get_by_text("Your account will be erased on").wait_for()
    await visitor.press("Keep my account")
    await page.get_by_role("alert").wait_for(state="detached")
    assert (await guest.get("/users/me"))["erase_after"] is None


@pytest_asyncio.fixture(scope="module")
async def hall_with_provider(
    hall: RunningHall, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[RunningHall]:
    """Another hall, where nobody has been, and that a provider opens as well."""
    folder = tmp_path_factory.mktemp("oidc")
    people = {"ada": {"family-name": "Lovelace", "emails": "ada@example.org"}}
    async with running_oidc_server(folder, people) as server:

        async def introduced(running: RunningHall) -> None:
            origin = f"http://localhost:{running.port}"
            registered = await server.register(f"{origin}/api/v1/auth/oidc/canaille/callback")
            provider = {
                "name": "canaille",
                "title": "The Duck",
                "issuer": server.url,
                "client_id": registered.id,
                "client_secret": registered.secret,
            }
            running.environment["OIDC_PROVIDERS"] = json.dumps([provider])

        async with running_hall(before=introduced) as running:
            yield running


async def test_the_link_that_the_first_start_printed_makes_one_admin(
    browser: Browser, hall_with_provider: RunningHall
) -> None:
    hall = hall_with_provider
    link = re.compile(r"http://localhost:\d+(/setup#token=\S+)")
    await until(lambda: link.search(hall.log.read_text()) is not None, 30, "the link is printed")
    printed = link.search(hall.log.read_text())
    assert printed is not None
    assert f"http://localhost:{hall.port}/setup" in printed[0]
    async with Visitor.at(browser, hall) as visitor:
        page = visitor.page
        await page.goto(printed[1])
        await visitor.sees("Open the hall")
        assert "token" not in page.url
        await visitor.fill(
            Name_in_the_hall=visitor.name, Email_address=visitor.email, Password=PASSWORD
        )
        await visitor.press("Become the admin")
        await visitor.sees("The hall is yours")
        await look(visitor, "setup-done")
        await page.get_by_role("link", name="Set up a second factor").click()
        await visitor.sees("Security")
        await page.get_by_role("link", name="Admin").wait_for()
    async with Visitor.at(browser, hall) as another:
        await another.page.goto("/setup")
        await another.fill(Setup_token=printed[0])
        await another.press("Go on")
        await another.fill(
            Name_in_the_hall=another.name, Email_address=another.email, Password=PASSWORD
        )
        await another.press("Become the admin")
        await another.page.get_by_text("This link opens nothing any more").wait_for()
        await look(another, "setup-closed")


async def test_an_account_elsewhere_is_linked_and_lets_in(
    browser: Browser, hall_with_provider: RunningHall
) -> None:
    async with Visitor.at(browser, hall_with_provider) as visitor:
        page = visitor.page
        await visitor.sign_up()
        await page.goto("/settings/security")
        await visitor.press("Link The Duck")
        await sign_in_elsewhere(visitor)
        visitor.faults.clear()  # Those of the provider's own pages.
        linked = page.get_by_role("list", name="Accounts elsewhere")
        await linked.get_by_text("The Duck").wait_for()
        await look(visitor, "settings-security-linked")

        await visitor.press("Sign out")
        await visitor.sees("A place to get better")
        await page.goto("/sign-in")
        await look(visitor, "sign-in-with-provider")
        await page.get_by_role("link", name="Continue with The Duck").click()
        await visitor.sees(f"Good to see you, {visitor.name}")

        # Nobody else can have it, and the page says so.
        async with Visitor.at(browser, hall_with_provider) as another:
            await another.sign_up()
            await another.page.goto("/settings/security")
            await another.press("Link The Duck")
            await sign_in_elsewhere(another, is_known=True)
            await another.page.get_by_text("Another member signs in with this account").wait_for()
            another.faults.clear()  # Those of the provider's own pages.
            await look(another, "identity-taken")

        await page.goto("/settings/security")
        await visitor.press("Unlink The Duck")
        await page.get_by_role("dialog").get_by_role("button", name="Unlink").click()
        await linked.wait_for(state="detached")


async def sign_in_elsewhere(visitor: Visitor, *, is_known: bool = False) -> None:
    """Fill the provider's own forms; whom it knows it does not ask whether the hall may know."""
    page = visitor.page
    await page.locator("input[name=login]").fill("ada")
    await page.locator("input[name=login]").press("Enter")
    await page.locator("input[name=password]").fill(PASSWORD_ELSEWHERE)
    await page.locator("input[name=password]").press("Enter")
    if not is_known:
        await page.locator("button[name=answer][value=accept]").click()
