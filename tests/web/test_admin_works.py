"""What those do who keep the hall: review what waits, make badges, and see what models cost."""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, StorageState, expect

from guildhall import ai
from guildhall.entrypoints.wiring import WIRING
from guildhall.infra.llm import open_llm
from guildhall.infra.settings import LlmSettings
from tests.ai.conftest import MICROS_A_TOKEN, MODEL, PROMPT, for_text
from tests.llm_server import Behaviour, running_llm_server
from tests.system.guests import Guest, admin_of
from tests.system.running_hall import PASSWORD, RunningHall
from tests.web.axe import faults_of
from tests.web.guests import once
from tests.web.looks import BEYOND, look_at
from tests.web.visitor import Visitor

RUBRIC = [
    {"criterion": "Is it clear?", "points": 40},
    {"criterion": "Are the sources named, and do they say what is claimed?", "points": 60},
]
ESSAY = "A lantern is a promise.\n\nWho carries it walks in front.\n\n    It says: follow me."


@dataclass
class Keeper:
    """An admin, with a browser that is signed in, and behind the API."""

    guest: Guest
    browser: StorageState


async def keeper_of(browser: Browser, hall: RunningHall, client: httpx.AsyncClient) -> Keeper:
    guest = await admin_of(hall, client)
    async with Visitor.at(browser, hall) as visitor:
        await visitor.page.goto("/sign-in")
        await visitor.fill(Name_or_email_address=guest.username, Password=PASSWORD)
        await visitor.press("Sign in")
        await visitor.sees(f"Good to see you, {guest.username}")
        return Keeper(guest, await visitor.context.storage_state())


@pytest_asyncio.fixture(scope="module")
async def client(hall: RunningHall) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=hall.url, timeout=30) as new:
        yield new


@pytest_asyncio.fixture(scope="module")
async def keeper(browser: Browser, hall: RunningHall, client: httpx.AsyncClient) -> Keeper:
    return await keeper_of(browser, hall, client)


@pytest_asyncio.fixture
async def page_of_keeper(
    browser: Browser, hall: RunningHall, keeper: Keeper
) -> AsyncIterator[Visitor]:
    async with Visitor.at(browser, hall, storage_state=keeper.browser) as visitor:
        yield visitor


@pytest_asyncio.fixture(scope="module")
async def essay(keeper: Keeper) -> dict[str, Any]:
    """A challenge that a person judges by a rubric."""
    return await publish_essay(keeper.guest, RUBRIC, "What is a lantern for?")


async def publish_essay(
    author: Guest, rubric: list[dict[str, Any]], title: str, domain: str | None = None
) -> dict[str, Any]:
    draft: dict[str, Any] = await author.post(
        "/challenges",
        {
            "title": title,
            "description": "Write about it.\n\nName your sources.",
            "explanation": "Praise what is short.",
            "xp": 200,
            "difficulty": "medium",
            "domain": domain,
            "grader": {"type": "review", "rubric": rubric, "pass_score": 60},
        },
        expect=201,
    )
    await author.post(f"/challenges/{draft['id']}/publish", expect=200)
    return draft


async def newcomer(client: httpx.AsyncClient) -> Guest:
    guest = Guest(client, f"guest-{secrets.token_hex(4)}")
    await guest.register()
    return guest


async def hand_in(guest: Guest, challenge: dict[str, Any], words: str = ESSAY) -> str:
    """Hand an answer in; give the attempt's id."""
    attempt = await guest.post(f"/challenges/{challenge['id']}/attempts", expect=201)
    await guest.post(f"/attempts/{attempt['id']}/submit", {"text": words}, expect=202)
    return str(attempt["id"])


async def take(visitor: Visitor, guest: Guest) -> None:
    """Go to the review queue, and to the attempt of a member there."""
    await visitor.page.goto("/admin/reviews")
    await visitor.sees("Waiting")
    button = visitor.page.get_by_role("button", name=f"by {guest.username}")
    if await button.count():  # Else it is the one that is open.
        await button.click()
    await visitor.page.get_by_text(f"{guest.username}, ").first.wait_for()


async def test_an_admin_reviews_an_attempt(
    page_of_keeper: Visitor, client: httpx.AsyncClient, essay: dict[str, Any]
) -> None:
    member, page = await newcomer(client), page_of_keeper.page
    attempt = await hand_in(member, essay)
    await take(page_of_keeper, member)

    written = page.get_by_role("region", name="What was handed in")
    assert await written.locator("p").all_inner_texts() == ESSAY.split("\n\n")
    verdict = page.locator("output")
    await page_of_keeper.fill(**{"Is it clear?": "41"})
    await page_of_keeper.fill(**{RUBRIC[1]["criterion"]: "40"})
    await expect(verdict).to_contain_text("Fill in all points")
    await page_of_keeper.press("Give this review")
    await page.get_by_text("A whole number from 0 to 40.").wait_for()
    await page_of_keeper.fill(**{"Is it clear?": "19"})
    await expect(verdict).to_contain_text("Not passed: 60 are needed.")
    await page_of_keeper.fill(**{"Is it clear?": "35", "Comment": "Short and true."})
    await expect(verdict).to_contain_text("75 of 100 points. Passed: 60 are needed.")
    await page.get_by_label("Comment").press("Control+Enter")
    await page.get_by_text(f"Given: {member.username} has passed").wait_for()

    reviewed = await member.get(f"/attempts/{attempt}")
    assert (reviewed["status"], reviewed["score"], reviewed["xp_awarded"]) == ("passed", 75, 150)
    assert reviewed["feedback"]["comment"] == "Short and true."
    assert reviewed["feedback"]["points"] == {"Is it clear?": 35, RUBRIC[1]["criterion"]: 40}
    await once(member, "/progress/me", lambda it: it["total_xp"] == 150)
    assert attempt not in str(await page.evaluate("JSON.stringify(localStorage)"))


async def test_the_next_one_comes_up_after_a_review(
    page_of_keeper: Visitor, client: httpx.AsyncClient, keeper: Keeper
) -> None:
    """And a challenge without a rubric is given a score."""
    plain = await publish_essay(keeper.guest, [], f"Say it plainly {secrets.token_hex(3)}")
    first, second = await newcomer(client), await newcomer(client)
    await hand_in(first, plain, "One.")
    await hand_in(second, plain, "Two.")
    await take(page_of_keeper, first)
    await page_of_keeper.fill(Score="59")
    await page_of_keeper.press("Give this review")
    await page_of_keeper.page.get_by_text(f"Given: {first.username} has not passed").wait_for()
    await once(first, "/attempts", lambda it: it["items"][0]["status"] == "failed")
    await expect(page_of_keeper.page.get_by_text(f"by {first.username}")).to_have_count(0)
    await page_of_keeper.page.get_by_role("region", name="What was handed in").wait_for()


async def test_a_review_that_was_begun_is_there_again(
    page_of_keeper: Visitor, client: httpx.AsyncClient, essay: dict[str, Any]
) -> None:
    member, page = await newcomer(client), page_of_keeper.page
    await hand_in(member, essay)
    await take(page_of_keeper, member)
    await page_of_keeper.fill(**{"Is it clear?": "12", "Comment": "Half a thought"})
    await take(page_of_keeper, member)
    await expect(page.get_by_label("Comment")).to_have_value("Half a thought")
    await expect(page.get_by_label("Is it clear?")).to_have_value("12")


async def test_who_is_second_is_told_kindly_and_loses_nothing(
    page_of_keeper: Visitor, client: httpx.AsyncClient, hall: RunningHall, essay: dict[str, Any]
) -> None:
    member, page = await newcomer(client), page_of_keeper.page
    attempt = await hand_in(member, essay)
    await take(page_of_keeper, member)
    points = {criterion["criterion"]: "10" for criterion in RUBRIC}
    await page_of_keeper.fill(**points, Comment="My long thoughts")
    faster = await admin_of(hall, client)
    await faster.post(f"/attempts/{attempt}/review", {"score": 90}, expect=200)
    await page_of_keeper.press("Give this review")
    await page.get_by_text("Somebody else was a moment faster").wait_for()
    await expect(page.get_by_label("Comment")).to_have_value("My long thoughts")
    assert (await member.get(f"/attempts/{attempt}"))["score"] == 90
    await page_of_keeper.press("Go on to the next")
    await expect(page.get_by_text(f"{member.username}, ")).to_have_count(0)
    assert "My long thoughts" not in str(await page.evaluate("JSON.stringify(localStorage)"))


@pytest_asyncio.fixture(scope="module")
async def spent(hall: RunningHall, client: httpx.AsyncClient) -> dict[str, Any]:
    """Calls that were made, to a real server of models, by this hall: for two members, and the
    older ones moved to days before."""
    thrifty, lavish = await newcomer(client), await newcomer(client)
    async with hall.opened() as inside, running_llm_server() as server:
        settings = LlmSettings(
            llm_provider="openai",
            llm_base_url=server.openai_url,
            llm_api_key="key-of-tests",
            llm_model=MODEL,
            llm_prices={MODEL: {"input": 0, "output": MICROS_A_TOKEN * 100}},
            llm_backoff_seconds=0.001,
        )
        async with open_llm(settings, inside.clock) as llm:
            asking = replace(inside, llm=llm)
            for member, calls in ((lavish, 9), (thrifty, 2)):
                for _ in range(calls):
                    await ai.ask(
                        asking, for_text(), member=member.id, feature="goals.plan", prompt=PROMPT
                    )
            server.behave(Behaviour.ERROR, None)
            await ai.ask(asking, for_text(), member=None, feature="goals.chat", prompt=PROMPT)
    await hall.rows(
        "UPDATE ai_calls SET day = day - (3 + n * 2)::int FROM"
        " (SELECT id AS of, row_number() OVER (ORDER BY id) AS n FROM ai_calls WHERE user_id = $1)"
        " WHERE id = of AND n < 8",
        lavish.id,
    )
    return {"thrifty": thrifty.username, "lavish": lavish.username}


async def test_what_models_cost_is_shown_to_those_who_pay(
    page_of_keeper: Visitor, keeper: Keeper, spent: dict[str, Any]
) -> None:
    told = await keeper.guest.get("/admin/token-usage?group=member")
    page = page_of_keeper.page
    await page.goto("/admin/token-usage")
    await page_of_keeper.sees("In these days")
    await page_of_keeper.settled()
    totals = page.locator("section", has_text="In these days").locator("dl")
    dollars = f"US${told['totals']['cost_micros'] / 1_000_000:.2f}"
    await expect(totals).to_contain_text(f"Cost{dollars}")
    await expect(totals).to_contain_text(f"Calls{told['totals']['calls']}")
    await expect(totals).to_contain_text(f"{told['totals']['failed_calls']} failed")
    await page.get_by_role("img", name=f"Cost by day: {dollars} in 30 days").wait_for()

    await page.get_by_label("Added up by").select_option("member")
    rows = page.get_by_role("region", name="What it went to, in figures").locator("tbody tr")
    await rows.filter(has_text=spent["lavish"]).wait_for()
    named = await rows.locator("th").all_inner_texts()
    assert named == [line["username"] or "The hall itself" for line in told["items"]]
    assert named.index(spent["lavish"]) < named.index(spent["thrifty"])

    await page.get_by_label("Period").select_option("7")
    week = await keeper.guest.get(f"/admin/token-usage?from={days_ago(6)}")
    assert 0 < week["totals"]["calls"] < told["totals"]["calls"]
    await expect(totals).to_contain_text(f"Calls{week['totals']['calls']}")
    await page.reload()
    await expect(totals).to_contain_text(f"Calls{week['totals']['calls']}")

    await page.get_by_label("Period").select_option("own")
    await page_of_keeper.fill(From=days_ago(20), Up_to_and_including=days_ago(25))
    await page_of_keeper.press("Show these days")
    await page.get_by_text("Not before the first day").wait_for()
    await page_of_keeper.fill(From="2020-01-01", Up_to_and_including="2020-01-31")
    await page_of_keeper.press("Show these days")
    await page.get_by_text("No model was asked in these days.").wait_for()


async def test_budgets_show_what_is_left(page_of_keeper: Visitor, spent: dict[str, Any]) -> None:
    page = page_of_keeper.page
    await page.goto("/admin/token-usage")
    await page.get_by_role("progressbar", name="The whole hall, today").wait_for()
    members = page.get_by_role("region", name="Budgets of members")
    await members.locator("tr", has_text=spent["lavish"]).filter(has_text="today").wait_for()


def days_ago(days: int) -> str:
    return (datetime.now(UTC).date() - timedelta(days=days)).isoformat()


@pytest_asyncio.fixture(scope="module")
async def with_work(
    keeper: Keeper, client: httpx.AsyncClient, spent: dict[str, Any], essay: dict[str, Any]
) -> StorageState:
    """The browser of an admin for whom something waits in every room."""
    for words in (ESSAY * 3, "Short."):
        await hand_in(await newcomer(client), essay, words)
    return keeper.browser


@pytest_asyncio.fixture(scope="module")
async def eager(keeper: Keeper, client: httpx.AsyncClient) -> Guest:
    """The only member who has passed a challenge of statistics twice."""
    member = await newcomer(client)
    for number in (1, 2):
        letter = await publish_essay(keeper.guest, [], f"A letter {number}", "statistics")
        attempt = await hand_in(member, letter)
        await keeper.guest.post(f"/attempts/{attempt}/review", {"score": 90}, expect=200)
    await once(member, "/progress/me", lambda it: it["total_xp"] == 360)
    return member


async def make_badge(visitor: Visitor, name: str) -> None:
    """Begin a badge that takes two passed attempts in Statistics."""
    await visitor.page.goto("/admin/badges")
    await visitor.page.get_by_role("link", name="Make a badge").click()
    await visitor.sees("A new badge")
    await visitor.fill(Name=name, Short_name=name.lower(), Description="Two letters.")
    await visitor.fill(At_least_so_many="2")
    await visitor.page.get_by_label("Field").select_option(label="Statistics")


async def test_a_badge_is_made_tried_given_and_held(page_of_keeper: Visitor, eager: Guest) -> None:
    page, name = page_of_keeper.page, f"Writer-{secrets.token_hex(3)}"
    await make_badge(page_of_keeper, name)
    sentence = page.get_by_role("status", name="In words")
    await expect(sentence).to_have_text("For 2 passed attempts in Statistics.")

    await page_of_keeper.press("Try it")
    result = page.get_by_text("It would go to 1 member.")
    await result.wait_for()
    await page_of_keeper.picture("admin-badge-tried")
    assert await faults_of(page) == []
    await page.get_by_role("link", name=eager.username).wait_for()
    await page_of_keeper.fill(At_least_so_many="3")
    await page.get_by_text("The condition has been changed since.").wait_for()
    await page_of_keeper.press("Try it")
    await page.get_by_text("Nobody would get it yet.").wait_for()
    await page_of_keeper.fill(At_least_so_many="2")

    await page_of_keeper.press("Save")
    await page_of_keeper.sees(name)
    await page.get_by_text("Saved.").wait_for()
    assert (await eager.get("/progress/me"))["badges"] != []  # Others, of the starter content.
    assert name not in await held_by(eager)
    await page_of_keeper.press("Give it to all who have earned it")
    await page_of_keeper.sees(f"Give “{name}”?")
    await page_of_keeper.press("Give it")
    await page.get_by_text("1 member has it now.").wait_for()
    assert name in await held_by(eager)
    await page_of_keeper.press("Give it to all who have earned it")
    await page_of_keeper.press("Give it")
    await page.get_by_text("Nobody was left to give it to.").wait_for()


async def held_by(member: Guest) -> list[str]:
    return [badge["name"] for badge in (await member.get("/progress/me"))["badges"]]


async def test_a_badge_that_was_begun_is_there_again(page_of_keeper: Visitor) -> None:
    page, name = page_of_keeper.page, f"Begun-{secrets.token_hex(3)}"
    await make_badge(page_of_keeper, name)
    await page.get_by_role("link", name="All badges").click()
    await page.get_by_role("link", name="Make a badge").click()
    await expect(page.get_by_label("Name", exact=True)).to_have_value(name)
    await expect(page.get_by_label("At least so many")).to_have_value("2")
    # What is added now is not taken for what was kept.
    await page_of_keeper.press("Add another condition")
    await page.get_by_label("At least so many").last.fill("7")
    await expect(page.get_by_label("At least so many").first).to_have_value("2")
    await page_of_keeper.press("Save")
    await page_of_keeper.sees(name)
    await page.get_by_text("Saved.").wait_for()

    await page_of_keeper.fill(Description="Changed my mind.")
    await page.reload()
    await expect(page.get_by_label("Description")).to_have_value("Changed my mind.")
    await page_of_keeper.press("Start over")
    await page_of_keeper.press("Throw it away")
    await expect(page.get_by_label("Description")).to_have_value("Two letters.")
    await page.goto("/admin/badges/new")
    await expect(page.get_by_label("Name", exact=True)).to_have_value("")


async def test_what_the_hall_refuses_in_a_condition_is_shown_at_its_place(
    page_of_keeper: Visitor, keeper: Keeper
) -> None:
    """And the same is told of JSON; what is put right is saved."""
    page, name = page_of_keeper.page, f"Nested-{secrets.token_hex(3)}"
    await make_badge(page_of_keeper, name)
    await page_of_keeper.press("Add another condition")
    await page_of_keeper.press("Add a group: The whole condition")
    third = page.get_by_role("group", name="Condition 3.1", exact=True)
    await third.get_by_label("What counts").select_option("Days in a row")
    await third.get_by_label("At least so many days").fill("99999")
    second = page.get_by_role("group", name="Condition 2", exact=True)
    await second.get_by_label("What counts").select_option("How often something happened")
    await second.get_by_label("At least so often").fill("1")
    await page_of_keeper.press("Save")
    await third.get_by_text("A whole number from 1 to 36,500.").wait_for()
    await second.get_by_text("Choose what happened.").wait_for()
    first = page.get_by_role("group", name="Condition 1", exact=True)
    await expect(first.get_by_text("A whole number")).to_have_count(0)
    await page_of_keeper.picture("admin-badge-refused")
    assert await faults_of(page) == []

    await page_of_keeper.press("Write it as JSON")
    await page_of_keeper.press("Save")
    await page.get_by_text("of.2.of.0.days: ").wait_for()
    written = page.get_by_label("The condition as JSON")
    await written.fill((await written.input_value()) + "}")
    await page.get_by_text("This is no JSON object").wait_for()
    mended = json.loads((await written.input_value())[:-1])
    mended["of"][1]["event"], mended["of"][2]["of"][0]["days"] = "goals.task_completed", 9
    await written.fill(json.dumps(mended))
    await page_of_keeper.press("Back to the form")
    await page_of_keeper.press("Save")
    await page_of_keeper.sees(name)
    made = next(it for it in await badges(keeper.guest) if it["name"] == name)
    assert made["condition"] == {
        "type": "all",
        "of": [
            {"type": "attempt_count", "count": 2, "status": "passed", "domain": "statistics"},
            {"type": "event_count", "event": "goals.task_completed", "count": 1},
            {"type": "any", "of": [{"type": "consecutive_days", "days": 9}]},
        ],
    }


async def badges(admin: Guest) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await admin.get("/admin/badges"))["items"]
    return found


async def test_conditions_are_moved_turned_round_and_taken_away(
    page_of_keeper: Visitor, nested: dict[str, Any], keeper: Keeper
) -> None:
    """Into a group, out of it, and past each other; a new name alone makes no new version."""
    page = page_of_keeper.page
    await page.goto(f"/admin/badges/{nested['id']}")
    await page_of_keeper.fill(Name="Another name")
    await page_of_keeper.press("Save")
    await page.get_by_text("Saved.").wait_for()
    assert (await badge_of(keeper, nested))["version"] == 1

    await page_of_keeper.press("Down: Condition 1")  # Into the group that is next.
    down = page.get_by_role("button", name="Down: Condition 1.1", exact=True)
    await expect(down).to_be_focused()
    await page.keyboard.press("Enter")
    await page_of_keeper.press("Remove: Condition 1.3")
    condition = page.get_by_role("group", name="Condition 1.1", exact=True)
    await condition.get_by_label("Asked for").select_option("The opposite of this")
    await page_of_keeper.press("Down: Condition 1.2")  # Out of it again.
    await page_of_keeper.press("Save")
    await page.get_by_text("Saved.").wait_for()
    saved = await badge_of(keeper, nested)
    assert saved["version"] == 2
    assert saved["condition"] == {
        "type": "all",
        "of": [
            {"type": "any", "of": [{"type": "not", "of": {"type": "xp", "threshold": 700}}]},
            {"type": "attempt_count", "count": 3},
        ],
    }


@pytest_asyncio.fixture(scope="module")
async def nested(keeper: Keeper) -> dict[str, Any]:
    """A badge with a condition of every kind, written in the older way too."""
    made: dict[str, Any] = await keeper.guest.post(
        "/admin/badges",
        {
            "slug": f"nested-{secrets.token_hex(3)}",
            "name": "Nested",
            "description": "For a little of everything.",
            "condition": {
                "type": "all",
                "conditions": [
                    {"type": "attempt_count", "count": 3},
                    {
                        "type": "any",
                        "of": [
                            {"type": "xp", "threshold": 700},
                            {"type": "consecutive_days", "days": 7},
                        ],
                    },
                ],
            },
        },
        expect=201,
    )
    return made


async def badge_of(keeper: Keeper, badge: dict[str, Any]) -> dict[str, Any]:
    return next(it for it in await badges(keeper.guest) if it["id"] == badge["id"])


async def test_every_event_that_can_be_counted_can_be_chosen(page_of_keeper: Visitor) -> None:
    page = page_of_keeper.page
    await page.goto("/admin/badges/new")
    await page.get_by_label("What counts").select_option("How often something happened")
    offered = page.get_by_label("What happened").locator("option")
    values = {await option.get_attribute("value") for option in await offered.all()}
    assert values == {"", *WIRING.topics}


async def test_awards_are_set_right_once_what_would_change_has_been_seen(
    page_of_keeper: Visitor, keeper: Keeper, client: httpx.AsyncClient, essay: dict[str, Any]
) -> None:
    member, page = await newcomer(client), page_of_keeper.page
    attempt = await hand_in(member, essay)
    await keeper.guest.post(f"/attempts/{attempt}/review", {"score": 80}, expect=200)
    await once(member, "/progress/me", lambda it: it["total_xp"] == 160)

    await page.goto("/admin/rescoring")
    await page_of_keeper.fill(**{"What each is worth then, in percent": "50"}, Reason="Too kind")
    await page_of_keeper.press("See what would change")
    await page.get_by_text("Say which: a field, a day or causes.").wait_for()
    await page_of_keeper.fill(Only_these_causes=attempt)
    await page_of_keeper.press("See what would change")
    change = page.locator("section", has_text="What would change").locator("dl")
    await expect(change).to_contain_text("Members1")
    await expect(change).to_contain_text("XP now160")
    await expect(change).to_contain_text("XP then80")
    await page_of_keeper.picture("admin-rescoring-seen")
    assert await faults_of(page) == []
    assert (await member.get("/progress/me"))["total_xp"] == 160
    await page_of_keeper.press("Set it right")
    await page.get_by_role("dialog").get_by_text("for this reason: Too kind").wait_for()
    await page.get_by_role("dialog").get_by_role("button", name="Set it right").click()
    await page.get_by_text("Done. 1 member was set right.").wait_for()
    assert (await member.get("/progress/me"))["total_xp"] == 80


ROOMS = {
    "admin-badges": ("/admin/badges", "All badges"),
    "admin-badge": ("/admin/badges/{nested}", "What it is earned for"),
    "admin-reviews": ("/admin/reviews", "Your judgement"),
    "admin-rescoring": ("/admin/rescoring", "Which awards"),
    "admin-token-usage": ("/admin/token-usage", "What it went to"),
}


@pytest.mark.parametrize("room", ROOMS)
async def test_a_room_is_there_for_those_who_keep_the_hall(
    browser: Browser,
    hall: RunningHall,
    with_work: StorageState,
    nested: dict[str, Any],
    room: str,
) -> None:
    address, heading = ROOMS[room]
    address = address.format(nested=nested["id"])
    await look_at(browser, hall, (room, address, heading), with_work)


GERMAN = {
    "admin-badge-de": ("/admin/badges/{nested}", "Wofür man es bekommt"),
    "admin-rescoring-de": ("/admin/rescoring", "Welche XP gemeint sind"),
    "admin-reviews-de": ("/admin/reviews", "Dein Urteil"),
    "admin-token-usage-de": ("/admin/token-usage", "Wofür es war"),
}


@pytest.mark.parametrize("room", GERMAN)
async def test_a_room_speaks_german(
    browser: Browser,
    hall: RunningHall,
    with_work: StorageState,
    nested: dict[str, Any],
    room: str,
) -> None:
    address, heading = GERMAN[room]
    async with Visitor.at(
        browser,
        hall,
        viewport={"width": 390, "height": 844},
        locale="de-DE",
        storage_state=with_work,
    ) as visitor:
        await visitor.page.goto(address.format(nested=nested["id"]))
        await visitor.sees(heading)
        await visitor.settled()
        await visitor.picture(room)
        assert await visitor.page.evaluate(BEYOND) == 0
