"""One-time tickets: thirty seconds, one stream, and never a word of them in a log."""

from __future__ import annotations

import asyncio
import logging

import pytest
import structlog
import websockets

from guildhall.infra import tickets
from guildhall.infra.door import Credential, Kind, tombstone
from guildhall.infra.hall import Hall
from tests.factories import Person
from tests.infra.serving import served
from tests.infra.test_http import problem
from tests.world import Client

STREAM = {"Accept": "text/event-stream"}


def session_of(person: Person) -> Credential:
    return Credential(Kind.SESSION, person.member.session_id, person.id)


async def test_a_ticket_is_the_credential_that_asked_for_it(
    committed: Hall, member: Person
) -> None:
    shown = Credential(Kind.KEY, member.member.session_id, member.id, b"\x00\xff", None)
    foreign = Credential(Kind.ISSUER, member.member.session_id, None, b"", {"exp": 1, "iss": "x"})
    for credential in (session_of(member), shown, foreign):
        ticket = await tickets.issue(committed.redis, credential)
        assert await tickets.redeem(committed.redis, ticket) == credential


async def test_of_twenty_who_show_a_ticket_at_once_one_is_let_in(
    committed: Hall, member: Person
) -> None:
    ticket = await tickets.issue(committed.redis, session_of(member))
    taken = await asyncio.gather(*(tickets.redeem(committed.redis, ticket) for _ in range(20)))
    assert [credential for credential in taken if credential] == [session_of(member)]


async def test_redis_forgets_a_ticket_after_thirty_seconds_and_knows_only_its_hash(
    client: Client, committed: Hall, member: Person
) -> None:
    answer = await client.of(member).post("/auth/tickets")
    assert answer.status_code == 201
    assert answer.json()["expires_in"] == 30
    ticket = answer.json()["ticket"]
    assert len(ticket) >= 43
    (key,) = [key async for key in committed.redis.scan_iter("ticket:*")]
    assert ticket.encode() not in key
    assert ticket.encode() not in (await committed.redis.get(key))
    assert 0 < await committed.redis.ttl(key) <= 30


@pytest.mark.parametrize("ticket", ["", "x", "x" * 64, "x" * 5000, "nul\x00", "é", "a b", "%00"])
async def test_what_is_no_ticket_opens_nothing(client: Client, ticket: str) -> None:
    answer = await client.get("/live", params={"ticket": ticket}, headers=STREAM)
    problem(answer, 401, "ticket_invalid")


async def test_a_ticket_opens_streams_only(client: Client, member: Person) -> None:
    ticket = (await client.of(member).post("/auth/tickets")).json()["ticket"]
    for path, accept in (
        ("/users/me", "*/*"),
        ("/live", "*/*"),
        ("/live", "application/json"),
        ("/users/me", "text/event-stream"),
        ("/progress/me", "text/event-stream"),
        ("/users/me/export/download", "text/event-stream"),
    ):
        answer = await client.get(path, params={"ticket": ticket}, headers={"Accept": accept})
        problem(answer, 401, "not_signed_in")
    answer = await client.post("/auth/tickets", params={"ticket": ticket}, headers=STREAM)
    problem(answer, 401, "not_signed_in")


async def test_a_ticket_of_an_ended_session_opens_nothing(
    client: Client, committed: Hall, member: Person
) -> None:
    ticket = (await client.of(member).post("/auth/tickets")).json()["ticket"]
    await tombstone(committed.redis, [member.member.session_id])
    answer = await client.get("/live", params={"ticket": ticket}, headers=STREAM)
    assert answer.status_code == 401


async def test_nobody_gets_a_ticket_without_signing_in(client: Client) -> None:
    problem(await client.post("/auth/tickets"), 401, "not_signed_in")


async def test_no_ticket_is_logged(
    committed: Hall, member: Person, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "uvicorn.error")
    caplog.set_level(logging.DEBUG, "uvicorn.access")
    with structlog.testing.capture_logs() as lines:
        async with served(committed) as hall, hall.client(member.token) as mine:
            shown = [(await mine.post("/auth/tickets")).json()["ticket"] for _ in range(2)]
            async with websockets.connect(f"{hall.socket_url}?ticket={shown[0]}") as socket:
                assert "hello" in str(await socket.recv())
            with pytest.raises(websockets.InvalidStatus):
                await websockets.connect(f"{hall.socket_url}?ticket={shown[0]}")
            async with (
                hall.client(**STREAM) as stranger,
                stranger.stream("GET", "/live", params={"ticket": shown[1]}) as answer,
            ):
                assert answer.status_code == 200
    assert any("WebSocket" in record.getMessage() for record in caplog.records)
    said = caplog.text + repr(lines)
    assert not any(ticket in said for ticket in shown)
