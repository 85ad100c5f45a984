"""Writing challenges: drafts, publishing, prerequisites, and who sees what."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import uuid4

import orjson
import pytest

from guildhall.challenges.models import Challenge
from guildhall.challenges.repository import LIST, save_abilities, save_challenge_ratings
from guildhall.challenges.rules import NEWCOMER, Rating, chance
from guildhall.infra.hall import Hall
from guildhall.kernel.member import Role
from tests import factories
from tests.factories import FLAG, QUIZ, REVIEW, Person
from tests.world import Client, SettableClock

DRAFT = {
    "title": "Find the words",
    "description": "They open the cave.",
    "xp": 100,
    "difficulty": "easy",
    "grader": FLAG,
    "explanation": "It was in the story.",
}


async def write(client: Client, **fields: Any) -> Any:
    return await client.post("/challenges", json=DRAFT | fields)


async def test_a_draft_is_not_there_for_others_until_it_is_published(
    client: Client, member: Person, other: Person, moderator: Person
) -> None:
    author, reader = client.of(member), client.of(other)
    answer = await write(author)
    assert (answer.status_code, answer.json()["published"]) == (201, False)
    path = f"/challenges/{answer.json()['id']}"
    for method, suffix in (
        ("GET", ""),
        ("DELETE", ""),
        ("POST", "/publish"),
        ("POST", "/attempts"),
    ):
        refused = await reader.request(method, path + suffix)
        assert (refused.status_code, refused.json()["error"]) == (404, "challenge_not_found")
    assert (await reader.patch(path, json={"title": "Mine"})).status_code == 404
    assert (await reader.get("/challenges")).json()["items"] == []
    assert (await author.get(path)).status_code == 200
    assert (await client.of(moderator).get(path)).status_code == 200
    for _ in range(2):
        assert (await author.post(f"{path}/publish")).json()["published"] is True
    assert (await reader.get(path)).status_code == 200
    assert len((await reader.get("/challenges")).json()["items"]) == 1


async def test_what_is_published_is_changed_by_its_author_and_moderators_only(
    client: Client, committed: Hall, member: Person, other: Person, moderator: Person
) -> None:
    made = await factories.challenge(committed, member.member)
    path = f"/challenges/{made.id}"
    refused = await client.of(other).patch(path, json={"title": "Mine"})
    assert (refused.status_code, refused.json()["error"]) == (403, "challenge_not_yours")
    assert (await client.of(other).delete(path)).status_code == 403
    assert (await client.of(member).patch(path, json={"title": "A"})).json()["title"] == "A"
    assert (await client.of(moderator).patch(path, json={"xp": 7})).json()["xp"] == 7


async def test_a_change_leaves_what_it_does_not_name(client: Client, member: Person) -> None:
    author = client.of(member)
    made = (await write(author, tags=["Cave"], max_attempts=3)).json()
    path = f"/challenges/{made['id']}"
    changed = (await author.patch(path, json={"max_attempts": None, "title": None})).json()
    assert made["standing"].pop("attempts_left") == 3
    assert changed["standing"].pop("attempts_left") is None
    assert changed == made | {"max_attempts": None}


async def test_readers_see_when_a_challenge_was_changed(
    client: Client, committed: Hall, clock: SettableClock, member: Person, other: Person
) -> None:
    made = await factories.challenge(committed, member.member)
    path, then = f"/challenges/{made.id}", committed.clock.now()
    now = clock.advance(hours=1)
    await client.of(member).patch(path, json={"title": "Find them"})
    seen = (await client.of(other).get(path)).json()
    times = [datetime.fromisoformat(seen[field]) for field in ("created_at", "updated_at")]
    assert times == [then, now]


async def test_a_removed_challenge_is_gone_for_everyone_and_its_attempts_stay(
    client: Client, committed: Hall, member: Person, other: Person
) -> None:
    made = await factories.challenge(committed, member.member)
    taken = await factories.attempt(committed, other.member, made)
    assert (await client.of(member).delete(f"/challenges/{made.id}")).status_code == 204
    for who in (member, other):
        assert (await client.of(who).get(f"/challenges/{made.id}")).status_code == 404
    assert (await client.of(other).get("/challenges")).json()["items"] == []
    assert (await client.of(other).get(f"/attempts/{taken.id}")).status_code == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {"title": " "}, {"xp": -1}, {"xp": 100_001}, {"xp": "many"}, {"difficulty": "trivial"},
        {"grader": {"type": "flag"}}, {"grader": None}, {"tags": ["x"] * 21}, {"max_attempts": 0},
        {"retry_wait_seconds": 0}, {"requires": ["x"]}, {"published": True}, {"domain": ""},
        {"created_by": str(uuid4())},
    ],
)  # fmt: skip
async def test_a_challenge_that_makes_no_sense_is_refused(
    client: Client, member: Person, wrong: dict[str, Any]
) -> None:
    answer = await write(client.of(member), **wrong)
    assert (answer.status_code, answer.json()["error"]) == (422, "validation_failed")
    assert answer.json()["faults"]


async def test_a_domain_that_is_not_there_is_refused(client: Client, member: Person) -> None:
    answer = await write(client.of(member), domain="nowhere")
    assert (answer.status_code, answer.json()["error"]) == (422, "domain_unknown")


@pytest.mark.parametrize("grader", [FLAG, QUIZ, REVIEW])
async def test_no_answer_of_the_api_holds_a_solution(
    client: Client, committed: Hall, member: Person, other: Person, settle: Any, grader: Any
) -> None:
    author, reader = client.of(member), client.of(other)
    answers = [await write(author, grader=grader)]
    path = f"/challenges/{answers[0].json()['id']}"
    answers += [await author.post(f"{path}/publish"), await author.patch(path, json={"xp": 9})]
    answers += [await author.get("/challenges", params={"mine": True})]
    answers += [await reader.get(path), await reader.get("/challenges")]
    answers.append(await reader.post(f"{path}/attempts"))
    attempt = f"/attempts/{answers[-1].json()['id']}"
    wrong = {"flag": {"answer": "x"}, "quiz": {"answers": {}}, "review": {"text": "x"}}
    answers.append(await reader.post(f"{attempt}/submit", json=wrong[grader["type"]]))
    await settle()
    answers += [await reader.get(attempt), await reader.get("/attempts")]
    for answer in answers:
        assert answer.status_code < 300
        assert "open sesame" not in answer.text
        assert '"answer":2' not in answer.text
        assert '"answer":"blue"' not in answer.text
        assert '"flag":' not in answer.text


@pytest.mark.parametrize("grader", [FLAG, QUIZ, REVIEW])
async def test_those_who_may_change_a_challenge_read_all_of_it_and_nobody_else_does(
    client: Client,
    committed: Hall,
    member: Person,
    other: Person,
    moderator: Person,
    admin: Person,
    grader: Any,
) -> None:
    made = await factories.challenge(
        committed, member.member, grader=grader, explanation="In the tale."
    )
    path = f"/challenges/{made.id}"
    for who in (member, moderator, admin):
        secret = (await client.of(who).get(path)).json()["secret"]
        assert (secret["grader"], secret["explanation"]) == (made.grader, "In the tale.")
        assert (await client.of(who).patch(path, json=secret)).status_code == 200
    async with committed.units.read() as uow:
        kept = await uow.session.get_one(Challenge, made.id)
        assert (kept.grader, kept.grader_version) == (made.grader, 1)
    answer = await client.of(other).get(path)
    assert answer.json()["secret"] is None
    assert "In the tale." not in answer.text


async def test_authors_list_their_own_challenges_with_the_drafts(
    client: Client, committed: Hall, member: Person, other: Person, moderator: Person
) -> None:
    draft = await factories.challenge(committed, member.member, published=False)
    made = await factories.challenge(committed, member.member)
    gone = await factories.challenge(committed, member.member)
    await client.of(member).delete(f"/challenges/{gone.id}")
    await factories.challenge(committed, other.member, published=False)
    await factories.challenge(committed, other.member)
    mine = (await client.of(member).get("/challenges", params={"mine": True})).json()["items"]
    assert [(item["id"], item["published"]) for item in mine] == [
        (str(draft.id), False), (str(made.id), True),
    ]  # fmt: skip
    for sort in ("oldest", "right_for_me"):
        query = {"mine": True, "limit": 1, "sort": sort}
        first = (await client.of(member).get("/challenges", params=query)).json()
        query["cursor"] = first["next_cursor"]
        second = (await client.of(member).get("/challenges", params=query)).json()
        assert [page["items"][0]["id"] for page in (first, second)] == [str(draft.id), str(made.id)]
    # A moderator sees the drafts of others, but they are not the moderator's own.
    asked = await client.of(moderator).get("/challenges", params={"mine": True})
    assert asked.json()["items"] == []


async def in_state(client: Client, state: str) -> dict[str, Any]:
    """Give the prerequisites of each challenge that is open, or passed."""
    items = (await client.get("/challenges", params={"state": state})).json()["items"]
    return {item["id"]: item["prerequisites"] for item in items}


async def test_a_draft_that_is_needed_is_not_named(
    client: Client, committed: Hall, member: Person, other: Person
) -> None:
    draft = await factories.challenge(committed, other.member, published=False)
    made = await factories.challenge(committed, other.member, requires=[draft.id])
    needed = [{"id": str(draft.id), "title": None, "passed": False}]
    mine = client.of(member)
    assert (await mine.get(f"/challenges/{made.id}")).json()["prerequisites"] == needed
    (line,) = (await mine.get("/challenges")).json()["items"]
    assert line["prerequisites"] == needed


async def test_tags_are_listed_with_how_many_challenges_have_them(
    client: Client, committed: Hall, member: Person
) -> None:
    await factories.challenge(committed, tags=["shell", "pipes"])
    await factories.challenge(committed, tags=["shell"])
    await factories.challenge(committed, tags=["secret"], published=False)
    mine = client.of(member)
    page = (await mine.get("/challenges/tags", params={"limit": 1})).json()
    assert page["items"] == [{"tag": "pipes", "challenges": 1}]
    page = (await mine.get("/challenges/tags", params={"cursor": page["next_cursor"]})).json()
    assert page == {"items": [{"tag": "shell", "challenges": 2}], "next_cursor": None}


async def test_prerequisites_lock_a_challenge_until_they_are_passed(
    client: Client, committed: Hall, member: Person, settle: Any
) -> None:
    first = await factories.challenge(committed)
    second = await factories.challenge(committed, requires=[first.id])
    mine = client.of(member)
    locked = await mine.post(f"/challenges/{second.id}/attempts")
    assert (locked.status_code, locked.json()["error"]) == (403, "challenge_locked")
    assert locked.json()["requires"] == [str(first.id)]
    listed = {c["id"]: c["locked"] for c in (await mine.get("/challenges")).json()["items"]}
    assert listed == {str(first.id): False, str(second.id): True}
    needed = {"id": str(first.id), "title": first.title, "passed": False}
    assert (await mine.get(f"/challenges/{second.id}")).json()["prerequisites"] == [needed]
    assert await in_state(mine, "open") == {str(first.id): []}
    assert await in_state(mine, "passed") == {}
    await factories.attempt(committed, member.member, first, {"answer": "wrong"})
    await settle()
    assert (await mine.post(f"/challenges/{second.id}/attempts")).status_code == 403
    await factories.attempt(committed, member.member, first, {"answer": "open sesame"})
    await settle()
    assert (await mine.get(f"/challenges/{second.id}")).json()["locked"] is False
    assert await in_state(mine, "open") == {str(second.id): [needed | {"passed": True}]}
    assert await in_state(mine, "passed") == {str(first.id): []}
    unlocks = (await mine.get(f"/challenges/{first.id}")).json()["unlocks"]
    assert unlocks == [{"id": str(second.id), "title": second.title}]
    assert (await mine.post(f"/challenges/{second.id}/attempts")).status_code == 201


async def test_what_one_cannot_take_is_not_open(
    client: Client, committed: Hall, member: Person, other: Person, settle: Any
) -> None:
    own = await factories.challenge(committed, other.member)
    tried = await factories.challenge(committed, member.member, max_attempts=1)
    mine = client.of(other)
    assert await in_state(mine, "open") == {str(tried.id): []}
    await factories.attempt(committed, other.member, tried, {"answer": "wrong"})
    await settle()
    assert await in_state(mine, "open") == {}
    assert await in_state(client.of(member), "open") == {str(own.id): []}


async def test_prerequisites_never_lead_back(
    client: Client, committed: Hall, member: Person
) -> None:
    author = client.of(member)
    first = await factories.challenge(committed, member.member)
    second = await factories.challenge(committed, member.member, requires=[first.id])
    third = await factories.challenge(committed, member.member, requires=[second.id])
    for target, requires in ((first, third.id), (first, first.id), (second, uuid4())):
        path = f"/challenges/{target.id}"
        before = (await author.get(path)).json()["requires"]
        refused = await author.patch(path, json={"requires": [str(requires)]})
        assert (refused.status_code, refused.json()["error"]) == (422, "requirement_unusable")
        assert (await author.get(path)).json()["requires"] == before


async def test_a_draft_is_a_prerequisite_for_its_own_author_only(
    client: Client, committed: Hall, member: Person, other: Person, moderator: Person
) -> None:
    draft = await factories.challenge(committed, other.member, published=False)
    made = await factories.challenge(committed, member.member)
    requires = {"requires": [str(draft.id)]}
    for who in (member, moderator):  # A moderator sees the draft, but makes nobody depend on it.
        for answer in (
            await client.of(who).patch(f"/challenges/{made.id}", json=requires),
            await write(client.of(who), **requires),
        ):
            assert (answer.status_code, answer.json()["error"]) == (422, "requirement_unusable")
    second = await factories.challenge(committed, other.member, requires=[draft.id])
    path = f"/challenges/{second.id}"
    assert (await client.of(moderator).patch(path, json=requires)).status_code == 200
    assert (await client.of(member).get(path)).json()["locked"] is True
    assert (await client.of(other).post(f"/challenges/{draft.id}/publish")).status_code == 200
    assert (await client.of(member).get(path)).json()["locked"] is True
    assert (await client.of(member).post(f"/challenges/{draft.id}/attempts")).status_code == 201
    assert (await client.of(member).patch(f"/challenges/{made.id}", json=requires)).is_success


async def test_two_changes_at_once_cannot_close_a_circle_between_them(
    client: Client, committed: Hall, member: Person
) -> None:
    author = client.of(member)
    for _ in range(5):
        one = await factories.challenge(committed, member.member)
        two = await factories.challenge(committed, member.member)
        answers = await asyncio.gather(
            author.patch(f"/challenges/{one.id}", json={"requires": [str(two.id)]}),
            author.patch(f"/challenges/{two.id}", json={"requires": [str(one.id)]}),
        )
        assert sorted(answer.status_code for answer in answers) == [200, 422]


async def test_sql_and_python_predict_the_same_chance(
    client: Client, committed: Hall, member: Person
) -> None:
    made = [
        await factories.challenge(committed, difficulty=difficulty)
        for difficulty in ("easy", "medium", "hard", "expert")
    ]
    able = Rating(1623.4, 120.5)
    async with committed.units.write() as uow:
        hard = {c.id: Rating(1300 + 211.1 * n, 60 + 70 * n) for n, c in enumerate(made)}
        await save_challenge_ratings(uow, hard)
    for ability in (NEWCOMER, able):
        if ability is able:
            async with committed.units.write() as uow:
                await save_abilities(uow, {(member.id, ""): able})
        items = (await client.of(member).get("/challenges")).json()["items"]
        assert {item["id"]: item["chance"] for item in items} == {
            str(id_): round(chance(ability, rating), 4) for id_, rating in hard.items()
        }


@pytest.mark.parametrize("sort", ["oldest", "right_for_me"])
async def test_the_list_is_paged_without_gaps_or_repeats(
    client: Client, committed: Hall, member: Person, sort: str
) -> None:
    made = {
        str((await factories.challenge(committed, difficulty=difficulty)).id)
        for difficulty in ("easy", "hard", "medium", "easy", "expert", "easy", "hard")
    }
    mine, seen, cursor = client.of(member), [], None
    while True:
        parameters = {"sort": sort, "limit": 2} | ({"cursor": cursor} if cursor else {})
        page = (await mine.get("/challenges", params=parameters)).json()
        seen += page["items"]
        if (cursor := page["next_cursor"]) is None:
            break
    assert len(seen) == len(made)
    assert {challenge["id"] for challenge in seen} == made
    if sort == "right_for_me":
        distances = [round(abs(challenge["chance"] - 0.75), 4) for challenge in seen]
        assert distances == sorted(distances)


async def test_prerequisites_are_looked_up_for_what_is_on_the_page_only(
    committed: Hall, member: Person
) -> None:
    first = await factories.challenge(committed)
    for _ in range(12):
        await factories.challenge(committed, requires=[first.id])
    async with committed.database.reads_of(member.id) as connection:
        plan = await connection.fetchval(
            "EXPLAIN (ANALYZE, FORMAT JSON) " + LIST,
            *(member.id, None, None, None, True, None, None, 5, None),
        )
    gathered = [
        node["Actual Loops"]
        for node in _nodes(orjson.loads(plan)[0]["Plan"])
        if node["Node Type"] == "Aggregate"
    ]
    assert sorted(gathered) == [1, 5]  # The page itself, and for each of its lines.


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for part in node.get("Plans", ()):
        yield from _nodes(part)


async def test_the_list_is_filtered_by_domain_difficulty_and_tag(
    client: Client, committed: Hall, member: Person
) -> None:
    await factories.domain(committed, "tools")
    wanted = await factories.challenge(committed, domain="tools", difficulty="hard", tags=["Shell"])
    await factories.challenge(committed)
    mine = client.of(member)
    for parameters in ({"domain": "tools"}, {"difficulty": "hard"}, {"tag": "shell"}):
        items = (await mine.get("/challenges", params=parameters)).json()["items"]
        assert [item["id"] for item in items] == [str(wanted.id)], parameters


async def test_publishing_and_removing_are_on_record(
    client: Client, committed: Hall, member: Person
) -> None:
    made = await factories.challenge(committed, member.member)
    await client.of(member).delete(f"/challenges/{made.id}")
    chief = client.of(await factories.person(committed, role=Role.ADMIN))
    entries = (await chief.get("/admin/audit-log")).json()["items"]
    assert [entry["action"] for entry in entries] == ["challenge_removed", "challenge_published"]
