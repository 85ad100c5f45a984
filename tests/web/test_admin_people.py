"""Administration of members, the audit log, background tasks and events, in a real browser."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import asyncpg
import httpx
import pyotp
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, Route, StorageState, expect

from guildhall.infra.database import asyncpg_arguments
from guildhall.kernel.ids import new_id
from tests.system.guests import Guest, admin_of
from tests.system.running_hall import PASSWORD, RunningHall
from tests.web.axe import faults_of
from tests.web.looks import look_at
from tests.web.visitor import PATIENCE_MILLISECONDS, Visitor

expect.set_options(timeout=PATIENCE_MILLISECONDS)

EXPORT = "A member's data as a file"
# Makes a page believe that it is seen, or is not.
SEEN = """state => {
  Object.defineProperty(document, "visibilityState", {get: () => state, configurable: true});
  document.dispatchEvent(new Event("visibilitychange", {bubbles: true}));
}"""
FAULT = "ConnectionRefusedError: [Errno 111] Connect call failed ('127.0.0.1', 25)"


@dataclass
class Office:
    """An admin who is in at a browser, and whom and what they look after."""

    admin: Guest
    chief: str
    state: StorageState
    apprentice: Guest
    running: UUID


@pytest_asyncio.fixture(scope="module")
async def client(hall: RunningHall) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=hall.url, timeout=30) as new:
        yield new


@pytest_asyncio.fixture(scope="module")
async def office(
    browser: Browser, hall: RunningHall, client: httpx.AsyncClient
) -> AsyncIterator[Office]:
    admin = await admin_of(hall, client)
    apprentice = Guest(client, "apprentice-of-the-glazier")
    await apprentice.register()
    for xp, reason in ((150, "Mended the big window"), (-30, "One pane was broken already")):
        body = {"user_id": apprentice.id, "xp": xp, "reason": reason}
        await admin.post("/admin/xp", body, expect=201)
    running = await a_task(hall, "progression.apply_rescoring", "running", requested_by=admin.id)
    await a_task(hall, "identity.mail_verification", "failed", requested_by=None)
    await a_task(hall, "progression.try_on_history", "succeeded", requested_by=admin.id)
    async with Visitor.at(browser, hall) as visitor:
        await visitor.sign_up()
        await make(admin, visitor.name, "admin")
        yield Office(
            admin, visitor.name, await visitor.context.storage_state(), apprentice, running
        )


@pytest_asyncio.fixture
async def chief(browser: Browser, hall: RunningHall, office: Office) -> AsyncIterator[Visitor]:
    """The admin, who has just shown who they are."""
    await hall.rows(
        "UPDATE active_sessions s SET authenticated_at = now() FROM users u"
        " WHERE u.id = s.user_id AND u.username = $1 RETURNING 1",
        office.chief,
    )
    async with Visitor.at(browser, hall, storage_state=office.state) as visitor:
        yield visitor


async def find(admin: Guest, name: str) -> str:
    (found,) = (await admin.get(f"/admin/users?search={name}"))["items"]
    return str(found["id"])


async def make(admin: Guest, name: str, role: str) -> None:
    path = f"/admin/users/{await find(admin, name)}"
    answer, _ = await admin.ask("PATCH", path, {"role": role})
    assert answer.status_code == 200, answer.text


async def a_task(hall: RunningHall, name: str, state: str, requested_by: str | None) -> UUID:
    """Put a task on record; nothing runs it."""
    id_ = new_id()
    await hall.rows(
        "INSERT INTO task_executions (id, name, arguments, queue, priority, state, progress_done,"
        " progress_total, attempts, max_attempts, available_at, lease_until, created_at,"
        " started_at, finished_at, error, result, requested_by)"
        " SELECT $1, $2, '{}', 'default', 1, $3::text, 310, 1200, 2, 5, now(),"
        "  now() + interval '1 day', now(), now(), CASE WHEN $3 <> 'running' THEN now() END,"
        "  CASE WHEN $3 = 'failed' THEN $5 END,"
        "  CASE WHEN $3 = 'succeeded' THEN '{\"would_get\": 12, \"sample\": []}'::jsonb END, $4"
        " RETURNING 1",
        id_,
        name,
        state,
        requested_by and UUID(requested_by),
        FAULT,
    )
    return id_


async def parked(hall: RunningHall, owner: str) -> int:
    """Park what somebody's joining told, as if its reader had failed."""
    (row,) = await hall.rows(
        "INSERT INTO outbox_events (event_id, handler, name, subject_id, payload, correlation_id,"
        " state, available_at, attempts, error)"
        " SELECT gen_random_uuid(), handler, name, subject_id, payload, correlation_id,"
        "  'parked', now(), 8, $2 FROM outbox_events"
        " WHERE name = 'identity.user_registered.v1' AND subject_id = $1 LIMIT 1 RETURNING id",
        UUID(owner),
        FAULT,
    )
    return int(row["id"])


async def confirm(page: Page, button: str) -> None:
    """Press a button, and again in the window that asks once more."""
    await page.get_by_role("main").get_by_role("button", name=button, exact=True).click()
    window = page.get_by_role("dialog")
    await window.wait_for()
    assert await faults_of(page) == []
    await window.get_by_role("button", name=button, exact=True).click()
    await window.wait_for(state="detached")


async def test_who_is_suspended_is_signed_out_told_why_and_goes_on_when_restored(
    chief: Visitor, visitor: Visitor
) -> None:
    await visitor.sign_up()
    await visitor.page.goto("/settings")
    await visitor.fill(Minutes_a_day="77")

    page = chief.page
    await page.goto("/admin/users")
    await chief.fill(Name_or_address_begins_with=visitor.name.upper())
    await chief.press("Search")
    await page.wait_for_url(re.compile("search=VISITOR"))
    await page.get_by_role("link", name=visitor.name).click()
    await chief.sees(visitor.name)
    await page.get_by_text(visitor.email).wait_for()
    await confirm(page, "Suspend")
    await page.get_by_text("This account is suspended").wait_for()
    user = page.url
    await page.goto(f"/admin/users?search={visitor.name}")
    await page.get_by_label("Account", exact=True).select_option("active")
    await page.get_by_text("Nobody fits.").wait_for()
    await page.get_by_label("Account", exact=True).select_option("suspended")
    await page.get_by_role("link", name=visitor.name).click()
    await expect(page).to_have_url(user)

    days = visitor.page.locator("section", has_text="Your days")
    await days.get_by_role("button", name="Save").click()
    await visitor.sees("Your account has been suspended")
    assert await faults_of(visitor.page) == []
    await visitor.picture("suspended-meanwhile")
    await visitor.fill(Password=PASSWORD)
    await visitor.press("Sign in")
    await visitor.page.get_by_role("dialog").get_by_text("This account is suspended").wait_for()

    await confirm(page, "Restore")
    await visitor.press("Sign in")
    await visitor.page.get_by_text("Saved.").wait_for()
    assert await visitor.page.get_by_label("Minutes a day").input_value() == "77"


async def test_a_role_opens_rooms_and_the_record_tells_who_gave_it(
    chief: Visitor, visitor: Visitor, office: Office, tmp_path: Path
) -> None:
    await visitor.sign_up()
    await visitor.page.goto("/admin")
    await visitor.sees("This room is not for you")
    assert await faults_of(visitor.page) == []
    await expect(visitor.page.get_by_role("link", name="Administration")).to_have_count(0)

    page = chief.page
    await page.goto(f"/admin/users/{await find(office.admin, visitor.name)}")
    await page.get_by_label("Role", exact=True).select_option("moderator")
    await confirm(page, "Change the role")
    await page.get_by_text("The role is changed").wait_for()

    go_on = asyncio.Event()

    async def hold(route: Route) -> None:
        await go_on.wait()
        await route.continue_()

    await visitor.page.route("**/assets/Reviews-*.js", hold)
    async with visitor.page.expect_request("**/assets/Reviews-*.js"):
        await visitor.page.reload()
    # Though one is being led to the only room of a moderator already.
    await visitor.page.get_by_role("link", name="Administration").click()
    go_on.set()
    await visitor.sees("Review queue")
    rooms = visitor.page.get_by_role("navigation", name="Administration").get_by_role("link")
    await expect(rooms).to_have_text(["Review queue"])
    await visitor.page.goto("/admin/users")
    await visitor.page.get_by_text("Only administrators enter this room").wait_for()

    await page.get_by_role("link", name="What was done to them").click()
    await chief.sees("Audit log")
    entry = page.get_by_role("main").get_by_role("listitem")
    await expect(entry).to_have_count(1)
    await entry.get_by_text("Role or access changed").wait_for()
    await entry.get_by_role("link", name=f"by {office.chief}").wait_for()
    await entry.get_by_text("Details").click()
    await expect(entry.locator("dl").first).to_contain_text("moderator")
    assert await faults_of(page) == []

    for name in ("CSV", "JSON lines"):
        async with page.expect_download() as begun:
            await page.get_by_role("button", name=name).click()
        file = tmp_path / (await begun.value).suggested_filename
        await (await begun.value).save_as(file)
        if file.suffix == ".csv":
            rows = list(csv.DictReader(io.StringIO(file.read_text(), newline="")))
        else:
            rows = [json.loads(line) for line in file.read_text().splitlines()]
        found = [(row["action"], row["actor_name"], row["target_name"]) for row in rows]
        assert found == [("user_changed", office.chief, visitor.name)]


async def test_the_record_is_narrowed_by_name_and_by_the_time_on_ones_own_clock(
    chief: Visitor, office: Office
) -> None:
    page = chief.page
    await page.goto("/admin/audit-log")
    await chief.fill(Who="nobody-at-all")
    await chief.press("Show")
    await page.get_by_text("There is no member of this name.").wait_for()
    await chief.fill(Who=office.admin.username.upper(), About_whom=office.apprentice.username)
    await page.get_by_label("What", exact=True).select_option("xp_corrected")
    await chief.press("Show")
    entries = page.get_by_role("main").get_by_role("listitem")
    await expect(entries).to_have_count(2)
    assert f"target={office.apprentice.id}" in page.url

    # In Berlin, where this member's clocks are, it is one or two hours later than by UTC.
    now = await page.evaluate("new Date().toLocaleString('sv-SE').slice(0, 16).replace(' ', 'T')")
    await chief.fill(**{"Until before": now[:11] + "00:00"})
    await chief.press("Show")
    await page.get_by_text("Nothing on record fits").wait_for()
    await page.go_back()
    await expect(entries).to_have_count(2)
    await chief.press("Clear")
    await expect(page).to_have_url(re.compile("/admin/audit-log$"))


async def test_a_hall_that_does_not_answer_is_not_called_well(chief: Visitor) -> None:
    page = chief.page
    await page.clock.install()
    await page.goto("/admin")
    well = page.get_by_text("Everything that the hall needs is there.")
    await well.wait_for()
    await page.route("**/health/ready", lambda route: route.abort())
    for _ in range(20):
        await page.clock.run_for(2_000)
        if await well.count() == 0:
            break
    parts = page.locator("section", has_text="Its parts")
    await parts.get_by_text("The hall cannot be reached").wait_for()
    await page.unroute("**/health/ready")
    await parts.get_by_role("button", name="Try again").click()
    await well.wait_for()


async def test_a_second_factor_is_taken_away(
    chief: Visitor, client: httpx.AsyncClient, office: Office
) -> None:
    member = Guest(client, "one-who-lost-the-app")
    await member.register()
    begun = await member.post("/users/me/totp", expect=201)
    code = pyotp.TOTP(begun["secret"]).now()
    await member.post("/users/me/totp/confirm", {"code": code}, expect=200)
    await chief.page.goto(f"/admin/users/{member.id}")
    await confirm(chief.page, "Take away the second factor")
    await expect(chief.page.get_by_role("button", name="Take away")).to_have_count(0)
    assert not (await office.admin.get(f"/admin/users/{member.id}"))["second_factor"]
    await member.login()


async def test_the_last_admin_stays_one_and_is_told_so(
    chief: Visitor, hall: RunningHall, office: Office
) -> None:
    await chief.page.goto(f"/admin/users/{await find(office.admin, office.chief)}")
    await chief.page.get_by_label("Role", exact=True).select_option("member")
    others = await hall.rows(
        "UPDATE users SET erase_after = now() + interval '1 day'"
        " WHERE role = 'admin' AND username <> $1 AND erase_after IS NULL RETURNING id",
        office.chief,
    )
    try:
        await chief.press("Change the role")
        window = chief.page.get_by_role("dialog")
        await window.get_by_text("That is you").wait_for()
        await window.get_by_role("button", name="Change the role").click()
        await window.get_by_text("The hall needs at least one administrator").wait_for()
        await chief.picture("last-admin")
    finally:
        await hall.rows(
            "UPDATE users SET erase_after = NULL WHERE id = ANY($1) RETURNING 1",
            [row["id"] for row in others],
        )


async def test_sessions_are_ended_and_xp_set_right(
    chief: Visitor, visitor: Visitor, office: Office
) -> None:
    await visitor.sign_up()
    page = chief.page
    await page.goto(f"/admin/users/{await find(office.admin, visitor.name)}")
    await confirm(page, "End all sessions")
    await page.get_by_text("All sessions have ended.").wait_for()
    await visitor.page.get_by_role("link", name="Leaderboards").click()
    await visitor.sees("Your session has ended")

    await chief.fill(XP="lots", Reason="Helped to move the anvil")
    await chief.press("Enter the correction")
    await page.get_by_text("A whole number, not 0").wait_for()
    await chief.fill(XP="120")
    await chief.press("Enter the correction")
    # Nothing is entered until it has been read once more.
    await chief.sees(f"Give {visitor.name} 120 XP?")
    await page.get_by_role("dialog").get_by_text("Helped to move the anvil").wait_for()
    await chief.press("Cancel")
    await expect(page.get_by_text("No XP yet.")).to_be_visible()
    await confirm(page, "Enter the correction")
    ledger = page.locator("section", has_text="Ledger").get_by_role("listitem")
    await ledger.get_by_text("Helped to move the anvil").wait_for()
    await page.get_by_text("Entered: 120 XP.").wait_for()
    await chief.fill(XP="-500", Reason="Broke it")
    await chief.press("Enter the correction")
    await chief.sees(f"Take 500 XP from {visitor.name}?")
    await page.get_by_role("dialog").get_by_role("button", name="Enter the correction").click()
    await page.get_by_text("This would leave the member with less than no XP.").wait_for()
    await chief.press("Cancel")
    assert await page.get_by_label("Reason").input_value() == "Broke it"
    await confirm(page, "Take back")
    await ledger.get_by_text("This was taken back.").wait_for()
    await expect(ledger).to_have_count(2)
    await expect(
        page.locator("section", has_text="Ledger").get_by_text("0 XP", exact=True)
    ).to_be_visible()


@asynccontextmanager
async def locked(hall: RunningHall, table: str) -> AsyncIterator[None]:
    """Have everybody who reads a table wait."""
    connection = await asyncpg.connect(**asyncpg_arguments(hall.endpoints().owner_url))
    try:
        async with connection.transaction():
            await connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
            yield
    finally:
        await connection.close()


async def test_a_task_is_seen_moving_and_is_cancelled(
    chief: Visitor, hall: RunningHall, client: httpx.AsyncClient
) -> None:
    member = Guest(client, "the-one-who-wants-it-all")
    await member.register()
    page = chief.page
    async with locked(hall, "reschedulings"):
        async with locked(hall, "self_xp_days"):
            await member.post("/users/me/export", expect=202)
            await page.goto("/admin/background")
            task = page.get_by_role("main").get_by_role("listitem").filter(has_text=EXPORT).first
            before = await reached(task, 1)
            await task.get_by_text("Running").wait_for()
        # Without a word from whoever looks at it.
        after = await reached(task, before + 1)
        assert after > before
        await task.get_by_role("link", name=EXPORT).click()
        await chief.sees(EXPORT)
        await confirm(page, "Cancel the task")
        await page.get_by_role("main").get_by_text("Cancelled", exact=True).wait_for()
        await page.get_by_role("link", name=member.username).wait_for()
        await expect(page.get_by_role("button", name="Cancel the task")).to_have_count(0)
    (row,) = await hall.rows(
        "SELECT state FROM task_executions WHERE requested_by = $1", UUID(member.id)
    )
    assert row["state"] == "cancelled"


async def reached(task: Locator, least: int) -> int:
    """Wait until a task's progress is so far; give how far it is."""
    bar = task.get_by_role("progressbar")
    await bar.wait_for()
    handle = await bar.element_handle()
    await bar.page.wait_for_function(
        "([bar, least]) => Number(bar.getAttribute('aria-valuenow')) >= least", arg=[handle, least]
    )
    return int(await bar.get_attribute("aria-valuenow") or "0")


async def test_a_page_that_nobody_sees_asks_nothing_and_goes_on_when_it_is_seen(
    chief: Visitor, office: Office
) -> None:
    """One task never ends, so that a page that is seen keeps asking."""
    page = chief.page
    await page.clock.install()
    await page.goto("/admin/background")
    await page.get_by_text("310 of 1,200").first.wait_for()
    async with page.expect_request("**/task-executions*"):
        await page.clock.run_for(2_000)
    await chief.settled()
    await page.evaluate(SEEN, "hidden")
    asked: list[str] = []
    page.on("request", lambda it: asked.append(it.url) if "task-executions" in it.url else None)
    await page.clock.run_for(60_000)
    assert asked == []
    async with page.expect_request("**/task-executions*"):
        await page.evaluate(SEEN, "visible")
        await page.clock.run_for(20_000)


async def test_a_parked_event_is_replayed_and_gone(
    chief: Visitor, hall: RunningHall, office: Office
) -> None:
    page = chief.page
    event_id = await parked(hall, office.apprentice.id)
    await page.goto("/admin/events")
    event = page.get_by_role("main").get_by_role("listitem").filter(has_text=FAULT)
    await expect(event).to_have_count(1)
    await event.get_by_text("What it says").click()
    await expect(event.locator("dl").first).to_contain_text(office.apprentice.id)
    await event.get_by_role("button", name="Replay").click()
    followed = page.locator("section", has_text="Replayed just now")
    await followed.get_by_text("Delivered", exact=True).wait_for()
    await page.get_by_text("Nothing is parked.").wait_for()
    (row,) = await hall.rows("SELECT state FROM outbox_events WHERE id = $1", event_id)
    assert row["state"] == "done"

    for _ in range(2):
        await parked(hall, office.apprentice.id)
    await page.reload()
    await expect(event).to_have_count(2)
    await event.first.get_by_role("link", name=re.compile("^for ")).click()
    await confirm(page, "Replay all of these")
    await page.get_by_text("Nothing is parked.").wait_for()


ROOMS = {
    "overview": ("/admin", "How the hall is"),
    "users": ("/admin/users", "Members"),
    "user": ("/admin/users/{apprentice}", "apprentice-of-the-glazier"),
    "audit-log": ("/admin/audit-log", "Audit log"),
    "background": ("/admin/background", "Background tasks"),
    "task": ("/admin/background/{running}", "Re-scoring"),
    "events": ("/admin/events", "Parked events"),
}


@pytest.mark.parametrize("room", ROOMS)
async def test_a_room_of_the_administration(
    browser: Browser, hall: RunningHall, office: Office, room: str
) -> None:
    if room == "events":
        await parked(hall, office.apprentice.id)
    address, heading = ROOMS[room]
    address = address.format(apprentice=office.apprentice.id, running=office.running)
    await look_at(browser, hall, (f"admin-{room}", address, heading), office.state)


async def test_the_record_goes_on_for_as_long_as_one_reads(
    chief: Visitor, hall: RunningHall
) -> None:
    await hall.rows(
        "INSERT INTO audit_log (occurred_at, action, details) SELECT now(), 'tests.knocked',"
        " jsonb_build_object('number', n) FROM generate_series(1, 60) AS n RETURNING 1"
    )
    page = chief.page
    await page.goto("/admin/audit-log?action=tests.knocked")
    entries = page.get_by_role("main").get_by_role("listitem")
    await expect(entries).to_have_count(50)
    assert await page.get_by_label("What", exact=True).input_value() == "tests.knocked"
    await chief.press("Show more")
    await expect(entries).to_have_count(60)
    await expect(page.get_by_role("button", name="Show more")).to_have_count(0)
