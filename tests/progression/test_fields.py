"""The fields of learning, and where one stands in them."""

from __future__ import annotations

import pytest

from guildhall import progression
from guildhall.infra.hall import Hall
from guildhall.progression.fields import Standing
from tests import factories
from tests.factories import RANKS, Person
from tests.world import Client


@pytest.mark.parametrize(
    ("rank", "xp", "next_rank"),
    [("E", 0, ("D", 100)), ("D", 100, ("C", 200)), ("A", 1999, ("S", 1)), ("S", 5000, None)],
)
def test_the_next_rank_takes_what_is_missing(
    rank: str, xp: int, next_rank: tuple[str, int] | None
) -> None:
    assert Standing(rank, xp, RANKS).next_rank == next_rank


async def test_domains_are_listed_a_page_at_a_time(
    client: Client, committed: Hall, member: Person
) -> None:
    for slug in ("wood", "clay", "iron"):
        await factories.domain(committed, slug)
    mine = client.of(member)
    first = (await mine.get("/domains", params={"limit": 2})).json()
    assert [domain["id"] for domain in first["items"]] == ["clay", "iron"]
    rest = (await mine.get("/domains", params={"limit": 2, "cursor": first["next_cursor"]})).json()
    assert [domain["id"] for domain in rest["items"]] == ["wood"]
    assert rest["next_cursor"] is None
    assert (await mine.get("/domains", params={"cursor": "?"})).status_code == 422


async def test_ranks_of_a_domain_say_which_one_has(
    client: Client, committed: Hall, member: Person
) -> None:
    slug = await factories.domain(committed)
    mine = client.of(member)
    before = (await mine.get(f"/domains/{slug}/ranks")).json()
    assert (before["rank"], before["xp"]) == ("E", 0)
    async with committed.units.write() as uow:
        earned = factories.achievement(member.member, uow.now, 350, domain=slug)
        await progression.award_achievements(uow, [earned])
    after = (await mine.get(f"/domains/{slug}/ranks")).json()
    assert (after["rank"], after["xp"]) == ("C", 350)
    assert {step["rank"]: step["reached"] for step in after["items"]} == {
        "E": True, "D": True, "C": True, "B": False, "A": False, "S": False,
    }  # fmt: skip


async def test_a_domain_that_is_not_there_is_not_found(client: Client, member: Person) -> None:
    answer = await client.of(member).get("/domains/nowhere/ranks")
    assert (answer.status_code, answer.json()["error"]) == (404, "domain_not_found")
