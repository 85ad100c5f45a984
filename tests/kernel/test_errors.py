"""Refusals: their kind decides the status, their leaf the code, and the case may add to both."""

from __future__ import annotations

import httpx
import pytest
from fastapi import FastAPI

from guildhall.infra.http.problems import install_problems
from guildhall.kernel import errors
from guildhall.kernel.errors import TooManyRequests

STATUSES = [
    ("Invalid", 422),
    ("Unauthenticated", 401),
    ("QuotaExceeded", 402),
    ("Forbidden", 403),
    ("NotFound", 404),
    ("Conflict", 409),
    ("TooManyRequests", 429),
    ("Unavailable", 503),
]


async def answer_to(refusal: Exception) -> httpx.Response:
    app = FastAPI()
    install_problems(app)

    @app.get("/")
    async def refuse() -> None:
        raise refusal

    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://hall") as client:
        return await client.get("/")


def test_the_table_has_every_kind() -> None:
    assert {kind for kind, _ in STATUSES} == set(errors.__all__) - {"Refusal"}


@pytest.mark.parametrize(("kind", "status"), STATUSES)
async def test_a_kind_decides_the_status_and_a_leaf_the_code(kind: str, status: int) -> None:
    base = getattr(errors, kind)
    leaf = type("Leaf", (base,), {"code": "no_luck", "detail": "There was no luck."})
    wait = {"retry_after_seconds": 7} if base is TooManyRequests else {}
    seconds = {"TooManyRequests": "7", "Unavailable": "2"}.get(kind)
    answer = await answer_to(leaf(**wait))
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert (body["status"], body["error"]) == (status, "no_luck")
    assert body["detail"] == "There was no luck."
    assert body["title"]
    assert answer.headers.get("retry-after") == seconds
    assert answer.headers.get("www-authenticate") == ("Bearer" if status == 401 else None)


async def test_a_case_may_say_more_than_its_leaf() -> None:
    class Taken(errors.Conflict):
        code = "taken"
        detail = "It is taken."

    refusal = Taken("It is taken by Ada.", by="ada")
    assert (str(refusal), Taken.detail) == ("It is taken by Ada.", "It is taken.")
    body = (await answer_to(refusal)).json()
    assert (body["error"], body["detail"], body["by"]) == ("taken", "It is taken by Ada.", "ada")


async def test_a_leaf_of_a_leaf_keeps_the_kind() -> None:
    class Gone(errors.NotFound):
        code = "gone"
        detail = "It has gone."

    class LongGone(Gone):
        code = "long_gone"

    answer = await answer_to(LongGone())
    assert (answer.status_code, answer.json()["error"]) == (404, "long_gone")


async def test_what_is_no_refusal_is_a_defect_and_never_turned_into_one() -> None:
    with pytest.raises(ValueError, match="oops"):
        await answer_to(ValueError("oops"))
