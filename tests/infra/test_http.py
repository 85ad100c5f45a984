"""Requests that come twice, too often, too large, or make no sense."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import Counter
from dataclasses import replace
from typing import Any

import asyncpg
import pytest

from guildhall.entrypoints.api import create_app, furnish
from guildhall.infra.hall import Hall
from guildhall.infra.http.idempotency import IdempotencyMismatch, IdempotentRequest, Replay
from guildhall.infra.settings import RateLimitSettings, Settings
from tests.factories import FLAG, Person
from tests.world import Client

DRAFT = {"title": "T", "description": "D", "xp": 1, "difficulty": "easy", "grader": FLAG}
ACCOUNT = {"username": "ada", "email": "ada@example.org", "password": "long enough"}
PAUSE = {"starts_on": "2031-05-01", "ends_on": "2031-05-01"}
JSON = {"content-type": "application/json"}


def problem(answer: Any, status: int, error: str) -> None:
    """Check that an answer is a problem as RFC 9457 and the contract have it."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert (body["error"], body["status"]) == (error, status)
    assert body["detail"]
    assert body["request_id"] == answer.headers["x-request-id"]
    assert "Traceback" not in answer.text


async def test_the_same_request_again_gets_the_first_answer_byte_for_byte(
    client: Client, member: Person
) -> None:
    mine, key = client.of(member), {"Idempotency-Key": "once"}
    first = await mine.post("/challenges", json=DRAFT, headers=key)
    again = await mine.post("/challenges", json=DRAFT, headers=key)
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["content-type"] == first.headers["content-type"]
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers


async def test_a_key_used_for_another_request_is_refused(client: Client, member: Person) -> None:
    mine, key = client.of(member), {"Idempotency-Key": "once"}
    first = await mine.post("/challenges", json=DRAFT, headers=key)
    problem(
        await mine.post("/challenges", json=DRAFT | {"xp": 2}, headers=key),
        422,
        "idempotency_mismatch",
    )
    path = f"/challenges/{first.json()['id']}/publish"
    problem(await mine.post(path, headers=key), 422, "idempotency_mismatch")


async def test_what_is_kept_of_a_request_tells_nobody_without_the_hall_s_key_what_it_said(
    client: Client, committed: Hall, member: Person, owner: asyncpg.Connection
) -> None:
    sent = await client.of(member).post(
        "/challenges", json=DRAFT, headers={"Idempotency-Key": "once"}
    )
    said = sent.request.content
    kept = await owner.fetchval("SELECT fingerprint FROM idempotency_keys")
    request = b"POST /api/v1/challenges\n" + said
    for guess in (said, request):
        assert kept != hashlib.sha256(guess).digest()
    at = (member.id, "once", "POST", "/api/v1/challenges", said)
    async with committed.units.read() as uow:
        with pytest.raises(IdempotencyMismatch):
            await IdempotentRequest(*at, "another key").begin(uow)
        with pytest.raises(Replay):
            await IdempotentRequest(*at, committed.endpoints.secret_key).begin(uow)


async def test_a_key_belongs_to_who_used_it(client: Client, member: Person, other: Person) -> None:
    key = {"Idempotency-Key": "once"}
    answers = [
        await client.of(who).post("/challenges", json=DRAFT, headers=key) for who in (member, other)
    ]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json()["id"] != answers[1].json()["id"]


async def test_of_twenty_requests_at_once_under_one_key_one_has_the_effect(
    client: Client, member: Person
) -> None:
    mine, key = client.of(member), {"Idempotency-Key": "once"}
    answers = await asyncio.gather(
        *(mine.post("/challenges", json=DRAFT, headers=key) for _ in range(20))
    )
    assert set(Counter(answer.status_code for answer in answers)) <= {201, 409}
    for answer in answers:
        if answer.status_code == 409:
            problem(answer, 409, "idempotency_in_flight")
    assert len({a.json()["id"] for a in answers if a.status_code == 201}) == 1


async def test_a_refused_request_leaves_its_key_free(client: Client, member: Person) -> None:
    mine, key = client.of(member), {"Idempotency-Key": "once"}
    refused = await mine.post("/challenges", json=DRAFT | {"domain": "nowhere"}, headers=key)
    assert refused.status_code == 422
    assert (await mine.post("/challenges", json=DRAFT, headers=key)).status_code == 201


@pytest.mark.parametrize("key", ["", "x" * 256, "tab\there"])
async def test_a_key_that_is_none_is_refused(client: Client, member: Person, key: str) -> None:
    answer = await client.of(member).post(
        "/challenges", json=DRAFT, headers={"Idempotency-Key": key}
    )
    problem(answer, 422, "idempotency_key_invalid")


def limited(hall: Hall, **limits: int) -> Client:
    """Give a client of a hall with other limits."""
    rate_limit = RateLimitSettings(**limits)  # type: ignore[arg-type]  # named by the settings
    app = create_app(hall.settings)
    furnish(app, replace(hall, settings=replace(hall.settings, rate_limit=rate_limit)))
    return Client(app)


async def test_a_limit_is_exact_under_a_hundred_requests_at_once(
    committed: Hall, member: Person
) -> None:
    client = limited(committed, rate_limit_member_per_minute=30)
    mine = client.of(member)
    began = time.monotonic()
    answers = await asyncio.gather(*(mine.get("/users/me") for _ in range(100)))
    earned_back = int((time.monotonic() - began) // 2) + 1  # One each two seconds that they run.
    admitted = Counter(answer.status_code for answer in answers)
    assert 30 <= admitted[200] <= 30 + earned_back, admitted
    assert admitted[200] + admitted[429] == 100
    refused = next(answer for answer in answers if answer.status_code == 429)
    problem(refused, 429, "rate_limited")
    assert 1 <= int(refused.headers["retry-after"]) <= 60


async def test_answers_tell_what_is_left(client: Client, member: Person) -> None:
    left = []
    for _ in range(3):
        answer = await client.of(member).get("/users/me")
        assert answer.headers["ratelimit-policy"] == '"member";q=600;w=60'
        left.append(int(answer.headers["ratelimit"].split("r=")[1].split(";")[0]))
    assert left[0] in (599, 598)
    assert left[-1] <= left[0]


async def test_strangers_are_limited_by_their_address(committed: Hall) -> None:
    client = limited(committed, rate_limit_sign_in_per_minute=2)
    body = {"login": "nobody", "password": "x"}
    statuses = [(await client.post("/auth/login", json=body)).status_code for _ in range(3)]
    assert statuses == [401, 401, 429]
    assert (await client.at("10.1.2.3").post("/auth/login", json=body)).status_code == 401


@pytest.mark.parametrize(
    "content", [b"{", b"", b"\xff\xfe", b'{"a":', b"nonsense", b"[1,2]", b"null"]
)
async def test_malformed_json_is_refused(client: Client, content: bytes) -> None:
    answer = await client.post("/auth/register", content=content, headers=JSON)
    assert answer.status_code in (400, 422)
    assert answer.json()["error"] in ("validation_failed", "bad_request")


@pytest.mark.parametrize("declared", [True, False])
async def test_a_huge_body_is_refused(client: Client, declared: bool) -> None:
    huge = b'{"username": "' + b"x" * 1_100_000 + b'"}'

    async def chunks() -> Any:
        for start in range(0, len(huge), 65_536):
            yield huge[start : start + 65_536]

    content = huge if declared else chunks()
    answer = await client.post("/auth/register", content=content, headers=JSON)
    problem(answer, 413, "request_too_large")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/auth/register", ACCOUNT | {"username": "a\x00b"}),
        ("POST", "/challenges", DRAFT | {"title": "a\x00b"}),
        ("POST", "/challenges", DRAFT | {"description": "a\x00b"}),
        ("POST", "/challenges", DRAFT | {"tags": ["a\x00b"]}),
        ("POST", "/challenges", DRAFT | {"grader": {"type": "flag", "flag": "a\x00b"}}),
        ("POST", "/challenges", DRAFT | {"domain": "a\x00b"}),
        ("PATCH", "/users/me", {"username": "a\x00b"}),
        ("POST", "/progress/me/pauses", PAUSE | {"reason": "\x00"}),
        ("GET", "/challenges?tag=%00", None),
        ("GET", "/challenges?domain=%00", None),
        ("GET", "/leaderboards/a%00b", None),
    ],
)  # fmt: skip
async def test_a_nul_is_refused_and_breaks_nothing(
    client: Client, member: Person, method: str, path: str, body: Any
) -> None:
    answer = await client.of(member).request(method, path, json=body)
    assert answer.status_code in (404, 422), answer.text
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("method", "path", "status", "error"),
    [
        ("GET", "/nowhere", 404, "not_found"),
        ("PUT", "/users/me", 405, "method_not_allowed"),
        ("GET", "/challenges/not-a-uuid", 422, "validation_failed"),
        ("GET", "/challenges/01980000-0000-7000-8000-000000000000", 404, "challenge_not_found"),
        ("GET", "/challenges?limit=0", 422, "validation_failed"),
        ("GET", "/challenges?limit=101", 422, "validation_failed"),
        ("GET", "/challenges?sort=random", 422, "validation_failed"),
        ("GET", "/progress/me/history/days?since=yesterday", 422, "validation_failed"),
    ],
)
async def test_every_error_is_a_problem(
    client: Client, member: Person, method: str, path: str, status: int, error: str
) -> None:
    problem(await client.of(member).request(method, path), status, error)


CURSORS = ["x", "%%%", "bnVsbA", "W10", "WyJ4Il0", "WzFd", "WzEsMl0", "W251bGxd", "W3t9XQ", "e30",
           "é", "WzkyMjMzNzIwMzY4NTQ3NzU4MDhd"]  # fmt: skip


@pytest.mark.parametrize("cursor", CURSORS)
async def test_a_tampered_cursor_is_refused_by_every_list(
    client: Client, admin: Person, cursor: str
) -> None:
    chief = client.of(admin)
    for path in ("/challenges", "/attempts", "/progress/me/history", "/task-executions",
                 "/admin/users", "/admin/audit-log", "/admin/events",
                 "/leaderboards/global"):  # fmt: skip
        answer = await chief.get(path, params={"cursor": cursor})
        if answer.status_code == 200:  # A number is a good place in a list that is read by number.
            assert path in ("/admin/audit-log", "/admin/events")
            assert cursor == "WzFd"
        else:
            problem(answer, 422, "cursor_unreadable")


async def test_a_request_id_is_taken_over_or_made(client: Client) -> None:
    given = await client.get("/nowhere", headers={"X-Request-ID": "abcdef-123456"})
    assert given.headers["x-request-id"] == "abcdef-123456"
    made = await client.get("/nowhere", headers={"X-Request-ID": "<script>"})
    assert made.headers["x-request-id"] != "<script>"


async def test_security_headers_are_on_answers_and_errors(client: Client) -> None:
    answer = await client.get("/nowhere")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "DENY"


async def test_a_defect_is_a_500_without_a_trace(settings: Settings, committed: Hall) -> None:
    app = create_app(settings)
    furnish(app, committed)

    @app.get("/api/v1/broken")
    async def broken() -> None:
        raise ZeroDivisionError("a secret of the house")

    answer = await Client(app).get("/broken")
    problem(answer, 500, "internal_error")
    assert "secret" not in answer.text
