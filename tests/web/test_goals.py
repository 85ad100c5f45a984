"""Goals in a browser: set by talking or by a form, planned, accepted in part, worked on, moved, and
caught up with; with the hall's own rules only, as a fresh hall has no model."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import (
    Browser,
    Locator,
    Page,
    Request,
    Route,
    StorageState,
    WebSocketRoute,
    expect,
)

from tests.system.guests import Guest, admin_of, publish_flag
from tests.system.running_hall import RunningHall
from tests.web.axe import faults_of
from tests.web.guests import once
from tests.web.looks import look_at
from tests.web.visitor import PAINTED, Visitor

PYTHON = "Write small Python programs for my work"


def in_days(days: int) -> str:
    return (datetime.now(UTC).date() + timedelta(days=days)).isoformat()


async def proposed(member: Guest, title: str = PYTHON, **more: Any) -> Any:
    """Set a goal, and wait for its plan."""
    body = {"title": title, "deadline": in_days(40), "minutes_per_day": 45} | more
    goal = await member.post("/goals", body, expect=202)
    return await once(member, f"/goals/{goal['id']}", lambda it: it["plan"] is not None)


async def active(member: Guest, title: str = PYTHON, **more: Any) -> Any:
    """Set a goal, and accept its plan."""
    goal = await proposed(member, title, **more)
    return await member.post(f"/goals/{goal['id']}/plan/accept", {"version": 1}, expect=200)


async def changed(member: Guest, goal: Any, **change: Any) -> None:
    """Change a goal, and wait for the version of its plan that follows from it."""
    answer, _ = await member.ask("PATCH", f"/goals/{goal['id']}", change)
    assert answer.status_code == 200, answer.text
    await member.post(f"/goals/{goal['id']}/plan", {}, expect=202)
    await once(member, f"/goals/{goal['id']}", lambda it: it["proposal"] is not None)


def tasks_of(goal: Any) -> list[Any]:
    return [task for milestone in goal["plan"]["milestones"] for task in milestone["tasks"]]


async def miss(hall: RunningHall, task: Any) -> None:
    """Have a task be left over from yesterday, as the end of a day does it."""
    await hall.rows(
        "UPDATE tasks SET status = 'missed', scheduled_on = scheduled_on - 1 WHERE id = $1",
        task["id"],
    )


@dataclass
class Shown:
    """A member with goals in every state."""

    state: StorageState
    at_work: str
    to_accept: str
    to_compare: str
    missed: str


@pytest_asyncio.fixture(scope="module")
async def shown(browser: Browser, hall: RunningHall) -> AsyncIterator[Shown]:
    async with (
        httpx.AsyncClient(base_url=hall.url, timeout=30) as client,
        Visitor.at(browser, hall) as visitor,
    ):
        await visitor.sign_up()
        member = Guest(client, visitor.name)
        await member.login()
        at_work = await active(member, description="A script that sorts my invoices.")
        tasks = tasks_of(at_work)
        await member.ask("PATCH", f"/tasks/{tasks[0]['id']}", {"status": "done"})
        await member.ask("PATCH", "/progress/update", {"task_id": tasks[1]["id"], "percent": 40})
        flag = await publish_flag(await admin_of(hall, client), "lantern", 120, "python")
        milestone = at_work["plan"]["milestones"][0]["id"]
        await member.ask(
            "PATCH", f"/goals/{at_work['id']}/milestones/{milestone}", {"challenges": [flag]}
        )
        to_compare = await active(member, "Hold a conversation in Spanish", minutes_per_day=15)
        await changed(member, to_compare, deadline=in_days(60))
        late = await active(member, "Run ten kilometres", minutes_per_day=15, deadline=in_days(30))
        await miss(hall, tasks_of(late)[0])
        to_accept = await proposed(member, "Read a novel", deadline=in_days(6), minutes_per_day=10)
        given_up = await proposed(member, "Learn to juggle", minutes_per_day=5)
        await member.ask("PATCH", f"/goals/{given_up['id']}", {"status": "abandoned"})
        yield Shown(
            await visitor.context.storage_state(),
            at_work["id"],
            to_accept["id"],
            to_compare["id"],
            late["id"],
        )


@pytest.mark.parametrize("room", ["goals", "new", "at_work", "to_accept", "to_compare", "missed"])
async def test_a_room_of_goals_is_there(
    browser: Browser, hall: RunningHall, shown: Shown, room: str
) -> None:
    rooms = {
        "goals": ("/goals", "Under way"),
        "new": ("/goals/new", "Ways that worked for others"),
        "at_work": (f"/goals/{shown.at_work}", "Your days"),
        "to_accept": (f"/goals/{shown.to_accept}", "The plan the hall proposes"),
        "to_compare": (f"/goals/{shown.to_compare}", "A new version of your plan"),
        "missed": (f"/goals/{shown.missed}", "1 task was missed"),
    }
    await look_at(browser, hall, (f"goals-{room}", *rooms[room]), shown.state)


@pytest_asyncio.fixture
async def client(hall: RunningHall) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=hall.url, timeout=30) as new:
        yield new


@pytest_asyncio.fixture
async def member(visitor: Visitor, client: httpx.AsyncClient) -> Guest:
    """The visitor, who has signed up, at another device of theirs."""
    await visitor.sign_up()
    guest = Guest(client, visitor.name)
    await guest.login()
    return guest


def day(page: Page, iso: str) -> Locator:
    """The place of a day among the two weeks that are shown."""
    return page.locator(f"[data-day='{iso}']")


async def drag(page: Page, task: Any, iso: str) -> None:
    """Drag a task to another day with a mouse."""
    # What the page is scrolled by meanwhile would end it.
    await day(page, iso).evaluate("it => it.scrollIntoView({block: 'center'})")
    handle = page.get_by_role("button", name=f"Drag {task['title']}")
    await handle.locator("xpath=..").drag_to(day(page, iso))


async def test_from_a_goal_to_a_task_that_is_done(visitor: Visitor, member: Guest) -> None:
    page = visitor.page
    await page.get_by_role("link", name="Goals").click()
    await visitor.sees("No goal yet")
    assert await faults_of(page) == []
    await visitor.picture("goals-empty")
    await page.get_by_role("link", name="Set your first goal").click()
    await page.get_by_label("What do you want to reach?").fill(PYTHON)
    await page.get_by_label("By when?").fill(in_days(40))
    await page.get_by_label("Minutes a day (optional)").fill("30")
    await visitor.press("Set this goal")
    await visitor.sees("The plan the hall proposes")
    await visitor.press("Accept the plan")
    await visitor.sees("Your days")
    await page.wait_for_function("window.scrollY === 0")  # Not where the button was.
    goal = (await member.get("/goals"))["items"][0]
    task = goal["next_task"]["title"]
    await page.locator("ol").get_by_role("button", name=task).first.click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("A note").fill("It was easier than I thought.")
    await visitor.press("Add the note")
    await dialog.get_by_text("It was easier than I thought.").last.wait_for()
    await dialog.get_by_label("Percent done").fill("60")
    await dialog.get_by_label("Minutes spent just now").fill("20")
    await visitor.press("Note progress")
    await dialog.get_by_text("Saved.").wait_for()
    await dialog.get_by_text("20 minutes so far.").wait_for()
    await visitor.picture("goals-task")
    assert await faults_of(page) == []
    await visitor.press("Done")
    await visitor.press("Close")
    await page.get_by_text(f"1 of {goal['tasks_total']} tasks", exact=True).wait_for()
    await page.get_by_role("link", name="Goals").click()
    await page.get_by_role("progressbar", name=f"Progress of {PYTHON}").wait_for()
    await page.get_by_text(f"1 of {goal['tasks_total']} tasks").wait_for()
    assert (await member.get(f"/goals/{goal['id']}"))["tasks_done"] == 1


async def test_a_version_is_accepted_in_part(visitor: Visitor, member: Guest) -> None:
    page = visitor.page
    goal = await active(member, "Hold a conversation in Spanish", minutes_per_day=15)
    await changed(member, goal, deadline=in_days(60))
    before = await member.get(f"/goals/{goal['id']}")
    change = before["proposal"]["change"]
    new = [t for m in before["proposal"]["milestones"] for t in m["tasks"]]
    shown = {*change["added"], *change["moved"]}
    awaited = {id_ for t in new for id_ in t["depends_on"]}
    unwanted = next(t for t in new if t["id"] in shown & awaited)
    gone = {unwanted["id"]}
    while more := {t["id"] for t in new if gone & set(t["depends_on"])} - gone:
        gone |= more
    await page.goto(f"/goals/{goal['id']}")
    await visitor.sees("A new version of your plan")
    await page.get_by_text(f"{len(change['moved'])} tasks move").wait_for()
    await page.get_by_role("checkbox", name=unwanted["title"]).first.uncheck()
    await visitor.press(f"Accept without {len(gone)} tasks")
    await page.get_by_text("A new version of your plan").wait_for(state="detached")
    after = await member.get(f"/goals/{goal['id']}")
    kept = {task["id"] for task in tasks_of(after)}
    assert after["proposal"] is None
    assert after["plan"]["version"] == 2
    assert kept == {task["id"] for task in new} - gone


async def test_a_version_is_declined(visitor: Visitor, member: Guest) -> None:
    goal = await active(member)
    page = visitor.page
    await page.goto(f"/goals/{goal['id']}")
    await visitor.press("Only find new days")
    await visitor.sees("A new version of your plan")
    await visitor.press("Decline")
    await page.get_by_text("A new version of your plan").wait_for(state="detached")
    assert (await member.get(f"/goals/{goal['id']}"))["plan"] == goal["plan"]


async def test_a_task_is_dragged_to_another_day_by_mouse(visitor: Visitor, member: Guest) -> None:
    goal = await active(member)
    task = tasks_of(goal)[0]
    page = visitor.page
    await page.goto(f"/goals/{goal['id']}")
    await visitor.sees("Your days")
    async with page.expect_response(lambda it: it.request.method == "PATCH") as moved:
        await drag(page, task, in_days(3))
    assert (await moved.value).status == 200
    await day(page, in_days(3)).get_by_text(task["title"]).wait_for()
    now = tasks_of(await member.get(f"/goals/{goal['id']}"))[0]
    assert now["scheduled_on"] == in_days(3)
    # It stands after what builds on it now, and that is said.
    await page.get_by_text("Stands before what it builds on").first.wait_for()


async def test_a_task_is_dragged_to_another_day_by_keyboard(
    visitor: Visitor, member: Guest
) -> None:
    goal = await active(member)
    task = next(it for it in tasks_of(goal) if it["scheduled_on"] == in_days(2))
    page = visitor.page
    await page.goto(f"/goals/{goal['id']}")
    await visitor.sees("Your days")
    handle = page.get_by_role("button", name=f"Drag {task['title']}")
    await handle.focus()
    await page.keyboard.press("Enter")
    target = day(page, in_days(1))
    for _ in range(20):
        if await target.evaluate("it => it === document.activeElement"):
            break
        await page.keyboard.press("Tab")
    async with page.expect_response(lambda it: it.request.method == "PATCH") as moved:
        await page.keyboard.press("Enter")
    assert (await moved.value).status == 200
    await target.get_by_text(task["title"]).wait_for()
    # The focus is still with the task, where it stands now.
    await page.wait_for_function(
        "id => document.activeElement?.id === `move-${id}`", arg=task["id"]
    )
    by_id = {it["id"]: it for it in tasks_of(await member.get(f"/goals/{goal['id']}"))}
    assert by_id[task["id"]]["scheduled_on"] == in_days(1)


async def test_a_move_that_is_refused_is_taken_back_with_the_reason(
    visitor: Visitor, member: Guest
) -> None:
    goal = await active(member, deadline=in_days(3))
    task = tasks_of(goal)[0]
    page = visitor.page
    await page.goto(f"/goals/{goal['id']}")
    await visitor.sees("Your days")
    await drag(page, task, in_days(5))
    await page.get_by_role("alert").get_by_text("after the goal’s deadline").wait_for()
    await day(page, task["scheduled_on"]).get_by_text(task["title"]).wait_for()
    await expect(day(page, in_days(5)).get_by_text(task["title"])).to_have_count(0)
    # The same by choosing a day.
    await page.locator("ol").get_by_role("button", name=task["title"]).first.click()
    await page.get_by_label("Move to").fill(in_days(2))
    await visitor.press("Move")
    await page.get_by_role("dialog").get_by_text(long_day(in_days(2))).wait_for()
    await visitor.press("Close")
    await day(page, in_days(2)).get_by_text(task["title"]).wait_for()


async def test_a_move_that_is_refused_takes_back_no_other(visitor: Visitor, member: Guest) -> None:
    goal = await active(member, deadline=in_days(3))
    refused, other = tasks_of(goal)[:2]
    to = next(it for it in map(in_days, (1, 2)) if it != other["scheduled_on"])
    page = visitor.page
    go_on = asyncio.Event()

    async def hold(route: Route) -> None:
        await go_on.wait()
        await route.continue_()

    await page.route(f"**/api/v1/tasks/{other['id']}", hold)
    await page.goto(f"/goals/{goal['id']}")
    await visitor.sees("Your days")
    await visitor.settled()
    read_anew: list[str] = []

    def note(request: Request) -> None:
        if request.url.endswith(f"/api/v1/goals/{goal['id']}"):
            read_anew.append(request.url)

    page.on("request", note)
    await drag(page, other, to)
    await expect(day(page, to).get_by_text(other["title"])).to_be_visible()
    await drag(page, refused, in_days(5))
    await page.get_by_role("alert").get_by_text("after the goal’s deadline").wait_for()
    await expect(day(page, refused["scheduled_on"]).get_by_text(refused["title"])).to_be_visible()
    await expect(day(page, to).get_by_text(other["title"])).to_be_visible()
    assert read_anew == [], "what is read now does not have the move that is under way"
    async with page.expect_response(lambda it: it.url.endswith(f"/goals/{goal['id']}")):
        go_on.set()
    await expect(day(page, to).get_by_text(other["title"])).to_be_visible()


async def test_two_moves_of_one_task_arrive_in_their_order(visitor: Visitor, member: Guest) -> None:
    goal = await active(member, deadline=in_days(4))
    task = tasks_of(goal)[0]
    page = visitor.page
    go_on, asked = asyncio.Event(), []

    async def hold(route: Route) -> None:
        asked.append((route.request.post_data_json or {})["scheduled_on"])
        if len(asked) == 1:
            await go_on.wait()
        await route.continue_()

    await page.route(f"**/api/v1/tasks/{task['id']}", hold)
    await page.goto(f"/goals/{goal['id']}")
    await visitor.settled()
    first, second = [it for it in map(in_days, (1, 2, 3)) if it != task["scheduled_on"]][:2]
    await drag(page, task, first)
    await expect(day(page, first).get_by_text(task["title"])).to_be_visible()
    await drag(page, task, second)
    await expect(day(page, second).get_by_text(task["title"])).to_be_visible()
    await page.evaluate(PAINTED)
    assert asked == [first], "the second would overtake"
    async with page.expect_response(lambda it: it.url.endswith(f"/goals/{goal['id']}")):
        go_on.set()
    assert asked == [first, second]
    await expect(day(page, second).get_by_text(task["title"])).to_be_visible()
    [moved] = [
        it for it in tasks_of(await member.get(f"/goals/{goal['id']}")) if it["id"] == task["id"]
    ]
    assert moved["scheduled_on"] == second


def long_day(iso: str) -> str:
    day_ = date.fromisoformat(iso)
    return f"{day_:%A} {day_.day} {day_:%B}"


async def test_what_was_missed_gets_new_days(
    visitor: Visitor, member: Guest, hall: RunningHall
) -> None:
    goal = await active(member, minutes_per_day=20)
    task = tasks_of(goal)[0]
    await miss(hall, task)
    page = visitor.page
    await page.goto(f"/goals/{goal['id']}")
    await visitor.sees("1 task was missed")
    await visitor.press("Find new days")
    await visitor.sees("New days for what was missed")
    await visitor.picture("goals-new-days")
    assert await faults_of(page) == []
    # The preview waits, here and on the dashboard.
    await page.get_by_role("link", name="Dashboard").click()
    await visitor.sees("New days for what was missed")
    await visitor.press("Accept the new days")
    await page.get_by_text("Your tasks have new days.").wait_for()
    by_id = {it["id"]: it for it in tasks_of(await member.get(f"/goals/{goal['id']}"))}
    assert by_id[task["id"]]["status"] == "open"
    assert by_id[task["id"]]["scheduled_on"] >= in_days(0)


async def test_a_goal_is_set_by_talking_though_the_line_breaks(
    visitor: Visitor, member: Guest, hall: RunningHall
) -> None:
    page = visitor.page
    lines = 0

    async def line(socket: WebSocketRoute) -> None:
        nonlocal lines
        lines += 1
        server = socket.connect_to_server()
        if lines > 1:
            return

        async def cut(_: str | bytes) -> None:
            await socket.close(code=1012)

        def say(said: str | bytes) -> None:
            server.on_message(cut)  # It arrives, and nobody hears of it.
            server.send(said)

        socket.on_message(say)

    await page.route_web_socket("**/ai/interact*", line)
    await page.goto("/goals/new")
    await page.get_by_label("Your message").fill("I want to bake good bread, 20 minutes a day")
    await visitor.press("Send")
    card = page.get_by_role("group", name="Bake good bread")
    await card.wait_for()
    assert lines == 2
    said = await hall.rows(
        "SELECT frame FROM conversation_entries WHERE user_id = $1 AND kind = 'said'", member.id
    )
    assert len(said) == 1
    await visitor.picture("goals-talk")
    assert await faults_of(page) == []
    await card.get_by_role("button", name="Change it first").click()
    assert await page.get_by_label("What do you want to reach?").input_value() == "Bake good bread"
    await card.get_by_role("button", name="Set this goal").click()
    await visitor.sees("The plan the hall proposes")
    assert [it["title"] for it in (await member.get("/goals"))["items"]] == ["Bake good bread"]


async def test_what_was_said_without_a_line_arrives_later(visitor: Visitor, member: Guest) -> None:
    page = visitor.page
    await page.goto("/goals/new")
    await visitor.context.set_offline(True)
    await page.get_by_label("Your message").fill("Bread, please.")
    await visitor.press("Send")
    await expect(page.get_by_label("Your message")).to_be_focused()
    await page.get_by_text("The line to the hall is broken").wait_for()
    await page.get_by_text("On its way").wait_for()
    await visitor.context.set_offline(False)
    # What it is not understood as can go into the form.
    await visitor.press("Put my words into the form")
    assert await page.get_by_label("What do you want to reach?").input_value() == "Bread, please."
    await page.reload()
    await page.get_by_role("log").get_by_text("Bread, please.").first.wait_for()
    assert await page.get_by_label("What do you want to reach?").input_value() == "Bread, please."


async def test_a_plan_in_the_making_can_be_stopped(
    visitor: Visitor, member: Guest, hall: RunningHall
) -> None:
    goal = await proposed(member)
    await member.post(f"/goals/{goal['id']}/plan/decline", {"version": 1}, expect=200)
    # Somebody who never comes makes it.
    await hall.rows("UPDATE goals SET planning = id WHERE id = $1", goal["id"])
    page = visitor.page
    await page.goto(f"/goals/{goal['id']}")
    await visitor.sees("Your plan is being made")
    await visitor.picture("goals-making")
    assert await faults_of(page) == []
    await visitor.press("Stop")
    await page.get_by_text("No plan is being made").wait_for()
    assert (await member.get(f"/goals/{goal['id']}"))["planning"] is False


async def test_a_goal_is_edited_given_up_and_deleted(visitor: Visitor, member: Guest) -> None:
    goal = await active(member)
    page = visitor.page
    await page.goto(f"/goals/{goal['id']}")
    await visitor.press("Edit")
    await page.get_by_label("Minutes a day (optional)").fill("20")
    await visitor.press("Save")
    await visitor.sees("The goal is changed")
    await page.get_by_role("dialog").get_by_role("button", name="Only find new days").click()
    await visitor.sees("A new version of your plan")
    await visitor.press("Give it up")
    await page.get_by_role("dialog").get_by_role("button", name="Give it up").click()
    await visitor.press("Take it up again")
    await visitor.sees("Your days")
    await visitor.press("Delete")
    await visitor.press("Delete it")
    await visitor.sees("No goal yet")
    assert (await member.get("/goals"))["items"] == []


async def test_goals_are_spoken_of_in_german(
    browser: Browser, hall: RunningHall, shown: Shown
) -> None:
    rooms = {
        "goals": ("/goals", "Unterwegs"),
        "new": ("/goals/new", "Erzähl es der Halle"),
        "at_work": (f"/goals/{shown.at_work}", "Deine Tage"),
        "to_compare": (f"/goals/{shown.to_compare}", "Eine neue Fassung deines Plans"),
    }
    phone = {"width": 390, "height": 844}
    async with Visitor.at(
        browser, hall, viewport=phone, locale="de-DE", storage_state=shown.state
    ) as visitor:
        for name, (address, heading) in rooms.items():
            await visitor.page.goto(address)
            await visitor.sees(heading)
            await visitor.settled()
            await visitor.picture(f"goals-{name}-phone-german")
            beyond = "document.documentElement.scrollWidth - innerWidth"
            assert await visitor.page.evaluate(beyond) <= 0
