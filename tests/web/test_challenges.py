"""Challenges in a browser: found, taken with each kind of grader, judged; their XP explained."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, StorageState, expect

from tests.system.guests import Guest, admin_of
from tests.system.running_hall import RunningHall
from tests.web.axe import faults_of
from tests.web.looks import look_at
from tests.web.visitor import Visitor

DESCRIPTION = """\
Read the *three* lines below, **slowly**.

## What you need

1. A shell, and `grep`.
2. [The manual](https://example.org/manual), or [a trap](javascript:alert(1)).

```text
nothing to see here, but a rather long line of text that does not fit on a phone by any means
```

| Sign | Means |
| --- | --- |
| `<b>` | <b>no HTML</b> &amp; no harm |
"""
FLAG = {"type": "flag", "flag": "lantern", "case_sensitive": False}
QUIZ = {
    "type": "quiz",
    "pass_score": 70,
    "questions": [
        {"id": "a.b", "prompt": "What is `1 + 1`?", "kind": "numeric", "answer": 2},
        {"id": "half", "prompt": "What is a half?", "kind": "numeric", "answer": 0.5},
        {"id": "one", "prompt": "Which one?", "kind": "single", "options": ["this", "that"],
         "answer": "this", "explanation": "Because `that` is another."},
        {"id": "all", "prompt": "Which are even?", "kind": "multiple",
         "options": ["one", "two", "four"], "answer": ["two", "four"]},
        {"id": "word", "prompt": "What is the word?", "kind": "text", "answer": "sesame"},
    ],
}  # fmt: skip
REVIEW = {
    "type": "review",
    "rubric": [
        {"criterion": "It is *clear*.", "points": 60},
        {"criterion": "It is short.", "points": 40},
    ],
}
SELF = {"type": "self", "checklist": ["I read it.", "I did it."]}
EXPLANATION = "It stood on the **shelf** all the time."


@dataclass
class Made:
    """The challenges of these tests, by name, and who wrote them."""

    author: Guest
    ids: dict[str, str]

    def room(self, name: str) -> str:
        return f"/challenges/{self.ids[name]}"


async def publish(author: Guest, title: str, grader: dict[str, Any], **fields: Any) -> str:
    """Write and publish a challenge; give its id."""
    body = {
        "title": title,
        "description": DESCRIPTION,
        "xp": 120,
        "difficulty": "easy",
        "tags": ["of-these-tests"],
        "explanation": EXPLANATION,
        "grader": grader,
    }
    draft = await author.post("/challenges", body | fields, expect=201)
    await author.post(f"/challenges/{draft['id']}/publish", expect=200)
    return str(draft["id"])


@pytest_asyncio.fixture(scope="module")
async def client(hall: RunningHall) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=hall.url, timeout=30) as new:
        yield new


@pytest_asyncio.fixture(scope="module")
async def made(hall: RunningHall, client: httpx.AsyncClient) -> Made:
    author = await admin_of(hall, client)
    flag = await publish(author, "Find the lantern", FLAG, domain="linux")
    few = await publish(author, "Think twice", FLAG, max_attempts=2)
    slow = await publish(author, "Take your time", FLAG, retry_wait_seconds=3, max_attempts=9)
    quiz = await publish(author, "Five questions", QUIZ, difficulty="medium")
    review = await publish(author, "An essay", REVIEW, difficulty="hard")
    report = await publish(author, "A good deed", SELF)
    locked = await publish(author, "Behind the lantern", QUIZ, requires=[flag])
    ids = {"flag": flag, "few": few, "slow": slow, "quiz": quiz, "review": review}
    ids |= {"report": report, "locked": locked}
    return Made(author, ids)


async def elsewhere(visitor: Visitor, client: httpx.AsyncClient) -> Guest:
    """The visitor, on another device of theirs."""
    guest = Guest(client, visitor.name)
    await guest.login()
    return guest


async def take_on(visitor: Visitor, room: str) -> None:
    await visitor.page.goto(room)
    await visitor.press("Take it on")
    await visitor.sees("Your answer")


async def answer_flag(visitor: Visitor, answer: str) -> None:
    await visitor.fill(The_answer_you_found=answer)
    await visitor.press("Hand in")


async def earned(visitor: Visitor, xp: str) -> None:
    """Wait until an attempt says what it has earned."""
    why = visitor.page.get_by_role("region", name="Why this XP")
    await why.get_by_text(xp, exact=True).wait_for()


async def test_from_joining_to_xp_that_is_explained(visitor: Visitor, made: Made) -> None:
    page = visitor.page
    await visitor.sign_up()
    await page.get_by_role("link", name="Challenges").click()
    await visitor.sees("Challenges")
    await page.get_by_label("Tag", exact=True).select_option("of-these-tests")
    await page.get_by_role("link", name="Find the lantern").first.click()
    await visitor.sees("Find the lantern")
    # What a member wrote is shown, and does nothing.
    await page.get_by_text("<b>no HTML</b> & no harm").wait_for()
    await expect(page.get_by_role("link", name="a trap")).to_have_count(0)
    await expect(page.get_by_role("link", name="The manual")).to_have_count(1)

    await visitor.press("Take it on")
    await visitor.press("Hand in")
    await page.get_by_text("Please fill this in.").wait_for()
    await answer_flag(visitor, "torch")
    await page.get_by_text("That is not it.").wait_for()
    await expect(page.get_by_text("on the shelf")).to_have_count(0)
    second = await visitor.context.new_page()
    visitor.listen(second)
    await second.goto("/dashboard")
    await second.get_by_role("progressbar").get_by_text("0 XP", exact=True).wait_for()
    await visitor.press("Try again")
    await answer_flag(visitor, " Lantern ")
    # Without a reload: the grade, the XP, and why it is just that; also where one looks elsewhere.
    await second.get_by_role("progressbar").get_by_text("120 XP", exact=True).wait_for()
    await visitor.sees("Why this XP")
    await earned(visitor, "+120 XP")
    await page.get_by_text("This challenge gives up to 120 XP.").wait_for()
    await page.get_by_text("The rule: the XP of the challenge times your score").wait_for()
    await page.get_by_text("You now have 120 XP and are at level 2.").wait_for()
    await page.get_by_text("on the shelf").wait_for()
    await page.get_by_text("Passed with 100 of 100").wait_for()
    await visitor.sees("What this opens")
    await visitor.picture("challenge-passed")

    await page.get_by_role("link", name="Behind the lantern").click()
    await visitor.sees("Behind the lantern")
    await page.get_by_role("button", name="Take it on").wait_for()
    await page.get_by_role("link", name="Dashboard").click()
    await page.get_by_role("progressbar").get_by_text("120 XP", exact=True).wait_for()


async def test_a_quiz_with_every_kind_of_question(visitor: Visitor, made: Made) -> None:
    page = visitor.page
    await visitor.sign_up()
    await take_on(visitor, made.room("quiz"))
    await page.get_by_label("What is 1 + 1?").fill("two")
    await page.get_by_label("What is a half?").fill("0,5")
    await page.get_by_label("this", exact=True).check()
    await visitor.press("Hand in")
    await page.get_by_text("2 questions have no answer.").wait_for()
    await visitor.press("Hand in all the same")
    await page.get_by_text("Please write a number").wait_for()
    await page.get_by_label("What is 1 + 1?").fill("3")
    await page.get_by_label("two", exact=True).check()
    await page.get_by_label("four", exact=True).check()
    # What is typed outlives the page.
    await page.reload()
    assert await page.get_by_label("What is 1 + 1?").input_value() == "3"
    assert await page.get_by_label("What is a half?").input_value() == "0,5"
    assert await page.get_by_label("this", exact=True).is_checked()
    assert await page.get_by_label("four", exact=True).is_checked()
    assert not await page.get_by_label("one", exact=True).is_checked()
    await visitor.press("Hand in")
    await page.get_by_text("1 question has no answer.").wait_for()
    await visitor.press("Hand in all the same")
    await page.get_by_text("Not passed yet").wait_for()
    await page.get_by_text("It takes 70 of 100 to pass.").wait_for()
    await expect(page.get_by_text("Right", exact=True)).to_have_count(3)
    await expect(page.get_by_text("Not right", exact=True)).to_have_count(2)
    await expect(page.get_by_text("is another"), "spoilt before a pass").to_have_count(0)
    await page.get_by_text("You gave no answer.").wait_for()
    assert "guildhall.draft.attempt" not in await page.evaluate("Object.keys(localStorage).join()")

    await visitor.press("Try again")
    await page.get_by_label("What is 1 + 1?").fill("3")
    await page.get_by_label("What is a half?").fill("0.5")
    await page.get_by_label("this", exact=True).check()
    await page.get_by_label("two", exact=True).check()
    await page.get_by_label("four", exact=True).check()
    await page.get_by_label("What is the word?").fill(" SESAME ")
    await visitor.press("Hand in")
    await earned(visitor, "+96 XP")
    await page.get_by_text("is another").wait_for()
    await page.get_by_text("A better score would earn you the difference.").wait_for()

    await visitor.press("Try again")
    await page.get_by_label("What is 1 + 1?").fill("2")
    await page.get_by_label("What is a half?").fill("0.5")
    await page.get_by_label("this", exact=True).check()
    await page.get_by_label("two", exact=True).check()
    await page.get_by_label("four", exact=True).check()
    await page.get_by_label("What is the word?").fill("sesame")
    await visitor.press("Hand in")
    await earned(visitor, "+24 XP")
    await page.get_by_text("Earlier attempts have already earned you 96 XP of it.").wait_for()
    await page.get_by_text("You now have 120 XP").wait_for()
    await expect(page.get_by_role("button", name="Try again")).to_have_count(0)


async def test_a_review_waits_for_its_reviewer(
    visitor: Visitor, made: Made, client: httpx.AsyncClient
) -> None:
    page = visitor.page
    await visitor.sign_up()
    await take_on(visitor, made.room("review"))
    await page.get_by_role("region", name="What is looked at").get_by_text("clear").wait_for()
    await visitor.fill(Your_work="Short, and I hope clear.")
    await visitor.press("Hand in for review")
    await page.get_by_text("A person is going to read your answer.").wait_for()
    await visitor.picture("attempt-waits")
    mine = await elsewhere(visitor, client)
    (attempt,) = (await mine.get("/attempts"))["items"]
    assert attempt["answer"] == {"text": "Short, and I hope clear."}
    points = {"It is *clear*.": 50, "It is short.": 40}
    body = {"points": points, "comment": "Well **done**."}
    await made.author.post(f"/attempts/{attempt['id']}/review", body, expect=200)
    # Whoever waits on the page hears of it.
    await page.get_by_text("50 of 60").wait_for()
    await page.get_by_role("link", name="Challenges").first.click()
    await page.get_by_role("link", name="Your attempts").click()
    await page.get_by_label("Show", exact=True).select_option("failed")
    await page.get_by_text("None of your attempts stands like this.").wait_for()
    await page.get_by_label("Show", exact=True).select_option("passed")
    await page.get_by_role("link", name="An essay").click()
    await page.get_by_text("50 of 60").wait_for()
    await page.get_by_text("Well done.").wait_for()
    await page.get_by_text("Short, and I hope clear.").wait_for()
    await earned(visitor, "+108 XP")
    await visitor.picture("attempt-reviewed")


async def test_a_report_of_ones_own_is_taken_once_all_is_ticked(
    visitor: Visitor, made: Made
) -> None:
    page = visitor.page
    await visitor.sign_up()
    await take_on(visitor, made.room("report"))
    await page.get_by_label("I read it.").check()
    await visitor.press("I have done it")
    await page.get_by_text("Tick every line once it is true").wait_for()
    await page.get_by_label("I did it.").check()
    await visitor.fill(A_note_to_yourself="It was easy.")
    await visitor.press("I have done it")
    await earned(visitor, "+100 XP")
    await page.get_by_text("20 XP are held back").wait_for()
    await visitor.press("Try again")
    await visitor.sees("Your answer")


async def test_a_limit_of_attempts_is_told_and_kept(visitor: Visitor, made: Made) -> None:
    page = visitor.page
    await visitor.sign_up()
    await page.goto(made.room("few"))
    await page.get_by_text("2 attempts in all; 2 left.").wait_for()
    await visitor.press("Take it on")
    await answer_flag(visitor, "torch")
    await page.get_by_text("2 attempts in all; 1 left.").wait_for()
    await visitor.press("Try again")
    await answer_flag(visitor, "candle")
    await page.get_by_text("You have used every attempt at this challenge.").wait_for()
    await page.get_by_text("on the shelf").wait_for()
    await expect(page.get_by_role("button", name="Try again")).to_have_count(0)
    earlier = page.get_by_role("region", name="Earlier attempts")
    await expect(earlier.get_by_role("listitem")).to_have_count(1)


async def test_a_pause_between_answers_counts_down(visitor: Visitor, made: Made) -> None:
    page = visitor.page
    await visitor.sign_up()
    await take_on(visitor, made.room("slow"))
    await answer_flag(visitor, "torch")
    await page.get_by_role("timer").wait_for()
    again = page.get_by_role("button", name="Try again")
    assert await again.is_disabled()
    await page.get_by_role("timer").wait_for(state="detached")
    await again.click()
    await answer_flag(visitor, "lantern")
    await earned(visitor, "+120 XP")


async def test_an_answer_given_offline_is_kept_and_handed_in_later(
    visitor: Visitor, made: Made, client: httpx.AsyncClient
) -> None:
    page = visitor.page
    await visitor.sign_up()
    await take_on(visitor, made.room("flag"))
    await visitor.context.set_offline(True)
    await answer_flag(visitor, "lantern")
    await page.get_by_text("Your answer is kept here").wait_for()
    await visitor.picture("answer-kept")
    await visitor.context.set_offline(False)
    # Nothing is pressed.
    await earned(visitor, "+120 XP")
    attempts = await (await elsewhere(visitor, client)).get("/attempts")
    assert [attempt["answer"] for attempt in attempts["items"]] == [{"answer": "lantern"}]


async def test_the_list_is_narrowed_by_its_address(visitor: Visitor, made: Made) -> None:
    page = visitor.page
    await visitor.sign_up()
    await page.goto("/challenges?tag=of-these-tests&difficulty=hard")
    await page.get_by_role("link", name="An essay").wait_for()
    await expect(page.get_by_role("main").get_by_role("heading", level=2)).to_have_count(1)
    await page.get_by_label("Field", exact=True).select_option("sql")
    await page.get_by_text("No challenge fits all of this.").wait_for()
    assert "domain=sql" in page.url
    await visitor.picture("challenges-none")
    await page.go_back()
    await page.get_by_role("link", name="An essay").wait_for()
    await page.go_forward()
    await visitor.press("In any field")
    await page.get_by_role("link", name="An essay").wait_for()
    await page.get_by_label("Difficulty", exact=True).select_option("easy")
    locked = page.get_by_role("listitem").filter(
        has=page.get_by_role("heading", name="Behind the lantern")
    )
    await locked.get_by_text("First pass this one:").wait_for()
    await locked.get_by_role("link", name="Find the lantern").wait_for()
    await page.get_by_label("Show", exact=True).select_option("open")
    await page.get_by_role("heading", name="Behind the lantern").wait_for(state="detached")
    await page.goto("/challenges")
    headings = page.get_by_role("main").get_by_role("heading", level=2)
    await headings.nth(19).wait_for()
    await expect(headings).to_have_count(20)
    await visitor.press("Show more")
    await headings.nth(20).wait_for()


async def write_quiz(visitor: Visitor, title: str) -> None:
    """Fill in a quiz of two questions, with what is wrong at first."""
    page = visitor.page
    await page.goto("/challenges/new")
    await visitor.sees("Write a challenge")
    await visitor.fill(Title=title, The_task="Two **questions**.")
    await visitor.fill(Tags="Mine, " + "x" * 41)
    first, second = (page.get_by_role("group", name=f"Question {n} of") for n in (1, 2))
    await first.get_by_label("Question", exact=True).fill("Which is the first?")
    await first.get_by_label("Options").fill("a\n b \n\nc")
    await visitor.press("Save the draft")
    await page.get_by_text("Say what is right.").wait_for()
    await first.get_by_label("The right answer").select_option("b")
    await visitor.press("Add a question")
    await second.get_by_label("Question", exact=True).fill("How much?")
    await second.get_by_label("How it is answered").select_option("A number")
    await second.get_by_label("The right answer").fill("3,5")
    await page.get_by_role("button", name="Move question 2 up").click()


async def test_a_quiz_is_written_published_and_changed(
    visitor: Visitor, made: Made, client: httpx.AsyncClient
) -> None:
    page = visitor.page
    await visitor.sign_up()
    await write_quiz(visitor, "Mine alone")
    # Nothing typed is lost on the way.
    await page.reload()
    await visitor.press("Save the draft")
    # What only the hall knows is said at its field.
    await page.get_by_label("Tags").and_(page.locator("[aria-invalid=true]")).wait_for()
    assert await faults_of(page) == []
    await visitor.fill(Tags="Mine, small")
    await visitor.press("Save the draft")
    await page.get_by_text("This is a draft.").wait_for()
    mine = await elsewhere(visitor, client)
    path = page.url[page.url.index("/challenges/") :]
    wrote = await mine.get(path)
    assert (wrote["published"], wrote["tags"]) == (False, ["mine", "small"])
    number, single = wrote["secret"]["grader"]["questions"]
    assert (number["prompt"], number["answer"], number["kind"]) == ("How much?", 3.5, "numeric")
    assert (single["options"], single["answer"]) == (["a", "b", "c"], "b")

    await visitor.press("Publish")
    await page.get_by_text("You wrote this challenge.").wait_for()
    await expect(page.get_by_role("button", name="Take it on")).to_have_count(0)
    await page.get_by_role("link", name="Change it").click()
    await visitor.fill(Title="Not this")
    await page.reload()
    title = page.get_by_label("Title", exact=True)
    assert await title.input_value() == "Not this"
    await visitor.press("Start over")
    await visitor.press("Throw it away")
    assert await title.input_value() == "Mine alone"
    await page.get_by_role("button", name="Remove question 1").click()
    await page.get_by_label("What to pass first").select_option("Find the lantern")
    await page.get_by_text("Find the lantern", exact=True).last.wait_for()
    await visitor.press("Save")
    await visitor.sees("What to pass first")
    wrote = await mine.get(path)
    assert wrote["secret"]["grader"]["questions"] == [single]
    assert wrote["requires"] == [made.ids["flag"]]
    await page.goto("/challenges?show=mine")
    await page.get_by_role("link", name="Mine alone").wait_for()


async def test_a_challenge_of_ones_own_is_deleted(
    visitor: Visitor, client: httpx.AsyncClient
) -> None:
    page = visitor.page
    await visitor.sign_up()
    author = await elsewhere(visitor, client)
    title = f"Old hat {visitor.name}"
    path = f"/challenges/{await publish(author, title, FLAG)}"
    await page.goto(path)
    await visitor.press("Delete")
    await visitor.sees(f"Delete “{title}”?")
    assert await faults_of(page) == []
    await visitor.press("Cancel")
    assert (await author.get(path))["title"] == title
    await visitor.press("Delete")
    await visitor.press("Delete it")
    await page.get_by_text("You have not written a challenge yet.").wait_for()
    gone, _ = await author.ask("GET", path)
    assert gone.status_code == 404
    await page.goto("/attempts")
    rooms = page.get_by_role("navigation", name="Rooms").get_by_role("link")
    await expect(rooms.and_(page.locator("[aria-current=page]"))).to_have_text("Challenges")


async def test_a_task_for_a_reader_is_written_and_its_answers_read(
    visitor: Visitor, made: Made, client: httpx.AsyncClient
) -> None:
    page = visitor.page
    await visitor.sign_up()
    await page.goto("/challenges/new")
    await visitor.fill(Title="To be read", The_task="Write.")
    await page.get_by_label("How it is judged").select_option("Read by a person")
    for number, points in ((1, "70"), (2, "20")):
        await visitor.press("Add a criterion")
        await page.get_by_label(f"Criterion {number}", exact=True).fill(f"Good {number}")
        await page.get_by_label("Points").nth(number - 1).fill(points)
    await visitor.press("Save the draft")
    await page.get_by_text("The points add up to 90").wait_for()
    await page.get_by_label("Points").nth(1).fill("30")
    await visitor.press("Save the draft")
    await page.get_by_text("This is a draft.").wait_for()
    mine = await elsewhere(visitor, client)
    path = page.url[page.url.index("/challenges/") :]
    wrote = await mine.get(path)
    assert [line["points"] for line in wrote["grader"]["rubric"]] == [70, 30]

    # Its author reads what is handed in, without being a moderator.
    await visitor.press("Publish")
    await page.get_by_text("You wrote this challenge.").wait_for()
    attempt = await made.author.post(f"{path}/attempts", expect=201)
    await made.author.post(f"/attempts/{attempt['id']}/submit", {"text": "My work."}, expect=202)
    await page.get_by_role("link", name="Read what was handed in").click()
    await page.get_by_text("My work.").wait_for()


async def test_others_cannot_change_a_challenge(visitor: Visitor, made: Made) -> None:
    await visitor.sign_up()
    await visitor.page.goto(f"{made.room('flag')}/edit")
    await visitor.page.get_by_text("Only its author, a moderator or an admin").wait_for()
    await expect(visitor.page.get_by_label("Title")).to_have_count(0)


ROOMS = {
    "challenges": ("/challenges", "Find the lantern"),
    "challenge": ("flag", "Your answer"),
    "challenge-quiz": ("quiz", "Your answer"),
    "challenge-review": ("review", "Your answer"),
    "challenge-locked": ("locked", "What to pass first"),
    "challenge-passed-quiz": ("passed", "Why this XP"),
    "challenge-writing": ("/challenges/new", "What is asked for"),
    "attempts": ("/attempts", "Newest first"),
    "attempt": ("attempt", "The result"),
    "challenges-to-read": ("/challenges/reviews", "Read what was handed in"),
}


@pytest_asyncio.fixture(scope="module")
async def at_work(
    browser: Browser, hall: RunningHall, made: Made, client: httpx.AsyncClient
) -> AsyncIterator[tuple[StorageState, dict[str, str]]]:
    """The browser of a member who has something under way everywhere, and where to find it."""
    async with Visitor.at(browser, hall) as visitor:
        await visitor.sign_up()
        mine = await elsewhere(visitor, client)
        rooms = {name: made.room(name) for name in made.ids}
        other = await publish(made.author, "Five questions more", QUIZ)
        right = {"a.b": 2, "half": 0.5, "one": "this", "all": ["two", "four"]}
        for answers in ({"one": "that"}, right):
            attempt = await mine.post(f"/challenges/{other}/attempts", expect=201)
            await mine.post(f"/attempts/{attempt['id']}/submit", {"answers": answers}, expect=202)
        rooms |= {"passed": f"/challenges/{other}", "attempt": f"/attempts/{attempt['id']}"}
        for name in ("flag", "quiz", "review"):
            await mine.post(f"/challenges/{made.ids[name]}/attempts", expect=201)
        await visitor.page.goto(rooms["passed"])
        await visitor.page.get_by_text("You now have 96 XP").wait_for()
        yield await visitor.context.storage_state(), rooms


@pytest.mark.parametrize("room", ROOMS)
async def test_a_room_of_challenges_is_there(
    browser: Browser,
    hall: RunningHall,
    at_work: tuple[StorageState, dict[str, str]],
    room: str,
) -> None:
    who, rooms = at_work
    place, heading = ROOMS[room]
    address = rooms.get(place, place)
    if place == "/challenges":
        address = "/challenges?tag=of-these-tests"
    await look_at(browser, hall, (room, address, heading), who)


async def test_the_rooms_speak_german(
    browser: Browser, hall: RunningHall, at_work: tuple[StorageState, dict[str, str]]
) -> None:
    who, rooms = at_work
    size = {"width": 390, "height": 844}
    async with Visitor.at(
        browser, hall, storage_state=who, viewport=size, locale="de-DE"
    ) as visitor:
        for name, address, words in (
            ("challenges", "/challenges?tag=of-these-tests", "Es kann so oder so ausgehen"),
            ("challenge-quiz", rooms["quiz"], "Frage 1 von 5"),
            ("challenge-passed", rooms["passed"], "Warum diese XP"),
            ("attempts", "/attempts", "Deine Versuche"),
            ("challenge-writing", "/challenges/new", "Entwurf speichern"),
        ):
            await visitor.page.goto(address)
            await visitor.page.get_by_text(re.compile(words)).first.wait_for()
            await visitor.settled()
            await visitor.picture(f"{name}-german")
            assert await visitor.page.evaluate("document.documentElement.scrollWidth") == 390
